// SPDX-License-Identifier: EUPL-1.2
import eu.europa.esig.dss.enumerations.SignatureLevel;
import eu.europa.esig.dss.enumerations.SubIndication;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.tsl.TrustedListsCertificateSource;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonCertificateSource;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import eu.europa.esig.dss.xades.XAdESSignatureParameters;
import eu.europa.esig.dss.xades.signature.XAdESService;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;

/**
 * The EU's reference implementation as judge, offline, by its default policy.
 *
 * <pre>Judge [--at RFC3339] [--anchors PEM]... [--certs PEM]... [--revocation CRL]...
 *       [--lists LOTL-URL JOURNAL.pem URLS.tsv FOLDER] [--detached 'FILE|NAME']...
 *       [--bench WARM | --extend FOLDER | --records] FILE...</pre>
 *
 * A line a signature: file, number, id, level, indication, sub-indication ("-" none), and
 * the qualification by the lists, tab between. With --bench the first WARM files warm up, the others are timed, each once, and
 * the only line says how many and the microseconds each took on the average. With --extend
 * XAdES-BASELINE-LT of each file of level T goes into the folder, under the same name. With
 * --records the files are pairs of an evidence record and the document that it is about.
 */
public final class Judge {
    private Date at = new Date();
    private final CommonTrustedCertificateSource anchors = new CommonTrustedCertificateSource();
    private final TrustedListsCertificateSource lists = new TrustedListsCertificateSource();
    private final CommonCertificateSource certs = new CommonCertificateSource();
    private final List<String> crls = new ArrayList<>();
    private final List<DSSDocument> detached = new ArrayList<>();
    private final List<String> files = new ArrayList<>();
    private int warm = -1;
    private String folder;
    private boolean records;

    public static void main(String[] args) throws Exception {
        Judge judge = new Judge();
        judge.read(args);
        if (judge.folder != null) {
            judge.extend();
        } else if (judge.warm >= 0) {
            judge.bench();
        } else if (judge.records) {
            for (int i = 0; i + 1 < judge.files.size(); i += 2) {
                judge.detached.clear();
                judge.detached.add(new FileDocument(judge.files.get(i + 1)));
                judge.printRecords(judge.files.get(i));
            }
        } else {
            for (String file : judge.files) {
                judge.print(file);
            }
        }
    }

    private static List<CertificateToken> pem(String path) throws Exception {
        try (InputStream in = new FileInputStream(path)) {
            return new ArrayList<>(DSSUtils.loadCertificateFromP7c(in));
        } catch (RuntimeException e) {
            List<CertificateToken> all = new ArrayList<>();
            String text = java.nio.file.Files.readString(java.nio.file.Path.of(path));
            for (String part : text.split("(?<=-----END CERTIFICATE-----)")) {
                int from = part.indexOf("-----BEGIN CERTIFICATE-----");
                if (from >= 0) {
                    all.add(DSSUtils.loadCertificate(part.substring(from).getBytes()));
                }
            }
            return all;
        }
    }

    private void read(String[] args) throws Exception {
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--at" -> at = Date.from(Instant.parse(args[++i]));
                case "--anchors" -> pem(args[++i]).forEach(anchors::addCertificate);
                case "--lists" -> {
                    Lists.read(Arrays.copyOfRange(args, i + 1, i + 5), lists);
                    i += 4;
                }
                case "--certs" -> pem(args[++i]).forEach(certs::addCertificate);
                case "--revocation" -> crls.add(args[++i]);
                case "--detached" -> {
                    String value = args[++i];
                    int cut = value.lastIndexOf('|');
                    FileDocument document = new FileDocument(value.substring(0, cut));
                    document.setName(value.substring(cut + 1));
                    detached.add(document);
                }
                case "--bench" -> warm = Integer.parseInt(args[++i]);
                case "--records" -> records = true;
                case "--extend" -> folder = args[++i];
                default -> files.add(args[i]);
            }
        }
    }

    private CommonCertificateVerifier verifier() {
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        verifier.setAIASource(null);
        verifier.setTrustedCertSources(anchors, lists);
        verifier.setAdjunctCertSources(certs);
        if (!crls.isEmpty()) {
            verifier.setCrlSource(new ExternalResourcesCRLSource(
                    crls.stream().map(Judge::open).toArray(InputStream[]::new)));
        }
        return verifier;
    }

    private SimpleReport validate(String file) {
        SignedDocumentValidator validator =
                SignedDocumentValidator.fromDocument(new FileDocument(new File(file)));
        validator.setCertificateVerifier(verifier());
        validator.setValidationTime(at);
        validator.setEnableEtsiValidationReport(false);
        if (!detached.isEmpty()) {
            validator.setDetachedContents(detached);
        }
        return validator.validateDocument().getSimpleReport();
    }

    private static InputStream open(String path) {
        try {
            return new FileInputStream(path);
        } catch (java.io.FileNotFoundException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private void print(String file) {
        SimpleReport report = validate(file);
        int number = 0;
        for (String id : report.getSignatureIdList()) {
            SubIndication sub = report.getSubIndication(id);
            System.out.println(String.join("\t", file, Integer.toString(++number), id,
                    String.valueOf(report.getSignatureFormat(id)),
                    report.getIndication(id).name(), sub == null ? "-" : sub.name(),
                    report.getSignatureQualification(id).name()));
            report.getAdESValidationErrors(id).forEach(m ->
                    System.err.println(file + ": " + m.getValue()));
        }
    }

    private void printRecords(String file) {
        SimpleReport report = validate(file);
        int number = 0;
        for (String id : report.getEvidenceRecordIdList()) {
            SubIndication sub = report.getSubIndication(id);
            System.out.println(String.join("\t", file, Integer.toString(++number), id, "ER",
                    report.getIndication(id).name(), sub == null ? "-" : sub.name(), "-"));
        }
    }

    private void bench() {
        files.subList(0, warm).forEach(this::validate);
        long start = System.nanoTime();
        files.subList(warm, files.size()).forEach(this::validate);
        int n = files.size() - warm;
        System.out.println(n + "\t" + (System.nanoTime() - start) / 1000 / n);
    }

    private void extend() throws Exception {
        CommonCertificateVerifier verifier = verifier();
        // A CRL of an hour before the signature is what there is.
        verifier.setRevocationFallback(true);
        XAdESService service = new XAdESService(verifier);
        service.setTspSource((algorithm, digest) -> {
            throw new IllegalStateException("the files have their time-stamps");
        });
        XAdESSignatureParameters parameters = new XAdESSignatureParameters();
        parameters.setSignatureLevel(SignatureLevel.XAdES_BASELINE_LT);
        for (String file : files) {
            DSSDocument document = new FileDocument(new File(file));
            service.extendDocument(document, parameters)
                    .save(folder + File.separator + document.getName());
        }
    }
}

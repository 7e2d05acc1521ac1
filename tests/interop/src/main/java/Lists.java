// SPDX-License-Identifier: EUPL-1.2
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.DSSException;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.tsl.LOTLInfo;
import eu.europa.esig.dss.model.tsl.TLInfo;
import eu.europa.esig.dss.model.tsl.ValidationInfoRecord;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.client.http.DSSFileLoader;
import eu.europa.esig.dss.spi.tsl.TrustedListsCertificateSource;
import eu.europa.esig.dss.spi.x509.CommonCertificateSource;
import eu.europa.esig.dss.tsl.job.TLValidationJob;
import eu.europa.esig.dss.tsl.source.LOTLSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The EU's reference implementation reads trusted lists from files, by its defaults.
 *
 * <pre>Lists LOTL-URL JOURNAL.pem URLS.tsv FOLDER</pre>
 *
 * A line a list: URL, indication ("-" none), tab between; the last line counts certificates.
 */
public final class Lists {
    private static final class FileLoader implements DSSFileLoader {
        private static final long serialVersionUID = 1L;
        private final Map<String, String> files = new HashMap<>();

        @Override
        public DSSDocument getDocument(String url) {
            String file = files.get(url);
            if (file == null) {
                throw new DSSException("not at hand: " + url);
            }
            return new FileDocument(file);
        }
    }

    /** Reads LOTL-URL JOURNAL.pem URLS.tsv FOLDER; trusted gets what the lists say. */
    static TLValidationJob read(String[] args, TrustedListsCertificateSource trusted)
            throws Exception {
        FileLoader loader = new FileLoader();
        for (String line : Files.readAllLines(Path.of(args[2]))) {
            String[] row = line.split("\t");
            loader.files.put(row[0], args[3] + "/" + row[1]);
        }
        CommonCertificateSource journal = new CommonCertificateSource();
        for (String pem : Files.readString(Path.of(args[1])).split("(?=-----BEGIN)")) {
            if (pem.startsWith("-----BEGIN")) {
                journal.addCertificate(DSSUtils.loadCertificate(pem.getBytes()));
            }
        }
        LOTLSource lotl = new LOTLSource();
        lotl.setUrl(args[0]);
        lotl.setCertificateSource(journal);
        lotl.setPivotSupport(true);
        TLValidationJob job = new TLValidationJob();
        job.setListOfTrustedListSources(lotl);
        job.setOnlineDataLoader(loader);
        job.setTrustedListCertificateSource(trusted);
        job.onlineRefresh();
        return job;
    }

    public static void main(String[] args) throws Exception {
        TrustedListsCertificateSource trusted = new TrustedListsCertificateSource();
        for (LOTLInfo info : read(args, trusted).getSummary().getLOTLInfos()) {
            print(info);
            info.getPivotInfos().forEach(Lists::print);
            info.getTLInfos().forEach(Lists::print);
        }
        System.out.println("certificates\t" + trusted.getNumberOfCertificates());
    }

    private static void print(TLInfo info) {
        ValidationInfoRecord v = info.getValidationCacheInfo();
        System.out.println(info.getUrl() + "\t"
            + (v == null || v.getIndication() == null ? "-" : v.getIndication()));
    }
}

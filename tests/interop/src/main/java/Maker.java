// SPDX-License-Identifier: EUPL-1.2
import eu.europa.esig.dss.signature.AbstractSignatureParameters;
import eu.europa.esig.dss.asic.xades.ASiCWithXAdESSignatureParameters;
import eu.europa.esig.dss.asic.xades.signature.ASiCWithXAdESService;
import eu.europa.esig.dss.enumerations.ASiCContainerType;
import eu.europa.esig.dss.enumerations.CommitmentTypeEnum;
import eu.europa.esig.dss.enumerations.DigestAlgorithm;
import eu.europa.esig.dss.enumerations.EncryptionAlgorithm;
import eu.europa.esig.dss.enumerations.SignatureAlgorithm;
import eu.europa.esig.dss.enumerations.SignatureLevel;
import eu.europa.esig.dss.enumerations.SignaturePackaging;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.InMemoryDocument;
import eu.europa.esig.dss.model.SignatureValue;
import eu.europa.esig.dss.model.ToBeSigned;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.spi.x509.tsp.KeyEntityTSPSource;
import eu.europa.esig.dss.xades.XAdESSignatureParameters;
import eu.europa.esig.dss.xades.signature.XAdESCounterSignatureParameters;
import eu.europa.esig.dss.xades.signature.XAdESService;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Security;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * Signatures made by the EU's reference implementation in forms, at levels and with algorithms
 * that sealgate itself does not make, so that they can be validated.
 *
 * <pre>Maker FOLDER</pre>
 *
 * Writes root.pem, root.crl, a.txt and b.xml (what detached signatures are over) and the
 * signatures. What cannot be made is named on standard error, and the others are.
 */
public final class Maker {
    private static final Date SIGNED = time("2026-06-01T10:00:00Z");
    private static final Date STAMPED = time("2026-06-01T10:05:00Z");
    private static final String XML = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            + "<a:doc xmlns:a=\"urn:a\" a:b=\"c\"><a:v>\u00e9 &amp; 1</a:v><!-- c --></a:doc>\n";

    private final Path folder;
    private final Map<String, KeyPair> keys = new HashMap<>();
    private final Map<String, CertificateToken> certificates = new HashMap<>();
    private final DSSDocument xml = new InMemoryDocument(XML.getBytes("UTF-8"), "b.xml");
    private final DSSDocument text = new InMemoryDocument("one\n".getBytes("UTF-8"), "a.txt");
    private final DSSDocument named = new InMemoryDocument(
            "<a Id=\"it\">\u00e9</a>".getBytes("UTF-8"), "named.xml");
    private final DSSDocument manifest = new InMemoryDocument(
            ("<ds:Manifest xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Id=\"m\">"
            + "<ds:Reference URI=\"a.txt\"><ds:DigestMethod Algorithm="
            + "\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>"
            + "LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=</ds:DigestValue></ds:Reference>"
            + "</ds:Manifest>").getBytes("UTF-8"), "manifest.xml");
    private CommonCertificateVerifier verifier;
    private KeyEntityTSPSource stamps;
    private int serial;

    private interface Step {
        DSSDocument run() throws Exception;
    }

    private Maker(String path) throws Exception {
        folder = Path.of(path);
    }

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        Maker maker = new Maker(args[0]);
        maker.makeHouse();
        maker.makeAlgorithms();
        maker.makeForms();
        maker.makeLevels();
        maker.makeContainers();
    }

    private static Date time(String text) {
        return Date.from(Instant.parse(text));
    }

    private static KeyPair pair(String algorithm, Object parameter) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, "BC");
        if (parameter instanceof Integer bits) {
            generator.initialize(bits);
        } else if (parameter != null) {
            generator.initialize(new ECGenParameterSpec((String) parameter));
        }
        return generator.generateKeyPair();
    }

    private void certify(String name, KeyPair pair, int usage, KeyPurposeId purpose)
            throws Exception {
        boolean root = name.equals("root");
        KeyPair issuer = root ? pair : keys.get("root");
        var builder = new JcaX509v3CertificateBuilder(
                new X500Name("CN=root"), BigInteger.valueOf(++serial),
                time("2025-01-01T00:00:00Z"), time("2045-01-01T00:00:00Z"),
                new X500Name("CN=" + name), pair.getPublic());
        var utils = new JcaX509ExtensionUtils();
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(root));
        builder.addExtension(Extension.keyUsage, true, new KeyUsage(usage));
        builder.addExtension(Extension.subjectKeyIdentifier, false,
                utils.createSubjectKeyIdentifier(pair.getPublic()));
        builder.addExtension(Extension.authorityKeyIdentifier, false,
                utils.createAuthorityKeyIdentifier(issuer.getPublic()));
        if (purpose != null) {
            builder.addExtension(Extension.extendedKeyUsage, true, new ExtendedKeyUsage(purpose));
        }
        X509Certificate made = new JcaX509CertificateConverter().setProvider("BC").getCertificate(
                builder.build(new JcaContentSignerBuilder("SHA256withECDSA").setProvider("BC")
                        .build(issuer.getPrivate())));
        keys.put(name, pair);
        certificates.put(name, new CertificateToken(made));
    }

    private void signer(String name, String algorithm, Object parameter) throws Exception {
        certify(name, pair(algorithm, parameter),
                KeyUsage.digitalSignature | KeyUsage.nonRepudiation, null);
    }

    private void makeHouse() throws Exception {
        certify("root", pair("EC", "P-256"), KeyUsage.keyCertSign | KeyUsage.cRLSign, null);
        certify("tsa", pair("EC", "P-256"), KeyUsage.digitalSignature,
                KeyPurposeId.id_kp_timeStamping);
        signer("rsa", "RSA", 3072);
        signer("p256", "EC", "P-256");
        signer("p384", "EC", "P-384");
        signer("p521", "EC", "P-521");
        signer("bp256", "EC", "brainpoolP256r1");
        signer("bp384", "EC", "brainpoolP384r1");
        signer("bp512", "EC", "brainpoolP512r1");
        signer("ed25519", "Ed25519", null);
        signer("ed448", "Ed448", null);
        X509v2CRLBuilder list =
                new X509v2CRLBuilder(new X500Name("CN=root"), time("2026-06-02T00:00:00Z"));
        list.setNextUpdate(time("2045-01-01T00:00:00Z"));
        byte[] crl = list.build(new JcaContentSignerBuilder("SHA256withECDSA").setProvider("BC")
                .build(keys.get("root").getPrivate())).getEncoded();
        Files.write(folder.resolve("root.crl"), crl);
        Files.writeString(folder.resolve("root.pem"), "-----BEGIN CERTIFICATE-----\n"
                + java.util.Base64.getMimeEncoder().encodeToString(
                        certificates.get("root").getEncoded()) + "\n-----END CERTIFICATE-----\n");
        save("a.txt", text);
        save("b.xml", xml);
        CommonTrustedCertificateSource anchors = new CommonTrustedCertificateSource();
        anchors.addCertificate(certificates.get("root"));
        verifier = new CommonCertificateVerifier();
        verifier.setAIASource(null);
        verifier.setTrustedCertSources(anchors);
        verifier.setCrlSource(new ExternalResourcesCRLSource(new ByteArrayInputStream(crl)));
        stamps = new KeyEntityTSPSource(keys.get("tsa").getPrivate(), certificates.get("tsa"),
                List.of(certificates.get("tsa"), certificates.get("root")));
        stamps.setTsaPolicy("1.2.3.4");
        stamps.setProductionTime(STAMPED);
    }

    private void save(String name, DSSDocument document) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        document.writeTo(out);
        Files.write(folder.resolve(name), out.toByteArray());
    }

    private void attempt(String name, Step step) {
        try {
            save(name, step.run());
        } catch (Exception e) {
            System.err.println(name + ": " + e);
        }
    }

    private <P extends AbstractSignatureParameters<?>> P signedBy(P p, String key) {
        p.setSigningCertificate(certificates.get(key));
        p.setCertificateChain(certificates.get(key), certificates.get("root"));
        p.bLevel().setSigningDate(SIGNED);
        return p;
    }

    private XAdESSignatureParameters plan(String key, SignaturePackaging packaging) {
        XAdESSignatureParameters p = signedBy(new XAdESSignatureParameters(), key);
        p.setSignatureLevel(SignatureLevel.XAdES_BASELINE_B);
        p.setSignaturePackaging(packaging);
        p.setDigestAlgorithm(DigestAlgorithm.SHA256);
        return p;
    }

    private SignatureValue value(AbstractSignatureParameters<?> p, ToBeSigned data, String key)
            throws Exception {
        SignatureAlgorithm algorithm = p.getSignatureAlgorithm();
        Signature s = Signature.getInstance(algorithm.getJCEId(), "BC");
        s.initSign(keys.get(key).getPrivate());
        s.update(data.getBytes());
        return new SignatureValue(algorithm, s.sign());
    }

    private XAdESService service() {
        XAdESService service = new XAdESService(verifier);
        service.setTspSource(stamps);
        return service;
    }

    private DSSDocument sign(DSSDocument document, XAdESSignatureParameters p, String key)
            throws Exception {
        XAdESService service = service();
        ToBeSigned data = service.getDataToSign(document, p);
        return service.signDocument(document, p, value(p, data, key));
    }

    private void enveloped(String name, String key, Consumer<XAdESSignatureParameters> change) {
        attempt(name + ".xml", () -> {
            XAdESSignatureParameters p = plan(key, SignaturePackaging.ENVELOPED);
            change.accept(p);
            return sign(xml, p, key);
        });
    }

    private void makeAlgorithms() {
        for (String key : List.of("rsa", "p256", "p384", "p521", "bp256", "bp384", "bp512")) {
            for (DigestAlgorithm digest : List.of(DigestAlgorithm.SHA224, DigestAlgorithm.SHA256,
                    DigestAlgorithm.SHA384, DigestAlgorithm.SHA512, DigestAlgorithm.SHA1)) {
                enveloped("alg-" + key + "-" + digest, key, p -> p.setDigestAlgorithm(digest));
            }
        }
        for (String key : List.of("p256", "bp512")) {
            for (DigestAlgorithm digest : List.of(DigestAlgorithm.SHA3_256,
                    DigestAlgorithm.SHA3_384, DigestAlgorithm.SHA3_512)) {
                enveloped("alg-" + key + "-" + digest, key, p -> p.setDigestAlgorithm(digest));
            }
        }
        for (DigestAlgorithm digest : List.of(DigestAlgorithm.SHA1, DigestAlgorithm.SHA256,
                DigestAlgorithm.SHA384, DigestAlgorithm.SHA512, DigestAlgorithm.SHA3_256,
                DigestAlgorithm.SHA3_512)) {
            enveloped("alg-pss-" + digest, "rsa", p -> {
                p.setDigestAlgorithm(digest);
                p.setEncryptionAlgorithm(EncryptionAlgorithm.RSASSA_PSS);
            });
        }
        enveloped("alg-ed25519", "ed25519", p -> {
            p.setDigestAlgorithm(DigestAlgorithm.SHA512);
            p.setEncryptionAlgorithm(EncryptionAlgorithm.EDDSA);
        });
        enveloped("alg-ed448", "ed448", p -> {
            p.setDigestAlgorithm(DigestAlgorithm.SHAKE256_512);
            p.setReferenceDigestAlgorithm(DigestAlgorithm.SHA512);
            p.setEncryptionAlgorithm(EncryptionAlgorithm.EDDSA);
        });
        enveloped("alg-reference-sha3", "p256",
                p -> p.setReferenceDigestAlgorithm(DigestAlgorithm.SHA3_512));
        for (String c14n : List.of("http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
                "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
                "http://www.w3.org/2006/12/xml-c14n11",
                "http://www.w3.org/2006/12/xml-c14n11#WithComments",
                "http://www.w3.org/2001/10/xml-exc-c14n#",
                "http://www.w3.org/2001/10/xml-exc-c14n#WithComments")) {
            enveloped("c14n-" + c14n.replaceAll("[^A-Za-z0-9]", ""), "p256", p -> {
                p.setSignedInfoCanonicalizationMethod(c14n);
                p.setSignedPropertiesCanonicalizationMethod(c14n);
                p.setSignKeyInfo(true);
                p.setKeyInfoCanonicalizationMethod(c14n);
            });
        }
    }

    private void packed(String name, DSSDocument document, SignaturePackaging packaging,
            Consumer<XAdESSignatureParameters> change) {
        attempt(name + ".xml", () -> {
            XAdESSignatureParameters p = plan("p256", packaging);
            change.accept(p);
            return sign(document, p, "p256");
        });
    }

    private void makeForms() {
        packed("enveloping-base64", text, SignaturePackaging.ENVELOPING, p -> { });
        packed("enveloping-base64-xml", xml, SignaturePackaging.ENVELOPING, p -> { });
        packed("enveloping-xml", xml, SignaturePackaging.ENVELOPING, p -> p.setEmbedXML(true));
        packed("enveloping-manifest", manifest, SignaturePackaging.ENVELOPING,
                p -> p.setManifestSignature(true));
        packed("detached-text", text, SignaturePackaging.DETACHED, p -> { });
        packed("detached-xml", xml, SignaturePackaging.DETACHED, p -> { });
        packed("inside-xml", named, SignaturePackaging.INTERNALLY_DETACHED, p -> { });
        packed("signed-properties", xml, SignaturePackaging.ENVELOPED, p -> {
            p.bLevel().setClaimedSignerRoles(List.of("officer", "<vet>"));
            p.bLevel().setCommitmentTypeIndications(List.of(CommitmentTypeEnum.ProofOfApproval));
            p.setEn319132(true);
        });
        packed("signing-certificate-v1", xml, SignaturePackaging.ENVELOPED,
                p -> p.setEn319132(false));
        packed("without-chain", xml, SignaturePackaging.ENVELOPED,
                p -> p.setCertificateChain(certificates.get("p256")));
        attempt("detached-two.xml", () -> {
            XAdESSignatureParameters p = plan("p256", SignaturePackaging.DETACHED);
            XAdESService service = service();
            List<DSSDocument> both = List.of(text, xml);
            ToBeSigned data = service.getDataToSign(both, p);
            return service.signDocument(both, p, value(p, data, "p256"));
        });
        attempt("twice.xml", () -> sign(sign(xml, plan("p256", SignaturePackaging.ENVELOPED),
                "p256"), plan("rsa", SignaturePackaging.ENVELOPED), "rsa"));
        attempt("counter.xml", () -> counter(sign(xml,
                plan("p256", SignaturePackaging.ENVELOPED), "p256"), 0));
        attempt("counter-nested.xml", () -> counter(counter(sign(xml,
                plan("p256", SignaturePackaging.ENVELOPED), "p256"), 0), 1));
        attempt("content-stamp.xml", () -> {
            XAdESSignatureParameters p = plan("p256", SignaturePackaging.ENVELOPED);
            stamps.setProductionTime(time("2026-06-01T09:00:00Z"));
            p.setContentTimestamps(List.of(service().getContentTimestamp(xml, p)));
            stamps.setProductionTime(STAMPED);
            return sign(xml, p, "p256");
        });
        attempt("content-stamp-detached.xml", () -> {
            XAdESSignatureParameters p = plan("p256", SignaturePackaging.DETACHED);
            p.setContentTimestamps(List.of(service().getContentTimestamp(text, p)));
            return sign(text, p, "p256");
        });
    }

    /** A counter-signature of the n-th signature (from 0) in the order of the report. */
    private DSSDocument counter(DSSDocument signed, int n) throws Exception {
        var validator = eu.europa.esig.dss.validation.SignedDocumentValidator.fromDocument(signed);
        var found = validator.getSignatures().get(0);
        for (int i = 0; i < n; i++) {
            found = found.getCounterSignatures().get(0);
        }
        XAdESCounterSignatureParameters p = signedBy(new XAdESCounterSignatureParameters(), "rsa");
        p.setSignatureLevel(SignatureLevel.XAdES_BASELINE_B);
        p.setDigestAlgorithm(DigestAlgorithm.SHA256);
        p.setSignatureIdToCounterSign(found.getId());
        XAdESService service = service();
        ToBeSigned data = service.getDataToBeCounterSigned(signed, p);
        return service.counterSignSignature(signed, p, value(p, data, "rsa"));
    }

    private DSSDocument extend(DSSDocument document, SignatureLevel level, String at)
            throws Exception {
        XAdESSignatureParameters p = new XAdESSignatureParameters();
        p.setSignatureLevel(level);
        stamps.setProductionTime(time(at));
        try {
            return service().extendDocument(document, p);
        } finally {
            stamps.setProductionTime(STAMPED);
        }
    }

    private void makeLevels() {
        for (SignaturePackaging packaging :
                List.of(SignaturePackaging.ENVELOPED, SignaturePackaging.ENVELOPING)) {
            for (SignatureLevel level : List.of(SignatureLevel.XAdES_BASELINE_T,
                    SignatureLevel.XAdES_BASELINE_LT, SignatureLevel.XAdES_BASELINE_LTA,
                    SignatureLevel.XAdES_C, SignatureLevel.XAdES_X, SignatureLevel.XAdES_XL,
                    SignatureLevel.XAdES_A)) {
                attempt("level-" + packaging + "-" + level + ".xml", () -> extend(extend(
                        sign(xml, plan("p256", packaging), "p256"),
                        SignatureLevel.XAdES_BASELINE_T, "2026-06-01T10:05:00Z"), level,
                        "2026-06-03T00:00:00Z"));
            }
        }
        attempt("level-twice-LTA.xml", () -> extend(extend(extend(
                sign(xml, plan("rsa", SignaturePackaging.ENVELOPED), "rsa"),
                SignatureLevel.XAdES_BASELINE_T, "2026-06-01T10:05:00Z"),
                SignatureLevel.XAdES_BASELINE_LTA, "2026-06-03T00:00:00Z"),
                SignatureLevel.XAdES_BASELINE_LTA, "2026-06-04T00:00:00Z"));
    }

    private void container(String name, ASiCContainerType type, List<DSSDocument> documents,
            Consumer<ASiCWithXAdESSignatureParameters> change) {
        attempt(name, () -> {
            ASiCWithXAdESSignatureParameters p =
                    signedBy(new ASiCWithXAdESSignatureParameters(), "p256");
            p.aSiC().setContainerType(type);
            p.setSignatureLevel(SignatureLevel.XAdES_BASELINE_B);
            p.setDigestAlgorithm(DigestAlgorithm.SHA256);
            change.accept(p);
            ASiCWithXAdESService service = new ASiCWithXAdESService(verifier);
            service.setTspSource(stamps);
            ToBeSigned data = service.getDataToSign(documents, p);
            return service.signDocument(documents, p, value(p, data, "p256"));
        });
    }

    private void makeContainers() {
        container("one.asice", ASiCContainerType.ASiC_E, List.of(text), p -> { });
        container("two.asice", ASiCContainerType.ASiC_E, List.of(text, xml), p -> { });
        container("one.asics", ASiCContainerType.ASiC_S, List.of(xml), p -> { });
        container("two.asics", ASiCContainerType.ASiC_S, List.of(text, xml), p -> { });
        container("stamped.asice", ASiCContainerType.ASiC_E, List.of(text, xml),
                p -> p.setSignatureLevel(SignatureLevel.XAdES_BASELINE_T));
    }
}

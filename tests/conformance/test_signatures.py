# SPDX-License-Identifier: EUPL-1.2
"""Signatures of others against the EU's reference implementation, ours against xmlsec1.

SEALGATE_CORPUS names the corpus, SEALGATE_BIN the folder with our programs. Where we differ
stands in a table here with its reason, and a reason that is no longer needed is an error.
"""
import datetime
import os
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

import sps_signed
import xades_files

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VECTORS = os.path.join(TOP, "tests", "vectors", "documents")
CORPUS = os.environ.get("SEALGATE_CORPUS")
BIN = os.environ.get("SEALGATE_BIN")

pytestmark = pytest.mark.skipif(BIN is None, reason="SEALGATE_BIN is not set")
needs_corpus = pytest.mark.skipif(CORPUS is None, reason="SEALGATE_CORPUS is not set")

# (file, signature) and why our core, the references or the value, is judged differently.
CORE_DIFFERS = {
    ("dss/qes-xades111-filter2.xml", "1"): "an XPath filter is not evaluated",
    ("xades4j/good/detached.bes.xml", "1"): "an XPath filter is not evaluated",
    ("xades4j/bad/document.signed.bes.cs.invalidtransforms.xml", "2"):
        "an XPath filter is not evaluated",
    ("dss/xsw/XSW-enveloped-fake-content.xml", "1"):
        "the signed content was moved into the signature itself, which enveloped-signature "
        "subtracts: nothing is left",
    ("asice/SiVa-Test__xroad-batchsignature.asice__signatures.xml", "1"):
        "a hash chain is not a signed file",
}

# The level of a signature whose properties were moved elsewhere means nothing.
LEVEL_DIFFERS = {
    "mutated/B_seal_rsa__x_xsw_signedprops.xml",
    "mutated/LTA_seal_rsa__x_xsw_signedprops.xml",
    "mutated/LT_seal_rsa__x_xsw_signedprops.xml",
}

# Files of which nothing is said but whether they pass: more than these may not pass where
# the reference implementation does not.
PASSES_MORE = {
    "dss/xades-ocsp-not-embeds-certs.xml": "the responder's certificate is found",
    "dss/evidence-record/X-E-ERS-with-counter-sig.xml": "revocation data from after the "
        "time-stamp by a CA that is still valid",
    "asice/dss__asic-xades-ers.scs__signatures.xml": "as above",
    "xades4j/bad/document.signed.bes.cs.invalidtransforms.xml": "the main signature: its "
        "claimed role is not judged",
}


def sealgate():
    return os.path.join(BIN, "sealgate")


@needs_corpus
def test_signed_sps_documents():
    counts, wrong = sps_signed.compare(sealgate(), os.path.join(CORPUS, "sps-signed"))
    surprises = [w for w in wrong
                 if not (w[2].startswith("level") and w[0] in LEVEL_DIFFERS)]
    assert not surprises
    assert {w[0] for w in wrong} == LEVEL_DIFFERS
    assert counts["crl-june@2026-06-05"][1] > 100


@needs_corpus
def test_signatures_of_many_makers():
    counts, wrong = xades_files.compare(sealgate(), os.path.join(CORPUS, "xades"))
    core = {(w[0], w[1]) for w in wrong if w[2] in xades_files.CORE}
    assert core == set(CORE_DIFFERS)
    more = {w[0] for w in wrong if w[4] == "TOTAL_PASSED"}
    assert more <= set(PASSES_MORE)
    assert counts["sig_value_ok"][0] == counts["sig_value_ok"][1]
    # Words and levels: no worse than when this was written.
    for column, share in (("noanchor_result", 0.97), ("level", 0.93), ("anchored_now", 0.92),
                          ("anchored_at_T", 0.94), ("timestamps", 0.98)):
        good, total = counts[column]
        assert good >= share * total, column


@needs_corpus
@pytest.mark.parametrize("file", [
    "valid/T_seal_rsa2048.xml", "valid/CS_LTbase_ec_B.xml", "valid/LTA_seal_rsa.xml",
    "mutated/LTA_seal_rsa__i_hmac.xml", "mutated/LTA_seal_rsa__i_doctype.xml",
    "mutated/LT_seal_rsa__i_signature_removed.xml"])
def test_etsi_report_keeps_its_schema(file):
    where = os.path.join(CORPUS, "sps-signed")
    done = subprocess.run(
        [sealgate(), "verify", "--format", "etsi", "--at", sps_signed.JUNE, "--anchors",
         os.path.join(where, "pki", "root.pem"), os.path.join(where, file)],
        check=False, capture_output=True, timeout=60)
    schema = etree.XMLSchema(etree.parse(
        os.path.join(CORPUS, "schemas", "1910202xmlSchema.xsd")))
    schema.assertValid(etree.fromstring(done.stdout))


KEYS = {
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
}


@pytest.fixture(scope="module")
def signers(tmp_path_factory):
    """A key and a certificate that is its own anchor, for each kind."""
    folder = tmp_path_factory.mktemp("signers")
    start = datetime.datetime(2026, 1, 1)
    for name, make in KEYS.items():
        key = make()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Officer " + name)])
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(start).not_valid_after(start + datetime.timedelta(days=365))
            .add_extension(x509.KeyUsage(
                digital_signature=True, content_commitment=True, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=False,
                crl_sign=False, encipher_only=False, decipher_only=False), critical=True)
            .sign(key, hashes.SHA256()))
        (folder / (name + ".key")).write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        (folder / (name + ".pem")).write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM))
    return folder


def sign(signers, name, document, out, *more):
    subprocess.run([sealgate(), "sign", "--key", signers / (name + ".key"), "--cert",
                    signers / (name + ".pem"), "--at", "2026-06-01T10:00:00Z", *more,
                    "-o", out, document], check=True, timeout=60)


def passes(signers, names, document, profile="gate"):
    command = [sealgate(), "verify", "--profile", profile, "--at", "2026-06-02T00:00:00Z"]
    for name in names:
        command += ["--anchors", signers / (name + ".pem")]
    return subprocess.run(command + [document], check=False, timeout=60,
                          capture_output=True).returncode == 0


def xmlsec1(signers, name, document):
    """xmlsec1 on the first signature of a document."""
    return subprocess.run(
        ["xmlsec1", "--verify", "--id-attr:Id",
         "http://uri.etsi.org/01903/v1.3.2#:SignedProperties", "--enabled-reference-uris",
         "empty,same-doc", "--enabled-key-data", "x509", "--trusted-pem",
         signers / (name + ".pem"), "--verification-gmt-time", "2026-06-02+00:00:00",
         document], check=False, capture_output=True, timeout=60).returncode == 0


@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed")
@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("place", [(), ("--parallel",)])
@pytest.mark.parametrize("document", ["phyto.xml", "veterinary.xml"])
def test_xmlsec1_takes_what_we_sign(signers, tmp_path, name, place, document):
    out = tmp_path / "signed.xml"
    sign(signers, name, os.path.join(VECTORS, document), out, *place)
    assert passes(signers, [name], out)
    assert xmlsec1(signers, name, out)


def test_pss(signers, tmp_path):
    out = tmp_path / "signed.xml"
    sign(signers, "rsa", os.path.join(VECTORS, "phyto.xml"), out, "--method",
         "rsa-pss-sha256")
    assert passes(signers, ["rsa"], out)


@pytest.mark.parametrize("places", [("--parallel", "--parallel"), ("--parallel", "--counter"),
                                    ("", "--counter")])
def test_second_signature(signers, tmp_path, places):
    first, second = tmp_path / "first.xml", tmp_path / "second.xml"
    sign(signers, "rsa", os.path.join(VECTORS, "phyto.xml"), first,
         *filter(None, places[:1]))
    sign(signers, "p384", first, second, places[1])
    assert passes(signers, ["rsa", "p384"], second)
    assert not passes(signers, ["rsa"], second)


def test_key_of_another_certificate(signers, tmp_path):
    done = subprocess.run(
        [sealgate(), "sign", "--key", signers / "p256.key", "--cert", signers / "p384.pem",
         "-o", tmp_path / "out.xml", os.path.join(VECTORS, "phyto.xml")],
        check=False, capture_output=True, timeout=60)
    assert done.returncode not in (0, 1)
    assert not (tmp_path / "out.xml").exists()

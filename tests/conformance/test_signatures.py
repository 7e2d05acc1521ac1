# SPDX-License-Identifier: EUPL-1.2
"""Signatures of others against the EU's reference implementation, ours against xmlsec1.

SEALGATE_CORPUS names the corpus, SEALGATE_BIN the folder with our programs. Where we differ
stands in a table here with its reason, and a reason that is no longer needed is an error.
"""
import datetime
import json
import os
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

import asic_files
import sps_signed
import xades_files
import xmldsig_files
from explained import Bars, explanations

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VECTORS = os.path.join(TOP, "tests", "vectors", "documents")
CORPUS = os.environ.get("SEALGATE_CORPUS")
BIN = os.environ.get("SEALGATE_BIN")

pytestmark = pytest.mark.skipif(BIN is None, reason="SEALGATE_BIN is not set")
needs_corpus = pytest.mark.skipif(CORPUS is None, reason="SEALGATE_CORPUS is not set")

# Words of what the authors of mutated documents want that no profile has to refuse.
TOLERATED = ("valid", "depends", "-", "level LT", "tst broken", "no revocation data",
             "core valid but scope")


def sealgate():
    return os.path.join(BIN, "sealgate")


@needs_corpus
def test_signed_sps_documents(capsys):
    where = os.path.join(CORPUS, "sps-signed")
    bars = Bars("sps-signed", "sps-signed")
    sps_signed.compare(sealgate(), where, bars.note)
    wanted = dict.fromkeys(bars.counts, 1)
    with capsys.disabled():
        bars.check(wanted, len(sps_signed.rows(where)))


@needs_corpus
def test_gate_lets_nothing_through_that_is_to_be_refused():
    where = os.path.join(CORPUS, "sps-signed")
    at, crls = sps_signed.RUNS["crl-june@2026-06-05"]
    rows = sps_signed.rows(where)
    passed, refused = set(), 0
    for file in sorted({r["file"] for r in rows}):
        answer = sps_signed.verify(sealgate(), where, [file], at, crls, profile="gate")[file]
        if answer["indication"] == "TOTAL-PASSED":
            passed.add(file)
        refused += answer["indication"] != "TOTAL-PASSED"
    through = {(r["file"], r["author_intent"]) for r in rows if r["file"] in passed and
               (r["crl-june@2026-06-05"].startswith("TOTAL_FAILED") or
                not r["author_intent"].startswith(TOLERATED))}
    assert not through
    assert len(passed) > 20 and refused > 20


@needs_corpus
def test_signatures_of_many_makers(capsys):
    where = os.path.join(CORPUS, "xades")
    bars = Bars("xades", "xades")
    rows = xades_files.compare(sealgate(), where, bars.note)
    with capsys.disabled():
        bars.check({**dict.fromkeys(xades_files.CORE, 1), "noanchor_result": 0.98,
                    "level": 0.98, "anchored_at_T": 0.96, "anchored_at_T, no revocation": 0.85},
                   rows)
    more = {w[:3]: w[3] for w in bars.wrong if w[4] == "TOTAL_PASSED"}
    assert set(more) == set(explanations("passes more"))
    assert not any(str(want).startswith("TOTAL_FAILED") for want in more.values())


@needs_corpus
def test_containers_of_many_makers(capsys):
    bars = Bars("asice", "asice")
    rows = asic_files.compare(sealgate(), os.path.join(CORPUS, "xades"), bars.note)
    with capsys.disabled():
        bars.check({**dict.fromkeys(xades_files.CORE + ("signature_file", "uncovered"), 1),
                    "noanchor_result": 0.98, "level": 0.98, "anchored_at_T": 0.96,
                    "anchored_at_T, no revocation": 0.85}, rows)
    assert not any(str(w[3]).startswith("TOTAL_FAILED") and w[4] == "TOTAL_PASSED"
                   for w in bars.wrong)


@needs_corpus
def test_xml_signature_vectors(capsys):
    bars = Bars("xmldsig", "xmldsig")
    left = xmldsig_files.compare(sealgate(), os.path.join(CORPUS, "xmldsig"), bars.note)
    with capsys.disabled():
        bars.check({"success": 1, "fail": 1}, sum(c[2] for c in bars.counts.values()) +
                   sum(left.values()))
        print("outside of policy:", ", ".join(f"{n} {k}" for k, n in sorted(left.items())))


@needs_corpus
def test_what_stock_xmlsec_accepts():
    """Bare keys, fetched data, XPath that signs nothing, injection: only `a` is a signature."""
    where = os.path.join(CORPUS, "xmlsec-defaults")
    verdicts = {}
    for name in sorted(os.listdir(where)):
        if name.endswith(".xml"):
            done = subprocess.run(
                [sealgate(), "verify", "--profile", "eidas", "--at", "2026-11-22T00:00:00Z",
                 "--anchors", os.path.join(where, "c.pem"), os.path.join(where, name)],
                capture_output=True, check=False, timeout=60)
            verdicts[name] = done.returncode
    assert verdicts.pop("a.s.xml") == 0
    assert len(verdicts) > 8 and set(verdicts.values()) == {1}


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


@pytest.mark.parametrize("until,word", [("2026-06-03T00:00:00Z", ""), (
    "2026-06-02T00:00:00Z", "NO_CERTIFICATE_CHAIN_FOUND_NO_POE")])
def test_anchor_that_counts_until_a_time(signers, tmp_path, until, word):
    out = tmp_path / "signed.xml"
    sign(signers, "p256", os.path.join(VECTORS, "phyto.xml"), out)
    done = subprocess.run(
        [sealgate(), "verify", "--at", "2026-06-02T00:00:00Z", "--sunset",
         f"{signers / 'p256.pem'}|{until}", out], check=False, capture_output=True, timeout=60)
    assert json.loads(done.stdout)["sub_indication"] == word


def test_key_of_another_certificate(signers, tmp_path):
    done = subprocess.run(
        [sealgate(), "sign", "--key", signers / "p256.key", "--cert", signers / "p384.pem",
         "-o", tmp_path / "out.xml", os.path.join(VECTORS, "phyto.xml")],
        check=False, capture_output=True, timeout=60)
    assert done.returncode not in (0, 1)
    assert not (tmp_path / "out.xml").exists()

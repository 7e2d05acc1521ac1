# SPDX-License-Identifier: EUPL-1.2
"""Signatures that are right but say what the gate does not take: changed, then signed again by
the officer's own key."""
import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from lxml import etree

from scenarios.documents import NS, Documents, sign_again, stamp_content
from scenarios.gate import a_folder

OFFICER = "authority-nz/officer"
PASSED = "TOTAL-PASSED"


@pytest.fixture(scope="module")
def house():
    with a_folder() as folder, Documents(folder) as made:
        yield made.make(with_rsa=False)


def one(root, path):
    found, = root.xpath(path, namespaces=NS)
    return found


def nothing(_root, _house):
    pass


def weak_digest_of_certificate(root, house):
    """The right digest of the right certificate, by SHA-1."""
    certificate = x509.load_pem_x509_certificate(house.pki.path(OFFICER).read_bytes())
    der = certificate.public_bytes(serialization.Encoding.DER)
    digest = hashes.Hash(hashes.SHA1())
    digest.update(der)
    where = one(root, "//xades:SigningCertificateV2//xades:CertDigest")
    where.find("ds:DigestMethod", NS).set(
        "Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")
    where.find("ds:DigestValue", NS).text = base64.b64encode(digest.finalize()).decode()


def serial_of_another(root, _house):
    where = one(root, "//xades:IssuerSerialV2")
    der = bytearray(base64.b64decode(where.text))
    der[-1] ^= 1
    where.text = base64.b64encode(bytes(der)).decode()


def certificate_not_named(root, _house):
    where = one(root, "//xades:SigningCertificateV2")
    where.getparent().remove(where)


def time_not_claimed(root, _house):
    where = one(root, "//xades:SigningTime")
    where.getparent().remove(where)


def time_before_certificate(root, _house):
    one(root, "//xades:SigningTime").text = "2001-01-01T00:00:00Z"


def weak_digest_of_nothing_known(root, _house):
    one(root, "//xades:SigningCertificateV2//ds:DigestValue").text = "AAAA"


CASES = {
    nothing: (PASSED, None),
    weak_digest_of_certificate: ("INDETERMINATE", "sig.weak"),
    serial_of_another: ("INDETERMINATE", "sig.signing-certificate"),
    certificate_not_named: ("INDETERMINATE", "sig.signing-certificate"),
    time_not_claimed: ("INDETERMINATE", "sig.time"),
    time_before_certificate: ("INDETERMINATE", "sig.time"),
    weak_digest_of_nothing_known: ("INDETERMINATE", "sig.signer"),
}


def changed(house, number, signer, change):
    """A signed document, changed and signed again by the same key; its path."""
    path = house.sign(house.document("phyto", number), signer, tsa=False)
    tree = etree.parse(str(path))
    change(tree.getroot(), house)
    sign_again(tree.getroot(), house.pki.path(signer, ".key"))
    again = path.with_suffix(".again.xml")
    tree.write(str(again), xml_declaration=True, encoding="UTF-8")
    return again


@pytest.mark.parametrize("change", CASES, ids=lambda c: c.__name__)
def test_resigned(house, change):
    number = f"PHYTO.NZ.2026.{list(CASES).index(change):07d}"
    answer, = house.verify("gate", [changed(house, number, OFFICER, change)])
    indication, code = CASES[change]
    assert answer["indication"] == indication, answer
    assert answer["signatures"][0]["core_valid"]
    errors = [f["code"] for f in answer["findings"] if f["severity"] == "error"]
    assert (code in errors) if code else not errors, errors


def stamp_content_late(root, house):
    """As before, with a CRL of the time when the certificate had not ended."""
    crl = house.pki.authority("authority-nz/issuing").crl(*house.pki.span((400, -300)))
    (house.folder / "pki" / "crl" / "earlier.crl").write_bytes(
        crl.public_bytes(serialization.Encoding.DER))
    stamp_content(root, house)


def weak_reference(root, house):
    """Digests that were weak long before the content was stamped."""
    for method in root.iterfind("ds:Signature/ds:SignedInfo/ds:Reference/ds:DigestMethod", NS):
        method.set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")
    stamp_content(root, house)


AFTERWARDS = {
    "officer": (stamp_content, PASSED, ""),
    "officer-revoked": (stamp_content, "TOTAL-FAILED", "REVOKED"),
    "officer-expired": (stamp_content_late, "TOTAL-FAILED", "EXPIRED"),
    "officer-not-enrolled": (weak_reference, "INDETERMINATE", "CRYPTO_CONSTRAINTS_FAILURE"),
}


@pytest.mark.parametrize("signer", AFTERWARDS)
def test_signed_after_the_end(house, signer):
    """What was stamped before it was signed proves that the signature is younger than the end
    of its certificate or algorithm."""
    change, indication, sub = AFTERWARDS[signer]
    number = f"PHYTO.NZ.2026.{900 + list(AFTERWARDS).index(signer):07d}"
    answer, = house.verify("eidas", [changed(house, number, f"authority-nz/{signer}", change)])
    assert (answer["indication"], answer["sub_indication"]) == (indication, sub), answer

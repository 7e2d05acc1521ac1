# SPDX-License-Identifier: EUPL-1.2
"""Any input of at most 10 MB takes at most 2 s of CPU and 256 MB, or is refused within them.

Shapes that cost a validator most, by both profiles; what the command took is read from the
kernel. The CPU of a machine that others use counts for more than it is, so a run over the bar
is repeated once.
"""
import base64
import datetime
import json
import os
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from scenarios.gate import BIN
from sim.measure import measured

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"
AT = "2026-06-05T00:00:00Z"
NOW = datetime.datetime(2026, 6, 1)
LARGEST, CPU, MEMORY = 10 * 1024 * 1024, 2.0, 256
DIGEST = base64.b64encode(b"x" * 32).decode()


def transform(algorithm, inner=""):
    return f'<ds:Transform Algorithm="{algorithm}">{inner}</ds:Transform>'


def reference(uri, transforms="", more=""):
    return (f'<ds:Reference URI="{uri}"{more}>'
            + (f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else "")
            + '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
            f"<ds:DigestValue>{DIGEST}</ds:DigestValue></ds:Reference>")


ENVELOPED = transform(DS + "enveloped-signature")
WHOLE = reference("", ENVELOPED)
PROPERTIES = reference("#p", more=' Type="http://uri.etsi.org/01903#SignedProperties"')
SUBTRACT = transform(FILTER, f'<XPath xmlns="{FILTER}" Filter="subtract">'
                     "/descendant::ds:Signature</XPath>")


def signature(references, rest="", name="s", method="ecdsa-sha256", value=DIGEST):
    return (f'<ds:Signature xmlns:ds="{DS}" Id="{name}"><ds:SignedInfo>'
            f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/><ds:SignatureMethod '
            f'Algorithm="http://www.w3.org/2001/04/xmldsig-more#{method}"/>{references}'
            f"</ds:SignedInfo><ds:SignatureValue>{value}</ds:SignatureValue>{rest}"
            "</ds:Signature>")


def signatures(count, references, rest=""):
    return "".join(signature(references, rest, f"s{n}") for n in range(count))


def properties(unsigned="", signed=""):
    return (f'<ds:Object><xades:QualifyingProperties xmlns:xades="{XADES}" Target="#s">'
            '<xades:SignedProperties Id="p"><xades:SignedSignatureProperties>'
            f"<xades:SigningTime>2026-06-01T00:00:00Z</xades:SigningTime>{signed}"
            "</xades:SignedSignatureProperties></xades:SignedProperties>"
            "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>"
            f"{unsigned}</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
            "</xades:QualifyingProperties></ds:Object>")


def over(content, references):
    return f'<r><a Id="x">{content}</a>{signature(references)}</r>'


def deep():
    depth = range(200)
    return ("<r>" + "".join(f'<a Id="d{n}">' for n in depth) + "z" * 4_000_000
            + "</a>" * 200 + signature("".join(reference(f"#d{n}") for n in depth) * 20) + "</r>")


def prefix_list():
    names = " ".join(f"p{n}" for n in range(64))
    step = transform(EXCLUSIVE, f'<e:InclusiveNamespaces xmlns:e="{EXCLUSIVE}" '
                     f'PrefixList="{names}"/>')
    return ("<r>" + "<a>" * 240 + "<b/>" * 300_000 + "</a>" * 240
            + signature(reference("", ENVELOPED + step) * 40) + "</r>")


def wide():
    spaces = "".join(f' xmlns:n{n}="urn:x:{n}"' for n in range(28))
    names = "".join(f' n{n}:a=""' for n in range(28)) + "".join(f' b{n}=""' for n in range(30))
    return (f"<r{spaces}><a Id=\"x\">" + f"<b{names}/>" * 8000 + "</a>"
            + signature(reference("#x") * 4000) + "</r>")


def redeclared():
    spaces = "".join(f' xmlns:n{n}="urn:x:{n}"' for n in range(30))
    return over(f"<b{spaces}/>" * 8000, reference("#x", transform(INCLUSIVE)) * 4000)


def archive_stamps():
    stamp = ('<t:ArchiveTimeStamp xmlns:t="http://uri.etsi.org/01903/v1.4.1#">'
             f'<ds:CanonicalizationMethod Algorithm="{INCLUSIVE}"/>'
             "<xades:EncapsulatedTimeStamp>QUJD</xades:EncapsulatedTimeStamp>"
             "</t:ArchiveTimeStamp>")
    return ("<r>" + "<b>y</b>" * 150_000
            + signature(WHOLE + PROPERTIES, properties(stamp * 64)) + "</r>")


def rsa_keys():
    modulus = base64.b64encode(b"\xff" * 2047 + b"\x01").decode()
    exponent = base64.b64encode(b"\x80" + b"\0" * 6 + b"\x01").decode()
    key = ("<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>" + modulus
           + f"</ds:Modulus><ds:Exponent>{exponent}</ds:Exponent></ds:RSAKeyValue>"
           "</ds:KeyValue></ds:KeyInfo>")
    value = base64.b64encode(b"\1" * 2048).decode()
    return "<r>" + "".join(signature(WHOLE, key, f"s{n}", "rsa-sha256", value)
                           for n in range(64)) + "</r>"


class Authority:
    """A root and a signer below it."""

    def __init__(self, folder):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = self.issue("Root", self.key, True)
        self.signer = self.issue("Signer", ec.generate_private_key(ec.SECP256R1()), False)
        self.path = folder / "root.pem"
        self.path.write_bytes(self.root.public_bytes(serialization.Encoding.PEM))

    def issue(self, name, key, ca, serial=7):
        name, root = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)])
                      for n in (name, "Root"))
        return (x509.CertificateBuilder().subject_name(name).issuer_name(root)
                .public_key(key.public_key()).serial_number(serial)
                .not_valid_before(NOW - datetime.timedelta(days=90))
                .not_valid_after(NOW + datetime.timedelta(days=365))
                .add_extension(x509.BasicConstraints(ca, None), critical=True)
                .sign(self.key, hashes.SHA256()))

    def response(self, age):
        return (ocsp.OCSPResponseBuilder().add_response(
            cert=self.signer, issuer=self.root, algorithm=hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=NOW - datetime.timedelta(seconds=age),
            next_update=NOW + datetime.timedelta(days=30), revocation_time=None,
            revocation_reason=None).responder_id(ocsp.OCSPResponderEncoding.HASH, self.root)
            .sign(self.key, hashes.SHA256()))

    def crl(self, age):
        return (x509.CertificateRevocationListBuilder().issuer_name(self.root.subject)
                .last_update(NOW - datetime.timedelta(seconds=age))
                .next_update(NOW + datetime.timedelta(days=30))
                .sign(self.key, hashes.SHA256()))

    def signed(self, element, objects, more=""):
        """64 signatures of the signer; the first carries all the objects."""
        values = "".join(
            f"<xades:{element}>{self.text(o)}</xades:{element}>" for o in objects)
        info = ("<ds:KeyInfo><ds:X509Data><ds:X509Certificate>" + self.text(self.signer)
                + "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>")
        first = signature(WHOLE + PROPERTIES, info + properties(
            f"<xades:V>{values}</xades:V>", more))
        return "<r>" + first + signatures(63, WHOLE, info) + "</r>"

    @staticmethod
    def text(thing):
        return base64.b64encode(thing.public_bytes(serialization.Encoding.DER)).decode()


def same_names(authority):
    """Certificates that all could have issued each other."""
    return authority.signed("EncapsulatedX509Certificate", [
        authority.issue("Root", authority.key, True, n + 10) for n in range(1900)])


def slow_keys(authority):
    """Certificates of the issuer's name whose keys take longest to try."""
    keys = [rsa.RSAPublicNumbers((1 << 63) | 1, (1 << 16383) | (2 * n + 1)).public_key()
            for n in range(1500)]
    return authority.signed("EncapsulatedX509Certificate", [
        authority.issue("Root", Public(key), True, n + 10) for n, key in enumerate(keys)])


class Public:
    """A public key in the place of a pair."""

    def __init__(self, key):
        self.key = key

    def public_key(self):
        return self.key


def named_certificates(authority):
    digest = base64.b64encode(b"y" * 64).decode()
    one = ('<xades:Cert><xades:CertDigest><ds:DigestMethod '
           'Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"/>'
           f"<ds:DigestValue>{digest}</ds:DigestValue></xades:CertDigest></xades:Cert>")
    return authority.signed("EncapsulatedX509Certificate", [
        authority.issue("Root", authority.key, True, n + 10) for n in range(1900)],
        f"<xades:SigningCertificateV2>{one * 25000}</xades:SigningCertificateV2>")


SHAPES = {
    "large-object": lambda a: over("y" * 8_000_000, reference("#x") * 4096),
    "elements": lambda a: "<r>" + "<b/>" * 400_000 + signature(WHOLE * 4096) + "</r>",
    "inclusive": lambda a: over("<b>y</b>" * 150_000,
                                reference("#x", transform(INCLUSIVE)) * 4096),
    "signatures": lambda a: "<r>" + "<b>y</b>" * 100_000 + signatures(64, WHOLE * 8) + "</r>",
    "cross-references": lambda a: "<r>" + signatures(64, reference("#s0") * 600) + "</r>",
    "subtracted": lambda a: "<r>" + "<b/>" * 350_000
                            + signatures(64, reference("", SUBTRACT) * 4) + "</r>",
    "transforms": lambda a: over("y" * 3_000_000,
                                 reference("#x", transform(INCLUSIVE) * 8) * 1500),
    "base64": lambda a: over("QUFB" * 1_500_000, reference("#x", transform(DS + "base64"))
                             * 3000),
    "manifest": lambda a: "<r><a Id=\"x\">" + "y" * 5_000_000 + "</a>" + signature(
        reference("#m"), '<ds:Object Id="m"><ds:Manifest>' + reference("#x") * 4096
        + "</ds:Manifest></ds:Object>") + "</r>",
    "deep": lambda a: deep(),
    "prefix-list": lambda a: prefix_list(),
    "wide": lambda a: wide(),
    "redeclared": lambda a: redeclared(),
    "archive-stamps": lambda a: archive_stamps(),
    "rsa-16384": lambda a: rsa_keys(),
    "same-names": same_names,
    "slow-keys": slow_keys,
    "named-certificates": named_certificates,
    "responses": lambda a: a.signed("EncapsulatedOCSPValue", map(a.response, range(1900))),
    "crls": lambda a: a.signed("EncapsulatedCRLValue", map(a.crl, range(1900))),
}


def container(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("mimetype", "application/vnd.etsi.asic-e+zip", zipfile.ZIP_STORED)
        for name, data in files.items():
            z.writestr(name, data)


CONTAINERS = {
    "unpacked": {"x": os.urandom(9_000_000) + b"a" * 50_000_000,
                 "META-INF/signatures.xml": signature(reference("x") * 4096)},
    "read-again": {"x": "<r>" + "<b>y</b>" * 250_000 + os.urandom(300_000).hex() + "</r>",
                   "META-INF/signatures.xml":
                   signature(reference("x", transform(INCLUSIVE)) * 4096)},
    "signature-files": {"x": os.urandom(5_000_000), **{
        f"META-INF/signatures{n}.xml": signature(reference("x") * 100) for n in range(64)}},
    "files": {**{f"f{n}": b"x" for n in range(4090)}, "META-INF/signatures.xml":
              signature("".join(reference(f"f{n}") for n in range(4090)))},
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def once(path, profile, anchors):
    """What one validation took, and its answer (None when it was stopped at its limits)."""
    done = measured("prlimit", "--cpu=20", BIN / "sealgate", "verify", "--profile", profile,
                    "--at", AT, "--anchors", anchors, path)
    answer = json.loads(done.out) if done.status in (0, 1) else None
    return done.cpu, done.megabytes, answer


def check(path, authority):
    assert path.stat().st_size <= LARGEST
    for profile in ("eidas", "gate"):
        seconds, megabytes, answer = once(path, profile, authority.path)
        if seconds > CPU:
            seconds, megabytes, answer = once(path, profile, authority.path)
        print(f"{path.name} {profile}: {seconds:.2f} s, {megabytes:.0f} MB, "
              f"{answer and answer['indication']}")
        assert seconds <= CPU and megabytes <= MEMORY and answer
        assert answer["indication"] != "TOTAL-PASSED"


@pytest.mark.parametrize("shape", SHAPES)
def test_document(shape, authority, tmp_path):
    path = tmp_path / (shape + ".xml")
    path.write_text(SHAPES[shape](authority))
    check(path, authority)


@pytest.mark.parametrize("shape", CONTAINERS)
def test_container(shape, authority, tmp_path):
    path = tmp_path / (shape + ".asice")
    container(path, CONTAINERS[shape])
    check(path, authority)

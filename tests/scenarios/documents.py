# SPDX-License-Identifier: EUPL-1.2
"""Signed documents without a gate: made by the command line, changed, signed again, verified."""
import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from lxml import etree

from scenarios.gate import Gate, sealgate
from sim import pki as pki_module
from sim import process

NS = {"ds": "http://www.w3.org/2000/09/xmldsig#",
      "xades": "http://uri.etsi.org/01903/v1.3.2#"}


class Documents(Gate):
    """What signing needs: a PKI and a time-stamping authority, no gate."""

    def make(self, with_rsa=True):
        self.pki = pki_module.Pki.create(self.folder / "pki", with_rsa=with_rsa)
        path = self.pki.path
        self.tsa = process.start("tsa", self.folder / "sims", cert=path("tsa/tsa"),
                                 key=path("tsa/tsa", ".key"))
        return self

    def verify(self, profile, files):
        """The answers, one a file."""
        folder = self.folder / "pki"
        done = sealgate("verify", "--profile", profile,
                        "--anchors", folder / "anchors" / "authority-nz.pem",
                        "--anchors", folder / "anchors" / "tsa.pem",
                        "--revocation", folder / "crl", *files, timeout=300)
        assert done.returncode in (0, 1), done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(files)
        return answers


def canonical(element):
    """Exclusive canonical octets of a subtree."""
    return etree.tostring(element, method="c14n", exclusive=True)


def digest_text(octets):
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()


def _reference_octets(root, signature, reference):
    uri = reference.get("URI")
    if uri:
        return canonical(root.xpath("//*[@Id=$i]", i=uri[1:])[0])
    place = root.index(signature)
    root.remove(signature)
    octets = canonical(root)
    root.insert(place, signature)
    return octets


def sign_again(root, key_path):
    """Digests and value of the only signature anew, by the P-256 key that made it."""
    signature = root.find("ds:Signature", NS)
    info = signature.find("ds:SignedInfo", NS)
    for reference in info.findall("ds:Reference", NS):
        octets = _reference_octets(root, signature, reference)
        reference.find("ds:DigestValue", NS).text = digest_text(octets)
    key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    r, s = utils.decode_dss_signature(key.sign(canonical(info), ec.ECDSA(hashes.SHA256())))
    value = signature.find("ds:SignatureValue", NS)
    value.text = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()

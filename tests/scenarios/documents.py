# SPDX-License-Identifier: EUPL-1.2
"""Signed documents without a gate: made by the command line, changed, signed again, verified."""
import base64
import hashlib
import json
import subprocess

import requests

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


DIGESTS = {"http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
           "http://www.w3.org/2000/09/xmldsig#sha1": "sha1"}


def reference_octets(root, signature, reference):
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
        name = DIGESTS[reference.find("ds:DigestMethod", NS).get("Algorithm")]
        digest = hashlib.new(name, reference_octets(root, signature, reference)).digest()
        reference.find("ds:DigestValue", NS).text = base64.b64encode(digest).decode()
    key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    r, s = utils.decode_dss_signature(key.sign(canonical(info), ec.ECDSA(hashes.SHA256())))
    value = signature.find("ds:SignatureValue", NS)
    value.text = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()


def stamp(house, octets):
    """The authority's time-stamp token over some octets, base64."""
    def openssl(*arguments):
        return subprocess.run(["openssl", "ts", *map(str, arguments)], check=True,
                              capture_output=True, timeout=30).stdout
    data, reply = house.folder / "stamped", house.folder / "stamp.tsr"
    data.write_bytes(octets)
    query = openssl("-query", "-data", data, "-sha256", "-cert", "-no_nonce")
    answer = requests.post(f"{house.tsa.url}/tsa", data=query, timeout=30,
                           headers={"Content-Type": "application/timestamp-query"})
    reply.write_bytes(answer.content)
    return base64.b64encode(openssl("-reply", "-in", reply, "-token_out")).decode()


def stamp_content(root, house):
    """Put a time-stamp over all that is signed among the signed properties."""
    signature = root.find("ds:Signature", NS)
    references = signature.findall("ds:SignedInfo/ds:Reference", NS)
    octets = b"".join(reference_octets(root, signature, r) for r in references
                      if r.get("Type") is None)
    where, = root.xpath("//xades:SignedDataObjectProperties", namespaces=NS)
    element = etree.SubElement(where, "{%s}AllDataObjectsTimeStamp" % NS["xades"])
    method = etree.SubElement(element, "{%s}CanonicalizationMethod" % NS["ds"])
    method.set("Algorithm", "http://www.w3.org/2001/10/xml-exc-c14n#")
    token = etree.SubElement(element, "{%s}EncapsulatedTimeStamp" % NS["xades"])
    token.text = stamp(house, octets)

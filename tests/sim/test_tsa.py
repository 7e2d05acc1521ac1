# SPDX-License-Identifier: EUPL-1.2
"""The time-stamping authority, judged by `openssl ts -verify`."""
import hashlib
import os
import subprocess
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from scenarios.processes import stat_of

from . import authority, der, tsa

DATA = b"time-stamp me"


class Client:
    """Makes queries, posts them, and has the replies judged by openssl."""

    def __init__(self, url, anchor, folder):
        self.url, self.anchor, self.folder = url, anchor, folder
        self.session = requests.Session()
        self.session.trust_env = False

    def openssl(self, *arguments):
        return subprocess.run(["openssl", "ts", *map(str, arguments)], timeout=30,
                              capture_output=True, text=True, check=False)

    def query(self, *options, digest="sha256"):
        """Octets of a query for DATA made by openssl; certReq and nonce by default."""
        data, path = self.folder / "data", self.folder / "query.tsq"
        data.write_bytes(DATA)
        result = self.openssl("-query", "-data", data, f"-{digest}", "-out", path,
                              *(options or ("-cert",)))
        assert result.returncode == 0, result.stderr
        return path.read_bytes()

    def post(self, query, content_type=tsa.QUERY):
        response = self.session.post(self.url + "/tsa", query, timeout=10,
                                     headers={"Content-Type": content_type})
        (self.folder / "reply.tsr").write_bytes(response.content)
        return response

    def verify(self, *extra, by_data=False):
        """True when openssl accepts the last reply for the last query."""
        asked = ("-data", self.folder / "data") if by_data else (
            "-queryfile", self.folder / "query.tsq")
        result = self.openssl("-verify", *asked, "-in", self.folder / "reply.tsr",
                              "-CAfile", self.anchor, *extra)
        assert ("Verification: OK" in result.stdout) == (result.returncode == 0)
        return result.returncode == 0

    def text(self):
        return self.openssl("-reply", "-in", self.folder / "reply.tsr", "-text").stdout


@pytest.fixture
def authority_client(start, pki, tmp_path):
    """(simulator, client) of the P-256 authority."""
    simulator = start("tsa", cert=pki.path("tsa/tsa"), key=pki.path("tsa/tsa", ".key"))
    return simulator, Client(simulator.url, pki.path("anchors/tsa"), tmp_path)


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_tokens_verify(authority_client, digest):
    simulator, client = authority_client
    response = client.post(client.query(digest=digest))
    assert response.headers["Content-Type"] == tsa.REPLY
    assert client.verify() and client.verify(by_data=True)
    entry = simulator.events("token")[0]
    assert entry["imprint"] == hashlib.new(digest, DATA).hexdigest()
    assert entry["serial"].upper() in client.text().replace("0x0", "0x").upper()


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_own_digest_and_rsa_key(start, pki, tmp_path, digest):
    key = authority.new_key("RSA-3072")
    made = pki.authority("tsa/root").issue("tsa", (("CN", "RSA unit"),), key.public_key(),
                                           pki.span((1, 1)))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "c.pem").write_bytes(made.public_bytes(encoding))
    (tmp_path / "k.pem").write_bytes(
        key.private_bytes(encoding, form, serialization.NoEncryption()))
    simulator = start("tsa", cert=tmp_path / "c.pem", key=tmp_path / "k.pem",
                      digest=digest, fractions=True)
    client = Client(simulator.url, pki.path("anchors/tsa"), tmp_path)
    client.post(client.query())
    assert client.verify()


def test_certificates_only_when_asked_for(authority_client, pki):
    _, client = authority_client
    client.post(client.query("-no_nonce"))
    assert not client.verify()
    assert client.verify("-untrusted", pki.path("tsa/tsa"))
    assert "Nonce: unspecified" in client.text()
    with_certificate = len(client.post(client.query("-cert")).content)
    assert with_certificate > len(client.post(client.query("-no_nonce")).content) + 400


@pytest.mark.parametrize("mode", ["wrong-nonce", "no-nonce", "wrong-imprint",
                                  "bad-signature", "no-cert", "reject", "garbage",
                                  "fault-perm"])
def test_bad_replies_do_not_verify(authority_client, mode):
    simulator, client = authority_client
    simulator.mode(mode, count=1)
    assert client.post(client.query()).status_code == 200
    assert not client.verify()
    client.post(client.query())
    assert client.verify()


def test_modes_that_openssl_does_not_judge(authority_client):
    simulator, client = authority_client
    simulator.mode("wrong-policy", count=1)
    client.post(client.query())
    assert f"Policy OID: {tsa.WRONG_POLICY}" in client.text()
    simulator.mode("fault-temp", count=1)
    assert client.post(client.query()).status_code == 500
    simulator.mode("busy", count=1)
    assert client.post(client.query()).status_code == 503
    simulator.clock(-86400 * 3)
    asked = time.time()
    client.post(client.query())
    days = {time.strftime("%b %e", time.gmtime(at - 86400 * 3)) for at in (asked, time.time())}
    assert any(f"Time stamp: {day}" in client.text() for day in days)


def test_down_and_drop(authority_client):
    simulator, client = authority_client
    simulator.mode("drop-after-accept", count=1)
    with pytest.raises(requests.ConnectionError):
        client.post(client.query())
    simulator.mode("down")
    with pytest.raises(requests.ConnectionError):
        client.post(client.query())
    simulator.mode("ok")
    client.post(client.query())
    assert client.verify() and len(simulator.events("token")) == 2


def test_rogue_authority_is_not_trusted(start, pki, tmp_path):
    simulator = start("tsa", cert=pki.path("rogue/tsa"),
                      key=pki.path("rogue/tsa", ".key"))
    client = Client(simulator.url, pki.path("anchors/tsa"), tmp_path)
    client.post(client.query())
    assert not client.verify()


@pytest.mark.parametrize("options,digest,failure", [
    (("-tspolicy", "1.2.3.4"), "sha256", "policy is not supported"),
    (("-cert",), "sha1", "algorithm")])
def test_rejections_name_the_failure(authority_client, options, digest, failure):
    simulator, client = authority_client
    client.post(client.query(*options, digest=digest))
    text = client.text()
    assert "Status: Rejected" in text and failure in text
    assert simulator.ledger() == []


def test_malformed_queries_are_rejected(authority_client):
    _, client = authority_client
    query = client.query()
    extension = der.tlv(0xA0, der.sequence(der.oid("2.999.1"), der.octets(b"")))
    inner = der.Reader(query).content(der.SEQUENCE)
    for bad in (b"", b"\0", query[:-1], query + b"\0", der.sequence(inner, extension),
                query.replace(b"\x02\x01\x01", b"\x02\x01\x02", 1)):
        assert client.post(bad).status_code == 200
        assert "Status: Rejected" in client.text()
    assert client.post(query, "text/plain").status_code == 415


def test_serial_numbers_and_cost(authority_client):
    """What takes longer than the processor's time takes it for others on this machine."""
    simulator, client = authority_client

    def used():
        return sum(map(int, stat_of(simulator.process.pid)[11:13])) / os.sysconf("SC_CLK_TCK")
    query, before = client.query(), used()
    for _ in range(50):
        client.post(query)
    serials = {entry["serial"] for entry in simulator.events("token")}
    assert len(serials) == 50
    assert used() - before < 50 * 0.05


def test_der_reader_is_strict():
    for data in (b"\x30\x81\x01\x00", b"\x30\x80\x00\x00", b"\x1f\x81\x00",
                 b"\x30\x05\x00"):
        with pytest.raises(der.DerError):
            der.Reader(data).element()
    for data in (b"\x02\x00", b"\x02\x01\x80", b"\x02\x02\x00\x01"):
        with pytest.raises(der.DerError):
            der.Reader(data).number()
    assert der.oid("2.999.3161.1") == bytes.fromhex("06058837985901")
    assert der.Reader(der.integer(1 << 63)).number() == 1 << 63


def test_token_names_the_issuer_as_the_certificate_does(pki):
    path = pki.path("tsa/tsa")
    signer = tsa.Signer(None, x509.load_pem_x509_certificate(path.read_bytes()))
    issuer = pki.certificate("tsa/root").subject.public_bytes()
    assert issuer in signer._ess

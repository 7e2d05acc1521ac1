# SPDX-License-Identifier: EUPL-1.2
"""sealgate-trustd asks OCSP responders (openssl ocsp behind a server of ours): what is put in
force, and what a responder that lies, is late or is another's achieves."""
import datetime
import json
import pathlib
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scenarios.gate import sealgate
from scenarios.test_supply import CA, House, a_house, endless, octets, silent, status

OFFICER = "authority-nz/officer"


class Responder(House):
    """An authority that answers by OCSP."""

    def __init__(self, folder):
        super().__init__(folder)
        issuers = self.dir / "policies" / "anchors" / "issuers"
        (issuers / "officer.pem").write_bytes(self.pki.path(OFFICER).read_bytes())
        self.published = self.dir / "state" / "trust" / "revocation" / "officer.ocsp"
        self.index = folder / "index.txt"
        self.signer = (self.pki.path(CA), self.pki.path(CA, ".key"))
        self.minutes = 60
        self.responses = []
        self.know()

    def know(self, revoked=None):
        """What the authority knows about its officer."""
        officer = x509.load_pem_x509_certificate(self.pki.path(OFFICER).read_bytes())
        serial = officer.serial_number.to_bytes(20, "big").hex().upper().lstrip("0")
        serial = serial if len(serial) % 2 == 0 else "0" + serial
        when = revoked.strftime("%y%m%d%H%M%SZ") + ",keyCompromise" if revoked else ""
        self.index.write_text(
            f"{'R' if revoked else 'V'}\t400101000000Z\t{when}\t{serial}\tunknown\t/CN=officer\n")

    def respond(self, request):
        """The answer of openssl ocsp to a request."""
        question, answer = self.folder / "request.der", self.folder / "response.der"
        question.write_bytes(request)
        command = ["openssl", "ocsp", "-index", self.index, "-CA", self.pki.path(CA),
                   "-rsigner", self.signer[0], "-rkey", self.signer[1], "-reqin", question,
                   "-respout", answer]
        if self.minutes:
            command += ["-nmin", str(self.minutes)]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        self.responses.append(answer.read_bytes())
        return self.responses[-1]

    def without_nonce(self):
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            *(x509.load_pem_x509_certificate(self.pki.path(n).read_bytes())
              for n in (OFFICER, CA)), hashes.SHA1())
        return builder.build().public_bytes(serialization.Encoding.DER)

    def says(self):
        """The reason that trust ocsp gives about what is published."""
        done = sealgate("trust", "ocsp", "--issuer", self.pki.path(CA), "--cert",
                        self.pki.path(OFFICER), self.published)
        return json.loads(done.stdout)["reason"]

    def answer(self, handler):
        request = handler.rfile.read(int(handler.headers["Content-Length"]))
        assert handler.headers["Content-Type"] == "application/ocsp-request"
        octets(self.respond(request))(handler)

    def follow(self, more="", nonce="accept", every=1):
        file = self.dir / "policies" / "trust" / "sources.cfg"
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f'hosts = ( "{self.server.host}" );\naddresses = "any";\n{more}\n'
            f'ocsp = ( {{ name = "officer"; url = "{self.server.url("/ocsp")}"; '
            'issuer = "anchors/issuers/nz.pem"; certificate = "anchors/issuers/officer.pem"; '
            f'nonce = "{nonce}"; every_s = {every}; }} );\n')
        self.start()

    def becomes(self, answer, **more):
        """What becomes of one answer."""
        self.server.answers["/ocsp"] = answer
        (self.dir / "state" / "trust" / "supply.json").unlink(missing_ok=True)
        self.follow(every=60, **more)
        code, rows = self.until(lambda r: r[0]["tried"])
        self.stop()
        return code, rows[0]


@pytest.fixture
def house():
    with a_house(Responder) as made:
        yield made


def test_good_then_revoked(house):
    house.server.answers["/ocsp"] = house.answer
    house.follow(nonce="demand")
    _, rows = house.until(lambda r: r[0]["result"] == "published")
    assert rows[0]["next_update"] and house.published.stat().st_size > 0
    first = house.published.read_bytes()
    assert house.says() == "good"
    house.know(revoked=datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1))
    house.until(lambda _: house.published.read_bytes() not in (b"", first) and
                "revoked" in house.says())
    house.stop()


def delegate(house, folder, usages):
    """A responder's certificate by the issuing authority."""
    issuer = x509.load_pem_x509_certificate(house.pki.path(CA).read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Responder")]))
            .issuer_name(issuer.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .sign(serialization.load_pem_private_key(
                house.pki.path(CA, ".key").read_bytes(), None), hashes.SHA256()))
    pem, secret = folder / "responder.pem", folder / "responder.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return pem, secret


@pytest.mark.parametrize("usage, result", [("OCSP_SIGNING", "published"),
                                           ("CLIENT_AUTH", "refused")])
def test_delegation(house, tmp_path, usage, result):
    house.signer = delegate(house, tmp_path, [getattr(ExtendedKeyUsageOID, usage)])
    _, row = house.becomes(house.answer)
    assert row["result"] == result, row
    assert house.published.exists() == (result == "published")


@pytest.mark.parametrize("case, reason", [
    ("another's", "not signed by its issuer"), ("no end", "no nextUpdate"),
    ("unknown", "does not know"), ("garbage", "not an OCSP response"),
    ("moved", "redirects are not followed"), ("huge", "longer than max_octets")])
def test_refused(house, case, reason):
    answer = {"garbage": octets(b"0"), "moved": status(302, Location="/elsewhere"),
              "huge": endless}.get(case, house.answer)
    if case == "another's":
        house.signer = (house.pki.path("rogue/root"), house.pki.path("rogue/root", ".key"))
    elif case == "no end":
        house.minutes = 0
    elif case == "unknown":
        house.index.write_text("V\t400101000000Z\t\t01\tunknown\t/CN=somebody\n")
    code, row = house.becomes(answer, more="max_octets = 65536;")
    assert code == 1 and row["failures"] == 1 and reason in row["reason"], row
    assert not house.published.exists()
    assert {path for path, _ in house.server.asked} == {"/ocsp"}


def test_slow(house):
    released = threading.Event()
    try:
        _, row = house.becomes(silent(released), more="timeout_s = 1;")
    finally:
        released.set()
    assert row["result"] == "failed" and "imeout" in row["reason"], row


def test_nonce(house):
    """An answer to another question never counts; one without a nonce by policy."""
    signed_before = house.respond(house.without_nonce())
    _, row = house.becomes(octets(signed_before), nonce="demand")
    assert (row["result"], row["reason"]) == ("refused", "it does not repeat the nonce")
    assert house.becomes(octets(signed_before))[1]["result"] == "published"
    assert house.becomes(house.answer, nonce="demand")[1]["result"] == "published"
    replayed = house.responses[-1]
    _, row = house.becomes(octets(replayed))
    assert "another's" in row["reason"], row


def test_nothing_older(house):
    old = house.respond(house.without_nonce())
    began = int(time.time())
    while int(time.time()) == began:  # a thisUpdate that is later by its second
        time.sleep(0.02)
    assert house.becomes(house.answer)[1]["result"] == "published"
    newer = house.published.read_bytes()
    _, row = house.becomes(octets(old))
    assert "older than one that was published" in row["reason"], row
    assert house.published.read_bytes() == newer
    pathlib.Path(house.published).unlink()
    assert house.becomes(octets(old))[1]["result"] == "refused"

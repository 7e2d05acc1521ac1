# SPDX-License-Identifier: EUPL-1.2
"""Sealed heads and time-stamps go on proving after their certificates have ended; what cannot be
proven any more is counted and keeps nobody from the chain. What is not there proves nothing, and
neither does another instance's head. All of it is made here, some days old."""
import base64
import datetime
import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scenarios.gate import sealgate
from sim import der
from sim.tsa import DIGESTS, Signer

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
RECORDS = 6
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
          "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class Authority:
    """A root with certificates and a list of revoked ones; days count from now."""

    def __init__(self, name):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(self.name, self.key, -100, 1000, (
            (x509.BasicConstraints(True, None), True), (self._usage("key_cert_sign", "crl_sign"),
                                                        True)))

    @staticmethod
    def _usage(*allowed):
        return x509.KeyUsage(**{usage: usage in allowed for usage in USAGES})

    def _sign(self, subject, key, begin, end, extensions):
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(
            key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
                NOW + begin * DAY).not_valid_after(NOW + end * DAY)
        for extension, critical in extensions:
            made = made.add_extension(extension, critical)
        return made.sign(self.key, hashes.SHA256())

    def issue(self, name, begin, end, stamping=False):
        """(key, certificate) of a signer."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [(self._usage("digital_signature"), True),
                      (x509.BasicConstraints(False, None), True)]
        if stamping:
            extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return key, self._sign(subject, key, begin, end, extensions)

    def crl(self, path, begin, revoked=(), keeps=True):
        """Issued `begin` days from now, without an end in sight; keeps: also expired ones."""
        made = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(
            NOW + begin * DAY).next_update(NOW + 900 * DAY)
        if keeps:  # expiredCertsOnCRL: a GeneralizedTime
            since = (NOW - 200 * DAY).strftime("%Y%m%d%H%M%SZ").encode()
            made = made.add_extension(x509.UnrecognizedExtension(
                x509.ObjectIdentifier("2.5.29.60"), b"\x18\x0f" + since), False)
        for certificate, days in revoked:
            made = made.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(
                certificate.serial_number).revocation_date(NOW + days * DAY).build())
        path.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.DER))


class Folder:
    """An exported chain and the heads that were sealed of it."""

    def __init__(self, path):
        self.path, self.heads = path, path / "heads"
        self.heads.mkdir()
        self.ca, self.tsa = Authority("heads"), Authority("stamps")
        self.ends, value, lines = {}, bytes(32), []
        for position in range(1, RECORDS + 1):
            record = compact({"actor": "a", "at": "2026-01-01T00:00:00Z", "event": "x"})
            value = hashlib.sha256(value + hashlib.sha256(record.encode()).digest()).digest()
            self.ends[position] = value.hex()
            lines.append(f'{{"position":{position},"chain":"{value.hex()}","record":{record}}}\n')
        (path / "export").write_text("".join(lines))
        for authority, name in ((self.ca, "heads.pem"), (self.tsa, "stamps.pem")):
            (path / name).write_bytes(authority.certificate.public_bytes(
                serialization.Encoding.PEM))

    def seal(self, signer, position, days, instance="demo", test=False, chain=None):
        key, certificate = signer
        statement = compact({
            "at": (NOW + days * DAY).strftime("%Y-%m-%dT%H:%M:%SZ"), "id": "0" * 26,
            "chain": chain or self.ends[position], "instance": instance, "position": position,
            "test": test, "type": "sealgate-audit-head"})
        pair = utils.decode_dss_signature(key.sign(statement.encode(), ec.ECDSA(hashes.SHA256())))
        octets = certificate.public_bytes(serialization.Encoding.DER)
        (self.heads / f"{position:018}.json").write_text(compact({
            "certificates": [base64.b64encode(octets).decode()], "statement": statement,
            "signature": base64.b64encode(b"".join(n.to_bytes(32, "big") for n in pair)).decode()}))

    def stamp(self, signer, position, days):
        head = (self.heads / f"{position:018}.json").read_bytes()
        digest = hashlib.sha256(head)
        imprint = der.sequence(der.sequence(der.oid(DIGESTS["sha256"])),
                               der.octets(digest.digest()))
        reply = Signer(*signer).response(imprint, None, (NOW + days * DAY).timestamp(), 1)
        token = der.Reader(reply).inner()
        token.element()  # the status
        token = token.element()[1]
        (self.heads / f"{position:018}.tst").write_text(compact({
            "head_sha256": digest.hexdigest(), "position": position,
            "time_stamp": base64.b64encode(token).decode(),
            "type": "sealgate-audit-head-time-stamp"}))

    def verify(self, *more, anchors=("heads.pem", "stamps.pem")):
        arguments = [word for name in anchors for word in ("--anchors", self.path / name)]
        for crl in self.path.glob("*.crl"):
            arguments += ["--revocation", crl]
        return sealgate("audit", "verify", "--heads", self.heads, *arguments, *more,
                        self.path / "export")


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_revocation_data_of_today_speaks_of_a_head_of_yesterday(folder):
    folder.seal(folder.ca.issue("head", -50, 50), 3, -1)
    folder.ca.crl(folder.path / "ca.crl", -1 / 24, keeps=False)
    done = folder.verify()
    assert done.returncode == 0 and "sealed: 1 heads of demo, " in done.stdout, done.stdout + done.stderr


def test_a_time_stamp_outlives_its_authority(folder):
    folder.seal(folder.ca.issue("head", -50, 50), 3, -20)
    folder.stamp(folder.tsa.issue("tsa", -50, -10, True), 3, -20)
    folder.ca.crl(folder.path / "ca.crl", -1 / 24)
    folder.tsa.crl(folder.path / "tsa.crl", -1 / 24)
    done = folder.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "time-stamped: 1 heads, all up to position 3 was there at " in done.stdout


def test_a_token_of_after_its_authority_does_not_count(folder):
    folder.seal(folder.ca.issue("head", -50, 50), 3, -20)
    folder.stamp(folder.tsa.issue("tsa", -50, -10, True), 3, -5)
    folder.ca.crl(folder.path / "ca.crl", -1 / 24)
    folder.tsa.crl(folder.path / "tsa.crl", -1 / 24)
    done = folder.verify()
    assert done.returncode == 1 and "expired" in done.stderr, done.stdout + done.stderr
    assert "intact: 6 records" in done.stdout


def test_an_authority_revoked_since_proves_nothing(folder):
    stamper = folder.tsa.issue("tsa", -50, -10, True)
    folder.seal(folder.ca.issue("head", -50, 50), 3, -20)
    folder.stamp(stamper, 3, -20)
    folder.ca.crl(folder.path / "ca.crl", -1 / 24)
    folder.tsa.crl(folder.path / "tsa.crl", -1 / 24, revoked=((stamper[1], -15),))
    done = folder.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "time-stamped: " not in done.stdout
    assert "not proven: 1 time-stamps, the last at position 3: " in done.stdout


def test_a_revoked_key_dates_no_head_back(folder):
    """What was stamped before its revocation proves all before it, and nothing behind it."""
    sealer = folder.ca.issue("head", -50, 50)
    folder.ca.crl(folder.path / "ca.crl", -1 / 24, revoked=((sealer[1], -10),))
    folder.tsa.crl(folder.path / "tsa.crl", -1 / 24)
    for position in (1, 2, 4):  # made when they say, or on the day before yesterday
        folder.seal(sealer, position, -20 + position)
    done = folder.verify()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not proven: 3 heads, the last at position 4: " in done.stdout
    folder.stamp(folder.tsa.issue("tsa", -50, 50, True), 2, -17)
    done = folder.verify()
    assert done.returncode == 1 and "not proven: 1 heads, the last at position 4: " in done.stdout
    assert "sealed: 2 heads of demo, the last at position 2 of " in done.stdout
    folder.seal(folder.ca.issue("next", -11, 50), 5, -2)
    done = folder.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sealed: 3 heads of demo, the last at position 5 of " in done.stdout
    folder.stamp(folder.tsa.issue("late", -50, 50, True), 4, -2)
    done = folder.verify()
    assert "not proven: 1 time-stamps, the last at position 4: " in done.stdout, done.stdout


def test_what_cannot_be_proven_is_counted(folder):
    """Nobody keeps the revocation of the first certificate; the second speaks for all before."""
    folder.ca.crl(folder.path / "ca.crl", -1 / 24, keeps=False)
    folder.seal(folder.ca.issue("first", -50, -10), 2, -20)
    done = folder.verify()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "intact: 6 records" in done.stdout
    assert "not proven: 1 heads, the last at position 2: " in done.stdout
    folder.seal(folder.ca.issue("second", -11, 50), 5, -2)
    done = folder.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sealed: 1 heads of demo, the last at position 5 of " in done.stdout
    assert "not proven: 1 heads, the last at position 2: " in done.stdout
    done = folder.verify(anchors=("stamps.pem",))
    assert done.returncode == 1 and "not proven: 2 heads" in done.stdout, done.stdout + done.stderr


def test_a_wrong_head_does_not_hide_the_chain(folder):
    signer = folder.ca.issue("head", -50, 50)
    folder.ca.crl(folder.path / "ca.crl", -1 / 24)
    folder.seal(signer, 2, -20)
    folder.seal(signer, 4, -10, chain="0" * 64)
    (folder.heads / f"{5:018}.json").write_text("{}")
    done = folder.verify()
    assert done.returncode == 1 and "rewritten" in done.stdout, done.stdout + done.stderr
    assert f"{5:018}.json: It is not a sealed head." in done.stderr


def test_without_a_head_nothing_is_proven(folder):
    """Whoever cuts the chain off takes the heads behind the cut away: the last one's time tells."""
    signer = folder.ca.issue("head", -50, 50)
    folder.ca.crl(folder.path / "ca.crl", -1 / 24)
    done = folder.verify()
    assert done.returncode == 1 and "not sealed: " in done.stdout, done.stdout + done.stderr
    folder.seal(signer, 4, -10)
    (folder.heads / f"{5:018}.json.set-back").write_text("{}")
    (folder.heads / f"{6:018}.json.set-back.2").write_text("{}")
    done = folder.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    at = (NOW - 10 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert f"the last at position 4 of {at}, 2 records after it\n" in done.stdout
    assert f"set back: 2 files of a chain that was lost, the last {6:018}.json.set-back.2\n" \
        in done.stdout


def test_whose_heads_count(folder):
    signer = folder.ca.issue("head", -50, 50)
    folder.ca.crl(folder.path / "ca.crl", -1 / 24)
    folder.seal(signer, 2, -20, instance="other")
    assert folder.verify().returncode == 0
    assert folder.verify("--name", "other").returncode == 0
    done = folder.verify("--name", "demo")
    assert done.returncode == 1 and "instance other" in done.stderr, done.stdout + done.stderr
    assert "not sealed: " in done.stdout
    folder.seal(signer, 4, -10)
    done = folder.verify()
    assert done.returncode == 1 and "--name says whose" in done.stderr, done.stdout + done.stderr
    done = folder.verify("--name", "demo", "--name", "other")
    assert done.returncode == 0 and "sealed: 2 heads" in done.stdout, done.stdout + done.stderr


def test_a_test_does_not_count_unasked(folder):
    folder.ca.crl(folder.path / "ca.crl", -1 / 24)
    folder.seal(folder.ca.issue("head", -50, 50), 3, -1, test=True)
    done = folder.verify()
    assert done.returncode == 1 and "TEST instance demo" in done.stderr, done.stdout + done.stderr
    done = folder.verify("--test")
    assert done.returncode == 0 and "heads of demo (TEST)" in done.stdout, done.stderr


def test_whose_is_asked_of_heads_only(folder):
    for option in (("--test",), ("--name", "demo")):
        done = sealgate("audit", "verify", *option, folder.path / "export")
        assert done.returncode == 2 and "--heads" in done.stderr, done.stderr

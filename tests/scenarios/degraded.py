# SPDX-License-Identifier: EUPL-1.2
"""What a gate depends on, taken away and brought back: a CRL, OCSP responses, a trusted list,
the clock. Each class breaks a gate that judges documents of one authority, and mends it."""
import datetime
import os
import shutil

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from scenarios.gate import sealgate
from scenarios.test_qualified import list_of
from scenarios.test_trust import Lists

CA = "authority-nz/issuing"
SIGNERS = ("authority-nz/officer", "authority-nz/seal")
HOUR = datetime.timedelta(hours=1)
ENDED = 3600  # seconds since what is broken has ended, or that the clock is behind


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def put(path, data):
    """Whole or not at all, as everybody writes who publishes."""
    path.parent.mkdir(exist_ok=True)
    fresh = path.parent / f".{path.name}.new"
    fresh.write_bytes(data)
    fresh.chmod(0o644)
    os.replace(fresh, path)


class Crl:
    name, reason = "crl", "sig.path"

    def __init__(self, gate, _folder):
        self.gate = gate
        self.path = (gate.dir / "state" / "trust" / "revocation" /
                     (CA.replace("/", "-") + ".crl"))
        self.good = self.path.read_bytes()

    def break_it(self):
        put(self.path, self.gate.pki.authority(CA).crl(now() - 2 * HOUR, now() - HOUR)
            .public_bytes(serialization.Encoding.DER))

    def mend(self):
        put(self.path, self.good)


class Ocsp(Crl):
    """The authority answers by OCSP and publishes no CRL."""
    name = "ocsp"

    def respond(self, since, until):
        authority = self.gate.pki.authority(CA)
        for signer in SIGNERS:
            response = (ocsp.OCSPResponseBuilder().add_response(
                self.gate.pki.certificate(signer), authority.certificate, hashes.SHA1(),
                ocsp.OCSPCertStatus.GOOD, since, until, None, None)
                .responder_id(ocsp.OCSPResponderEncoding.NAME, authority.certificate)
                .sign(authority.key, hashes.SHA256()))
            put(self.path.parent / (signer.replace("/", "-") + ".ocsp"),
                response.public_bytes(serialization.Encoding.DER))

    def break_it(self):
        self.path.unlink()
        self.respond(now() - 2 * HOUR, now() - HOUR)

    def mend(self):
        self.respond(now() - HOUR, now() + 24 * HOUR)

    def away(self):
        for signer in SIGNERS:
            (self.path.parent / (signer.replace("/", "-") + ".ocsp")).unlink(missing_ok=True)
        put(self.path, self.good)


class ALists:
    """A partner's file demands a qualified seal, which one list gives."""
    name, reason = "lists", "partner.qualification"

    def __init__(self, gate, folder):
        self.gate, self.folder, self.sequence = gate, folder, 7
        self.store = gate.dir / "state" / "trust" / "lists"
        self.lists = Lists(folder)
        self.partner = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
        self.undemanding = self.partner.read_bytes()

    def publish(self, at, until):
        self.sequence += 1
        dates = {"issued": text(at - HOUR), "until": text(until), "sequence": self.sequence}
        self.lists.lotl(**dates)
        self.lists.good("BB", **dates)
        self.lists.write("aa.xml", list_of(self.gate.pki.path(CA), **dates), self.lists.member)
        self.adopt(at)

    def adopt(self, at):
        done = sealgate("trust", "import", "--lotl", self.folder / "lotl.xml", "--lists",
                        self.folder, "--oj-certs", self.lists.journal.pem, "--at", text(at),
                        "--store", self.store)
        assert done.returncode == 0, done.stdout + done.stderr

    def break_it(self):
        put(self.partner, self.undemanding +
            b'qualification = ( { types = ( "*" ); seal = "qualified"; } );\n')
        self.publish(now() - 2 * HOUR, now() - HOUR)

    def mend(self):
        self.publish(now(), now() + 24 * HOUR)

    def away(self):
        put(self.partner, self.undemanding)
        shutil.rmtree(self.store)


class Clock(ALists):
    """What the gate has read was made in an hour from now."""
    name, reason = "clock", "gate.clock"

    def break_it(self):
        self.publish(now() + HOUR, now() + 24 * HOUR)

    def mend(self):
        shutil.rmtree(self.store)

    def away(self):
        shutil.rmtree(self.store, ignore_errors=True)


Crl.away = Crl.mend
DEPENDENCIES = {d.name: d for d in (Crl, Ocsp, ALists, Clock)}


def rule(gate, name, mode, seconds):
    more = f"seconds = {seconds};\n" if mode != "refuse" else ""
    put(gate.dir / "policies" / "degraded" / f"{name}.cfg", f'mode = "{mode}";\n{more}'.encode())

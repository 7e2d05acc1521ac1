# SPDX-License-Identifier: EUPL-1.2
"""A signer alone, with token and certificates, and a client of its protocol."""
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

from cryptography import x509

from scenarios.gate import BIN, sealgate

DOCUMENT = b"01HZZZZZZZZZZZZZZZZZZZZZZZ"
SIGN, CERTIFICATE, STATUS, RESULT = 1, 2, 3, 4
SIGNED, REFUSED, AWAY = 1, 2, 3
HEADER = struct.Struct("=IHHQII")
REQUEST = struct.Struct("=24s27sB4s64s")
ANSWER = struct.Struct("=IIQ24s96s1024s")
MAGIC = 0x53474154
BOUND = 20.0

ROLES = """
seal: { label = "seal"; mechanism = "rsa-pss-sha256"; key = "RSA-3072"; peer = "seal"; };
receipt: { label = "receipt"; mechanism = "ecdsa-sha256"; peer = "intake"; };
"""


class Client:
    """One connection, written from the description of the protocol, not from the C client."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(BOUND)
        self.socket.connect(str(path))

    def ask(self, kind, role=b"", digest=b"", document=b""):
        """(answer, value, count, mechanism, reason, descriptors); None: it was closed."""
        body = REQUEST.pack(role, document, len(digest), b"", digest)
        self.socket.send(HEADER.pack(MAGIC, 1, kind, 77, len(body), 0) + body)
        try:
            data, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
        except ConnectionError:
            return None
        if not data:
            return None
        magic, version, kind, number, length, count = HEADER.unpack(data[:HEADER.size])
        assert (magic, version, kind, number) == (MAGIC, 1, RESULT, 77)
        assert length == len(data) - HEADER.size and count == len(fds)
        answer, size, total, mechanism, reason, value = ANSWER.unpack(data[HEADER.size:])
        return (answer, value[:size], total, mechanism.rstrip(b"\0").decode(),
                reason.rstrip(b"\0").decode(), fds)

    def sign(self, role, digest, document=DOCUMENT):
        return self.ask(SIGN, role.encode(), digest, document)

    def close(self):
        self.socket.close()


class Signer:
    """An instance with token and certificates, and its signer."""

    wrapper = ()  # before every command of the instance

    def __init__(self, folder, roles=ROLES, extra=""):
        self.dir = pathlib.Path(folder)
        self.process = None
        self.log = self.dir / "signer.log"
        for name in ("policies/signature", "state", "run", "credentials"):
            (self.dir / name).mkdir(parents=True)
        (self.dir / "policies/signature/roles.cfg").write_text(roles)
        self.configure(extra)

    def configure(self, extra="", test="true"):
        (self.dir / "sealgate.conf").write_text(
            f'instance = {{ name = "s"; test = {test}; }};\n'
            'signer = { softhsm_conf = "state/signer/softhsm2.conf"; trial_s = 1; };\n' + extra)

    def run(self, *arguments, check=True):
        return sealgate("--instance", self.dir, "hsm", *arguments, check=check,
                        wrapper=self.wrapper)

    def make(self, pki):
        self.run("init")
        for role in ("seal", "receipt"):
            request = self.run("csr", role, "--subject", f"C=EU,CN={role}").stdout
            (self.dir / f"{role}.pem").write_bytes(pki.issue(role, request.encode()))
            self.run("import", role, self.dir / f"{role}.pem")
        return self

    def start(self, wrapper=(), uid=None):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, *wrapper, str(BIN / "sealgate-signer"), "--instance", str(self.dir)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=uid, group=uid,
                extra_groups=None if uid is None else [])
        return self

    def up(self, **options):
        self.start(**options)
        end = time.monotonic() + BOUND
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                client = self.client()
            except OSError:
                time.sleep(0.02)
                continue
            for descriptor in client.ask(STATUS)[5]:  # it answers when it serves
                os.close(descriptor)
            return self, client
        raise AssertionError(self.log.read_text())

    def client(self):
        return Client(self.dir / "run/signer.sock")

    def ends(self):
        """Exit status of a start that must not serve."""
        return self.start().process.wait(BOUND)

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(BOUND)
        return self.process.returncode if self.process else None

    def certificate(self, role):
        return x509.load_pem_x509_certificate((self.dir / f"{role}.pem").read_bytes())

    @property
    def count(self):
        return self.dir / "state/signer/count.log"

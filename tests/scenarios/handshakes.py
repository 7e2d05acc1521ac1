# SPDX-License-Identifier: EUPL-1.2
"""What the scenarios of refused client certificates share."""
import contextlib
import datetime
import http.client
import itertools
import json
import os
import socket
import ssl
import threading
import time
import types

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scenarios.gate import a_gate, fingerprint
from sim import authority

PEM = serialization.Encoding.PEM
INTERMEDIATE = "Partners' Issuing CA (TEST)"
ADDRESS = (f"127.0.{n // 250 + 1}.{n % 250 + 1}" for n in itertools.count())


def write(gate, holder, certificates, key):
    """Files of a certificate as those of the PKI are."""
    path = gate.pki.path(holder)
    path.write_bytes(certificates[0].public_bytes(PEM))
    gate.pki.path(holder, ".chain.pem").write_bytes(
        b"".join(c.public_bytes(PEM) for c in certificates))
    gate.pki.path(holder, ".key").write_bytes(key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def make_certificates(gate):
    """What the PKI lacks: an intermediate's leaf, one of tomorrow, one of nobody."""
    root = gate.pki.authority("transport-ca/root")
    span = gate.pki.span((1, 100))
    key, middle = authority.new_key("P-256"), authority.new_key("P-256")
    issued = root.issue("issuing", (("C", "BE"), ("CN", INTERMEDIATE)), middle.public_key(), span)
    issuing = authority.Authority(issued, middle)
    nz = (("C", "NZ"), ("O", "Ministry for Primary Industries (TEST)"), ("CN", "nz-mpi"))
    leaf = issuing.issue("client", nz, key.public_key(), span)
    write(gate, "partners/leaf-only", [leaf], key)
    write(gate, "partners/whole", [leaf, issued], key)
    day = datetime.timedelta(days=1)
    later = root.issue("client", nz, key.public_key(), (span[0] + 2 * day, span[1]))
    write(gate, "partners/tomorrow", [later], key)
    own = authority.root((("C", "BR"), ("CN", "of nobody")), "P-256", span)
    write(gate, "partners/self-signed", [own.certificate], own.key)
    rogue = gate.pki.certificate("rogue/root"), gate.pki.certificate("partners/rogue")
    rogue_key = serialization.load_pem_private_key(
        gate.pki.path("partners/rogue", ".key").read_bytes(), None)
    write(gate, "partners/rogue-whole", [rogue[1], rogue[0]], rogue_key)


def write_large(gate, holder, octets, issuer=None):
    """A certificate of nobody, or of an issuer, with an extension of so many octets."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "large")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    made = (x509.CertificateBuilder().subject_name(name)
            .issuer_name(issuer.certificate.subject if issuer else name)
            .public_key(key.public_key()).serial_number(octets)
            .not_valid_before(now - day).not_valid_after(now + day)
            .add_extension(x509.UnrecognizedExtension(
                x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\xff" * octets), False)
            .sign(issuer.key if issuer else key, hashes.SHA256()))
    write(gate, holder, [made], key)


@contextlib.contextmanager
def a_gate_of_refusals():
    """A gate that is up, with certificates enrolled for nz-mpi that nginx does not accept."""
    with a_gate() as made:
        make_certificates(made)
        file = made.dir / "policies" / "partners" / "nz-mpi.cfg"
        more = ", ".join(f'"{fingerprint(made.pki.path(f"partners/{name}"))}"'
                         for name in ("expired", "leaf-only", "tomorrow"))
        file.write_text(file.read_text().replace("transport = ( ", f"transport = ( {more}, "))
        yield made.up()


def ask(gate, holder, path="/v1/status", method="GET", address=None, body=None, headers=None,
        listener="partners"):
    """The answer to a request with a holder's certificate (None: none), each from an address of
    its own unless one is named."""
    host, port = gate.listener(listener).removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=gate.pki.path("transport-ca/root"))
    if holder:
        context.load_cert_chain(gate.pki.path(holder, ".chain.pem"),
                                gate.pki.path(holder, ".key"))
    connection = http.client.HTTPSConnection(
        host, int(port), context=context, timeout=30,
        source_address=(address or next(ADDRESS), 0))
    with contextlib.closing(connection):
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        data = response.read()
    return types.SimpleNamespace(status_code=response.status, headers=response.headers,
                                 text=data.decode(), json=lambda: json.loads(data))


def codes(answer):
    return [finding["code"] for finding in answer["findings"]]


def of_partner(gate, partner="partners/nz-mpi"):
    answer = gate.request("/v1/handshakes", partner)
    assert answer.status_code == 200, answer.text
    return answer.json()["handshakes"]


def of_all(gate, *arguments):
    done = gate.run("handshakes", "--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["handshakes"]


def explained(gate, holder, **options):
    """A refused answer that has its explanation: more than nginx lets through were asked for
    just before, perhaps."""
    end = time.monotonic() + 30
    while "findings" not in (answer := ask(gate, holder, **options)).text:
        assert answer.status_code == 403 and time.monotonic() < end, answer.text
        time.sleep(0.2)
    return answer


@contextlib.contextmanager
def in_place_of_the_program(gate, answer):
    """Something else at run/handshake.sock, with one answer to everything. What it was asked."""
    path, aside = gate.dir / "run" / "handshake.sock", gate.dir / "run" / "aside.sock"
    path.rename(aside)
    asked = []
    server = socket.socket(socket.AF_UNIX)
    try:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen(16)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        asked.append(connection.recv(65536))
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)
        aside.rename(path)


def netstring(**pairs):
    header = b"".join(f"{name}\0{value}\0".encode() for name, value in
                      {"CONTENT_LENGTH": "0", "SCGI": "1", **pairs}.items())
    return b"%d:%s," % (len(header), header)


@contextlib.contextmanager
def as_user(uid):
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def hand_over(gate, **pairs):
    """What the program says to one request, by nginx's user."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(gate.dir / "run" / "handshake.sock"))
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(netstring(**pairs))
        with contextlib.suppress(ConnectionResetError):
            return connection.recv(65536)
        return b""

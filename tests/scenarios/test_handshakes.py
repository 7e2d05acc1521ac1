# SPDX-License-Identifier: EUPL-1.2
"""Client certificates that are not accepted: what the client is told, who else can read it, and
that nothing of it gets in."""
import contextlib
import datetime
import http.client
import itertools
import json
import os
import pathlib
import signal
import socket
import ssl
import threading
import time
import types

import pytest
from cryptography.hazmat.primitives import serialization

from scenarios.gate import a_gate, fingerprint, sealgate
from scenarios.openapi import Specification
from scenarios.test_faults import pid_of, until
from sim import authority

PEM = serialization.Encoding.PEM
INTERMEDIATE = "Partners' Issuing CA (TEST)"
ADDRESS = (f"127.0.{n // 250 + 1}.{n % 250 + 1}" for n in itertools.count())
KEPT_STRANGERS, KEPT_OF_A_PARTNER = 64, 32


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


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        make_certificates(made)
        file = made.dir / "policies" / "partners" / "nz-mpi.cfg"
        more = ", ".join(f'"{fingerprint(made.pki.path(f"partners/{name}"))}"'
                         for name in ("expired", "leaf-only", "tomorrow"))
        file.write_text(file.read_text().replace("transport = ( ", f"transport = ( {more}, "))
        yield made.up()


@pytest.fixture(scope="module")
def specification():
    return Specification()


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


# what the client is told -----------------------------------------------------------------------

CASES = {
    "leaf-only": (["handshake.intermediate"], "nz-mpi"),
    "expired": (["handshake.expired"], "nz-mpi"),
    "tomorrow": (["handshake.not-yet"], "nz-mpi"),
    "rogue": (["handshake.intermediate", "partner.unknown"], None),
    "rogue-whole": (["handshake.issuer", "partner.unknown"], None),
    "self-signed": (["handshake.self-signed", "handshake.purpose", "partner.unknown"], None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_client_reads_why(gate, specification, name):
    wanted, partner = CASES[name]
    answer = explained(gate, f"partners/{name}")
    assert answer.status_code == 403
    specification.check("get", "/v1/status", answer)
    problem = answer.json()
    assert problem["code"] == "partner.certificate" and codes(problem) == wanted
    assert problem["correlation"] == answer.headers["X-Correlation-Id"]
    assert problem["detail"] == problem["findings"][0]["message"]
    sent = gate.pki.certificate(f"partners/{name}")
    assert problem["certificate"]["sha256"] == fingerprint(gate.pki.path(f"partners/{name}"))
    assert int(problem["certificate"]["serial"], 16) == sent.serial_number
    assert problem["certificate"]["subject"] == sent.subject.rfc4514_string()
    assert any("Transport CA (TEST)" in a for a in problem["authorities"])
    record = next(r for r in of_all(gate) if r["correlation"] == problem["correlation"])
    assert record["partner"] == partner and record["findings"] == problem["findings"]


def test_leaf_only_says_which_one_is_missing(gate):
    problem = explained(gate, "partners/leaf-only").json()
    assert "Leaf only" in problem["detail"] and INTERMEDIATE in problem["detail"]
    assert INTERMEDIATE in problem["findings"][0]["received"]


def test_no_certificate(gate, specification):
    answer = explained(gate, None)
    specification.check("get", "/v1/status", answer)
    assert codes(answer.json()) == ["handshake.none"] and answer.json()["certificate"] is None


def test_a_servers_certificate(gate):
    problem = explained(gate, "servers/partners").json()
    assert codes(problem) == ["handshake.purpose", "partner.unknown"]


def test_who_is_right_is_let_through(gate):
    assert ask(gate, "partners/nz-mpi").status_code == 200


def test_a_document_is_answered_and_not_read(gate):
    """The whole explanation comes although 5 MB wait to be sent; intake sees nothing of it."""
    answer = explained(gate, "partners/leaf-only", path="/v1/documents", method="POST",
                       body=b"x" * 5_000_000, headers={"Content-Type": "application/xml"})
    assert codes(answer.json()) == ["handshake.intermediate"]
    log = gate.log.read_text()
    lines = [line for line in log.splitlines() if answer.json()["correlation"] in line]
    assert len(lines) == 1 and " handshake notice handshake.failed: nz-mpi" in lines[0], lines


# what nginx lets pass and intake does not ------------------------------------------------------

REFUSED = {
    "whole": ("partner.certificate", ["handshake.intermediate-here"], "nz-mpi"),
    "not-enrolled": ("partner.unknown", ["partner.unknown"], None),
    "revoked": ("partner.certificate", ["handshake.other", "partner.unknown"], None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_intake_refuses_is_explained_and_kept(gate, specification, name):
    code, wanted, partner = REFUSED[name]
    answer = ask(gate, f"partners/{name}", "/v1/documents", "POST", body=b"x" * 100_000,
                 headers={"Content-Type": "application/xml"})
    specification.check("post", "/v1/documents", answer)
    problem = answer.json()
    assert answer.status_code == 403 and problem["code"] == code
    assert codes(problem) == wanted
    assert problem["certificate"]["sha256"] == fingerprint(gate.pki.path(f"partners/{name}"))
    record = next(r for r in of_all(gate) if r["correlation"] == problem["correlation"])
    assert record["verify"] == f"REFUSED:{code}" and record["partner"] == partner
    assert record["findings"] == problem["findings"]


def test_an_intermediate_that_only_the_client_has(gate):
    """Sending it is half of the way: nginx hands on the leaf alone."""
    problem = ask(gate, "partners/whole").json()
    assert INTERMEDIATE in problem["findings"][0]["message"]
    assert "tls.partner_ca" in problem["findings"][0]["fix"]


def test_an_agreed_partner_with_an_old_tls(gate):
    host, port = gate.listener("partners").removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=gate.pki.path("transport-ca/root"))
    context.load_cert_chain(gate.pki.path("partners/nz-mpi", ".chain.pem"),
                            gate.pki.path("partners/nz-mpi", ".key"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with contextlib.closing(http.client.HTTPSConnection(host, int(port), context=context,
                                                        timeout=30)) as connection:
        connection.request("GET", "/v1/status")
        problem = json.loads(connection.getresponse().read())
    assert problem["code"] == "partner.tls" and codes(problem) == ["partner.tls"]
    newest = of_partner(gate)[0]
    assert (newest["protocol"], newest["verify"]) == ("TLSv1.2", "REFUSED:partner.tls")


# who else reads it ----------------------------------------------------------------------------


def test_the_contact_reads_it_with_another_certificate(gate, specification):
    problem = explained(gate, "partners/leaf-only").json()
    answer = gate.request("/v1/handshakes")
    specification.check("get", "/v1/handshakes", answer)
    newest = answer.json()["handshakes"][0]
    assert newest["correlation"] == problem["correlation"]
    assert newest["partner"] == "nz-mpi" and newest["protocol"] == "TLSv1.3"
    assert INTERMEDIATE in newest["findings"][0]["message"]
    assert newest["verify"] == "FAILED:unable to verify the first certificate"
    assert newest["address"].startswith("127.0.")


def test_nobody_reads_anothers(gate):
    explained(gate, "partners/leaf-only")
    explained(gate, "partners/rogue")
    assert of_partner(gate, "partners/br-mapa") == []
    mine = of_partner(gate)
    assert mine and all(r["partner"] == "nz-mpi" for r in mine)
    assert fingerprint(gate.pki.path("partners/rogue")) not in json.dumps(mine)
    assert ask(gate, "partners/leaf-only", "/v1/handshakes").status_code == 403
    assert ask(gate, "partners/not-enrolled", "/v1/handshakes").status_code == 403


def test_the_same_again_is_one_record(gate):
    before = len(of_partner(gate))
    for _ in range(3):
        explained(gate, "partners/expired", address="127.0.9.9")
    mine = of_partner(gate)
    same = [r for r in mine if r["address"] == "127.0.9.9"]
    assert len(same) == 1 and same[0]["count"] == 3 and len(mine) == before + 1


def test_operators_read_all_of_it(gate):
    explained(gate, "partners/leaf-only")
    explained(gate, "partners/rogue")
    remote = ("--remote", gate.listener("operators"), *gate.transport("operators/viewer"))
    for done in (gate.run("handshakes"), sealgate(*remote, "handshakes")):
        assert done.returncode == 0, done.stderr
        assert f"the certificate of its issuer, CN={INTERMEDIATE}" in done.stdout
        assert "partner nz-mpi, from 127.0." in done.stdout
        assert "a stranger (of the country of nz-mpi by its own word, unproven)" in done.stdout
    done = sealgate(*remote, "handshakes", "--partner", "nz-mpi", "--format", "json")
    assert json.loads(done.stdout)["handshakes"] == of_partner(gate)
    assert of_all(gate, "--partner", "br-mapa") == []
    assert "no client certificate" in gate.run("handshakes", "--partner", "br-mapa").stdout
    assert gate.run("handshakes", "--partner", "../strangers").returncode == 2
    times = [r["last"] for r in of_all(gate)]
    assert times == sorted(times, reverse=True)
    refused = sealgate("--remote", gate.listener("operators"),
                       *gate.transport("partners/nz-mpi"), "handshakes")
    assert refused.returncode == 1 and "403" in refused.stderr


# nothing of it gets in ------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/.handshake", "/.post-mortem", "/.explained", "/.problem"])
def test_the_steps_of_the_answer_are_no_addresses(gate, path):
    assert ask(gate, "partners/nz-mpi", path).status_code == 404
    assert ask(gate, "partners/rogue", path).status_code == 403


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


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "401 Unauthorized",
                                    "404 Not Found", "500 Internal Server Error"])
def test_no_answer_of_the_program_lets_anybody_in(gate, status):
    head = f"Status: {status}\r\nLocation: /v1/status\r\nX-Accel-Redirect: /v1/status\r\n"
    before = gate.log.read_text().count("intake.answered")
    with in_place_of_the_program(gate, f"{head}Content-Length: 0\r\n\r\n".encode()) as asked:
        end = time.monotonic() + 30
        while not asked:
            answer = ask(gate, "partners/rogue", method="POST", body=b"<a/>")
            assert answer.status_code == 403, answer.text
            assert answer.json()["code"] == "partner.certificate"
            assert time.monotonic() < end
    assert b"CONTENT_LENGTH\0000\0" in asked[0] and b"<a/>" not in asked[0]
    assert gate.log.read_text().count("intake.answered") == before


LIES = {
    "nothing": b"",
    "not JSON": b"Status: 200 OK\r\nX-Explained: {\r\n\r\n",
    "no object": b"Status: 200 OK\r\nX-Explained: []\r\n\r\n",
    "other members": b'Status: 200 OK\r\nX-Explained: {"status":200,"code":"x"}\r\n\r\n',
    "other forms": b'A: b\r\nX-Explained: {"certificate":1,"findings":1,"authorities":1}\r\n\r\n',
    "far too long": b"Status: 200 OK\r\nX-Explained: {" + b" " * 200_000,
}


@pytest.mark.parametrize("name", LIES)
def test_intake_believes_nothing_of_it(gate, specification, name):
    with in_place_of_the_program(gate, LIES[name]) as asked:
        answer = ask(gate, "partners/not-enrolled")
        assert ask(gate, "partners/nz-mpi").status_code == 200
    specification.check("get", "/v1/status", answer)
    assert answer.status_code == 403 and answer.json()["code"] == "partner.unknown"
    assert "findings" not in answer.json() and len(asked) == 1


def test_a_header_cannot_speak_for_the_program(gate):
    answer = explained(gate, "partners/rogue", headers={
        "X-Explained": "{}", "Client-Verify": "SUCCESS", "Client-Certificate": "x"})
    assert codes(answer.json())[0] == "handshake.intermediate"


def test_without_the_program_the_answer_is_short(gate, specification):
    pid = pid_of(gate, "sealgate-handshake")
    os.kill(pid, signal.SIGSTOP)
    try:
        began, end = 0, time.monotonic() + 60
        while time.monotonic() - began < 4:  # until nginx has asked it in vain
            began = time.monotonic()
            answer = ask(gate, "partners/rogue")
            specification.check("get", "/v1/status", answer)
            assert answer.status_code == 403 and "findings" not in answer.json()
            assert "unable to verify" in answer.json()["received"], answer.text
            assert answer.json()["status"] == 403
            assert time.monotonic() < end
        assert ask(gate, "partners/nz-mpi").status_code == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGKILL)
    explained(gate, "partners/rogue")
    assert pid_of(gate, "sealgate-handshake") != pid


def test_strangers_of_the_other_listeners_are_not_explained(gate):
    for listener in ("customs", "operators"):
        answer = ask(gate, "partners/rogue", listener=listener)
        assert answer.status_code == 403 and "findings" not in answer.json()


# bounds ---------------------------------------------------------------------------------------


def test_a_flood_is_refused_and_hurts_nobody(gate):
    before = sum(r["count"] for r in of_all(gate))
    answers = [ask(gate, "partners/self-signed", address="127.0.8.8") for _ in range(40)]
    assert {a.status_code for a in answers} == {403}
    assert all(a.json()["code"] == "partner.certificate" for a in answers)
    told = sum("findings" in a.json() for a in answers)
    assert 1 <= told <= 20
    assert sum(r["count"] for r in of_all(gate)) - before == told
    assert ask(gate, "partners/nz-mpi").status_code == 200


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


def test_strangers_push_out_strangers_alone(gate):
    if os.geteuid() != 0:
        pytest.skip("only root can be nginx for a while")
    explained(gate, "partners/leaf-only")
    mine = of_partner(gate)
    with as_user(gate.uid("nginx")):
        for n in range(KEPT_STRANGERS + 10):
            answer = hand_over(gate, CLIENT_VERIFY="NONE", REMOTE_ADDR=f"192.0.2.{n}")
            assert answer.startswith(b"Status: 403 ") and b"handshake.none" in answer
    strangers = [r for r in of_all(gate) if r["partner"] is None]
    assert len(strangers) == KEPT_STRANGERS
    assert strangers[0]["address"] == f"192.0.2.{KEPT_STRANGERS + 9}"
    assert of_partner(gate) == mine
    for name in ("strangers.json", "partners/nz-mpi.json"):
        assert (gate.dir / "state/handshakes" / name).stat().st_size < 200_000


def test_a_partners_ring_is_full_at_its_end(gate):
    if os.geteuid() != 0:
        pytest.skip("only root can be nginx for a while")
    pem = gate.pki.path("partners/expired").read_text()
    escaped = pem.replace("+", "%2B").replace("\n", "%0A").replace(" ", "%20")
    with as_user(gate.uid("nginx")):
        for n in range(KEPT_OF_A_PARTNER + 3):
            hand_over(gate, CLIENT_VERIFY="FAILED:certificate has expired",
                      CLIENT_CERTIFICATE=escaped, REMOTE_ADDR=f"198.51.100.{n}")
    mine = of_partner(gate)
    assert len(mine) == KEPT_OF_A_PARTNER
    assert mine[-1]["address"] == "198.51.100.3"


def test_only_nginx_and_intake_are_served(gate):
    if os.geteuid() != 0:
        pytest.skip("without users of their own all are one")
    before = len(of_all(gate))
    cases = (("forward", {"CLIENT_VERIFY": "NONE"}),
             ("intake", {"CLIENT_VERIFY": "NONE"}),
             ("intake", {"CLIENT_VERIFY": "FAILED:x"}),
             ("intake", {"CLIENT_VERIFY": "NONE", "REFUSED": "partner.tls"}),
             ("intake", {"CLIENT_VERIFY": "SUCCESS", "REFUSED": "internal.error"}),
             ("nginx", {"CLIENT_VERIFY": "SUCCESS"}),
             ("nginx", {"CLIENT_VERIFY": "SUCCESS", "REFUSED": "partner.tls"}),
             ("nginx", {}))
    for user, pairs in cases:
        with as_user(gate.uid(user)):
            assert hand_over(gate, REMOTE_ADDR="203.0.113.1", **pairs) == b"", (user, pairs)
    until(lambda: "handshake.stranger" in gate.log.read_text())
    assert len(of_all(gate)) == before


def test_intake_asks_no_more_than_is_kept(gate):
    """Twenty at once, then five a second; who is over that is refused without explanation."""
    answers = [gate.request("/v1/status", "partners/not-enrolled") for _ in range(60)]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "partner.unknown")}
    assert 1 <= sum("findings" in a.json() for a in answers) < 60


def test_a_spoiled_file_begins_anew(gate):
    path = pathlib.Path(gate.dir / "state/handshakes/partners/nz-mpi.json")
    path.write_text("{")
    assert gate.request("/v1/handshakes").status_code == 500
    assert gate.run("handshakes").returncode == 3
    explained(gate, "partners/leaf-only")
    assert len(of_partner(gate)) == 1
    assert "began anew" in gate.log.read_text()

# SPDX-License-Identifier: EUPL-1.2
"""Whether a gate works, as an appliance asks it before a version or a configuration stays."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.parse

import pytest
import requests

from scenarios import verify_client
from scenarios.gate import a_gate, sealgate
from scenarios.processes import children_of, killed, pid_of, send
from scenarios.test_faults import until

UNDECIDED, REFUSED, ACCEPTED = 0, 0x52, 0x41


def health(gate, program="health"):
    """The answer of the command that the appliance's unit runs, under that program's uid."""
    uid = {"user": gate.uid(program), "group": gate.uid(program), "extra_groups": []} \
        if os.geteuid() == 0 else {}
    return sealgate("--instance", gate.dir, "appliance", "health", **uid)


def becomes_healthy(gate):
    until(lambda: health(gate).returncode == 0)


def test_what_a_self_test_asks_is_done(gate):
    """Key, receipt and seal, verification and sealing of documents that stand for nothing: the
    ledger knows none of them, the token signed none of them."""
    becomes_healthy(gate)
    done = health(gate)
    assert "the application is healthy" in done.stderr, done.stderr
    found = json.loads(sealgate("--instance", gate.dir, "audit", "reconcile", check=True).stdout)
    assert (found["seal_signatures"], found["receipts_never_committed"]) == (0, 0)
    assert (gate.dir / "state/seal/self-test").read_text() == "passed"


def test_what_the_seal_found_out_decides(gate):
    """A program that seals badly says so, and it is taken at its word until it starts again."""
    becomes_healthy(gate)
    told = gate.dir / "state/seal/self-test"
    told.write_text("a spoilt seal of a self-test is not found out")
    done = health(gate)
    assert done.returncode == 1
    assert "refused: a spoilt seal of a self-test is not found out" in done.stderr
    told.unlink()
    assert "no self-test of sealing is known" in health(gate).stderr
    killed(gate, "sealgate-seal")
    becomes_healthy(gate)


def test_a_token_that_does_not_sign_is_told(gate):
    """Deactivated, nothing can be sealed: whatever was found out at the start."""
    becomes_healthy(gate)
    sealgate("--instance", gate.dir, "hsm", "deactivate", check=True)
    done = health(gate)
    assert done.returncode == 1 and "the token does not sign" in done.stderr, done.stderr
    sealgate("--instance", gate.dir, "hsm", "activate", check=True)
    becomes_healthy(gate)


@pytest.mark.parametrize("program, said", [
    ("queued", "the queue does not answer"), ("intake", "intake does not answer")])
def test_one_that_hangs_is_told(gate, program, said):
    """The process is there, its socket takes connections, nginx listens, and nothing comes of it."""
    becomes_healthy(gate)
    pid = pid_of(gate, f"sealgate-{program}")
    os.kill(pid, signal.SIGSTOP)
    try:
        done = health(gate)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.returncode == 1 and f"refused: {said}" in done.stderr, done.stderr
    becomes_healthy(gate)


def test_listeners_without_anybody_behind_are_told(gate):
    """Workers that hang: the kernel takes connections for them, and there is no handshake."""
    becomes_healthy(gate)
    workers = children_of(pid_of(gate, "nginx"))
    assert workers
    for pid in workers:
        send(pid, signal.SIGSTOP)
    try:
        done = health(gate)
    finally:
        for pid in workers:
            send(pid, signal.SIGCONT)
    assert done.returncode == 1, done.stdout
    assert "refused: listen.partners completes no TLS handshake" in done.stderr, done.stderr
    becomes_healthy(gate)


def test_nobody_is_told_of_the_checks_handshakes(gate):
    """Who comes without a certificate is on record; the check asks for nothing behind its own."""
    becomes_healthy(gate)
    told = sealgate("--instance", gate.dir, "handshakes", check=True).stdout
    for _ in range(3):
        assert health(gate).returncode == 0
    assert sealgate("--instance", gate.dir, "handshakes", check=True).stdout == told
    anybody = requests.get(gate.listener("partners") + "/", timeout=30,
                           verify=str(gate.pki.path("transport-ca/root")))
    assert anybody.status_code == 403
    until(lambda: sealgate("--instance", gate.dir, "handshakes", check=True).stdout != told)


@contextlib.contextmanager
def in_place(gate, program, kind, serve):
    """Something else behind a program's socket: serve(server) until it is closed."""
    path = gate.dir / "run" / f"{program}.sock"
    aside = path.with_suffix(".aside")
    path.rename(aside)
    with socket.socket(socket.AF_UNIX, kind) as server:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen()
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(30)
            aside.replace(path)


def visitors(server):
    """Whoever connects, one after the other, until the socket is closed."""
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        with peer:
            yield peer


def turned_away(status, body):
    """Serve everybody the same."""
    def serve(server):
        for peer in visitors(server):
            while peer.recv(65536):
                pass
            peer.sendall(f"Status: {status} \r\n\r\n{json.dumps(body)}".encode())
    return serve


@pytest.mark.parametrize("status, body, said", [
    (503, {"code": "http.busy"}, "http.busy"),
    (200, {"sha256": "00"}, "no answer to it"),
    (200, [], "no answer to it")])
def test_an_intake_that_takes_no_document_is_told(gate, status, body, said):
    """It runs, and answers all alike."""
    becomes_healthy(gate)
    with in_place(gate, "intake", socket.SOCK_STREAM, turned_away(status, body)):
        done = health(gate)
    assert done.returncode == 1, done.stdout
    assert f"refused: intake does not take a document: {said}" in done.stderr, done.stderr
    becomes_healthy(gate)


@pytest.mark.parametrize("received, said", [
    ("its database fails", "the queue does not commit: its database fails"),
    ("there is no room on its disk", "the queue waits for room on its disk"),
    ("the clock is behind its last record", "the queue waits for the clock, which is behind"),
    ("", "intake does not take a document: http.queue-away")])
def test_a_queue_that_does_not_commit_is_told(gate, received, said):
    """By what intake says of it: it reads all the same, and answers whoever asks."""
    becomes_healthy(gate)
    away = {"code": "http.queue-away", "received": received}
    with in_place(gate, "intake", socket.SOCK_STREAM, turned_away(503, away)):
        done = health(gate)
    assert done.returncode == 1 and f"refused: {said}" in done.stderr, done.stderr
    becomes_healthy(gate)


def closed_unheard(address):
    """Is a connection closed to which nothing was said?"""
    with socket.create_connection(address, 10) as peer:
        peer.settimeout(0.3)
        try:
            return peer.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


@contextlib.contextmanager
def crowd(address):
    """As many connections of strangers, who begin to say something and wait, as there is room for."""
    with contextlib.ExitStack() as held:
        for many in (2000, *20 * (100,)):  # what says no more has ten seconds of nginx
            for _ in range(many):
                peer = held.enter_context(socket.create_connection(address, 10))
                with contextlib.suppress(OSError):  # that one was closed at once
                    peer.sendall(b"\x16\x03\x01")
            if closed_unheard(address):
                break
        else:
            pytest.fail("there is room for all of them")
        yield


def test_strangers_who_take_all_connections_have_nothing_taken_back(gate):
    """They need no certificate for it; whoever is one too many is closed unheard."""
    becomes_healthy(gate)
    url = urllib.parse.urlsplit(gate.listener("partners"))
    with crowd((url.hostname, url.port)):
        # One of the workers may have room again in the midst of a look.
        done = [health(gate) for _ in range(3)]
    assert 0 in [one.returncode for one in done], done
    becomes_healthy(gate)


@pytest.mark.parametrize("received, said", [
    ("the token is away", "the token is away"), ("", "it does not say why")])
def test_an_intake_without_receipts_is_told(gate, received, said):
    """The signer answers the check itself: what counts is whether it does what intake asks."""
    becomes_healthy(gate)
    away = {"code": "http.signer-away", "received": received}
    with in_place(gate, "intake", socket.SOCK_STREAM, turned_away(503, away)):
        done = health(gate)
    assert done.returncode == 1, done.stdout
    assert f"refused: intake has no receipt signed: {said}" in done.stderr, done.stderr
    becomes_healthy(gate)


@pytest.mark.skipif(os.geteuid() != 0, reason="programs have uids of their own under root alone")
def test_a_key_that_signs_for_another_is_told():
    """Its trial signatures are good, its role is usable, and no document is ever accepted."""
    with a_gate() as gate:
        roles = gate.dir / "policies/signature/roles.cfg"
        text = roles.read_text()
        assert text.count('peer = "intake"') == 1, text
        text = text.replace('peer = "intake"', 'peer = "admin"')
        roles.write_text(text.replace("verified_by_peer = true", "verified_by_peer = false"))
        gate.up()
        said = "refused: intake has no receipt signed: the role is not for this program"
        until(lambda: said in health(gate).stderr)
        status = json.loads(sealgate("--instance", gate.dir, "hsm", "status", check=True).stdout)
        assert all(role["usable"] for role in status["roles"]), status


def test_a_commit_that_stands_for_nothing_leaves_nothing(gate):
    """However often it is asked: no record, no document, and a chain that is whole."""
    becomes_healthy(gate)
    before = sealgate("--instance", gate.dir, "ledger", check=True).stdout
    for _ in range(3):
        done = health(gate)
        assert done.returncode == 0, done.stderr
    assert sealgate("--instance", gate.dir, "ledger", check=True).stdout == before
    assert sealgate("--instance", gate.dir, "audit", "verify").returncode == 0


ASKS = r"""
import socket, sys
members = "".join(f"{name}\0{value}\0" for name, value in (
    ("CONTENT_LENGTH", 4), ("SCGI", 1), ("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/v1/status"),
    *(pair.split("=") for pair in sys.argv[2:])))
with socket.socket(socket.AF_UNIX) as intake:
    intake.settimeout(30)
    intake.connect(sys.argv[1])
    try:
        intake.sendall(f"{len(members)}:{members},<a/>".encode())
        print(intake.recv(4096).decode().partition("\r")[0])
    except ConnectionError:
        print("")
"""


def asks(gate, program, *members):
    """What intake says to a request by the uid of a program."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", ASKS, str(gate.dir / "run" / "intake.sock"), *members],
        user=gate.uid(program), group=gate.uid(program), extra_groups=[], capture_output=True,
        text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="programs have uids of their own under root alone")
def test_the_check_asks_intake_for_nobody(gate):
    """It may have a document judged, and speaks for no partner; nginx does, and nobody else asks."""
    assert asks(gate, "health", "PROBE=1").startswith("Status: 200 ")
    assert asks(gate, "health") == ""
    assert asks(gate, "nginx").startswith("Status: 403 ")
    assert asks(gate, "nginx", "PROBE=1") == ""
    assert asks(gate, "verify", "PROBE=1") == ""


HOLDS = r"""
import select, socket, sys
head = "".join(f"{name}\0{value}\0" for name, value in (
    ("CONTENT_LENGTH", 1 << 20), ("SCGI", 1), ("PROBE", 1), ("REQUEST_METHOD", "POST"),
    ("REQUEST_URI", "/")))
held = []
for _ in range(int(sys.argv[2])):
    one = socket.socket(socket.AF_UNIX)
    one.connect(sys.argv[1])
    try:
        one.sendall(f"{len(head)}:{head},<".encode())
    except ConnectionError:
        pass
    held.append(one)
closed = set()
while not select.select([sys.stdin], [], [], 0.2)[0]:
    for one in set(held) - closed:
        try:
            one.sendall(b"x")
        except ConnectionError:
            closed.add(one)
    print(len(held) - len(closed), flush=True)
"""
HELD = 600  # more than intake has threads, and places to wait for one


@pytest.mark.skipif(os.geteuid() != 0, reason="programs have uids of their own under root alone")
def test_the_checks_user_holds_nobody_up(gate):
    """With as many connections as intake takes, and bodies that never end, it has one thread, and
    partners have theirs; then the check is answered again."""
    becomes_healthy(gate)
    with subprocess.Popen(
            ["/usr/bin/python3", "-c", HOLDS, str(gate.dir / "run" / "intake.sock"), str(HELD)],
            user=gate.uid("health"), group=gate.uid("health"), extra_groups=[], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            until(lambda: holder.stdout.readline() == "1\n")
            for number in (1, 2):
                path = gate.certificate("phyto", f"PHYTO.NZ.2026.{HELD + number:07d}")
                status, answer = gate.submit(path)
                assert status == 0, answer
            assert holder.stdout.readline() == "1\n"
            assert asks(gate, "health", "PROBE=1") == ""
        finally:
            holder.kill()
    becomes_healthy(gate)


def answers(server, decision, core_valid):
    """Judge whatever is asked alike."""
    report = json.dumps({"signatures": [{"core_valid": core_valid}]}).encode()
    for peer in visitors(server):
        message, fds, _, _ = socket.recv_fds(peer, 4096, 4)
        number = verify_client.HEADER.unpack_from(message)[3]
        sha256 = message[-32:]
        verdict = verify_client.VERDICT.pack(
            decision, 0, sha256, b"", b"", b"", b"", b"", b"", b"", b"", b"", 0, 0)
        header = verify_client.HEADER.pack(verify_client.MAGIC, verify_client.VERSION,
                                           verify_client.ANSWER, number, len(verdict), 1)
        given = verify_client.sealed(report)
        socket.send_fds(peer, [header + verdict], [given])
        for fd in (given, *fds):
            os.close(fd)


@pytest.mark.parametrize("decision, core_valid, fault", [
    (REFUSED, True, "verification does not see what was changed"),
    (REFUSED, False, "verification does not find a signature that is right"),
    (ACCEPTED, True, "verification does not refuse what it must"),
    (UNDECIDED, True, "verification does not answer")])
def test_a_verification_that_judges_badly_is_found_out(gate, decision, core_valid, fault):
    """In its place something that says the same of everything."""
    becomes_healthy(gate)
    with in_place(gate, "verify", socket.SOCK_SEQPACKET,
                  lambda server: answers(server, decision, core_valid)):
        done = health(gate)
    assert done.returncode == 1 and f"refused: {fault}" in done.stderr, done.stderr
    becomes_healthy(gate)


def test_that_who_may_mend_it_was_answered_is_known(monkeypatch):
    """Nobody else's visit says that the machine is reached, and nobody who is turned away."""
    with a_gate() as gate:
        folder = gate.folder / "answered"
        folder.mkdir()
        folder.chmod(0o777)
        monkeypatch.setenv("SEALGATE_ANSWERED", str(folder))
        gate.up()
        for holder in ("operators/viewer", "operators/policy-officer", "partners/nz-mpi"):
            gate.request("/health", holder, listener="operators")
        assert not (folder / "answered").exists()
        denied = gate.request("/v1/nothing", "operators/operator", listener="operators")
        assert denied.status_code == 404
        until(lambda: (folder / "answered").exists())

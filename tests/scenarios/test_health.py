# SPDX-License-Identifier: EUPL-1.2
"""Whether a gate works, as an appliance asks it before a version or a configuration stays."""
import json
import os
import signal
import socket
import threading

import pytest

from scenarios import verify_client
from scenarios.gate import sealgate
from scenarios.processes import killed, pid_of
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


def test_a_queue_that_hangs_is_told(gate):
    """The process is there, its socket takes connections, and nothing comes of it."""
    becomes_healthy(gate)
    pid = pid_of(gate, "sealgate-queued")
    os.kill(pid, signal.SIGSTOP)
    try:
        done = health(gate)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.returncode == 1 and "refused: the queue does not answer" in done.stderr
    becomes_healthy(gate)


def answers(server, decision, core_valid):
    """Judge whatever is asked alike, until the socket is closed."""
    report = json.dumps({"signatures": [{"core_valid": core_valid}]}).encode()
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        with peer:
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
    path = gate.dir / "run" / "verify.sock"
    aside = path.with_suffix(".aside")
    path.rename(aside)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen()
        thread = threading.Thread(target=answers, args=(server, decision, core_valid))
        thread.start()
        try:
            done = health(gate)
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(30)
            aside.replace(path)
    assert done.returncode == 1 and f"refused: {fault}" in done.stderr, done.stderr
    becomes_healthy(gate)

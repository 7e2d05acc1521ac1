# SPDX-License-Identifier: EUPL-1.2
"""Starts, stops and versions of every program, and what becomes of the keys: in the chain."""
import os
import signal

import pytest

from scenarios.gate import a_gate, sealgate
from scenarios.test_faults import pid_of, until
from scenarios.test_remote import recorded

PROGRAMS = {"signer", "verify", "seal", "forward", "trustd", "intake", "handshake", "operate",
            "admin"}


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        yield made.up()


def of_program(gate, event, program):
    return [detail for actor, detail in recorded(gate, event) if actor == program]


def works(gate):
    return [(detail["work"], detail.get("role"), detail["result"], detail["where"])
            for actor, detail in recorded(gate, "key.work") if actor == "signer"]


def test_made_before_anything_ran(gate):
    """What was done at the token while there was no queue is in its chain: who and what."""
    until(lambda: len(works(gate)) >= 2 + 4 * len(gate.roles))
    done = works(gate)
    assert done[:2] == [("init-token", None, result, "at the machine")
                        for result in ("begun", "done")]
    for role in gate.roles:
        for work in ("csr", "import"):
            for result in ("begun", "done"):
                assert done.count((work, role, result, "at the machine")) == 1
    for _, detail in recorded(gate, "key.work"):
        assert detail["uid"] == os.getuid() and detail["by"] == "an administrator"
        assert ("given_sha256" in detail) == (detail["work"] == "import")


def test_who_runs_in_which_version(gate):
    version = sealgate("--version").stdout.split()[1]
    until(lambda: {actor for actor, _ in recorded(gate, "program.start")} == PROGRAMS)
    for _, detail in recorded(gate, "program.start"):
        assert detail["version"] == version and detail["pid"] > 1 and detail["at"]
    first = of_program(gate, "program.start", "intake")
    assert len(first) == 1 and first[0]["pid"] == pid_of(gate, "sealgate-intake")
    assert not recorded(gate, "program.stop")
    os.kill(first[0]["pid"], signal.SIGKILL)  # what cannot say that it ends is seen to start
    until(lambda: len(of_program(gate, "program.start", "intake")) == 2)
    assert not recorded(gate, "program.stop")
    os.kill(pid_of(gate, "sealgate-forward"), signal.SIGTERM)
    until(lambda: len(of_program(gate, "program.start", "forward")) == 2)
    assert len(of_program(gate, "program.stop", "forward")) == 1


def test_activated_and_deactivated(gate):
    before = len(recorded(gate, "key.token"))
    assert gate.run("hsm", "deactivate", "bert").returncode == 0
    until(lambda: len(recorded(gate, "key.token")) == before + 1)
    assert recorded(gate, "key.token")[-1][1]["state"] == "inactive"
    (_, detail), = recorded(gate, "key.deactivate")
    assert (detail["by"], detail["result"], detail["uid"]) == ("bert", "done", os.getuid())
    assert gate.run("hsm", "activate").returncode == 0
    until(lambda: recorded(gate, "key.token")[-1][1]["state"] == "ready")
    (_, detail), = recorded(gate, "key.activate")
    assert (detail["by"], detail["result"], detail["mode"]) == (
        "an administrator", "done", "auto")


def test_lost_and_found(gate):
    tokens = gate.dir / "state" / "signer" / "tokens"
    tokens.rename(tokens.with_name("elsewhere"))
    try:
        until(lambda: recorded(gate, "key.token")[-1][1]["state"] == "away", 60)
        assert recorded(gate, "key.token")[-1][1]["why"]
    finally:
        tokens.with_name("elsewhere").rename(tokens)
    until(lambda: recorded(gate, "key.token")[-1][1]["state"] == "ready", 60)


def test_by_the_signer(gate):
    before = len(works(gate))
    assert gate.run("hsm", "keys").returncode == 0
    assert gate.run("hsm", "import", "seal", "/dev/null").returncode == 1
    assert gate.run("hsm", "list").returncode == 0  # who only looks does nothing
    until(lambda: len(works(gate)) == before + 2)
    assert works(gate)[before:] == [("keys", None, result, "by the signer")
                                    for result in ("begun", "done")]
    assert gate.run("hsm", "remove", "seal", "0" * 64).returncode == 1
    until(lambda: len(works(gate)) == before + 4)
    assert works(gate)[-1] == ("remove", "seal", "refused", "by the signer")
    assert recorded(gate, "key.work")[-1][1]["said"]


def test_what_cannot_be_told_is_not_done(gate):
    folder = gate.dir / "state" / "events" / "signer"
    folder.rename(folder.with_name("kept"))
    folder.write_text("no folder")
    try:
        done = gate.run("hsm", "keys")
        assert done.returncode == 1 and "the audit chain cannot be told" in done.stderr
    finally:
        folder.unlink()
        folder.with_name("kept").rename(folder)


def test_while_the_queue_is_away(gate, tmp_path):
    """Nothing is lost and nothing told twice, whoever was away; stops are there as well."""
    gate.down()
    request = gate.run("hsm", "csr", "seal")
    assert request.returncode == 0
    protocol = tmp_path / "protocol"
    assert gate.run("hsm", "ceremony", protocol, "begin", "A. W.", "B. W.").returncode == 0
    gate.up()
    until(lambda: ("ceremony begin", None, "done", "at the machine") in works(gate))
    assert works(gate)[-4:] == [(work, role, result, "at the machine")
                                for work, role in (("csr", "seal"), ("ceremony begin", None))
                                for result in ("begun", "done")]
    assert recorded(gate, "key.work")[-1][1]["ceremony"] == str(protocol)
    assert {actor for actor, _ in recorded(gate, "program.stop")} == PROGRAMS
    until(lambda: all(len(of_program(gate, "program.start", name)) >= 2 for name in PROGRAMS))
    digests = [detail["journal_sha256"] for event in
               ("program.start", "program.stop", "key.work", "key.token", "key.activate",
                "key.deactivate") for _, detail in recorded(gate, event)]
    lines = sum(path.read_text().count("\n")
                for path in (gate.dir / "state" / "events").glob("*/journal"))
    assert len(digests) == lines
    assert not recorded(gate, "journal.unreadable")
    assert gate.run("audit", "verify").returncode == 0


def test_in_no_backup(gate, tmp_path):
    """What is in the chain is not recorded again where a copy is put back."""
    done = gate.run("backup", tmp_path / "b", timeout=120)
    assert done.returncode == 0, done.stderr
    kept = tmp_path / "b" / "files" / "state" / "events"
    assert kept.is_dir() and not list(kept.iterdir())

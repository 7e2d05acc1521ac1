# SPDX-License-Identifier: EUPL-1.2
"""Starts, stops and versions of every program, and what becomes of the keys: in the chain."""
import hashlib
import json
import os
import shutil
import signal

import pytest

from scenarios.gate import a_gate, sealgate
from scenarios.processes import exists, pid_of
from scenarios.test_faults import until
from scenarios.test_remote import recorded

PROGRAMS = {"signer", "verify", "seal", "forward", "trustd", "intake", "handshake", "operate",
            "admin", "nginx"}


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        yield made.up()


def of_program(gate, event, program):
    return [detail for actor, detail in recorded(gate, event) if actor == program]


def works(gate):
    return [(detail["work"], detail.get("role"), detail["result"], detail["where"])
            for actor, detail in recorded(gate, "key.work") if actor == "signer"]


def noted(gate):
    """Digests of all lines of all journals."""
    return sorted(hashlib.sha256(line).hexdigest()
                  for path in (gate.dir / "state" / "events").glob("*/journal")
                  for line in path.read_bytes().splitlines())


def told(gate):
    """Digests of the lines that the chain has."""
    lines = [json.loads(line)["record"] for line in gate.run("audit", "export").stdout.splitlines()]
    return sorted(record["detail"]["journal_sha256"] for record in lines
                  if "journal_sha256" in (record["detail"] or {}))


def state_of_token(gate):
    """As the chain has it last, which is told of it a moment later."""
    return ([detail["state"] for _, detail in recorded(gate, "key.token")] or [None])[-1]


def modes(events):
    return {path.name: path.stat().st_mode & 0o777
            for path in (events, *events.iterdir())}


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
    pid = pid_of(gate, "sealgate-intake")
    assert of_program(gate, "program.start", "intake")[-1]["pid"] == pid
    stops = of_program(gate, "program.stop", "intake")
    os.kill(pid, signal.SIGKILL)  # what cannot say that it ends is seen to start
    until(lambda: of_program(gate, "program.start", "intake")[-1]["pid"] != pid)
    assert of_program(gate, "program.stop", "intake") == stops
    pid = pid_of(gate, "sealgate-forward")
    os.kill(pid, signal.SIGTERM)
    until(lambda: of_program(gate, "program.start", "forward")[-1]["pid"] != pid)
    assert [stop["pid"] for stop in of_program(gate, "program.stop", "forward")].count(pid) == 1


def test_activated_and_deactivated(gate):
    until(lambda: noted(gate) == told(gate))
    before = {event: len(recorded(gate, event)) for event in ("key.deactivate", "key.activate")}
    assert gate.run("hsm", "deactivate", "bert").returncode == 0
    until(lambda: state_of_token(gate) == "inactive")
    until(lambda: len(recorded(gate, "key.deactivate")) > before["key.deactivate"])
    (_, detail), = recorded(gate, "key.deactivate")[before["key.deactivate"]:]
    assert (detail["by"], detail["result"], detail["uid"]) == ("bert", "done", os.getuid())
    assert gate.run("hsm", "activate").returncode == 0
    until(lambda: state_of_token(gate) == "ready")
    until(lambda: len(recorded(gate, "key.activate")) > before["key.activate"])
    (_, detail), = recorded(gate, "key.activate")[before["key.activate"]:]
    assert (detail["by"], detail["result"], detail["mode"]) == (
        "an administrator", "done", "auto")


def test_lost_and_found(gate):
    tokens = gate.dir / "state" / "signer" / "tokens"
    tokens.rename(tokens.with_name("elsewhere"))
    try:
        until(lambda: state_of_token(gate) == "away", 60)
        assert recorded(gate, "key.token")[-1][1]["why"]
    finally:
        tokens.with_name("elsewhere").rename(tokens)
    until(lambda: state_of_token(gate) == "ready", 60)


def test_by_the_signer(gate):
    until(lambda: noted(gate) == told(gate))
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
    started = {name: len(of_program(gate, "program.start", name)) for name in PROGRAMS}
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
    until(lambda: {actor for actor, _ in recorded(gate, "program.stop")} == PROGRAMS)
    until(lambda: all(len(of_program(gate, "program.start", name)) > started[name]
                      for name in PROGRAMS))
    until(lambda: noted(gate) == told(gate))
    assert not recorded(gate, "journal.unreadable")
    assert gate.run("audit", "verify").returncode == 0


def test_in_no_backup(gate, tmp_path):
    """What is in the chain is not recorded again where a copy is put back."""
    done = gate.run("backup", tmp_path / "b", timeout=120)
    assert done.returncode == 0, done.stderr
    kept = tmp_path / "b" / "files" / "state" / "events"
    assert kept.is_dir() and not list(kept.iterdir())


def test_made_by_a_version_before(gate):
    """Whatever the umask of who starts it, every program comes to its journal and all read them."""
    events = gate.dir / "state" / "events"
    gate.down()
    before = os.umask(0o077)
    try:
        events.rename(events.with_name("kept"))
        assert gate.run("hsm", "csr", "seal").returncode == 0
        by_signer = modes(events)
        shutil.rmtree(events)
        gate.up()
    finally:
        os.umask(before)
    assert by_signer == {"events": 0o755, "signer": 0o755}
    assert modes(events) == dict.fromkeys({"events", "queued", *PROGRAMS}, 0o755)


def test_the_edge_starts_and_stops(gate):
    until(lambda: exists(of_program(gate, "program.start", "nginx")[-1]["pid"]))
    first = of_program(gate, "program.start", "nginx")[-1]["pid"]
    os.kill(first, signal.SIGQUIT)
    until(lambda: of_program(gate, "program.start", "nginx")[-1]["pid"] != first)
    until(lambda: any(stop["pid"] == first and stop["ended_by"] == "status 0"
                      for stop in of_program(gate, "program.stop", "nginx")))
    # as its unit has it said
    assert gate.run("edge").returncode == 0
    assert gate.run("edge", "stopped", env=os.environ | {"SERVICE_RESULT": "watchdog"}).returncode == 0
    assert gate.run("edge", "gone").returncode == 2
    until(lambda: of_program(gate, "program.stop", "nginx")[-1]["ended_by"] == "watchdog")
    assert "pid" not in of_program(gate, "program.start", "nginx")[-1]


def test_units_that_run_now_and_then(gate, tmp_path):
    status = gate.run("retention", "run").returncode
    until(lambda: of_program(gate, "program.stop", "retention"))
    start, = of_program(gate, "program.start", "retention")
    stop, = of_program(gate, "program.stop", "retention")
    assert start["pid"] == stop["pid"] and stop["status"] == status
    # what runs every minute, and would ship what it says of itself: the first, and each change
    key = gate.transport("operators/operator")
    mark = tmp_path / "mark"
    runs = [gate.run("audit", "ship", "--url", "https://127.0.0.1:1/", *key, "--mark", mark).returncode
            for _ in range(2)]
    until(lambda: of_program(gate, "program.run", "ship"))
    run, = of_program(gate, "program.run", "ship")
    assert runs[0] == runs[1] == run["status"] and run["mark"] == "mark"
    (tmp_path / "mark.run").write_text("7\n")
    gate.run("audit", "ship", "--url", "https://127.0.0.1:1/", *key, "--mark", mark)
    until(lambda: len(of_program(gate, "program.run", "ship")) == 2)

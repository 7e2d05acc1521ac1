# SPDX-License-Identifier: EUPL-1.2
"""A policy tried from afar on the documents that a gate has, before two people stand for it: by a
process of its own that nobody waits for, which ends, and of which only the walk asks the queue."""
import fcntl
import hashlib
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import tarfile
import time

import pytest

from scenarios.gate import BIN, sealgate
from scenarios.processes import all_pids, children_of, confined, descendants, send, text_of
from scenarios.test_faults import until
from scenarios.test_policy_replay import PAST, changed
from scenarios.test_remote import recorded, remote
from scenarios.test_remote_policy import ask, piece


DOCUMENTS = 24


@pytest.fixture(scope="module")
def stored(gate):
    answers = [gate.submit(gate.certificate("phyto", f"AFAR-{i}"))[1] for i in range(DOCUMENTS)]
    assert {a.get("state") for a in answers} == {"accepted"}, answers
    return [a["id"] for a in answers]


def bundle_of(gate, folder, change, version=1):
    copy = changed(gate, folder, change)
    bundle = folder / "next.bundle"
    done = sealgate("policy", "build", "--policies", copy, "--version", version, "-o", bundle)
    assert done.returncode == 0, done.stderr
    return bundle


def suspend(policies):
    path = policies / "partners" / "nz-mpi.cfg"
    path.write_text(path.read_text() + "suspended = true;\n")


def same(_policies):
    pass


def replay(gate, bundle, *options, role="policy-officer", **more):
    return remote(gate, role, "policy", "replay", "--since", PAST, *options, bundle, timeout=240,
                  **more)


def state_of(gate, what="status"):
    done = remote(gate, "viewer", "replay", what, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def orders(gate):
    folder = gate.dir / "state" / "replay"
    return {p.name for p in folder.iterdir()} if folder.exists() else set()


def trials(gate):
    return [*gate.dir.glob("run/trial-*"), *gate.dir.glob("state/replay/trial-*")]


def bring(gate, octets):
    """A bundle as whoever has no command line of ours sends it; how it is called there."""
    text = (f"sealgate-bundle 1\n{hashlib.sha256(octets).hexdigest()} {len(octets)} bundle\n")
    assert piece(gate, "manifest", text.encode())["status"] == 0
    for at in range(0, len(octets), 1 << 20):
        assert piece(gate, "bundle", octets[at:at + (1 << 20)], at)["status"] == 0
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def order(gate, name, *options):
    answer = ask(gate, ["policy", "replay", "--since", PAST, *options, name])
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(gate, identifier):
    until(lambda: state_of(gate)["state"] == "ended" and "ended" in state_of(gate), 120)
    assert "account" not in state_of(gate)
    state = state_of(gate, "account")
    assert state["order"]["id"] == identifier
    return state


def begun(gate, name):
    said = order(gate, name)
    assert said["status"] == 0, said
    return json.loads(said["output"])["ordered"]


def carrier(gate):
    """The process that carries one out, or None. What it has begun without another program is
    called as it is."""
    def carries(pid):
        return text_of(pid, "cmdline").split("\0")[1:3] == ["replay", "ordered"] and \
            f"SEALGATE_INSTANCE={gate.dir}" in text_of(pid, "environ").split("\0")
    found = {pid for pid in all_pids() if carries(pid)}
    below = {one for pid in found for one in children_of(pid)}
    return next(iter(found - below), None)


def bare(account):
    """What is kept of it from afar: nothing that a finding quotes."""
    for change in account["changes"]:
        for which in ("gained", "lost"):
            change[which] = [{k: v for k, v in f.items()
                              if k in ("code", "rule", "severity", "where")}
                             for f in change[which]]
    return account


def test_it_says_what_it_says_at_the_gate(gate, stored, tmp_path):
    bundle = bundle_of(gate, tmp_path, suspend)
    here = gate.run("policy", "replay", "--since", PAST, "--format", "json", bundle, timeout=240)
    there = replay(gate, bundle, "--format", "json")
    assert there.returncode == here.returncode == 1, there.stderr
    assert json.loads(there.stdout) == bare(json.loads(here.stdout))
    assert [c["id"] for c in json.loads(there.stdout)["changes"]] == stored
    # The options may stand behind, and people may read it.
    there = remote(gate, "policy-officer", "policy", "replay", bundle, "--since", PAST, "--limit=1",
                   timeout=240)
    here = gate.run("policy", "replay", "--since", PAST, "--limit", "1", bundle, timeout=240)
    assert there.returncode == 1, there.stderr
    said, lines = there.stdout.splitlines(), here.stdout.splitlines()
    assert said[0] == lines[0] and said[2:] == lines[2:]
    assert said[1] == "    + error partner.suspended" and lines[1].startswith(said[1] + ": ")
    # By name, before; what it left is what came of it, for whoever may look: by name, too.
    (actor, detail), (reader, read) = recorded(gate)[-2:]
    assert actor == reader == "policy-officer (TEST)"
    assert read == {"command": "replay account --format json"}
    assert detail["command"].startswith(f"policy replay --since {PAST} sha256:") or \
        detail["command"].startswith("policy replay sha256:")
    assert orders(gate) == {"lock", "result"}
    done = remote(gate, "viewer", "replay", "status")
    assert done.returncode == 0 and "it has ended: replay account" in done.stdout, done.stderr
    assert recorded(gate)[-1][0] == "policy-officer (TEST)"
    done = remote(gate, "viewer", "replay", "account")
    assert done.returncode == 0 and "would be refused" in done.stdout, done.stderr
    assert recorded(gate)[-1] == ("viewer (TEST)", {"command": "replay account"})
    # Nothing in force is otherwise, and the bundle is there for who puts it in force.
    assert len(list((gate.dir / "state" / "policy" / "coming").iterdir())) == 1


def test_the_same_changes_nothing(gate, stored, tmp_path):
    done = replay(gate, bundle_of(gate, tmp_path, same), "--format", "json")
    account = json.loads(done.stdout)
    assert done.returncode == 0 and account["judged"] == DOCUMENTS and account["complete"], done.stderr


def test_who_may(gate, stored, tmp_path):
    """By role; one person, also where a policy is put in force by two who ask for it."""
    bundle = bundle_of(gate, tmp_path, same)
    before = recorded(gate)
    done = replay(gate, bundle, role="operator")
    assert done.returncode == 1 and "403" in done.stderr, done.stderr
    for role in ("viewer", "operator", "key-custodian", "auditor"):
        for words in (["policy", "replay", "--since", PAST, "sha256:" + "1" * 64],
                      ["trust", "diff", "--replay", "--since", PAST, PAST, PAST],
                      ["replay", "stop"]):
            assert ask(gate, words, role=role).status_code == 403, (role, words)
    assert recorded(gate) == before
    operators = gate.dir / "policies" / "operators.cfg"
    text = operators.read_text()
    operators.write_text(text.replace("four_eyes = (", 'four_eyes = ( "policy",'))
    try:
        done = replay(gate, bundle, "--limit", "1")
        assert done.returncode == 0 and state_of(gate, "account")["account"]["judged"] == 1, done.stderr
    finally:
        operators.write_text(text)


def test_no_path_and_nothing_that_did_not_come(gate):
    for last in ("state/policy/coming", "policies", "/etc", "sha256:1", "sha256:" + "g" * 64):
        answer = ask(gate, ["policy", "replay", "--since", PAST, last])
        assert answer.status_code == 400 and answer.json()["code"] == "operator.command", last
    said = order(gate, "sha256:" + "1" * 64)
    assert said["status"] == 1 and "another one has come since, or none" in said["errors"], said
    answer = ask(gate, ["policy", "replay", "--since", "soon", "sha256:" + "1" * 64]).json()
    assert answer["status"] == 2 and "--since" in answer["errors"], answer
    assert ask(gate, ["replay", "ordered"]).status_code == 400


def archive(*names):
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    return octets.getvalue()


@pytest.mark.parametrize("octets", [
    b"x", b"\0" * 10240, os.urandom(1 << 16), archive("../escaped"), archive("/tmp/escaped"),
    archive("policies/../../escaped"), archive(*("a" * 90 + str(i) for i in range(20001)))],
    ids=["short", "empty", "noise", "above", "absolute", "below", "many"])
def test_what_is_no_bundle(gate, octets):
    before = set(gate.dir.rglob("*escaped*"))
    state = ended(gate, begun(gate, bring(gate, octets)))
    assert state["status"] == 3 and "account" not in state and state["failed"], state
    assert set(gate.dir.rglob("*escaped*")) == before == set()
    assert not pathlib.Path("/tmp/escaped").exists()
    assert orders(gate) == {"lock", "result"}


def test_a_policy_that_cannot_be_loaded(gate, tmp_path):
    """It is said where: of what verify reads, and of what is read to know the routes."""
    octets = bundle_of(gate, tmp_path, same).read_bytes()
    for good, bad, said in ((b'"rules/trade.sch"', b'"rules/trads.sch"', "trads.sch"),
                            (b'country = "NZ"', b'country + "NZ"', "nz-mpi.cfg:")):
        assert good in octets
        bundle = tmp_path / "bad.bundle"
        bundle.write_bytes(octets.replace(good, bad))
        done = replay(gate, bundle)
        assert done.returncode == 3 and said in done.stderr, done.stderr
        assert "it failed" in remote(gate, "viewer", "replay", "status").stdout
        assert orders(gate) == {"lock", "result"} and not trials(gate)
    done = replay(gate, tmp_path / "next")
    assert done.returncode == 2 and "policy build" in done.stderr, done.stderr


def test_one_that_takes_its_time_is_ended(gate, stored, tmp_path):
    """Who reads its policy and who judges by it is shut in; one runs at a time; one person ends
    it, and what was not looked at is no success."""
    bundle = bundle_of(gate, tmp_path, same)
    name = bring(gate, bundle.read_bytes())
    first = begun(gate, name)
    walks = until(lambda: carrier(gate))
    until(lambda: len(descendants(walks)) >= 6)
    os.kill(walks, signal.SIGSTOP)
    try:
        # Two that read, two of verify with a service and workers each: all but the one that
        # walks, once they have begun.
        until(lambda: len(descendants(walks)) >= 6 and all(map(confined, descendants(walks))))
        assert not confined(walks)
        assert state_of(gate)["state"] == "running"
        said = order(gate, name)
        assert said["status"] == 1 and "replay stop ends it" in said["errors"], said
        done = remote(gate, "policy-officer", "replay", "stop")
        assert done.returncode == 0 and "before its next document" in done.stdout, done.stderr
        assert recorded(gate)[-1] == ("policy-officer (TEST)", {"command": "replay stop"})
    finally:
        os.kill(walks, signal.SIGCONT)
    state = ended(gate, first)
    assert state["status"] == 3 and state["account"]["cut"] == "somebody ended it", state
    assert not state["account"]["complete"] and state["account"]["judged"] < DOCUMENTS
    assert orders(gate) == {"lock", "result"} and not carrier(gate) and not trials(gate)
    # Once more, and what it said is gone.
    done = remote(gate, "policy-officer", "replay", "stop")
    assert done.returncode == 0 and "the account of the last one is gone" in done.stdout
    assert state_of(gate, "account") == {"state": "none"} and orders(gate) == {"lock"}
    done = remote(gate, "policy-officer", "replay", "stop")
    assert done.returncode == 1 and "none runs" in done.stderr


def test_what_is_cut_off(gate, stored, tmp_path):
    """Is said to be so; the next one clears away what it left."""
    name = bring(gate, bundle_of(gate, tmp_path, same).read_bytes())
    begun(gate, name)
    # Stopped when it is met: by the time that somebody has asked for the state it may be over.
    walks = until(lambda: (pid := carrier(gate)) and trials(gate) and
                  send(pid, signal.SIGSTOP) and pid)
    try:
        assert state_of(gate)["state"] == "running"
    finally:
        assert send(walks, signal.SIGKILL)
    until(lambda: state_of(gate)["state"] == "ended")
    state = state_of(gate)
    assert state["failed"] == "it was cut short" and "ended" not in state, state
    assert trials(gate)
    other = tmp_path / "other"
    other.mkdir()
    done = replay(gate, bundle_of(gate, other, same))
    assert done.returncode == 0, done.stderr
    assert orders(gate) == {"lock", "result"} and not trials(gate)


def write_order(gate, identifier, octets, **more):
    """As who runs operators' commands does."""
    folder = gate.dir / "state" / "replay"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "bundle").write_bytes(octets)
    (folder / "order").write_text(json.dumps({
        "id": identifier, "kind": "policy", "by": "policy-officer (TEST)", "at": PAST,
        "since": PAST, "limit": 1, "bundle": "sha256:" + "1" * 64,
        "sha256": hashlib.sha256(octets).hexdigest(), **more}))


FLOCK = "hhqqi4x"


def test_an_order_and_its_bundle_are_taken_together(gate, stored, tmp_path):
    """While somebody orders, nothing is taken: neither his order nor another's bundle."""
    (tmp_path / "first").mkdir()
    first = bundle_of(gate, tmp_path / "first", same).read_bytes()
    other = bundle_of(gate, tmp_path, suspend).read_bytes()
    folder = gate.dir / "state" / "replay"
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / "lock", "a+b") as lock:
        fcntl.fcntl(lock, fcntl.F_OFD_SETLKW, struct.pack(FLOCK, fcntl.F_WRLCK, 0, 1, 1, 0))
        write_order(gate, "first", first)
        carries = subprocess.Popen([BIN / "sealgate", "--instance", gate.dir, "replay", "ordered"])
        ask_for = struct.pack(FLOCK, fcntl.F_WRLCK, 0, 0, 1, 0)
        until(lambda: struct.unpack(FLOCK, fcntl.fcntl(lock, fcntl.F_OFD_GETLK, ask_for))[0] !=
              fcntl.F_UNLCK)
        write_order(gate, "second", other)
        state = state_of(gate)
        assert (state["state"], state["order"]["id"]) == ("ordered", "second")
    assert carries.wait(timeout=120) == 0
    state = state_of(gate, "account")
    assert state["order"]["id"] == "second" and state["account"]["changed"] == 1, state
    assert orders(gate) == {"lock", "result"}


def test_another_bundle_is_not_judged_by(gate, stored, tmp_path):
    """Which a power cut may leave beside an order."""
    write_order(gate, "cut", bundle_of(gate, tmp_path, same).read_bytes(), sha256="1" * 64)
    gate.run("replay", "ordered", timeout=120)
    state = state_of(gate, "account")
    assert state["order"]["id"] == "cut" and "account" not in state, state
    assert "the bundle that was ordered is not there" in state["failed"]
    assert orders(gate) == {"lock", "result"}


def test_what_a_rule_quotes_is_not_kept(gate, stored, tmp_path):
    """Nobody but its author has seen it; a document's octets are read with show, on record."""
    bundle = bundle_of(gate, tmp_path, same)
    good, bad = (f"ram:NetWeightMeasure {sign} ram:Gross".encode() for sign in ("&gt;", "&lt;"))
    octets = bundle.read_bytes()
    assert octets.count(good) == 1
    bundle.write_bytes(octets.replace(good, bad))
    here = gate.run("policy", "replay", "--since", PAST, "--limit", "1", "--format", "json", bundle,
                    timeout=240)
    assert "gross weight, which is" in here.stdout, here.stderr
    done = replay(gate, bundle, "--limit", "1", "--format", "json")
    assert done.returncode == 1 and "SPS-10" in done.stdout, done.stderr
    kept = (gate.dir / "state" / "replay" / "result").read_text()
    for text in (done.stdout, kept):
        assert "which is" not in text and "received" not in text.replace('"received":"2', "")
    for change in json.loads(kept)["account"]["changes"]:
        for finding in change["gained"] + change["lost"]:
            assert set(finding) <= {"code", "rule", "severity", "where"}, finding


def test_it_is_kept_for_a_week(gate, stored, tmp_path):
    done = replay(gate, bundle_of(gate, tmp_path, same), "--limit", "1")
    assert done.returncode == 0, done.stderr
    result = gate.dir / "state" / "replay" / "result"
    now = time.time()
    os.utime(result, (now, now - 6 * 86400))
    assert gate.run("replay", "ordered").returncode == 0
    assert state_of(gate, "account")["account"]["judged"] == 1
    os.utime(result, (now, now - 8 * 86400))
    kept = result.read_bytes()
    assert state_of(gate, "account") == {"state": "none"} and not result.exists()
    # Nor does it wait for somebody to ask.
    result.write_bytes(kept)
    os.utime(result, (now, now - 8 * 86400))
    assert gate.run("replay", "ordered").returncode == 0
    assert not result.exists()


def test_it_is_in_no_backup(gate, stored, tmp_path):
    done = gate.run("backup", tmp_path / "backup", timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "backup" / "files" / "state" / "replay" / "result").exists()


def test_the_partners_do_not_wait(gate, stored, tmp_path):
    """While one runs the gate takes documents as ever."""
    name = bring(gate, bundle_of(gate, tmp_path, same).read_bytes())
    document = gate.certificate("phyto", "AFAR-MEANWHILE")
    identifier = begun(gate, name)
    until(lambda: carrier(gate))
    answer = gate.submit(document)[1]
    assert answer["state"] == "accepted", answer
    remote(gate, "policy-officer", "replay", "stop")
    ended(gate, identifier)


def test_replay_is_told_of_in_the_chain(gate):
    """Each run, with how it ended."""
    lines = [json.loads(line)["record"] for line in gate.run("audit", "export").stdout.splitlines()]
    runs = [r["event"] for r in lines if r["actor"] == "replay"]
    assert "program.start" in runs and "program.stop" in runs

# SPDX-License-Identifier: EUPL-1.2
"""What another policy would have decided about the documents that are stored."""
import fcntl
import json
import os
import shutil

import pytest

PAST = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def stored(gate):
    """Two accepted documents and a refused one; the answers."""
    answers = [gate.submit(gate.certificate("phyto", "REPLAY-1"))[1],
               gate.submit(gate.certificate("phyto", "REPLAY-2"))[1],
               gate.submit(gate.document("phyto", "REPLAY-3"))[1]]
    assert [a.get("state") for a in answers[:2]] == ["accepted", "accepted"], answers
    return answers


def changed(gate, folder, change):
    copy = folder / "next"
    shutil.copytree(gate.dir / "policies", copy)
    change(copy)
    return copy


def replay(gate, policy, *options, since=PAST):
    done = gate.run("policy", "replay", "--since", since, "--format", "json", *options, policy)
    assert not list((gate.dir / "run").glob("trial-*"))
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def counts(answer):
    return {p["partner"]: {k: v for k, v in p.items() if k != "partner"}
            for p in answer["partners"]}


def test_the_same_policy_changes_nothing(gate, stored, tmp_path):
    status, answer = replay(gate, changed(gate, tmp_path, lambda p: None))
    assert status == 0 and answer["changes"] == [] and answer["complete"]
    assert answer["in_force"] == answer["tried"]
    assert (answer["judged"], answer["not_kept"], answer["undecided"]) == (2, 1, 0)


def test_a_partner_is_suspended(gate, stored, tmp_path):
    def suspend(policies):
        path = policies / "partners" / "nz-mpi.cfg"
        path.write_text(path.read_text() + "suspended = true;\n")

    status, answer = replay(gate, changed(gate, tmp_path, suspend))
    assert status == 1 and answer["in_force"] != answer["tried"]
    assert [(c["id"], c["verdict"], [f["code"] for f in c["gained"]])
            for c in answer["changes"]] == [
        (a["id"], {"was": "accepted", "would": "refused"}, ["partner.suspended"])
        for a in stored[:2]]
    assert counts(answer) == {"nz-mpi": {"documents": 2, "verdicts": 2, "routes": 0,
                                         "findings": 2, "undecided": 0, "not_kept": 1}}
    # For people, and bounded.
    said = gate.run("policy", "replay", "--since", PAST, "--limit", "1", tmp_path / "next")
    assert said.returncode == 1
    lines = said.stdout.splitlines()
    assert lines[0].startswith(stored[0]["id"])
    assert lines[0].endswith("PHYTO REPLAY-1: accepted, would be refused")
    assert "+ error partner.suspended" in lines[1] and "--limit" in lines[-1]


def test_another_route(gate, stored, tmp_path):
    def reroute(policies):
        path = policies / "routes" / "10-all.cfg"
        path.write_text(path.read_text().replace(', "customs-nl"', ""))

    status, answer = replay(gate, changed(gate, tmp_path, reroute))
    assert status == 1 and len(answer["changes"]) == 2
    first = answer["changes"][0]
    assert first["verdict"] == {"was": "accepted", "would": "accepted"}
    assert first["route"] == {"was": ["traces", "customs-nl"], "would": ["traces"]}


def test_since_and_partner_choose(gate, stored, tmp_path):
    copy = changed(gate, tmp_path, lambda p: None)
    assert replay(gate, copy, since="2999-01-01T00:00:00Z")[1]["judged"] == 0
    assert replay(gate, copy, "--partner", "br-mapa")[1]["judged"] == 0
    assert replay(gate, copy, "--partner", "nz-mpi")[1]["judged"] == 2


def test_what_a_killed_one_left(gate, stored, tmp_path):
    """Is removed by the next one; what somebody works in is not."""
    dead, alive = (gate.dir / "run" / f"trial-{name}" for name in ("dead00", "alive0"))
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "policies").mkdir()
        (folder / "sealgate.conf").write_text("")
    held = os.open(alive, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = gate.run("policy", "replay", "--since", PAST,
                        changed(gate, tmp_path, lambda p: None))
        assert done.returncode == 0, done.stderr
        assert list((gate.dir / "run").glob("trial-*")) == [alive]
        assert (alive / "sealgate.conf").exists()
    finally:
        os.close(held)
        shutil.rmtree(alive)


def test_a_policy_that_cannot_be_loaded(gate, stored, tmp_path):
    copy = changed(gate, tmp_path, lambda p: (p / "rules" / "trade.sch").unlink())
    status, said = replay(gate, copy)
    assert status == 3 and "trade.sch" in said
    assert replay(gate, tmp_path / "absent")[0] == 2


def test_usage(gate, tmp_path):
    assert gate.run("policy", "replay", tmp_path).returncode == 2
    assert gate.run("policy", "replay", "--since", "soon", tmp_path).returncode == 2


def test_the_gate_need_not_be_up(gate, stored, tmp_path):
    copy = changed(gate, tmp_path, lambda p: None)
    gate.down()
    try:
        status, answer = replay(gate, copy)
    finally:
        gate.up()
    assert status == 0 and answer["judged"] == 2

# SPDX-License-Identifier: EUPL-1.2
"""Years later: what policy lets go is archived and erased once, through kills; what is held stays."""
import hashlib
import json
import os
import shlex
import signal
import struct

import pytest

from faults.rig import FAULTS
from scenarios.gate import BIN, a_gate
from scenarios.processes import pid_of
from scenarios.test_faults import certificates, until, until_accepted

YEAR = 366 * 86400
LEASE = 1800


@pytest.fixture(scope="module")
def gate():
    """The years pass for queued alone: certificates of those who ask stay valid."""
    with a_gate() as made:
        clock = made.folder / "clock"
        clock.write_bytes(struct.pack("q", 0))
        os.environ.update(LD_PRELOAD=str(FAULTS / "shifted_clock.so"),
                          SHIFTED_CLOCK=str(clock), SHIFTED_PROGRAM="sealgate-queued")
        try:
            made.up()
        finally:
            for name in ("LD_PRELOAD", "SHIFTED_CLOCK", "SHIFTED_PROGRAM"):
                del os.environ[name]
        made.jump = lambda seconds: jump(clock, seconds)
        yield made


def jump(clock, seconds):
    """In place: the programs have the file mapped."""
    with open(clock, "r+b") as file:
        file.write(struct.pack("q", seconds))


@pytest.fixture(scope="module")
def ids(gate):
    """Delivered everywhere; then eleven years pass."""
    made = [until_accepted(gate, path) for path in certificates(gate, 1, 4)]
    gate.wait_delivered(made)
    assert plan(gate)["due"] == 0
    gate.jump(11 * YEAR)
    until(lambda: plan(gate)["due"] == len(made))
    return made


def plan(gate):
    done = gate.run("retention", "plan", "--format", "json", check=True)
    return json.loads(done.stdout)


def run(gate, *arguments, **options):
    """Somebody looks at the clock, which has jumped, and says that it is right."""
    return gate.run("retention", "run", "--clock-confirmed", *arguments, **options)


def status(gate):
    done = gate.run("retention", "status", "--format", "json", check=True)
    return json.loads(done.stdout)


def legal_words(gate, *arguments, person="auditor", reason="case 12"):
    path = gate.pki.path
    holder = f"operators/{person}"
    return ["retention", *arguments, "--url", gate.listener("operators"),
            "--ca", path("transport-ca/root"), "--cert", path(holder, ".chain.pem"),
            "--key", path(holder, ".key"), "--reason", reason]


def legal_hold(gate, *arguments, **options):
    return gate.run(*legal_words(gate, *arguments, **options))


def events(gate, identifier):
    answer = json.loads(gate.run("explain", "--format", "json", identifier).stdout)
    document = answer["documents"][0]
    return document, [e["record"] for e in document["events"]]


def erasures(gate, identifier):
    return [r for r in events(gate, identifier)[1] if r["event"] == "document.erased"]


def archived(gate, identifier):
    found = list((gate.dir / "state" / "archive").glob(f"*/*/{identifier}-*"))
    assert len(found) < 2, "of an earlier claim nothing is left"
    return found[0] if found else None


def check_archive(folder, digest):
    """As somebody does who has the archive and the audit chain, and nothing of ours."""
    manifest = (folder / "manifest.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == digest
    listed = json.loads(manifest)["files"]
    for file in listed:
        data = (folder / file["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"], file
    return {file["name"]: file["sha256"] for file in listed}


def test_who_may_hold(gate, ids):
    assert legal_hold(gate, "hold", "--id", ids[0], person="viewer").returncode == 1
    assert legal_hold(gate, "hold", "--id", "01ARZ3NDEKTSV4RRFFQ69G5FAV").returncode == 1
    done = legal_hold(gate, "hold", "--id", ids[0], "--ground", "dispute")
    assert done.returncode == 0 and json.loads(done.stdout)["documents"] == 1, done.stderr
    assert status(gate)["holds"][0]["by"] == "auditor (TEST)"
    counts = plan(gate)
    assert (counts["due"], counts["legal_hold"]) == (len(ids) - 1, 1)


def test_what_a_hold_keeps_is_said(gate, ids):
    kind = events(gate, ids[0])[0]["type"]
    for words, documents in ((("--partner", "nz-mpi"), len(ids)), (("--partner", "nz-mip"), 0),
                             (("--type", kind), len(ids)), (("--type", kind + "x"), 0)):
        done = legal_hold(gate, "hold", *words)
        answer = json.loads(done.stdout)
        assert (done.returncode, answer["documents"]) == (0, documents), done.stdout
        assert ("nothing is here that it keeps" in done.stderr) == (documents == 0)
        assert legal_hold(gate, "lift", str(answer["hold"])).returncode == 0


def test_a_clock_that_jumped_erases_nothing(gate, ids):
    done = gate.run("retention", "run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "--clock-confirmed" in done.stderr and done.stdout == "erased: 0\n"
    assert status(gate)["claimed"] == 0 and plan(gate)["due"] == len(ids) - 1


def test_a_full_archive_leaves_the_queue_its_room(gate, ids, tmp_path):
    """sysfs has no room, ever: nothing is claimed for it."""
    done = run(gate, "--archive", "/sys/kernel")
    assert done.returncode == 3 and "No space left" in done.stderr, done.stderr
    assert status(gate)["claimed"] == 0 and plan(gate)["due"] == len(ids) - 1


def account(path, began):
    """Of a replay that was ordered from afar."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"order": {"id": "x"}, "began": began, "ended": began, "status": 0,
                                "account": {"changes": []}}))


def test_killed_between_archive_and_erasure(gate, ids, tmp_path):
    """The run itself is killed once the document is archived: nothing is lost or half gone."""
    command = tmp_path / "keep"
    command.write_text('#!/bin/sh\ncp -r "$1" "' + str(tmp_path) + '"/ && kill -9 $PPID\n')
    command.chmod(0o755)
    done = run(gate, "--command", command)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / f"{ids[1]}-1" / "manifest.json").exists()
    assert gate.request(f"/v1/documents/{ids[1]}/evidence").status_code == 200
    assert status(gate)["erased"] == 0
    # Another takes it up when the claim is over, and not before; the others go, and what a replay
    # said of them: at once, or where another user has that, with his unit, which runs after this.
    replay = gate.dir / "state" / "replay" / "result"
    account(replay, "2026-01-01T00:00:00Z")
    assert gate.run("replay", "ordered").returncode == 0 and replay.exists()
    done = run(gate)
    assert f"erased: {len(ids) - 2}" in done.stdout, done.stdout + done.stderr
    assert not replay.exists()
    for began, stays in (("2026-01-01T00:00:00Z", False), ("2999-01-01T00:00:00Z", True)):
        account(replay, began)
        assert gate.run("replay", "ordered").returncode == 0 and replay.exists() == stays
    assert gate.request(f"/v1/documents/{ids[1]}/evidence").status_code == 200
    gate.jump(11 * YEAR + LEASE + 60)
    until(lambda: plan(gate)["due"] == 1)


def test_queued_killed_and_then_all_goes(gate, ids, tmp_path):
    """queued ends between a document's archive and its erasure; the next run does the rest."""
    pid = pid_of(gate, "sealgate-queued")
    command = tmp_path / "keep"
    command.write_text(f'#!/bin/sh\ncp -r "$1" "{tmp_path}"/ && kill -9 {pid} && echo "tape 7"\n')
    command.chmod(0o755)
    done = run(gate, "--command", command)
    assert done.returncode == 3, done.stdout + done.stderr
    until(lambda: gate.run("retention", "status").returncode == 0)
    assert not erasures(gate, ids[1])
    gate.jump(11 * YEAR + 2 * LEASE + 120)
    until(lambda: plan(gate)["due"] == 1)
    done = run(gate, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "erased: 1" in done.stdout and "statement: record" in done.stdout
    assert run(gate).stdout == "erased: 0\n"


def test_what_is_left(gate, ids):
    document, _ = events(gate, ids[1])
    record, = erasures(gate, ids[1])
    assert document["erased"] == record["at"]
    files = check_archive(archived(gate, ids[1]), record["detail"]["manifest_sha256"])
    assert files["document.xml"] == document["sha256"]
    parts = {p["part"]: p["sha256"] for p in record["detail"]["parts"]}
    assert {p["sha256"] for p in record["detail"]["parts"]} <= set(files.values())
    assert parts["document"] == document["sha256"]
    assert record["detail"]["clock_confirmed"] is True
    assert {"document", "report", "evidence"} <= set(parts)
    for part in ("report", "evidence"):
        answer = gate.request(f"/v1/documents/{ids[1]}/{part}")
        assert answer.status_code == 410, answer.text
        assert answer.json()["code"] == "document.erased"
        assert answer.json()["received"] == record["at"]
    assert gate.request(f"/v1/documents/{ids[1]}/receipt").status_code == 200
    assert "erased" in gate.run("explain", ids[1]).stdout


def test_the_statement_is_in_the_chain(gate, ids):
    records = [json.loads(line) for line in gate.run("audit", "export").stdout.splitlines()]
    stated = [r for r in records if r["record"]["event"] == "retention.statement"]
    told = []
    for statement in stated:
        path = gate.dir / "state/archive/statements" / f"{statement['position']:012d}.txt"
        text = path.read_bytes()
        detail = statement["record"]["detail"]
        assert hashlib.sha256(text).hexdigest() == detail["list_sha256"]
        told += [line.split()[0] for line in text.decode().splitlines()]
    assert told == ids[2:] + ids[1:2]


def test_a_list_that_was_not_written_is_written_again(gate):
    last = sorted((gate.dir / "state" / "archive" / "statements").iterdir())[-1]
    text = last.read_bytes()
    last.unlink()
    assert run(gate).returncode == 0
    assert last.read_bytes() == text


def test_what_was_left_on_the_way_goes(gate, ids):
    """Of what is erased, and of nothing else."""
    outgoing = gate.dir / "state" / "archive" / "outgoing"
    for identifier in (ids[0], ids[1], "another"):
        (outgoing / f"{identifier}-9").mkdir(parents=True)
        (outgoing / f"{identifier}-9" / "document.xml").write_text("<a/>")
    assert run(gate).returncode == 0
    left = {path.name for path in outgoing.glob("*-9")}
    assert left == {f"{ids[0]}-9", "another-9"}


def test_what_is_refused_in_between_leaves_no_folder(gate, ids, tmp_path):
    """It is held again between its archive and its erasure."""
    number = str(status(gate)["holds"][0]["hold"])
    assert legal_hold(gate, "lift", number).returncode == 0
    command = tmp_path / "keep"
    words = ["--instance", gate.dir, *legal_words(gate, "hold", "--id", ids[0])]
    hold = shlex.join(map(str, (BIN / "sealgate", *words)))
    command.write_text(f"#!/bin/sh\n{hold} >/dev/null && echo 'tape 7'\n")
    command.chmod(0o755)
    done = run(gate, "--command", command)
    assert done.returncode == 1 and f"{ids[0]} is kept" in done.stderr, done.stderr
    left = {path.name for path in (gate.dir / "state/archive/outgoing").iterdir()}
    assert left == {f"{ids[0]}-9", "another-9"} and not erasures(gate, ids[0])
    gate.jump(11 * YEAR + 3 * LEASE + 180)


def test_held_until_it_is_lifted(gate, ids, tmp_path):
    """A person is told so who holds what is gone. The command has ten minutes."""
    late = legal_hold(gate, "hold", "--id", ids[1])
    assert late.returncode == 1 and "document.erased" in late.stdout + late.stderr
    command = tmp_path / "keep"
    command.write_text("#!/usr/bin/python3\nimport signal\nprint(signal.alarm(0))\n")
    command.chmod(0o755)
    assert gate.request(f"/v1/documents/{ids[0]}/evidence").status_code == 200
    assert not erasures(gate, ids[0])
    number = str(status(gate)["holds"][0]["hold"])
    assert legal_hold(gate, "lift", number, reason="the case is closed").returncode == 0
    assert legal_hold(gate, "lift", number).returncode == 1
    names = [r["event"] for r in events(gate, ids[0])[1]]
    assert "operator.legal-hold" in names and "operator.legal-hold-end" in names
    assert "erased: 1" in run(gate, "--command", command).stdout
    record, = erasures(gate, ids[0])
    assert 0 < int(record["detail"]["archive"]) <= 600


def test_nothing_else_has_changed(gate, ids):
    """The same octets are still the same document; chain and ledger are whole."""
    assert status(gate)["erased"] == len(ids)
    done = gate.run("ledger", "--check", timeout=120)
    assert done.returncode == 0, done.stdout
    done = gate.run("audit", "verify")
    assert done.returncode == 0, done.stdout
    for name in ("queue.db", "queue.db-wal"):
        path = gate.dir / "state" / "queue" / name
        if path.exists():
            assert b"SPSCertificate" not in path.read_bytes(), name

# SPDX-License-Identifier: EUPL-1.2
"""A backup by order from afar: for whom policy names, fetched in pieces, restored elsewhere."""
import base64
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess

import pytest

from scenarios.gate import BIN, a_gate, sealgate
from scenarios.test_backup import files_below, key_pair, opened, restore
from scenarios.processes import pid_of
from scenarios.test_faults import certificates, once, until, until_accepted
from scenarios.test_remote import recorded, remote


FOUR_EYES = 'four_eyes = ( "machine", "backup", "keys" );'  # as it is shipped


@pytest.fixture(scope="module")
def gate():
    """A gate whose policy does not say who may open a backup, nor that two have to ask."""
    with a_gate() as made:
        operators = made.dir / "policies" / "operators.cfg"
        before = operators.read_text()
        assert FOUR_EYES in before
        operators.write_text(before.replace(FOUR_EYES, 'four_eyes = ( "machine", "keys" );'))
        yield made.up()


@pytest.fixture(scope="module")
def people(gate, tmp_path_factory):
    """Certificate and key of two, whom policy names from now on."""
    folder = tmp_path_factory.mktemp("people")
    pairs = [key_pair(folder, "rsa", "rsa:3072"),
             key_pair(folder, "ec", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")]
    names = gate.dir / "policies" / "backup"
    names.mkdir()
    for certificate, _ in pairs:
        shutil.copyfile(certificate, names / certificate.name)
    yield pairs
    shutil.rmtree(names)


def status(gate, role="viewer"):
    done = remote(gate, role, "backup", "status", "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def made(gate):
    """Order one and wait for it: its state."""
    until(lambda: not status(gate)["making"], 60)  # the one before is there before its end
    done = remote(gate, "operator", "backup", "make")
    assert done.returncode == 0, done.stderr
    until(lambda: not (said := status(gate))["ordered"] and not said["making"], 60)
    said = status(gate)
    assert said["sealed"] and not said["failed"], said
    return said["sealed"]


def command(gate, *arguments, role="operator"):
    answer = gate.request("/v1/commands", f"operators/{role}", "POST", "operators",
                          json={"arguments": arguments})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_nobody_to_open_it(gate):
    done = remote(gate, "operator", "backup", "make")
    assert done.returncode == 1 and "says who may open a backup" in done.stderr, done.stderr
    assert not status(gate)["ordered"] and not (gate.dir / "state" / "backup").exists()
    assert remote(gate, "viewer", "backup", "fetch", "/nowhere").returncode == 1


def test_who_may(gate, people):
    name = made(gate)["name"]
    for arguments in (["make"], ["fetch", name], ["piece", name, "0"], ["discard", name]):
        for role in ("viewer", "auditor", "policy-officer"):
            answer = gate.request("/v1/commands", f"operators/{role}", "POST", "operators",
                                  json={"arguments": ["backup", *arguments]})
            assert answer.status_code == 403, (arguments, role)
    for arguments in (["make", "--to=x.pem"], ["/tmp/x"], ["fetch", "state/backup/sealed"],
                      ["seal", "--to", "x", "y", "z"]):
        answer = gate.request("/v1/commands", "operators/operator", "POST", "operators",
                              json={"arguments": ["backup", *arguments]})
        assert answer.status_code == 400 and answer.json()["code"] == "operator.command"
    # Nothing is given out before somebody who may has asked for it, on record.
    said = command(gate, "backup", "piece", name, "0")
    assert said["status"] == 1 and "backup fetch comes first" in said["errors"]
    for wrong in ("sha256:" + "0" * 64, "sealed"):
        said = command(gate, "backup", "piece", wrong, "0")
        assert said["status"] == 1 and "another one, or none" in said["errors"]


def test_restored_from_what_was_fetched(gate, people, tmp_path):
    """It goes on where it broke off; then the machine is lost, and nothing of the mark is."""
    paths = certificates(gate, 1, 6)
    ids = [until_accepted(gate, path) for path in paths[:4]]
    gate.wait_delivered(ids)
    big = gate.dir / "state" / "seal" / "big"
    big.write_bytes(os.urandom(5 << 20))
    ready = made(gate)
    assert ready["pieces"] > 3 and not ready["opened"]
    assert [one["certificate"] for one in ready["for"]] == ["ec.pem", "rsa.pem"]
    assert sorted(path.name for path in (gate.dir / "state" / "backup").iterdir()) == [
        "lock", "sealed"]  # nothing is left in clear
    later = [until_accepted(gate, path) for path in paths[4:]]

    target = tmp_path / "fetched"
    listed = command(gate, "backup", "fetch", ready["name"], role="key-custodian")["output"]
    assert ready["name"] == "sha256:" + hashlib.sha256(listed.encode()).hexdigest()
    first = command(gate, "backup", "piece", ready["name"], "0", role="key-custodian")
    target.mkdir()
    (target / "list").write_text(listed)
    (target / "000000.p7m").write_bytes(base64.b64decode(first["octets"]))
    (target / "000001.p7m").write_bytes(b"half of it")
    before = os.stat(target / "000000.p7m").st_mtime_ns
    done = remote(gate, "key-custodian", "backup", "fetch", target, timeout=120)
    assert done.returncode == 0 and f"fetched: {ready['pieces']} pieces" in done.stdout, done.stderr
    assert os.stat(target / "000000.p7m").st_mtime_ns == before
    assert status(gate)["sealed"] is None
    name = ready["name"]
    assert recorded(gate)[-3:] == [
        ("operator (TEST)", {"command": "backup make"}),
        ("key-custodian (TEST)", {"command": f"backup fetch {name}"}),
        ("key-custodian (TEST)", {"command": f"backup discard {name}"})]

    for number, pair in enumerate(people):
        done = opened(target, pair, tmp_path / str(number))
        assert done.returncode == 0, done.stderr
    assert files_below(tmp_path / "0") == files_below(tmp_path / "1")
    big.unlink()
    gate.down()
    for part in ("state", "policies", "tls", "credentials", "sealgate.conf", "run"):
        path = gate.dir / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = restore(gate, tmp_path / "0", gate.folder / "bare")
    assert done.returncode == 0 and ready["mark"] in done.stdout, done.stdout + done.stderr
    for part in (gate.folder / "bare").iterdir():
        part.rename(gate.dir / part.name)
    assert not (gate.dir / "state" / "backup").exists()
    assert gate.run("audit", "verify", "--head", ready["mark"]).returncode == 0
    (gate.dir / "state" / "seal" / "big").unlink()
    gate.up()
    for identifier in ids:
        assert gate.request(f"/v1/documents/{identifier}/receipt").status_code == 200
    again = [until_accepted(gate, path) for path in paths]
    assert again[:len(ids)] == ids and later
    gate.wait_arrived(again)
    once(gate, ids)
    assert gate.run("ledger", "--check").returncode == 0


def test_pieces_go_to_who_is_on_record(gate, people, tmp_path):
    """That somebody fetched it gives it to nobody else; who goes on asks, and is recorded."""
    name = made(gate)["name"]
    fetched = [("operator (TEST)", {"command": f"backup fetch {name}"})]
    listed = command(gate, "backup", "fetch", name)["output"]
    assert command(gate, "backup", "piece", name, "0")["status"] == 0
    assert recorded(gate)[-1:] == fetched
    said = command(gate, "backup", "piece", name, "0", role="key-custodian")
    assert said["status"] == 1 and "you have not asked for it" in said["errors"]
    said = gate.request("/v1/commands", "operators/key-custodian", "POST", "operators",
                        json={"arguments": ["backup", "piece", name, "0"],
                              "by": "operator (TEST)"}).json()
    assert said["status"] == 1 and "you have not asked for it" in said["errors"]
    assert gate.run("backup", "piece", name, "0").returncode == 1
    assert status(gate, "operator")["sealed"]["to_you"]
    there = status(gate, "key-custodian")["sealed"]
    assert there["opened"] and not there["to_you"]
    target = tmp_path / "begun by the operator"
    target.mkdir()
    (target / "list").write_text(listed)
    done = remote(gate, "key-custodian", "backup", "fetch", target)
    assert done.returncode == 0, done.stderr
    assert recorded(gate)[-3:] == fetched + [
        ("key-custodian (TEST)", {"command": f"backup {verb} {name}"})
        for verb in ("fetch", "discard")]


def test_four_eyes_where_policy_says_so(gate, people, tmp_path):
    operators = gate.dir / "policies" / "operators.cfg"
    before = operators.read_text()
    operators.write_text(before.replace('four_eyes = ( "machine", "keys" );', FOUR_EYES))
    try:
        assert remote(gate, "operator", "backup", "make").returncode == 4
        done = remote(gate, "key-custodian", "backup", "make")
        assert done.returncode == 0, done.stderr
        until(lambda: status(gate)["sealed"], 60)
        target = tmp_path / "fetched"
        done = remote(gate, "key-custodian", "backup", "fetch", target)
        assert done.returncode == 4 and "another person" in done.stderr
        assert not target.exists() and not status(gate)["sealed"]["opened"]
        done = remote(gate, "operator", "backup", "fetch", target)
        assert done.returncode == 0 and "still at the gate" in done.stderr, done.stderr
        assert opened(target, people[1], tmp_path / "clear").returncode == 0
        assert status(gate)["sealed"]["opened"]
        name = status(gate)["sealed"]["name"]
        assert recorded(gate)[-1] == ("operator (TEST)", {
            "command": f"backup fetch {name}", "second": "key-custodian (TEST)"})
        # Another backup takes its place, and what was fetched of this one is not mixed.
        remote(gate, "operator", "backup", "make")
        assert remote(gate, "key-custodian", "backup", "make").returncode == 0
        until(lambda: status(gate)["sealed"]["name"] != name, 60)
        done = remote(gate, "operator", "backup", "fetch", target)
        assert done.returncode == 1 and "another backup" in done.stderr, done.stderr
    finally:
        operators.write_text(before)


def test_what_is_old_or_was_cut_short_goes(gate, people):
    orders = gate.dir / "state" / "backup"
    made(gate)
    for left in ("work", "sealing"):
        (orders / left / "files").mkdir(parents=True)
        (orders / left / "files" / "pin").write_text("in clear")
    old = os.stat(orders / "sealed" / "list").st_mtime - 6.9 * 24 * 3600
    os.utime(orders / "sealed" / "list", (old, old))
    assert gate.run("backup", "ordered").returncode == 0
    assert status(gate)["sealed"]
    assert sorted(path.name for path in orders.iterdir()) == ["lock", "sealed"]
    os.utime(orders / "sealed" / "list", (old - 9000, old - 9000))
    assert gate.run("backup", "ordered").returncode == 0
    assert status(gate)["sealed"] is None and not (orders / "sealed").exists()


def test_a_start_removes_what_lies_there(gate, people):
    """As the power went keys lay there in clear; no unit and no timer has to run for it."""
    orders = gate.dir / "state" / "backup"
    name = made(gate)["name"]
    for old, kept in ((0, {"lock", "sealed"}), (8 * 24 * 3600, {"lock"})):
        gate.down()
        for left in ("work", "sealing"):
            (orders / left / "files").mkdir(parents=True)
            (orders / left / "files" / "pin").write_text("in clear")
        made_at = os.stat(orders / "sealed" / "list").st_mtime - old
        os.utime(orders / "sealed" / "list", (made_at, made_at))
        gate.up()
        assert {path.name for path in orders.iterdir()} == kept
        assert (status(gate)["sealed"] or {}).get("name") == (None if old else name)


def test_no_program_stops_all_backups(gate, people, tmp_path):
    """Whatever one keeps below its folder of state: the rest is backed up, and it is told."""
    folder = gate.dir / "state" / "seal"
    deep = folder
    for _ in range(18):
        deep = deep / "deeper"
    deep.mkdir(parents=True)
    (deep / "x").write_text("x")
    (folder / "two\nlines").write_text("x")
    (folder / "a..b").write_text("x")
    (folder / "kept file").write_text("kept")
    with open(folder / "holes", "wb") as holes:
        holes.truncate(4 << 40)
    for number in range(80):  # each of them small
        with open(folder / f"nothing{number}", "wb") as holes:
            holes.truncate(1 << 20)
    (folder / "shut").write_text("x")
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    shut = os.open(folder / "shut", os.O_RDWR)
    fcntl.fcntl(shut, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    os.mkfifo(folder / "pipe")
    os.symlink("/etc", folder / "link")
    handshakes = gate.dir / "state" / "handshakes"
    handshakes.mkdir(exist_ok=True)
    (handshakes / "told by strangers").write_text("x")
    try:
        done = gate.run("backup", tmp_path / "backup", timeout=120)
        assert done.returncode == 0, done.stderr
        for name in ("seal/two\\x0alines: has a name", "seal/a..b: has a name", "/holes: has more holes",
                     "/pipe: is no file", "/link: is no file", "/deeper: lies too deep",
                     "/shut: cannot be opened", "/nothing"):
            assert [line for line in done.stderr.splitlines() if name in line and
                    " backup.left-out: state/seal/" in line], (name, done.stderr)
        files = tmp_path / "backup" / "files" / "state"
        listed = (tmp_path / "backup" / "backup").read_text()
        assert sorted(path.name for path in (files / "seal").iterdir() if
                      not (gate.dir / "state" / "seal" / path.name).is_dir()) == sorted(
            path.name for path in folder.iterdir() if path.is_file() and not path.is_symlink() and
            path.name not in ("two\nlines", "a..b", "holes", "shut") and
            not (path.name.startswith("nothing") and f"seal/{path.name}\n" not in listed))
        assert 60 < listed.count("state/seal/nothing") < 70
        assert (files / "seal" / "kept file").read_text() == "kept"
        assert (files / "handshakes").is_dir() and not list((files / "handshakes").iterdir())
        assert made(gate)
        done = restore(gate, tmp_path / "backup", tmp_path / "instance")
        assert done.returncode == 0, done.stderr
    finally:
        os.close(shut)
        shutil.rmtree(folder / "deeper")
        for number in range(80):
            (folder / f"nothing{number}").unlink()
        for name in ("shut", "two\nlines", "a..b", "kept file", "holes", "pipe", "link"):
            (folder / name).unlink()


def test_an_archive_without_end_leaves_the_ledger_its_backup(gate, people, tmp_path):
    """It grows for years; where there is no room for it the rest is made, and it is told."""
    made(gate)
    archive = gate.dir / "state" / "archive"
    was_there = archive.exists()
    archive.mkdir(exist_ok=True)
    with open(archive / "large", "wb") as large:
        large.truncate(8 << 40)
    try:
        done = gate.run("backup", "--without-archive", tmp_path / "here", timeout=120)
        assert done.returncode == 0 and " backup.left-out: state/archive:" in done.stderr
        assert (tmp_path / "here" / "backup").exists()
        assert not list((tmp_path / "here" / "files" / "state" / "archive").iterdir())
        (gate.dir / "state" / "backup" / "order").write_text("somebody wants one")
        done = gate.run("backup", "ordered", timeout=120)
        assert done.returncode == 0, done.stderr
        assert " backup.left-out: state/archive: the archive is not in it" in done.stderr, done.stderr
        assert status(gate)["sealed"]["without_archive"]
        assert "without state/archive" in remote(gate, "viewer", "backup", "status").stdout
    finally:
        (archive / "large").unlink()
    done = remote(gate, "operator", "backup", "fetch", tmp_path / "pieces", timeout=120)
    assert done.returncode == 0 and "no room for state/archive" in done.stderr, done.stderr
    assert opened(tmp_path / "pieces", people[0], tmp_path / "backup").returncode == 0
    done = restore(gate, tmp_path / "backup", tmp_path / "instance")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "instance" / "state" / "queue" / "queue.db").exists()
    assert not list((tmp_path / "instance" / "state" / "archive").iterdir())
    assert not made(gate)["without_archive"]
    if not was_there:
        archive.rmdir()


def test_killed_while_it_was_made(gate, people):
    def here():
        return json.loads(gate.run("backup", "status", "--format", "json").stdout)
    name = made(gate)["name"]
    orders = gate.dir / "state" / "backup"
    (orders / "order").write_text("somebody wants one")
    queued = pid_of(gate, "sealgate-queued")
    os.kill(queued, signal.SIGSTOP)  # it waits for the copy of the database
    try:
        with subprocess.Popen([BIN / "sealgate", "--instance", gate.dir, "backup",
                               "ordered"]) as making:
            until(lambda: here()["making"])
            until(lambda: not (orders / "order").exists())
            done = gate.run("backup", "make")
            assert done.returncode == 1 and "one is being made" in done.stderr
            making.kill()
    finally:
        os.kill(queued, signal.SIGCONT)
    said = here()
    assert said["failed"]["why"] == "it was cut short" and not said["making"]
    assert said["sealed"]["name"] == name
    assert made(gate)["name"] != name


def test_who_asks_is_told_why_it_failed(gate, people):
    made(gate)
    name = status(gate)["sealed"]["name"]
    stranger = gate.dir / "policies" / "backup" / "stranger.pem"
    stranger.write_text("no certificate")
    (gate.dir / "state" / "backup" / "order").write_text("as the power went")
    assert status(gate)["ordered"]
    assert gate.run("backup", "ordered").returncode == 1
    said = status(gate)
    assert "stranger.pem:0: no certificate can be read there" in said["failed"]["why"]
    assert said["sealed"]["name"] == name and not said["ordered"]
    done = gate.run("policy", "lint", "--policies", gate.dir / "policies")
    assert done.returncode == 1 and "stranger.pem:0: no certificate" in done.stdout + done.stderr
    assert remote(gate, "operator", "backup", "make").returncode == 1
    stranger.unlink()
    assert "failed at" in sealgate("--instance", gate.dir, "backup", "status").stdout
    made(gate)


def lint(gate):
    done = gate.run("policy", "lint", "--policies", gate.dir / "policies")
    return done.returncode, done.stdout + done.stderr


def test_weak_keys_and_ignored_files_are_named(gate, people, tmp_path):
    """Nothing is encrypted for a key that is soon broken; who is ignored is told of it."""
    names = gate.dir / "policies" / "backup"
    weak = [(("rsa:1024",), "fewer than 3072 bits"), (("rsa:2048",), "fewer than 3072 bits"),
            (("ec", "-pkeyopt", "ec_paramgen_curve:secp112r1"), "curve is none of"),
            (("ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"), "curve is none of"),
            (("ed25519",), "RSA or EC is needed")]
    assert lint(gate)[0] == 0
    for number, (algorithm, why) in enumerate(weak):
        certificate, _ = key_pair(tmp_path, f"weak{number}", *algorithm)
        shutil.copyfile(certificate, names / certificate.name)
        found = lint(gate)
        assert found[0] == 1 and f"weak{number}.pem:0: " in found[1] and why in found[1], found
        done = gate.run("backup", "make")
        assert done.returncode == 1 and why in done.stderr, done.stderr
        done = sealgate("backup", "seal", "--to", certificate, names, tmp_path / "sealed")
        assert done.returncode == 2 and why in done.stderr, done.stderr
        (names / certificate.name).unlink()
    for number, curve in enumerate(("P-384", "P-521")):
        certificate, _ = key_pair(tmp_path, f"good{number}", "ec", "-pkeyopt",
                                  f"ec_paramgen_curve:{curve}")
        shutil.copyfile(certificate, names / certificate.name)
    assert lint(gate)[0] == 0
    for ignored in ("keeper.crt", "the keeper.pem", "README", "two\nlines.pem"):
        shutil.copyfile(people[0][0], names / ignored)
        found = lint(gate)
        assert found[0] == 1, found
        assert f"{ignored.replace(chr(10), '?')}:0: is ignored" in found[1], found
        (names / ignored).unlink()
    for number in range(2):
        (names / f"good{number}.pem").unlink()

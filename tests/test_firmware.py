# SPDX-License-Identifier: EUPL-1.2
"""What the suite of the appliance reckons with, and what it records, without a boot."""
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "firmware" / "test"))

import ceremony  # noqa: E402
import chain  # noqa: E402
import machine  # noqa: E402
import power  # noqa: E402
import proof  # noqa: E402
import site_loss  # noqa: E402
import suite  # noqa: E402

DEATH = ("[   71.000000] systemd[1]: sealgate-seal.service: Main process exited, code=killed, "
         "status=9/KILL")
BACK = "[   73.250000] systemd[1]: Started sealgate-seal.service - sealgate: seal."


# the cases ---------------------------------------------------------------------

def test_each_case_is_there_and_says_what_it_promises():
    order = list(suite.CASES)
    for name, base in suite.CASES.items():
        assert getattr(suite.Suite, name).__doc__, name
        for one in (base,) if isinstance(base, str) else base or ():
            assert order.index(one) < order.index(name), f"{name} before {one}"
    assert set(suite.QUICK) <= set(order)


def test_what_is_promised_for_each_day_stands_without_the_rare_days():
    promised = suite.chosen(quick=False, every=False)
    assert set(suite.RARE) | set(promised) == set(suite.CASES)
    assert suite.with_bases(promised) == promised
    assert set(suite.with_bases(suite.QUICK)) <= set(promised)
    assert suite.chosen(quick=False, every=True) == list(suite.CASES)


def test_a_case_brings_along_what_it_builds_on():
    assert suite.with_bases(["unsigned_uki"]) == ["unsigned_uki"]
    assert suite.with_bases(["older_version"]) == [suite.FIRST, "good_update", "older_version"]
    several = suite.with_bases(["older_image", "boots_and_serves"])
    assert several == sorted(several, key=list(suite.CASES).index)
    assert {"power_cut", "foreign_medium", "good_update", "flipped_root"} < set(several)
    assert suite.with_bases(suite.CASES) == list(suite.CASES)


# the machine -------------------------------------------------------------------

def test_how_long_a_service_was_away():
    away = machine.return_time(f"{BACK}\n{DEATH}\n{BACK}", "sealgate-seal")
    assert away == pytest.approx(2.25)
    assert machine.return_time(f"{BACK}\n{DEATH}", "sealgate-seal") is None
    assert machine.return_time(f"{DEATH}\n{BACK}", "sealgate-intake") is None
    assert machine.return_time(BACK, "sealgate-seal") is None
    ended = DEATH.replace("killed, status=9/KILL", "exited, status=1/FAILURE")
    assert machine.return_time(f"{ended}\n{BACK}", "sealgate-seal") is None


class Slow(machine.Machine):
    """One that says how long it ran and waited."""

    def __init__(self, ran, waited):
        self.used = ran, waited

    def processor(self):
        return self.used


def test_how_much_others_slow_a_machine():
    assert Slow(10.0, 0.0).slowed() == 1.0
    assert Slow(10.0, 5.0).slowed() == pytest.approx(1.5)
    # Since then: two seconds of which it waited for one and a half.
    assert Slow(10.5, 6.5).slowed((10.0, 5.0)) == pytest.approx(4.0)
    assert Slow(10.0, 5.0).slowed((10.0, 5.0)) == 1.0
    assert Slow(10.0, 8.0).slowed((10.0, 5.0)) >= machine.SLOWED_MOST


def test_what_the_machine_says_to_its_hand():
    """In pieces, and not for ever where it says something else or the line ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"one tw")
        threading.Timer(0.2, theirs.sendall, [b"o three"]).start()
        assert machine.Machine._heard(ours, r"one (two)", bound=60.0).group(1) == "two"
        assert machine.Machine._heard(ours, "four", bound=0.1) is None
        theirs.close()
        began = time.monotonic()
        assert machine.Machine._heard(ours, "four", bound=60.0) is None
        assert time.monotonic() < began + 30


def a_disk(path, **starts):
    """A partition table by UEFI 2.10, 5.3.3: entries of 128 octets from the third sector on."""
    table = bytearray(34 * 512)
    for i, (label, start) in enumerate(starts.items()):
        table[1024 + 128 * i:1024 + 128 * (i + 1)] = struct.pack(
            "<32sQQQ72s", bytes(range(32)), start, start + 7, 0, label.encode("utf-16-le"))
    path.write_bytes(table + bytes(64 * 512))
    return path


def test_where_a_partition_begins(tmp_path):
    disk = a_disk(tmp_path / "disk", esp=40, variables=72, var=64)
    assert machine.partition_start(disk, "var") == 64 * 512
    assert machine.partition_start(disk, "variables") == 72 * 512
    with pytest.raises(LookupError):
        machine.partition_start(disk, "root")


def test_one_bit_is_flipped_and_flipped_back(tmp_path):
    disk = a_disk(tmp_path / "disk", esp=40, var=64)
    before = disk.read_bytes()
    chain.flip(disk, "var", 9)
    changed = [(i, a ^ b) for i, (a, b) in enumerate(zip(before, disk.read_bytes())) if a != b]
    assert changed == [(64 * 512 + 9, 1)]
    chain.flip(disk, "var", 9)
    assert disk.read_bytes() == before


def a_log(path, *entries):
    """Of the emulator: of each write its first sector, and what is written, or one of the flags."""
    octets = power.LOG.pack(power.MAGIC, 1, len(entries), power.SECTOR).ljust(power.SECTOR, b"\0")
    for to, text in entries:
        flags, text = (text, b"") if isinstance(text, int) else (0, text)
        entry = power.ENTRY.pack(to, len(text) // power.SECTOR, flags, 0)
        octets += entry.ljust(power.SECTOR, b"\0") + text
    path.write_bytes(octets)


def test_a_power_cut_leaves_what_was_flushed(tmp_path):
    disk, log = tmp_path / "disk", tmp_path / "log"
    a, b, c = (letter * 2 * power.SECTOR for letter in (b"a", b"b", b"c"))
    a_log(log, (0, a), (2, b), (0, power.FLUSH), (1, c), (4, c), (0, power.FLUSH), (0, b))
    seen = {moment: set() for moment in (2, 3, 5, 6, 7)}
    for seed in range(1000):
        disk.write_bytes(bytes(6 * power.SECTOR))
        for moment in power.cuts(disk, log, seen, seed):
            octets = disk.read_bytes()
            seen[moment].add(bytes(octets[at] for at in range(0, len(octets), power.SECTOR)))
        assert disk.read_bytes()[:2 * power.SECTOR] == a[power.SECTOR:] + c[power.SECTOR:]
    some = [b"\0\0", b"%c\0", b"%c%c"]
    assert seen[2] == {one.replace(b"%c", b"a") + two.replace(b"%c", b"b") + b"\0\0"
                       for one in some for two in some}
    assert seen[3] == {b"aabb\0\0"}
    assert seen[5] == {one + two.replace(b"%c", b"c")
                       for one in (b"aabb", b"acbb", b"accb") for two in some}
    assert seen[6] == {b"accbcc"}
    assert seen[7] == {b"accbcc", b"bccbcc", b"bbcbcc"}


def test_what_is_no_log_of_writes_is_none(tmp_path):
    (tmp_path / "log").write_bytes(bytes(power.SECTOR))
    with pytest.raises(ValueError, match="no log of writes"):
        list(power.writes(tmp_path / "log"))


def test_what_is_typed_is_what_the_runbook_says():
    """As few steps as there are, and nothing left in it that stands for something."""
    lines = site_loss.of_the_runbook(FOLDER="/f", DIR="/d", SERIAL=7, KEYS="/k",
                                     **{r"medium\.img": "/m.img"}).splitlines()
    assert lines[0] == "sealgate backup medium /d /f/restore"
    assert "FIRMWARE_KEYS=/k firmware/sign-manifest restore 7 /f/restore" in lines
    assert not re.search(r"(?<!_)\b[A-Z]{3,}\b(?!=)", "".join(lines).replace("FIRMWARE_KEYS", ""))
    assert len(lines) >= 4 and lines[-1] == "firmware/medium /m.img /f"


@pytest.mark.parametrize("kind, serial, taken", [
    ("machine", "7", True), ("machine", "20261130", True), ("restore", "7", True),
    ("update", "0.1.0", True), ("machine", "007", False), ("machine", "0", False),
    ("machine", "2026.11.30", False), ("restore", "07", False), ("machine", "7a", False)])
def test_a_serial_that_would_count_otherwise_is_not_signed(tmp_path, kind, serial, taken):
    keys, folder = tmp_path / "keys", tmp_path / "folder"
    keys.mkdir()
    folder.mkdir()
    for name in ("machine", "release"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                        f"/CN={name}", "-keyout", keys / f"{name}.key", "-out",
                        keys / f"{name}.crt"], check=True, capture_output=True)
    done = subprocess.run([ROOT / "firmware" / "sign-manifest", kind, serial, folder], text=True,
                          env={**os.environ, "FIRMWARE_KEYS": str(keys)}, capture_output=True,
                          timeout=60, check=False)
    assert (done.returncode == 0) is taken, done.stderr
    assert (folder / "manifest.p7s").exists() is taken
    assert taken or "serial" in done.stderr, done.stderr


def test_what_is_typed_is_the_ceremony():
    """All of its steps, and as a shell reads them."""
    typed = ceremony.of_the_page()
    assert all(f"{token}:" in typed for token in ceremony.PINS)
    assert "pkcs11-tool --module" in typed and "openssl req -x509" in typed
    assert typed.endswith("touch keys/done\nsha256sum keys/*.crt\n")
    assert subprocess.run(["sh", "-n"], input=typed, text=True, check=False).returncode == 0


def test_what_is_typed_is_what_who_installs_is_told():
    typed = ceremony.of_who_installs().splitlines()
    assert [line.split()[0] for line in typed] == [
        "sha256sum", "openssl", "head", "(cd", "sealgate"], typed


def test_a_pin_is_typed_by_who_holds_the_token():
    everybody = tuple(ceremony.PINS)
    said = b'Logging in to "platform".\nPlease enter User PIN: '
    assert ceremony.pin_of(everybody, said) == ceremony.PINS["platform"]
    said += b"\nEnter PKCS#11 token PIN for release: "
    assert ceremony.pin_of(everybody, said) == ceremony.PINS["release"]
    assert ceremony.pin_of(("boot",), b"engine key pass phrase: ") == ceremony.PINS["boot"]
    for holders, asked in ((("boot",), said), (everybody, b"engine key pass phrase: ")):
        with pytest.raises(LookupError):
            ceremony.pin_of(holders, asked)


# the record --------------------------------------------------------------------

def git(root, *arguments):
    return subprocess.run(["git", "-C", root, "-c", "user.name=t", "-c", "user.email=t@localhost",
                           *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    for name, text in (("firmware/image", "#!/bin/sh\n"), ("firmware/README.md", "x\n"),
                       ("systemd/a.socket", "[Socket]\n"), ("gateway/xml/b.c", "int b;\n"),
                       ("gateway/ctl/appliance/a.c", "int a;\n")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def commit(root):
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "x")
    return git(root, "rev-parse", "HEAD")


def outcome(**changes):
    whole = proof.Outcome(["a", "b"], {"a": None, "b": "a"}, (2, 0, 0), (40, 0), 1234.5, "0.1.0")
    return whole._replace(**changes)


def kept(root, before=None, **changes):
    return proof.keep(before or proof.state(root), outcome(**changes), root)


def test_a_whole_run_is_recorded(checkout):
    assert proof.due(checkout) == (True, "nothing is recorded")
    head = git(checkout, "rev-parse", "HEAD")
    assert kept(checkout) == "recorded in firmware/proven.txt"
    record = proof.recorded(checkout)
    # A record that nobody has committed yet is replaced.
    assert kept(checkout) == "recorded in firmware/proven.txt"
    assert record["commit"] == head and record["digest"] == proof.digest(checkout)
    assert (record["cases"], record["lints"], record["seconds"]) == ("2", "40", "1234")
    commit(checkout)
    whole, why = proof.due(checkout)
    assert not whole and "2 cases in 1234 s" in why


@pytest.mark.parametrize("changes, why", [
    ({"ran": ["a"]}, "1 of 2 cases were run"),
    ({"ran": ["a"], "cases": (1, 0, 0)}, "1 of 2 cases were run"),
    ({"ran": ["b", "a"]}, "cases were run"),
    ({"cases": (1, 1, 0)}, "of 2 cases 1 held"),
    ({"cases": (1, 0, 1)}, "of 2 cases 1 held"),
    ({"cases": (2, 0, 1)}, "of 2 cases 2 held"),
    ({"cases": (2, 1, 0)}, "of 2 cases 2 held"),
    ({"cases": (0, 0, 0)}, "of 2 cases 0 held"),
    ({"lints": (39, 1)}, "lints"),
    ({"lints": (0, 0)}, "lints")])
def test_what_proves_less_is_not(checkout, changes, why):
    said = kept(checkout, **changes)
    assert said.startswith("not recorded: ") and why in said
    assert not (checkout / proof.RECORD).exists()


def spoil_tracked(root):
    (root / "gateway/xml/b.c").write_text("int c;\n")


def spoil_untracked(root):
    (root / "new.c").write_text("int n;\n")


def spoil_mode(root):
    (root / "firmware/image").chmod(0o755)


@pytest.mark.parametrize("spoil", [spoil_tracked, spoil_untracked, spoil_mode])
def test_what_is_in_no_commit_is_not(checkout, spoil):
    clean = proof.state(checkout)
    spoil(checkout)
    assert "not recorded: in no commit: " in kept(checkout)
    # Nor what was put in one, or changed, while the suite ran.
    assert "meanwhile" in kept(checkout, before=clean)
    commit(checkout)
    assert "meanwhile" in kept(checkout, before=clean)
    assert not (checkout / proof.RECORD).exists()
    assert kept(checkout).startswith("recorded")


def test_nothing_is_recorded_or_proven_without_git(checkout):
    before = proof.state(checkout)
    kept(checkout)
    (checkout / ".git").rename(checkout / "gone")
    assert "git does not say" in kept(checkout, before=before) and proof.state(checkout) is None
    assert proof.due(checkout) == (True, "git does not say what is here")


def renamed(root):
    (root / "systemd/a.socket").rename(root / "systemd/b.socket")


@pytest.mark.parametrize("change, whole", [
    (lambda root: (root / "firmware/image").write_text("#!/bin/zz\n"), True),
    (spoil_mode, True), (renamed, True),
    (lambda root: (root / "systemd/a.socket").unlink(), True),
    (lambda root: (root / "systemd/new.socket").write_text(""), True),
    (lambda root: (root / "gateway/ctl/appliance/a.c").write_text("int aa;\n"), True),
    (lambda root: os.replace(root / "systemd/a.socket", root / "firmware/a.socket"), True),
    (lambda root: (root / "firmware/README.md").write_text("y\n"), False), (spoil_tracked, False)])
def test_what_is_not_as_it_was_is_due(checkout, change, whole):
    """Whether it is in a commit or not; what is written for people is not booted."""
    kept(checkout)
    commit(checkout)
    change(checkout)
    assert proof.due(checkout)[0] is whole
    commit(checkout)
    assert proof.due(checkout)[0] is whole


def test_a_record_is_whole_or_none(checkout):
    kept(checkout)
    text = (checkout / proof.RECORD).read_text()
    for less in ("", text.splitlines()[1], text.replace("cases ", "case ")):
        (checkout / proof.RECORD).write_text(less)
        assert proof.due(checkout) == (True, "nothing is recorded")
    (checkout / proof.RECORD).write_text(text.replace("digest ", "digest 0"))
    assert "not what was proven" in proof.due(checkout)[1]


def test_a_change_brings_no_proof_of_its_own(checkout):
    """What is new since a base is tried where that is named; a record that came later holds."""
    first = git(checkout, "rev-parse", "HEAD")
    (checkout / "firmware/image").write_text("#!/bin/bash\n")
    commit(checkout)
    kept(checkout)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "--amend", "-m", "change and record")
    assert not proof.due(checkout)[0]
    whole, why = proof.due(checkout, base=first)
    assert whole and "firmware/image" in why
    change = git(checkout, "rev-parse", "HEAD")
    kept(checkout)
    (checkout / "gateway/xml/b.c").write_text("int c;\n")
    commit(checkout)
    assert not proof.due(checkout, base=change)[0]
    assert proof.due(checkout, base="f" * 40) == (True, f"git has no {'f' * 40}")


def test_it_is_said_on_the_command_line(checkout, tmp_path):
    """And by the exit status, which is what the suites go by."""
    copy = checkout / "firmware" / "test" / "proof.py"
    copy.parent.mkdir()
    copy.write_bytes(pathlib.Path(proof.__file__).read_bytes())
    base = commit(checkout)
    kept(checkout)
    for more, status, said in (({}, 0, "proven: every promise held on "),
                               ({"FIRMWARE_BASE": "HEAD"}, 0, "proven: "),
                               ({"FIRMWARE_BASE": f"{base}^"}, 1, "the whole suite is due: new")):
        done = subprocess.run([sys.executable, copy], capture_output=True, text=True, check=False,
                              env={**os.environ, "FIRMWARE_BASE": "", **more})
        assert done.returncode == status and done.stdout.startswith(said), done

# SPDX-License-Identifier: EUPL-1.2
"""A backup of a gate at work, restored onto a bare folder: nothing acknowledged is missing."""
import os
import shutil
import subprocess

import pytest

from scenarios.gate import sealgate
from scenarios.test_faults import certificates, once, until_accepted


SET_BACK = "000000000999999999.json.set-back.2"
BEHIND = "000000000999999999.json"


def restore(gate, backup, target):
    return sealgate("restore", backup, target, timeout=120)


@pytest.fixture(scope="module")
def backup(gate, tmp_path_factory):
    """(folder, mark, ids acknowledged before it, a delivery still open)."""
    folder = tmp_path_factory.mktemp("backup") / "first"
    paths = certificates(gate, 1, 8)
    ids = [until_accepted(gate, path) for path in paths[:4]]
    gate.wait_delivered(ids)
    gate.traces.mode("down")
    ids += [until_accepted(gate, path) for path in paths[4:6]]
    parcel = gate.dir / "state" / "parcel"
    parcel.mkdir()
    (parcel / "piece").write_bytes(b"of an update that was not taken")
    coming = gate.dir / "state" / "policy" / "coming"
    coming.mkdir(parents=True)
    (coming / "piece").write_bytes(b"of a policy that was not taken")
    gate.down()  # seals a head
    gate.up()
    heads = gate.dir / "state" / "queue" / "heads"
    (heads / SET_BACK).write_bytes(b"of a lost chain")
    (heads / BEHIND).write_bytes(b"of what the database does not have")
    done = gate.run("backup", folder, timeout=120)
    (heads / BEHIND).unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(parcel)
    shutil.rmtree(coming)
    later = [until_accepted(gate, path) for path in paths[6:]]
    gate.traces.mode("ok")
    gate.wait_delivered(ids + later)
    return folder, done.stdout.split()[-1], ids, paths


def test_a_backup_is_private_and_made_once(gate, backup):
    folder = backup[0]
    assert os.stat(folder).st_mode & 0o077 == 0
    assert gate.run("backup", folder).returncode == 3
    assert not (gate.dir / "state" / "queue" / "backup.db").exists()
    assert (folder / "files" / "state" / "signer").exists()
    assert not (folder / "files" / "state" / "parcel").exists()
    listed = (folder / "backup").read_text()
    assert "state/parcel" not in listed and "state/policy/coming" not in listed
    assert sorted(path.name for path in folder.iterdir()) == ["backup", "files"]
    assert "queued.backup" in gate.run("audit", "export").stdout


@pytest.mark.parametrize("name", ["state/queue/queue.db", "sealgate.conf"])
def test_changed_backups_are_not_restored(backup, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(backup[0], copy)
    with open(copy / "files" / name, "r+b") as changed:
        changed.seek(20)
        octet = changed.read(1)
        changed.seek(20)
        changed.write(bytes([octet[0] ^ 1]))
    done = restore(None, copy, tmp_path / "instance")
    assert done.returncode == 1
    assert name in done.stderr
    assert not (tmp_path / "instance").exists()
    (copy / "files" / name).unlink()
    assert restore(None, copy, tmp_path / "instance").returncode == 1


def test_a_restore_that_was_cut_short_is_marked(tmp_path):
    """Whatever is there of it, its chain will say that it was restored; it has no run/ yet."""
    files = tmp_path / "backup/files"
    files.mkdir(parents=True)
    (files / "first").write_bytes(b"")
    (files / "last").mkdir()
    (files / "last/file").write_bytes(b"")
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    owner = f"{os.geteuid()} {os.getegid()}"
    (tmp_path / "backup/backup").write_text(
        "sealgate-backup 1\nmark 3:" + "0" * 64 + "\nat 2026-01-01T00:00:00Z\n"
        f"{nothing} 644 {owner} 0 first\n{nothing} 644 {owner} 0 last/file\n")
    done = restore(None, tmp_path / "backup", tmp_path / "instance")
    assert done.returncode not in (0, 1), done.stderr
    assert (tmp_path / "instance/first").exists()
    assert (tmp_path / "instance/state/queue/restored").read_text() == "3:" + "0" * 64
    assert not (tmp_path / "instance/run").exists()


def key_pair(folder, name, *algorithm):
    """Paths of a certificate and of its key."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", *algorithm, "-subj",
                    f"/CN={name}", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def pieces(backup, tmp_path_factory):
    """(folder of the pieces, who may open it, who may not)."""
    folder = tmp_path_factory.mktemp("pieces")
    (folder / "backup").mkdir()
    for name, octets in (("big", os.urandom(5 << 20)), ("empty", b""), ("deep/er/file", b"x")):
        path = folder / "backup" / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
    shutil.copyfile(backup[0] / "files" / "sealgate.conf", folder / "backup" / "sealgate.conf")
    may = [key_pair(folder, "rsa", "rsa:3072"),
           key_pair(folder, "ec", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")]
    done = sealgate("backup", "seal", "--to", may[0][0], "--to", may[1][0], f"{folder}/backup/",
                    folder / "sealed")
    assert done.returncode == 0, done.stderr
    return folder, may, key_pair(folder, "stranger", "rsa:3072")


def opened(pieces_folder, pair, target):
    return sealgate("backup", "open", "--cert", pair[0], "--key", pair[1], pieces_folder, target)


def test_a_backup_that_leaves_is_encrypted_in_pieces(pieces, tmp_path):
    folder, may, stranger = pieces
    sealed = files_below(folder / "sealed")
    assert sorted(sealed) == ["000000.p7m", "000001.p7m", "000002.p7m"]
    assert max(len(octets) for octets in sealed.values()) < (2 << 20) + 4096
    assert not any(b"sealgate" in octets or b"instance" in octets for octets in sealed.values())
    for number, pair in enumerate(may):
        done = opened(folder / "sealed", pair, tmp_path / str(number))
        assert done.returncode == 0, done.stderr
        assert files_below(tmp_path / str(number)) == files_below(folder / "backup")
    done = opened(folder / "sealed", stranger, tmp_path / "stranger")
    assert done.returncode == 1 and "000000: it is not for this key" in done.stderr
    assert not (tmp_path / "stranger").exists()
    assert opened(folder / "sealed", may[0], folder / "backup").returncode == 3


def test_pieces_that_are_not_whole_are_not_opened(pieces, tmp_path):
    folder, may, _ = pieces
    done = sealgate("backup", "seal", "--to", may[0][0], folder / "backup", tmp_path / "other")
    assert done.returncode == 0, done.stderr

    def fails(change, why):
        copy, target = tmp_path / "copy", tmp_path / "target"
        shutil.copytree(folder / "sealed", copy)
        change(copy)
        done = opened(copy, may[0], target)
        assert done.returncode == 1 and why in done.stderr, done.stderr
        assert not target.exists()
        shutil.rmtree(copy)

    def flip(copy):
        octets = bytearray((copy / "000001.p7m").read_bytes())
        octets[len(octets) // 2] ^= 1
        (copy / "000001.p7m").write_bytes(octets)

    fails(flip, "000001: it is not for this key, or was changed")
    fails(lambda copy: (copy / "000002.p7m").unlink(), "000002: it is missing")
    fails(lambda copy: shutil.copyfile(copy / "000002.p7m", copy / "000001.p7m"),
          "000001: it is not the piece that belongs there")
    fails(lambda copy: shutil.copyfile(tmp_path / "other" / "000001.p7m", copy / "000001.p7m"),
          "000001: it is not the piece that belongs there")


def test_a_backup_of_pieces_is_restored(backup, pieces, tmp_path):
    _, may, _ = pieces
    for command in (("seal", "--to", may[1][0], backup[0], tmp_path / "sealed"),
                    ("open", "--cert", may[1][0], "--key", may[1][1], tmp_path / "sealed",
                     tmp_path / "backup")):
        done = sealgate("backup", *command, timeout=120)
        assert done.returncode == 0, done.stderr
    done = restore(None, tmp_path / "backup", tmp_path / "instance")
    assert done.returncode == 0 and backup[1] in done.stdout, done.stderr


def test_not_over_an_instance(gate, backup):
    assert restore(gate, backup[0], gate.dir).returncode == 3


def test_restored_on_a_bare_folder(gate, backup):
    """The machine is lost; the restored gate has all up to the mark and goes on."""
    folder, mark, ids, paths = backup
    gate.down()
    lost = files_below(gate.dir / "state" / "queue" / "heads")
    for part in ("state", "policies", "tls", "credentials", "sealgate.conf", "run"):
        path = gate.dir / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    bare = gate.folder / "bare"
    done = restore(gate, folder, bare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert mark in done.stdout
    heads = files_below(bare / "state" / "queue" / "heads")
    sealed = [int(name.split("/")[-1].split(".")[0]) for name in heads
              if name != SET_BACK]
    assert sealed and max(sealed) <= int(mark.split(":")[0])
    assert SET_BACK in heads and heads.items() <= lost.items()
    for part in bare.iterdir():  # at the path where it was: the token's own file names it
        part.rename(gate.dir / part.name)
    done = gate.run("audit", "verify", "--head", mark)
    assert done.returncode == 0, done.stdout + done.stderr
    gate.up()
    for identifier in ids:
        assert gate.request(f"/v1/documents/{identifier}/receipt").status_code == 200
    # What came after the mark is not known here: its partner sends it again and it is taken.
    again = [until_accepted(gate, path) for path in paths]
    assert again[:len(ids)] == ids
    gate.wait_arrived(again)
    once(gate, ids)
    done = gate.run("ledger", "--check")
    assert done.returncode == 0, done.stdout
    assert gate.run("audit", "verify").returncode == 0
    assert heads.items() <= files_below(gate.dir / "state" / "queue" / "heads").items()


def test_an_instance_that_is_down(gate, backup, tmp_path):
    assert backup
    gate.down()
    done = gate.run("backup", tmp_path / "cold", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run(["grep", "-c", "queue.db", tmp_path / "cold" / "backup"],
                            capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == "1"

# SPDX-License-Identifier: EUPL-1.2
"""A backup of a gate at work, restored onto a bare folder: nothing acknowledged is missing."""
import os
import shutil
import subprocess

import pytest

from scenarios.gate import sealgate
from scenarios.test_faults import certificates, once, until_accepted


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
    done = gate.run("backup", folder, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    later = [until_accepted(gate, path) for path in paths[6:]]
    gate.traces.mode("ok")
    gate.wait_delivered(ids + later)
    return folder, done.stdout.split()[-1], ids, paths


def test_a_backup_is_private_and_made_once(gate, backup):
    folder = backup[0]
    assert os.stat(folder).st_mode & 0o077 == 0
    assert gate.run("backup", folder).returncode == 3
    assert not (gate.dir / "state" / "queue" / "backup.db").exists()
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


def test_not_over_an_instance(gate, backup):
    assert restore(gate, backup[0], gate.dir).returncode == 3


def test_restored_on_a_bare_folder(gate, backup):
    """The machine is lost; the restored gate has all up to the mark and goes on."""
    folder, mark, ids, paths = backup
    gate.down()
    for part in ("state", "policies", "tls", "credentials", "sealgate.conf", "run"):
        path = gate.dir / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    bare = gate.folder / "bare"
    done = restore(gate, folder, bare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert mark in done.stdout
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
    gate.wait_delivered(again)
    once(gate, ids)
    done = gate.run("ledger", "--check")
    assert done.returncode == 0, done.stdout
    assert gate.run("audit", "verify").returncode == 0


def test_an_instance_that_is_down(gate, backup, tmp_path):
    assert backup
    gate.down()
    done = gate.run("backup", tmp_path / "cold", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run(["grep", "-c", "queue.db", tmp_path / "cold" / "backup"],
                            capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == "1"

# SPDX-License-Identifier: EUPL-1.2
"""Two backups at once, and one that is killed: each has a copy of the database of its own, which
has no name and ends with it."""
import contextlib
import fcntl
import os
import signal
import sqlite3
import subprocess

import pytest

from scenarios.gate import BIN
from scenarios.processes import open_files, pid_of
from scenarios.test_faults import certificates, until, until_accepted


class Shut:
    """A file that backups have to have and wait for, after the database, while its lease holds."""

    def __init__(self, gate):
        self.path = gate.dir / "credentials" / "shut"
        self.path.write_text("opened by nobody else")
        self.file = os.open(self.path, os.O_RDWR)
        self.before = signal.signal(signal.SIGIO, signal.SIG_IGN)
        fcntl.fcntl(self.file, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def is_asked_for(self):
        return fcntl.fcntl(self.file, fcntl.F_GETLEASE) != fcntl.F_WRLCK

    def open(self):
        fcntl.fcntl(self.file, fcntl.F_SETLEASE, fcntl.F_UNLCK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.file)
        signal.signal(signal.SIGIO, self.before)
        self.path.unlink()


@contextlib.contextmanager
def begun(gate, folder):
    with subprocess.Popen([BIN / "sealgate", "--instance", gate.dir, "backup", folder],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def mark_of(process):
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, out + errors
    return out.split()[-1]


def end_of(folder):
    """POSITION:CHAIN of the last record in the database of a backup."""
    path = folder / "files" / "state" / "queue" / "queue.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        position, chain = database.execute(
            "SELECT position, chain FROM audit ORDER BY position DESC LIMIT 1").fetchone()
    return f"{position}:{chain.hex()}"


def copies(gate):
    """What queued has open of copies, and what lies beside its database."""
    folder = gate.dir / "state" / "queue"
    found = [name for name in os.listdir(folder) if name.startswith("backup")]
    return found + [target for target in open_files(pid_of(gate, "sealgate-queued"))
                    if os.path.basename(target).startswith("backup.db")]


@pytest.fixture(name="documents", scope="module")
def some_documents(gate):
    return iter(certificates(gate, 1, 3))


def test_each_of_two_is_what_it_says(gate, documents, tmp_path):
    """The second is begun, and its database whole, while the first is still at other files."""
    until_accepted(gate, next(documents))
    with Shut(gate) as shut, begun(gate, tmp_path / "first") as first:
        until(shut.is_asked_for)
        until_accepted(gate, next(documents))
        with begun(gate, tmp_path / "second") as second:
            until((tmp_path / "second" / "files" / "credentials").exists)
            shut.open()
            marks = [mark_of(first), mark_of(second)]
    assert marks[0] != marks[1]
    assert [end_of(tmp_path / "first"), end_of(tmp_path / "second")] == marks


def test_what_is_killed_leaves_no_copy(gate, documents, tmp_path):
    until_accepted(gate, next(documents))
    with Shut(gate) as shut, begun(gate, tmp_path / "killed") as killed:
        until(shut.is_asked_for)
        assert not list((gate.dir / "state" / "queue").glob("backup*"))
        killed.kill()
        killed.wait()
        until(lambda: not copies(gate))
    with begun(gate, tmp_path / "next") as process:
        mark = mark_of(process)
    assert end_of(tmp_path / "next") == mark
    until(lambda: not copies(gate))

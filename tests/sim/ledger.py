# SPDX-License-Identifier: EUPL-1.2
"""An append-only file of JSON lines, one fsynced line for each event.

What is in the ledger was accepted by the simulated destination, whatever the client
learned of it; a line is on disk before the client can see the answer. A simulator
that is killed and started again on the same file goes on where it was.
"""
import datetime
import fcntl
import json
import os
import threading


class LedgerError(Exception):
    """The file cannot serve as a ledger (in use, or damaged before its last line)."""


def stamp(seconds):
    """RFC 3339 text in UTC, milliseconds, of a time in seconds since the epoch."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def read(path):
    """List of the complete lines of a ledger; a torn last line is left out."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return []
    return _parse(data, path)[0]


def _parse(data, path):
    """(entries, length of the intact part); only the last line may be torn."""
    entries, intact = [], 0
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise LedgerError(f"{path}: line {len(entries) + 1}: {error}") from error
        if entry.get("seq") != len(entries) + 1:
            raise LedgerError(f"{path}: line {len(entries) + 1} carries another number")
        entries.append(entry)
        intact += len(line)
    return entries, intact


class Ledger:
    """Owner of the file: one process at a time, held by a lock on it."""

    def __init__(self, path, now):
        """Open or create `path`; `now` is a function: seconds since the epoch."""
        self.path = os.path.abspath(path)
        self._now = now
        self._lock = threading.Lock()
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
                           0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise LedgerError(f"{self.path}: used by another simulator") from error
        with open(self.path, "rb") as file:
            data = file.read()
        self.history, intact = _parse(data, self.path)
        if intact != len(data):
            os.ftruncate(self._fd, intact)
        self._length = intact
        self._seq = len(self.history)
        os.fsync(self._fd)
        self._sync_folder()

    def _sync_folder(self):
        folder = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def append(self, event, **fields):
        """Write one line, fsync it, return it as a dictionary. OSError: not accepted."""
        with self._lock:
            entry = {"seq": self._seq + 1, "at": stamp(self._now()), "event": event}
            entry.update(fields)
            line = json.dumps(entry, ensure_ascii=True).encode("ascii") + b"\n"
            try:
                written = os.write(self._fd, line)
                if written != len(line):
                    raise OSError(f"{self.path}: short write")
                os.fsync(self._fd)
            except OSError:
                os.ftruncate(self._fd, self._length)
                raise
            self._length += len(line)
            self._seq += 1
            return entry

    def text(self, after=0):
        """The file's octets from the line that follows number `after`."""
        with self._lock, open(self.path, "rb") as file:
            data = file.read()
        return b"".join(data.splitlines(keepends=True)[after:])

    def close(self):
        os.close(self._fd)

# SPDX-License-Identifier: EUPL-1.2
"""A disk that is full, fails, or loses an fsync: nothing is acknowledged that is not there."""
import contextlib
import os
import subprocess
import time

import pytest

from faults.rig import AWAY, DONE, SOAK, Queue, sample
from scenarios.processes import text_of

SECONDS, EACH, LEAST = 20, 0.7, 4
# call, error, what queued must do: end (what is on the disk is unknown) or go on
FAULTS = (("fdatasync", "EIO", "ends"), ("fdatasync", "ENOSPC", "ends"),
          ("pwrite64", "EIO", "ends"), ("pwrite64", "ENOSPC", "any"),
          ("pwrite64", "EDQUOT", "any"))
LAST = 60 if SOAK else 25


@pytest.fixture
def queue(tmp_path):
    made = Queue(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.kill()


def fail_at(queue, call, error, expected, n):
    """One failed call, after queued serves. False: the point was not reached."""
    assert queue.start().serves()
    pid = queue.process.pid
    tracer = subprocess.Popen(
        ["strace", "-f", "-qqq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={call}",
         "-e", f"inject={call}:error={error}:when={n}"], stdin=subprocess.DEVNULL)
    wait_traced(pid, tracer)
    status = queue.client(3)
    with contextlib.suppress(ProcessLookupError):
        tracer.terminate()
    tracer.wait(30)
    failed = status != DONE
    if failed and expected == "ends":
        assert queue.ended() == 1, f"{call} {error} at {n}: it went on"
    queue.kill()
    assert queue.start().serves(), queue.log_tail()
    queue.assert_kept()
    assert queue.client(1) == DONE, "it did not recover by itself"
    queue.kill()
    return failed


def wait_traced(pid, tracer):
    """Until it is traced; or was: queued commits by itself, so that the fault may end both at once."""
    end = time.monotonic() + 60
    while tracer.poll() is None:
        if "TracerPid:\t0\n" not in text_of(pid, "status"):
            return
        assert time.monotonic() < end, "it was never traced"
        time.sleep(0.002)


def test_failing_calls(queue):
    points = [(n, fault) for n in range(1, LAST + 1) for fault in FAULTS]
    failed = 0
    for n, fault in sample(points, SECONDS, EACH, lambda: failed >= LEAST):
        failed += fail_at(queue, *fault, n)
    assert queue.start().serves()
    queue.assert_kept()
    queue.assert_whole()
    print(f"{failed} failures met, {queue.count('accepted')} documents acknowledged")
    assert failed >= LEAST


def test_after_a_failed_fsync_nothing_is_acknowledged(queue):
    """Every fsync fails from the first commit on: no acknowledgement, an end, a clean restart."""
    queue.start("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=8+")
    assert queue.serves() or queue.ended() == 1
    status = queue.client(20)
    assert status == AWAY
    assert queue.ended() == 1
    before = queue.count("accepted")
    assert queue.start().serves()
    queue.assert_kept()
    assert queue.client(3) == DONE
    assert queue.count("accepted") == before + 3
    queue.kill()
    queue.assert_whole()


@contextlib.contextmanager
def small_disk(folder, size):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder],
                      check=False).returncode != 0:
        pytest.skip("may not mount here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def test_a_full_disk_is_survived(tmp_path):
    """Until the disk is full, again and again: what was acknowledged is there, room heals."""
    state = tmp_path / "state"
    state.mkdir()
    with small_disk(state, "8m"):
        queue = Queue(tmp_path)
        assert queue.start().serves()
        client = queue.start_client(10000, 4)
        end = time.monotonic() + 60
        while "no-space" not in queue.log.read_text(errors="replace"):
            assert time.monotonic() < end, "the disk never filled"
            time.sleep(0.02)
        client.kill()
        client.wait()
        assert queue.process.poll() is None, queue.log_tail()
        queue.assert_kept()
        subprocess.run(["mount", "-o", "remount,size=64m", state], check=True)
        end = time.monotonic() + 30
        accepted = queue.count("accepted")
        while queue.count("accepted") <= accepted:
            assert queue.client(1, 1) == DONE
            assert time.monotonic() < end, "room came back and nothing was accepted"
        queue.assert_kept()
        queue.kill()
        assert queue.start().serves()
        queue.assert_kept()
        queue.assert_whole()
        queue.kill()

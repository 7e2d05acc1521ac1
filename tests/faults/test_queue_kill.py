# SPDX-License-Identifier: EUPL-1.2
"""kill -9 of queued at its Nth call of each system call that matters, N swept."""
import pytest

from faults.rig import AWAY, DONE, SOAK, Queue, sample

CALLS = ("pwrite64", "fdatasync", "fsync", "sendmsg", "recvmsg", "ftruncate", "openat",
         "write", "rename", "unlink", "poll", "fcntl", "mmap")
LAST = 400 if SOAK else 120
SECONDS, EACH = 40, 1.0


@pytest.fixture
def queue(tmp_path):
    made = Queue(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.kill()


def killed_at(queue, call, n):
    """One kill at one point. False: the point was not reached."""
    queue.start("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
    status = queue.client(3) if queue.serves() else AWAY
    reached = queue.process.poll() is not None or status != DONE
    queue.kill()
    assert queue.start().serves(), queue.log_tail()
    queue.assert_kept()
    return reached


def test_killed_at_every_call(queue):
    """Points that lie behind the end of a run are not tried again for that call."""
    ends = {}
    points = [(n, call) for n in range(1, LAST + 1) for call in CALLS]
    kills = 0
    for n, call in sample(points, SECONDS, EACH):
        if n >= ends.get(call, LAST + 1):
            continue
        if killed_at(queue, call, n):
            kills += 1
        else:
            ends[call] = n
        assert queue.client(1) == DONE
        queue.kill()
    assert queue.start().serves()
    assert queue.client(4) == DONE
    queue.assert_kept()
    queue.assert_whole()
    print(f"{kills} kills, {queue.count('accepted')} documents acknowledged")
    assert kills >= 8

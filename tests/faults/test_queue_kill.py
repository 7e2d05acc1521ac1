# SPDX-License-Identifier: EUPL-1.2
"""kill -9 of queued at its Nth call of each system call that matters, N swept, with both engines."""
import contextlib

from faults.rig import AWAY, DONE, SOAK, Queue, sample

CALLS = {
    "sqlite": ("pwrite64", "fdatasync", "fsync", "sendmsg", "recvmsg", "ftruncate", "openat",
               "write", "rename", "unlink", "poll", "fcntl", "mmap"),
    "postgresql": ("sendto", "recvfrom", "poll", "sendmsg", "recvmsg", "memfd_create", "connect",
                   "socket", "openat", "write", "fsync", "rename", "fcntl", "mmap"),
}
LAST = 400 if SOAK else 120
SECONDS, EACH = 40, 1.0


@contextlib.contextmanager
def a_queue(folder, server):
    made = Queue(folder, server=server)
    try:
        yield made
    finally:
        if made.process and made.process.poll() is None:
            made.kill()


def killed_at(queue, call, n, documents=3):
    """One kill at one point. False: the point was not reached."""
    queue.start("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
    status = queue.client(documents) if queue.serves() else AWAY
    reached = queue.process.poll() is not None or status != DONE
    queue.kill()
    assert queue.start().serves(), queue.log_tail()
    queue.assert_kept()
    return reached


class Sweep:
    """The points (n, call) of a sweep, and what became of them. Those behind the end of a run
    are not tried again for that call."""

    def __init__(self, server, seconds, least):
        self.calls = CALLS["postgresql" if server else "sqlite"]
        self.seconds, self.least, self.ends = seconds, least, {}
        self.points = self.kills = 0

    def __iter__(self):
        points = [(n, call) for n in range(1, LAST + 1) for call in self.calls]
        for n, call in sample(points, self.seconds, EACH, self.enough):
            if n < self.ends.get(call, LAST + 1):
                yield n, call

    def enough(self):
        return self.kills >= self.least

    def count(self, n, call, reached):
        self.points, self.kills = self.points + 1, self.kills + reached
        if not reached:
            self.ends[call] = n


def test_killed_at_every_call(server, tmp_path):
    sweep = Sweep(server, SECONDS, 8)
    with a_queue(tmp_path, server) as queue:
        for n, call in sweep:
            sweep.count(n, call, killed_at(queue, call, n))
            assert queue.client(1) == DONE
            queue.kill()
        assert queue.start().serves()
        assert queue.client(4) == DONE
        queue.assert_kept()
        queue.assert_whole()
        print(f"{sweep.points} points, {sweep.kills} kills, "
              f"{queue.count('accepted')} documents acknowledged")
    assert sweep.enough()


def test_killed_while_it_makes_its_tables(server, tmp_path):
    """The first start, on nothing: whatever of it was done, the next one makes it whole."""
    sweep = Sweep(server, SECONDS // 2, 1)
    for n, call in sweep:
        folder = tmp_path / str(sweep.points)
        folder.mkdir()
        with a_queue(folder, server) as queue:
            sweep.count(n, call, killed_at(queue, call, n, documents=1))
            assert queue.client(2) == DONE
            queue.assert_kept()
            queue.assert_whole()
        if server:
            server.drop_databases()
    print(f"{sweep.points} points, {sweep.kills} kills")
    assert sweep.enough()

# SPDX-License-Identifier: EUPL-1.2
"""The power goes: ext4 on a loop device stops at a moment of chance, what was acknowledged stays.
With both engines: a PostgreSQL server has its data there."""
import contextlib
import os
import random
import signal
import subprocess
import time

import pytest

from faults.loop_disk import LoopDisk, own_mounts, run
from faults.rig import DONE, SEED, SOAK, Queue
from scenarios.gate import a_folder
from sim import postgresql

CUTS = 200 if SOAK else 10  # at least
SECONDS = 0 if SOAK else 40  # for more
LONGEST = 3600 if SOAK else 240  # on a machine with much else to do
IMAGE_MB = 2048 if SOAK else 512
FREE_MB = 64


@pytest.fixture
def disk():
    if os.geteuid() != 0:
        pytest.skip("needs root for a loop device")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(own_mounts())
            folder = stack.enter_context(a_folder())  # open to the server's user
            made = LoopDisk(folder, IMAGE_MB).mount()
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"may not mount a loop device here: {error}")
        stack.callback(made.close)
        yield made


@pytest.fixture(params=("sqlite", "postgresql"))
def server(request, disk):
    """A server whose data is on the disk; None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    if postgresql.programs() is None:
        pytest.skip("no PostgreSQL server of Debian's package here (make deps-test)")
    settings = ("max_wal_size=64MB", "min_wal_size=32MB")
    with postgresql.Server(settings, data=disk.point / "data") as made:
        yield made.make().start()


def test_a_namespace_made_meanwhile_holds_nothing(tmp_path):
    """Whoever makes one elsewhere on the machine has no copy of the mount."""
    if os.geteuid() != 0:
        pytest.skip("needs root for a loop device")
    with subprocess.Popen(["sh", "-c", "read line; exec unshare -m sh -c 'echo made; read line'"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as elsewhere, \
            contextlib.ExitStack() as stack:
        stack.callback(elsewhere.kill)
        stack.enter_context(own_mounts())
        disk = LoopDisk(tmp_path, 64).mount()
        stack.callback(disk.close)
        elsewhere.stdin.write(b"\n")
        elsewhere.stdin.flush()
        assert elsewhere.stdout.readline() == b"made\n"
        disk.power_off()
        disk.power_on()
        (disk.point / "file").write_text("the disk works")


def cut(queue, disk, server, rng):
    """The client is stopped first, in the middle of whatever it asked: a program goes on for a
    moment after the file system is dead, which no power cut lets it, and what is acknowledged
    then was acknowledged to nobody."""
    client = queue.start_client(100000, 4)
    # The moment is the chance that is wanted; a server has first to be connected with.
    time.sleep(rng.uniform(0.01, 0.5 if server else 0.25))
    client.send_signal(signal.SIGSTOP)
    os.waitpid(client.pid, os.WUNTRACED)
    disk.power_off()
    queue.kill()
    client.kill()
    client.wait(60)
    if server:
        server.kill()
    disk.power_on()
    if server:
        server.start()
    assert queue.start().serves(), queue.log_tail()
    queue.assert_kept()


def test_power_cuts(tmp_path, disk, server):
    rng = random.Random(SEED)
    instance = disk.point / "instance"
    instance.mkdir()
    queue = Queue(instance, ledger=tmp_path / "client.ledger", server=server)
    assert queue.start().serves()
    # What the test itself put there; of what queued makes, all, before it answers at all.
    run("sync", "-f", disk.point)
    assert queue.client(1) == DONE, queue.log_tail()
    begun, cuts = time.monotonic(), 0
    with contextlib.ExitStack() as stack:
        stack.callback(queue.kill)
        while disk.free_megabytes() > FREE_MB and time.monotonic() < begun + (
                LONGEST if cuts < CUTS else SECONDS):
            cut(queue, disk, server, rng)
            cuts += 1
        queue.assert_whole()
    print(f"seed {SEED}: {cuts} cuts, {queue.count('accepted')} documents acknowledged")
    assert cuts >= CUTS

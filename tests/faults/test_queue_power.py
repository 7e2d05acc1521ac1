# SPDX-License-Identifier: EUPL-1.2
"""The power goes: ext4 on a loop device stops at a moment of chance, what was acknowledged stays."""
import contextlib
import fcntl
import os
import pathlib
import random
import signal
import struct
import subprocess
import time

import pytest

from faults.rig import SEED, SOAK, Queue

CUTS = 200 if SOAK else 10000
SECONDS = 600 if SOAK else 40
IMAGE_MB = 1024 if SOAK else 192
FS_IOC_SHUTDOWN = 0x8004587d
WITHOUT_FLUSHING_THE_LOG = struct.pack("I", 2)


def run(*command, check=True):
    return subprocess.run([str(c) for c in command], check=check, capture_output=True, text=True)


@pytest.fixture
def disk(tmp_path):
    """A file system of its own: (image, mount point)."""
    if os.geteuid() != 0:
        pytest.skip("needs root for a loop device")
    image, point = tmp_path / "disk", tmp_path / "point"
    with open(image, "wb") as f:
        f.truncate(IMAGE_MB * 2**20)
    run("mkfs.ext4", "-q", "-F", image)
    point.mkdir()
    if run("mount", "-o", "loop", image, point, check=False).returncode != 0:
        pytest.skip("may not mount a loop device here")
    yield image, point
    run("umount", "-l", point, check=False)


def remount(image, point):
    """What the disk holds after the cut, its journal replayed."""
    end = time.monotonic() + 20
    while run("umount", point, check=False).returncode != 0:
        assert time.monotonic() < end
        time.sleep(0.02)
    run("mount", "-o", "loop", image, point)


def power_off(point):
    """The file system stops: nothing that was not flushed reaches the disk."""
    folder = os.open(point, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(folder, FS_IOC_SHUTDOWN, WITHOUT_FLUSHING_THE_LOG)
    finally:
        os.close(folder)


def cut(queue, image, point, rng):
    """The client is stopped first, in the middle of whatever it asked: a program goes on for a
    moment after the file system is dead, which no power cut lets it, and what is acknowledged
    then was acknowledged to nobody."""
    client = queue.start_client(100000, 4)
    time.sleep(rng.uniform(0.01, 0.25))  # the moment is the chance that is wanted
    client.send_signal(signal.SIGSTOP)
    os.waitpid(client.pid, os.WUNTRACED)
    power_off(point)
    queue.kill()
    client.kill()
    client.wait(60)
    remount(image, point)
    assert queue.start().serves(), queue.log_tail()
    queue.assert_kept()


def test_power_cuts(tmp_path, disk):
    image, point = disk
    rng = random.Random(SEED)
    instance = pathlib.Path(point) / "instance"
    instance.mkdir()
    queue = Queue(instance, ledger=tmp_path / "client.ledger")
    assert queue.start().serves()
    end, cuts = time.monotonic() + SECONDS, 0
    with contextlib.ExitStack() as stack:
        stack.callback(queue.kill)
        while cuts < CUTS and time.monotonic() < end:
            cut(queue, image, point, rng)
            cuts += 1
            if os.statvfs(point).f_bavail * 4096 < 2**25:
                break
        queue.assert_whole()
    print(f"seed {SEED}: {cuts} cuts, {queue.count('accepted')} documents acknowledged")
    assert cuts >= 10

# SPDX-License-Identifier: EUPL-1.2
"""An ext4 file system of its own on a loop device, and its power cut."""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import struct
import subprocess
import time

FS_IOC_SHUTDOWN = 0x8004587d
WITHOUT_FLUSHING_THE_LOG = struct.pack("I", 2)
CLONE_NEWNS = 0x20000
BOUND = 30.0
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True):
    return subprocess.run([str(c) for c in command], check=check, capture_output=True, text=True)


def into_namespace(call, *arguments):
    if call(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def own_mounts():
    """What is mounted is seen by this thread and its children alone. Any other process that makes
    a mount namespace meanwhile would take a copy of our mount with it, which outlives our umount:
    the next mount would find the same file system again, shut down, and everything in it EIO."""
    before, folder = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY), os.getcwd()
    try:
        into_namespace(LIBC.unshare, CLONE_NEWNS)
        run("mount", "--make-rprivate", "/")
        yield
    finally:
        into_namespace(LIBC.setns, before, CLONE_NEWNS)
        os.chdir(folder)
        os.close(before)


class LoopDisk:
    """The disk and where it is mounted."""

    def __init__(self, folder, megabytes):
        self.image, self.point = folder / "disk", folder / "point"
        with open(self.image, "wb") as f:
            f.truncate(megabytes * 2**20)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.point.mkdir()

    def mount(self):
        run("mount", "-o", "loop", self.image, self.point)
        return self

    def power_off(self):
        """The file system stops: nothing that was not flushed reaches the disk."""
        folder = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, WITHOUT_FLUSHING_THE_LOG)
        finally:
            os.close(folder)

    def power_on(self):
        """What the disk holds after the cut, its journal replayed."""
        self._until(lambda: run("umount", self.point, check=False).returncode == 0)
        # A device that somebody still holds would be used again, with what it has in memory.
        self._until(lambda: not run("losetup", "-j", self.image).stdout)
        self.mount()

    def _until(self, condition):
        end = time.monotonic() + BOUND
        while not condition():
            assert time.monotonic() < end, f"{self.point} is held by {self._holders()}"
            time.sleep(0.02)

    def _holders(self):
        """Processes with the mount in their namespace or with open files in it."""
        found = {}
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                links = [os.readlink(fd) for fd in (process / "fd").iterdir()]
                if str(self.point) in (process / "mountinfo").read_text() or any(
                        link.startswith(str(self.point)) for link in links):
                    found[process.name] = (process / "cmdline").read_bytes()
        return found

    def free_megabytes(self):
        stat = os.statvfs(self.point)
        return stat.f_bavail * stat.f_frsize / 2**20

    def close(self):
        run("umount", "-l", self.point, check=False)

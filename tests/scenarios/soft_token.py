# SPDX-License-Identifier: EUPL-1.2
"""A PKCS#11 module other than SoftHSM: opencryptoki's soft token with its slot daemon, in mount and
IPC name spaces of its own, so that nothing of the machine's own tokens is seen or touched."""
import os
import pathlib
import shutil
import subprocess
import time

MODULE = pathlib.Path(f"/usr/lib/{os.uname().machine}-linux-gnu/opencryptoki/libopencryptoki.so.0")
SLOT = "3"
LABEL = "sealgate"
SO_PIN, USER_PIN = "76543210", "11223344"  # the module takes eight digits at most
BOUND = 20.0

HOLD = r"""
set -e
mount --make-rprivate /
for file in passwd group; do mount --bind "$2/$file" /etc/$file; done
for place in /var/lib/opencryptoki /run /dev/shm; do mount -t tmpfs tmpfs $place; done
mkdir -p /var/lib/opencryptoki/swtok/TOK_OBJ /run/lock/opencryptoki/swtok
chgrp -R pkcs11 /var/lib/opencryptoki /run/lock/opencryptoki
chmod -R 0770 /var/lib/opencryptoki /run/lock/opencryptoki
mount --bind "$1" /etc/opencryptoki/opencryptoki.conf
echo held
exec cat
"""


def missing():
    """Why there is no soft token here, or None."""
    if os.geteuid() != 0:
        return "only root can give the slot daemon folders of its own"
    for name in ("pkcsslotd", "pkcsconf", "unshare", "nsenter"):
        if not shutil.which(name):
            return f"{name} is not installed"
    if not MODULE.exists():
        return f"{MODULE} is not installed"
    if subprocess.run(["unshare", "-m", "-i", "mount", "-t", "tmpfs", "tmpfs", "/run"],
                      capture_output=True, check=False).returncode != 0:
        return "no right to make name spaces"
    return None


def write_users(folder, uid):
    """The module serves members of its group: root, and who has this uid and a group of the same
    number."""
    users = pathlib.Path("/etc/passwd").read_text()
    groups = [line for line in pathlib.Path("/etc/group").read_text().splitlines()
              if not line.startswith("pkcs11:")]
    (folder / "passwd").write_text(users + f"token-user:x:{uid}:{uid}::/nonexistent:/bin/false\n")
    (folder / "group").write_text("\n".join([*groups, f"pkcs11:x:{uid}:root,token-user"]) + "\n")


class SoftToken:
    """The daemon and an initialised token; `wrapper` puts a command beside them."""

    def __init__(self, folder, uid=61009):
        folder = pathlib.Path(folder)
        write_users(folder, uid)
        conf = folder / "opencryptoki.conf"
        conf.write_text(f"version opencryptoki-3.1\nslot {SLOT}\n{{\nstdll = libpkcs11_sw.so\n}}\n")
        self.daemon = None
        self.holder = subprocess.Popen(["unshare", "-m", "-i", "sh", "-c", HOLD, "hold", conf, folder],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"held\n"
        self.wrapper = ("nsenter", "-t", str(self.holder.pid), "-m", "-i",
                        f"--wd={os.getcwd()}", "--")
        self.start()
        self._initialise()

    def start(self):
        """The slot daemon, until it answers."""
        self.daemon = subprocess.Popen([*self.wrapper, "pkcsslotd", "-f"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + BOUND
        while self.run("pkcsconf", "-t", check=False).returncode != 0:
            assert time.monotonic() < end and self.daemon.poll() is None
            time.sleep(0.05)

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(BOUND)

    def close(self):
        self.stop()
        self.holder.stdin.close()
        self.holder.wait(BOUND)
        self.holder.stdout.close()

    def run(self, *command, check=True, **options):
        return subprocess.run([*self.wrapper, *command], capture_output=True, text=True,
                              timeout=60, check=check, **options)

    def _initialise(self):
        """As whoever owns such a device does it, with the device's own tools."""
        self.run("pkcsconf", "-I", "-c", SLOT, "-S", "87654321", input=f"{LABEL}\n")
        self.run("pkcsconf", "-P", "-c", SLOT, "-S", "87654321", "-n", SO_PIN)
        self.run("pkcsconf", "-u", "-c", SLOT, "-S", SO_PIN, "-n", "12121212")
        self.run("pkcsconf", "-p", "-c", SLOT, "-U", "12121212", "-n", USER_PIN)

    def away(self):
        """No daemon and no objects; what a process has in its memory stays."""
        self.stop()
        self.run("mv", "/var/lib/opencryptoki/swtok", "/var/lib/opencryptoki/away")

    def back(self):
        self.run("mv", "/var/lib/opencryptoki/away", "/var/lib/opencryptoki/swtok")
        self.start()

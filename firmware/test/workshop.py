# SPDX-License-Identifier: EUPL-1.2
"""Another machine, to which the disk of an appliance is connected: a system with sealgate and
cryptsetup, and nothing of the appliance's start. Whoever sits there is given a few commands."""
import lzma
import pathlib
import re
import shutil
import subprocess

from appliance import FIRMWARE, script
from checks import expect
from machine import Machine
from scene import OLD, OUT, in_root

RUNBOOK = FIRMWARE.parent / "docs" / "firmware" / "updates.md"
STEP = r"(?m)^2\. Connect its disk[^\n]*\n(?:\S.*\n| {3}\S.*\n)*\n((?: {7}.*\n)+)"
PLACES = {"DISK-PARTITION": "/dev/vda6", "MOUNT": "/mnt", "DIR": "/backup"}
PROGRAMS = ("/usr/bin/bash", "/usr/bin/mount", "/usr/bin/umount", "/usr/bin/mv", "/usr/bin/rm",
            "/usr/bin/sleep", "/usr/sbin/insmod", "/usr/sbin/cryptsetup")
SEALGATE = "/usr/bin/sealgate"
MODULES = ("virtio_blk", "dm-crypt", "xts", "algif_skcipher")
# The key is typed, and here it comes by standard input.
INIT = """#!/usr/bin/bash
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in /modules/*; do insmod "$module"; done
if bash -eux /commands </key; then echo 'workshop: done'; else echo 'workshop: failed'; fi
exec sleep infinity
"""
DONE_S = 90.0


class Workshop(Machine):
    """Started by its kernel alone; the disk is its only drive."""

    def __init__(self, folder, disk):
        self.folder, self.disk = folder, disk
        self.log = folder / "serial.log"
        self.qemu = self.swtpm = None

    def run(self, kernel, initrd):
        with open(self.folder / "qemu.err", "wb") as errors:
            self.qemu = subprocess.Popen(
                ["nice", "-n", "5", "qemu-system-x86_64", "-machine", "q35", "-accel",
                 "tcg,tb-size=256", "-cpu", "qemu64", "-m", "512", "-nodefaults",
                 "-no-user-config", "-display", "none", "-monitor", "none",
                 "-serial", f"file:{self.log}", "-kernel", kernel, "-initrd", initrd,
                 "-append", "console=ttyS0 quiet",
                 "-drive", f"if=none,id=d0,format=raw,file={self.disk},cache=unsafe",
                 "-device", "virtio-blk-pci,drive=d0", "-device", "virtio-rng-pci"],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True)
        return self.wait("workshop: (done|failed)", DONE_S)


def of_the_runbook():
    """What is typed there, as the runbook has it."""
    lines = re.search(STEP, RUNBOOK.read_text()).group(1)
    for name, place in PLACES.items():
        lines = re.sub(rf"\b{name}\b", place, lines)
    return "".join(f"{line.strip()}\n" for line in lines.splitlines())


def add_programs(root, folder):
    """The programs with their libraries, of packages that are those of the image."""
    tree = OUT / OLD / "tree"
    theirs = in_root(root, tree, "ldd", *PROGRAMS).stdout.decode()
    ours = in_root(root, tree, "env", "LD_LIBRARY_PATH=/share/usr/lib/x86_64-linux-gnu", "ldd",
                   f"/share{SEALGATE}").stdout.decode()
    found = re.findall(r"(?:=> |^\t)(/\S+) \(", theirs + ours, re.M)
    for path in (*PROGRAMS, f"/share{SEALGATE}", *sorted(set(found))):
        inside = path.removeprefix("/share")
        source = (root if inside == path else tree) / inside[1:]
        target = folder / "usr" / inside.removeprefix("/usr")[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / name).symlink_to(f"usr/{name}")


def add_modules(root, folder):
    """In the order in which they are loaded."""
    modules = next((root / "usr/lib/modules").iterdir())
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, those = line.partition(":")
        needs[pathlib.Path(path).name.removesuffix(".ko.xz")] = (path, those.split())
    folder.mkdir()
    for name in MODULES:
        path, those = needs[name]
        for one in (*reversed(those), path):
            file = folder / f"{len(list(folder.iterdir())):02}-{pathlib.Path(one).name[:-3]}"
            if not list(folder.glob(f"*-{file.name[3:]}")):
                file.write_bytes(lzma.decompress((modules / one).read_bytes()))


def restore(folder, disk, key, backup):
    """Do there what the runbook says, with the recovery key of the disk and the opened backup.
    Return: what was said."""
    root = pathlib.Path(script("root", "initrd").stdout.strip())
    inside = folder / "root"
    for name in ("dev", "proc", "sys", "run", "mnt"):
        (inside / name).mkdir(parents=True)
    add_programs(root, inside)
    add_modules(root, inside / "modules")
    shutil.copytree(backup, inside / "backup")
    (inside / "key").write_text(key)
    (inside / "commands").write_text(of_the_runbook())
    (inside / "init").write_text(INIT)
    (inside / "init").chmod(0o755)
    made = in_root(root, folder, "sh", "-c",
                   "cd /share/root && find . | cpio -o -H newc --quiet >/share/initrd")
    expect(made.returncode == 0, made.stderr)
    with Workshop(folder, disk) as workshop:
        said = workshop.run(next((root / "boot").glob("vmlinuz-*")), folder / "initrd")
        expect(said and said.group(1) == "done", "the commands of the runbook", workshop)
        return workshop.text()

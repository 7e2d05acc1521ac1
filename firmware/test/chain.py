# SPDX-License-Identifier: EUPL-1.2
"""Cases of the chain from the firmware of the machine to its last file: what was not signed does
not start, what was changed is not served."""
import pathlib
import shutil
import subprocess

from appliance import script
from checks import expect
from machine import Machine, partition_start
from scene import BOOT_S, NEW, OLD, OUT

STOPPED = r"Access [Dd]enied|Security Violation|EFI stub:|Linux version"
FLIPPED_ROOT, FLIPPED_TREE = (f"root-{NEW}", 1024 + 64), (f"verity-{NEW}", 4096 + 64)


class ChainCases:
    """Of the suite. Each has a machine of its own, which stops at the first message."""

    def unsigned_loader(self):
        """a boot loader that is not signed is refused"""
        tools = script("root", "tools").stdout.strip()
        loader = pathlib.Path(tools, "usr/lib/systemd/boot/efi/systemd-bootx64.efi")
        self.refused_at_boot(DISK_LOADER=str(loader))

    def unsigned_uki(self):
        """a kernel image that is not signed is refused"""
        self.refused_at_boot(DISK_UKI=str(OUT / OLD / "test.unsigned.efi"))

    def altered_command_line(self):
        """a signed kernel image with another command line is refused"""
        image = bytearray((OUT / OLD / "test.efi").read_bytes())
        at = image.find(b"rd.shell=0")
        expect(at > 0, "it has that word")
        image[at + 9] = ord("1")
        altered = self.folder / "altered.efi"
        altered.write_bytes(image)
        self.refused_at_boot(DISK_UKI=str(altered))

    def foreign_key(self):
        """a kernel image signed with a key that is not enrolled is refused"""
        keys = self.folder / "foreign-keys"
        shutil.copytree(OUT / "keys", keys)
        for suffix in (".key", ".crt"):
            shutil.copyfile(keys / f"foreign{suffix}", keys / f"db{suffix}")
        foreign = self.folder / "foreign.efi"
        script("sign-efi", OUT / OLD / "uki.unsigned.efi", foreign, FIRMWARE_KEYS=str(keys))
        self.refused_at_boot(DISK_UKI=str(foreign))
        foreign.unlink()
        try:
            script("sign-efi", OUT / OLD / "test.unsigned.efi", foreign, FIRMWARE_KEYS=str(keys))
        except subprocess.CalledProcessError as error:
            expect("throw-away keys alone" in error.stderr, error.stderr)
        expect(not foreign.exists(), "no TEST kernel image by keys that are not thrown away")

    def refused_at_boot(self, **made_with):
        disk = self.disk("refused.img", **made_with)
        with Machine(self.folder / "refused", disk, self.variables) as machine:
            machine.start()
            said = machine.wait(STOPPED, 90)
            expect(said and "Linux" not in said.group() and "EFI stub" not in said.group(),
                   f"refused: {said and said.group()}", machine)

    def flipped_root(self):
        """one flipped bit in the root file system: not served, and the boot loader counts the try"""
        disk = self.disk("emptied.img", OLD, NEW, DISK_TRIES_A="", DISK_TRIES_B="+2")
        flip(disk, *FLIPPED_ROOT)
        # The TPM of the enrolled machine, and none of its /var.
        self.machine.stop()
        self.wiped = self.until_closed.enter_context(Machine(
            self.folder / "wiped", disk, self.machine.variables, tpm=self.machine.tpm))
        self.power_on(self.wiped, self.medium("old-update", update=OLD))
        expect(self.wiped.wait(r": data block \d+ is corrupted", BOOT_S), "the kernel saw it",
               self.wiped)
        flip(disk, *FLIPPED_ROOT)
        flip(disk, *FLIPPED_TREE)

    def flipped_tree(self):
        """one flipped bit in the hash tree: not served; after its tries the other slot starts"""
        said = self.wiped.wait(r": metadata block \d+ is corrupted|sealgate appliance [0-9.]+",
                               BOOT_S)
        expect(said and "metadata" in said.group(), f"the kernel saw it: {said and said.group()}",
               self.wiped)
        said = self.wiped.wait(r"sealgate appliance ([0-9.]+) starts", BOOT_S)
        expect(said and said.group(1) == OLD, "the other slot", self.wiped)

    def identical(self):
        """two builds give the same bytes; in a soak of roots that are made twice as well"""
        status, said = self.came_to("identical")
        expect(status == 0, said)


def flip(disk, label, offset):
    """Flip one bit of a partition, or flip it back."""
    start = partition_start(disk, label)
    with open(disk, "r+b") as file:
        file.seek(start + offset)
        octet = file.read(1)
        file.seek(start + offset)
        file.write(bytes([octet[0] ^ 1]))

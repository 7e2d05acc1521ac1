# SPDX-License-Identifier: EUPL-1.2
"""Cases of updates: taken, refused, cut short, and given up; and of what starts a machine again."""
import filecmp
import os
import random
import re
import shutil
import subprocess
import time

import power
from checks import expect
from configurations import NO_CERTIFICATE
from emulator import lock_out
from machine import Machine, partition_start
from scene import (BOOT_S, BROKEN, HEALTHY, KEPT, KEPT_S, LUKS_HEADER, NEW, OLD, OUT, RESTARTS,
                   SENT_S, STARTS)

RESTART_S = 180.0
ESP = "@@1M"  # where it begins, to mtools
SENT = r"admin\[\d+\]: (\S+) \(TEST\): appliance parcel \S+\.root (\d+)"  # by whom, from where
ILL = r"appliance\[\d+\]: refused: a seal of a self-test: [^\n]*SIG_CRYPTO_FAILURE"
LAST_TRY = "+1-2"
NO_FIREWALL = {"nftables.service~": "[Service]\nExecStart=\n"
                                    "ExecStart=/usr/sbin/nft add chain inet appliance none\n"}
HEALTH_BOUND_S = 200.0  # on what may mend itself it takes four minutes
SEED = int(os.environ.get("SEALGATE_SEED", random.SystemRandom().randrange(10**6)))
CUTS = 6  # of each kind, that are looked at
SLOT = {"root": "root.erofs", "verity": "root.verity"}


def same(disk, copy):
    """Copy a disk."""
    subprocess.run(["cp", "--sparse=always", str(disk), str(copy)], check=True, timeout=300)


def holds(disk, label, path):
    """Does a partition begin with what a file has?"""
    with open(disk, "rb") as file, open(path, "rb") as whole:
        file.seek(partition_start(disk, label))
        return all(file.read(len(octets)) == octets
                   for octets in iter(lambda: whole.read(1 << 20), b""))


class UpdateCases:
    """Of the suite, whose machine they share."""

    def power_cut(self):
        """power lost while an update is written: at no moment is half of it there to be started,
        and the old version starts"""
        self.machine.stop()
        before = self.copy("cut.img")
        medium = self.medium("cut", update=NEW, changes=NO_CERTIFICATE)
        self.power_on(self.machine, medium, logged=True)
        expect(self.machine.wait(r"(?s)a new configuration is in place.*Acquiring \S+\.root",
                                 BOOT_S), "an update began", self.machine)
        began = self.machine.writes.stat().st_size
        expect(self.machine.wait("the update is staged", BOOT_S), "and ended", self.machine)
        self.machine.cut()
        self._cut_earlier(before, began)
        before.unlink()
        self.copy("aside.img")
        self.start_after_cut()
        expect(self.machine.wait(STARTS, BOOT_S), "it starts", self.machine)
        expect(self.version() == OLD, f"the old version, not {self.version()}", self.machine)

    def copy(self, name):
        """A copy of the disk, of a machine that is off."""
        copy = self.folder / name
        same(self.machine.disk, copy)
        return copy

    def _cut_earlier(self, disk, began):
        """Look at what cuts left, of a disk as it was, when an update was written, and of the new
        kernel image; the disk of the machine is what one left that was in its root."""
        esp, ran, slot, var = (partition_start(disk, label)
                               for label in ("esp", f"root-{OLD}", "_empty", "var"))
        written, chance = list(power.writes(self.machine.writes)), random.Random(SEED)
        expect(not any(ran <= write.to < slot for write in written if write.octets),
               "nothing is written to the slot that runs")
        image, root = ([moment for moment, write in enumerate(written, 1)
                        if write.logged > began and start <= write.to < end]
                       for start, end in ((esp, ran), (slot, var)))
        stays = chance.choice(root)
        moments = {stays, len(written), *chance.sample(root, CUTS), *chance.sample(image, CUTS)}
        held = []
        for moment in power.cuts(disk, self.machine.writes, moments, SEED):
            held.append(self._startable(disk, f"seed {SEED}, after {moment} of {len(written)}"))
            if moment == stays:
                same(disk, self.machine.disk)
        print(f"      seed {SEED}: {len(held)} cuts, {sum(held)} with the new version")
        expect(held[-1] and not all(held), f"only then there: {held}")

    def _startable(self, disk, when):
        """See that what the boot loader takes is whole, and no name of a file that is empty, as FAT
        has it until what the name stands for is written. Return: is the new version there?"""
        folder = self.folder / "loader"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        esp = f"/share/{disk.name}{ESP}"
        listed = self.in_tools(self.folder, "mdir", "-b", "-a", "-i", esp, "::/EFI/Linux")
        # By their whole names: those that FAT has beside them end otherwise.
        names = [name for name in listed.stdout.decode().splitlines()
                 if name.lower().endswith(".efi") and not name.startswith("::/EFI/Linux/.")]
        done = self.in_tools(self.folder, "mcopy", "-n", "-i", esp, *names, "/share/loader")
        expect(done.returncode == 0, f"{when}: {names}: {done.stderr}")
        found = set()
        for path in (path for path in folder.iterdir() if path.stat().st_size):
            known = re.fullmatch(rf"sealgate_({OLD}|{NEW})(\+\d-\d)?\.efi", path.name)
            expect(known and filecmp.cmp(path, OUT / known.group(1) / "test.efi", False),
                   f"{when}: {path.name}")
            found.add(known.group(1))
        expect(OLD in found, f"{when}: {names}")
        for part, file in SLOT.items() if NEW in found else ():
            expect(holds(disk, f"{part}-{NEW}", OUT / NEW / file), f"{when}: {part}")
        return NEW in found

    def good_update(self):
        """a signed update that two people send over the network takes"""
        self.serving()
        folder = self.bundle(NEW)
        said = self.remote("viewer", "appliance", "update", folder)
        expect(said.returncode == 1 and "answered 403" in said.stderr,
               f"the wrong role: {said.stderr}", self.machine)
        forged = self.folder / "forged"
        forged.mkdir(exist_ok=True)
        shutil.copyfile(folder / "manifest", forged / "manifest")
        (forged / "manifest.p7s").write_bytes(b"nobody's")
        said = self.remote("operator", "appliance", "update", forged)
        expect(said.returncode == 1 and "not by who may sign this" in said.stderr,
               f"a forged one: {said.stdout}{said.stderr}", self.machine)
        self.machine.insert(self._older_medium())  # it is not looked at before the next start
        started = time.monotonic()
        self._cut_short(folder)
        said = self.together("appliance", "update", folder)
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        print(f"      sent and staged in {time.monotonic() - started:.0f} s")
        sent = re.findall(SENT, self.machine.text())
        # Asked after, sent and begun; asked after once more and sent from there; and no more.
        expect([who for who, at in sent if at == "0"] == 3 * ["operator"] and
               [who for who, _ in sent] == len(sent) * ["operator"], f"once: {sent}", self.machine)
        self.healthy_after(f"{STARTS}{NEW}")
        # What it forbids holds from the next start on, if the boot loader keeps it before that.
        expect(self.machine.wait(rf"(?s){STARTS}{NEW}.*{KEPT}", KEPT_S), "kept", self.machine)
        expect(self.version() == NEW, f"the new version, not {self.version()}", self.machine)
        self.submit_again()
        self.submit(4)

    def _cut_short(self, folder):
        """Who sends it goes away when some of it has come."""
        with self.calls("operator", "appliance", "update", folder) as sender:
            expect(self.machine.wait(r"appliance parcel \S+\.root [1-9]", SENT_S), "some came",
                   self.machine)
            sender.kill()

    def _older_medium(self):
        """An older version, and a configuration older than the one in force."""
        serial, self.serial = self.serial, 0
        medium = self.medium("older", update=OLD)
        self.serial = serial
        return medium

    def older_version(self):
        """an older version and an older configuration are refused"""
        text = self.machine.text()
        text = text[text.rindex(f"sealgate appliance {NEW} starts"):]
        expect(f"{OLD}: is older than {NEW}" in text, "older version refused", self.machine)
        expect("the configuration is the one in force, or an older one" in text,
               "older configuration left alone", self.machine)

    def recovery_key(self):
        """a recovery key of /var is given to two people, and opens it"""
        said = self.together("appliance", "recovery-key")
        key = said.stdout.strip()
        expect(said.returncode == 0 and re.fullmatch(r"([a-z]{8}-){7}[a-z]{8}", key),
               f"a key: {said.stderr}", self.machine)
        expect(key not in self.machine.text(), "the key is not in the log")
        expect(self._opens(key), "the key opens /var")
        expect(not self._opens(key[:-1] + ("b" if key[-1] != "b" else "c")), "another does not")

    def _opens(self, key):
        """Does a passphrase open /var, as it is on the disk now?"""
        folder = self.folder / "header"
        folder.mkdir(exist_ok=True)
        with open(folder / "var", "wb") as header:
            header.write(self.header())
            header.truncate(2 * LUKS_HEADER)
        (folder / "key").write_text(key)
        return self.in_tools(folder, "cryptsetup", "open", "--test-passphrase", "--key-file",
                             "/share/key", "/share/var").returncode == 0

    def firewall_broken(self):
        """with a firewall that does not load nothing serves"""
        # From here to the last of these cases the TPM is in lockout.
        self.machine.stop()
        if self.wiped:
            self.wiped.stop()  # it may have that TPM still
        lock_out(self.machine.tpm)
        self.power_on(self.machine, self.medium("broken", configuration=False, update=BROKEN))
        expect(self.machine.wait(r"the update is staged", BOOT_S), "staged", self.machine)
        expect(self.machine.wait(RESTARTS, RESTART_S), "restarts", self.machine)
        self.machine.stop()
        tries = self._tries()
        expect(tries == "+3", f"on trial: {tries}", self.machine)
        self.machine.start(ports=self.gate.forwards(), units=NO_FIREWALL, link=self.link)
        expect(self.machine.wait(r"Dependency failed for sealgate-edge", BOOT_S),
               "the edge does not start", self.machine)
        self.nothing_serves(self.machine)
        text = self.machine.text()
        expect("Dependency failed for appliance-health.service" in text and
               not re.search(HEALTHY, text), "not healthy", self.machine)

    def _tries(self):
        """How often the boot loader has left to try the update, and has tried it: +LEFT-DONE."""
        listed = self._on_esp("mdir", "-b", "::/EFI/Linux").stdout.decode()
        names = re.findall(rf"sealgate_{BROKEN}(\+\d\S*)\.efi", listed)
        expect(len(names) == 1, f"in the ESP: {listed}")
        return names[0].removesuffix("-0")

    def _on_esp(self, program, *arguments):
        """A program of mtools on the ESP, as it is on the disk now."""
        disk = f"/share/{self.machine.disk.name}{ESP}"
        done = self.in_tools(self.folder, program, "-i", disk, *arguments)
        expect(done.returncode == 0, str(done))
        return done

    def unhealthy_update(self):
        """an update that serves, and whose application is not healthy, is not kept, and gives way
        to the version before it"""
        self.machine.stop()
        tries = self._tries()
        # While nothing served the machine may have started again, once.
        expect(tries in ("+2-1", LAST_TRY), f"counted down: {tries}", self.machine)
        if tries != LAST_TRY:
            self._on_esp("mren", f"::/EFI/Linux/sealgate_{BROKEN}{tries}.efi",
                         f"sealgate_{BROKEN}{LAST_TRY}.efi")
        self.machine.start(ports=self.gate.forwards(), link=self.link)
        expect(self.machine.wait(rf"(?s){STARTS}{BROKEN}.*{ILL}", BOOT_S), "ill", self.machine)
        self.healthy_after(rf"{ILL}.*{STARTS}{NEW}")
        expect(self.version() == NEW, f"the version before, not {self.version()}", self.machine)
        text = self.machine.text()
        tried = text[:text.index(f"sealgate appliance {NEW} starts")]
        before = tried[:re.search(ILL, tried).start()]
        failed = re.findall(r"(\S+): Failed with result", before)
        expect("Started sealgate-edge.service" in before and not failed,
               f"nothing else has failed: {failed}", self.machine)
        expect(not re.search(rf"{HEALTHY}|{KEPT}", tried), "it is not kept", self.machine)
        began, ended = (float(re.search(rf"\[ *([0-9.]+)\] .*{said}", tried).group(1))
                        for said in (r"Starting appliance-health\.service", ILL))
        expect(ended - began < HEALTH_BOUND_S, f"found in {ended - began:.0f} s", self.machine)
        tries = self._tries()
        expect(tries == "+0-3", f"tried: {tries}", self.machine)
        expect("did not become healthy" in text, "it is not tried again", self.machine)

    def tpm_lockout(self):
        """a TPM in lockout opens /var, beside the recovery key, and keeps no gate away; the report
        says what to do about it"""
        self.submit(7)
        state = self.report()["tpm"]["lockout"]
        expect(state["locked"] is True and state["tries"] >= state["most"], str(state),
               self.machine)
        expect("is in lockout" in state["advice"] and "Leave the machine on" in state["advice"],
               str(state), self.machine)
        print(f"      {state['tries']} of {state['most']} wrong tries")

    def older_image(self):
        """an older image on the disk, or an old copy of it all, does not serve on the machine"""
        # Nothing of /var is left: that it was here before, the TPM alone knows.
        self._not_served(self.wiped, f"{OLD}: may not serve, none before {NEW} may")
        expect(f"{OLD}: is older than {NEW}" in self.wiped.text(), "nor is its update taken")
        with Machine(self.folder / "other-disk", self.folder / "aside.img",
                     self.machine.variables, tpm=self.machine.tpm) as machine:
            self.power_on(machine)
            self._not_served(machine, "floor of versions: /var is an old copy")

    def _not_served(self, machine, why):
        """A machine that was started says why it does not serve."""
        said = machine.wait(f"appliance.*refused: {why}|the application is healthy", BOOT_S)
        expect(said and why in said.group(), f"refused: {why}", machine)
        expect(machine.wait(r"Dependency failed for sealgate-edge", BOOT_S),
               "the edge does not start", machine)
        self.nothing_serves(machine)

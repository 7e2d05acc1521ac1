# SPDX-License-Identifier: EUPL-1.2
"""Cases about the TPM: the floor of versions that it keeps, and its lockout."""
import subprocess

from checks import expect
from emulator import lock_out
from machine import Machine

OLD, NEW = "0.1.0", "0.2.0"
BOOT_S = 420.0


class FloorCases:
    """Of the suite, whose machine they share."""

    def set_aside(self):
        """A copy of the disk, of a machine that is off."""
        subprocess.run(["cp", "--sparse=always", str(self.machine.disk),
                        str(self.folder / "aside.img")], check=True, timeout=300)

    def kept(self, before):
        """The floor in the TPM is what it was before /var was made anew, and was counted on."""
        floor = self.report()["tpm"]["floor"]
        expect(floor["in_tpm"] and floor["fault"] is None, str(floor), self.machine)
        expect(before["in_tpm"] and before["version"] == floor["version"] and
               before["least"] == floor["least"] and floor["count"] > before["count"],
               f"{before} then {floor}", self.machine)

    def older_image(self):
        """an older image on the disk, or an old copy of it all, does not serve on the machine"""
        self.machine.stop()
        self.not_served("aside.img", "floor of versions: /var is an old copy")
        # Nothing of /var is left: that it was here before, the TPM alone knows.
        emptied = self.disk("emptied.img")
        text = self.not_served(emptied.name, f"{OLD}: may not serve, none before {NEW} may",
                               [self.medium("wiped", update=OLD)])
        expect(f"{OLD}: is older than {NEW}" in text, "nor is its update taken")

    def not_served(self, disk, why, media=()):
        """Start a disk in the machine: it says why it does not serve. Return: all it says."""
        with Machine(self.folder / "other-disk", self.folder / disk, self.machine.variables,
                     tpm=self.machine.tpm) as machine:
            self.power_on(machine, media)
            said = machine.wait(f"appliance.*refused: {why}|the application is healthy", BOOT_S)
            expect(said and why in said.group(), f"refused: {why}", machine)
            expect(machine.wait(r"Dependency failed for sealgate-edge", BOOT_S),
                   "the edge does not start", machine)
            expect(not self.reachable(), "nothing serves", machine)
            return machine.text()

    def tpm_lockout(self):
        """a TPM in lockout keeps no gate away, and the report says what to do about it"""
        self.machine.stop()
        lock_out(self.machine.tpm)
        self.healthy()
        self.submit(6)
        state = self.report()["tpm"]["lockout"]
        expect(state["locked"] is True and state["tries"] >= state["most"], str(state),
               self.machine)
        expect("is in lockout" in state["advice"] and "Leave the machine on" in state["advice"],
               str(state), self.machine)
        print(f"      {state['tries']} of {state['most']} wrong tries")

# SPDX-License-Identifier: EUPL-1.2
"""The case of the kernel image that is released. All others are of the TEST one, which has another
command line; this one says nothing on its serial line, so it is judged by what it answers."""
import json
import time

from checks import expect
from machine import HAND, SLOWED_MOST, Machine
from scene import BOOT_S, OLD, OUT

OFFERED = "test-hand.service"  # of the hypervisor, to each machine of the suite
ASKED_S = 2.0
RECORDED_S = 60.0


class ReleasedCases:
    """Of the suite. The machine is one of its own."""

    def released_image(self):
        """the kernel image that is released serves, and takes no unit that its hypervisor offers"""
        with Machine(self.folder / "released", self.shipped(), self.variables) as machine:
            self.power_on(machine, self.medium("released"))
            health = self._until_healthy(machine)
            expect(health and health.status_code == 200, f"health: {health and health.text}")
            print(f"      healthy {machine.seconds():.0f} s after power-on, "
                  f"{machine.seconds() / machine.slowed():.0f} s without others on the host")
            expect("Linux version" not in machine.text(), "it has no serial line", machine)
            self._is_the_released_one()
            self._took_nothing()
            self.submit(9)
            self._took_nothing()
        # What it sent is none of the machine's that the other cases ask about.
        for receiver in (self.gate.syslog, self.gate.heads):
            receiver.messages.clear()

    def _until_healthy(self, machine):
        """The answer of the machine's health once that is good, or the last one."""
        answer = None
        while machine.qemu.poll() is None:
            try:
                answer = self.gate.request("/health", "operators/viewer", listener="operators")
            except OSError:
                answer = None
            if answer is not None and answer.status_code == 200:
                break
            if machine.seconds() > BOOT_S * min(machine.slowed(), SLOWED_MOST):
                break
            time.sleep(ASKED_S)
        return answer

    def _report(self):
        """What the command tells once the start of the machine is on record, or the last answer."""
        end = time.monotonic() + RECORDED_S
        while True:
            said = self.remote("viewer", "appliance", "report", "--format", "json")
            expect(said.returncode == 0, said.stdout + said.stderr)
            report = json.loads(said.stdout)
            if report["boot"]["roothash"] or time.monotonic() > end:
                return report
            time.sleep(ASKED_S)

    def _is_the_released_one(self):
        report = self._report()
        boot = report["boot"]
        expect(report["version"] == OLD and boot["secure_boot"] is True and
               boot["roothash"] == (OUT / OLD / "roothash").read_text().strip(), str(report))
        predicted, of_test = self.predict(OLD, kind="uki"), self.predict(OLD)
        for number, pcr in predicted.items():
            expect(boot["pcrs"][number].lower() == pcr["value"],
                   f"PCR {number} {boot['pcrs'][number]}, predicted {pcr}")
        expect(predicted["11"]["value"] != of_test["11"]["value"], "not the TEST one")

    def _took_nothing(self):
        """Neither the manager's units nor the log have a trace of what was offered."""
        said = self.remote("auditor", "appliance", "support")
        expect(said.returncode == 0, said.stdout[-500:] + said.stderr)
        bundle = json.loads(said.stdout)
        expect(OFFERED in HAND and "sealgate-queued" in bundle["units"]["output"] and
               "systemd.import_credentials=no" in bundle["log"]["output"], "what would tell is told")
        expect(OFFERED not in said.stdout and OFFERED not in "".join(self.gate.syslog.messages),
               "a unit of the hypervisor was taken")

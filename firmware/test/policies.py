# SPDX-License-Identifier: EUPL-1.2
"""The case of a policy that officers put in force on a machine from afar, and of the next one: what a
medium brought gives way to it in the start that the medium was in."""
import shutil

from scenarios.officers import OFFICERS, signed_bundle

from checks import expect

SUSPENDED = "suspended = true;\n"


class PolicyCases:
    """Of the suite, whose machine they share."""

    def policy_from_afar(self):
        """two officers put a policy in force from afar, then the next, in the machine's first start;
        each decides at once"""
        partner = self.folder / "office" / "policies" / "partners" / "nz-mpi.cfg"
        self.gate.configuration(self.folder / "office")
        text = partner.read_text()
        partner.write_text(text + SUSPENDED)
        self._puts_in_force(1)
        status, answer = self.gate.submit(self.gate.certificate("phyto", "PHYTO.NZ.2026.0000949"))
        expect(status == 1 and "partner.suspended" in str(answer), f"suspended: {answer}")
        partner.write_text(text)
        self._puts_in_force(2)
        shutil.rmtree(self.folder / "office")
        self.submit(950)

    def _puts_in_force(self, version):
        bundle = signed_bundle(self.folder / "office" / "policies", self.gate.officers, version,
                               *OFFICERS)
        said = self.remote("policy-officer", "policy", "activate", bundle)
        expect(said.returncode == 0, f"activated: {said.stdout}{said.stderr}", self.machine)

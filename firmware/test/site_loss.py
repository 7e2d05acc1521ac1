# SPDX-License-Identifier: EUPL-1.2
"""The case of a machine that is lost with its disk and its TPM: by the runbook, from the backup that
was fetched from afar to a new machine that goes on."""
import json
import os
import re
import subprocess

from appliance import BIN, FIRMWARE
from checks import expect
from machine import Machine
from scene import OUT

KEPT, LATE, NEXT = 1, 20, 21  # documents: before the backup, after it, on the new machine
RUNBOOK = FIRMWARE.parent / "docs" / "firmware" / "updates.md"
STEP = r"(?m)^1\. Make the medium[^\n]*\n(?: {3}\S.*\n)*\n((?: {7}.*\n)+)"
KEYS = os.environ.get("FIRMWARE_KEYS", OUT / "keys")
MEDIUM_S = 120


def of_the_runbook(**values):
    """What makes the medium, as the page has it, with these values for what stands for something."""
    lines = re.search(STEP, RUNBOOK.read_text()).group(1)
    for name, value in values.items():
        lines = re.sub(rf"\b{name}\b", str(value), lines)
    return re.sub("(?m)^ +", "", lines)


class SiteLossCases:
    """Of the suite, whose machine they share."""

    def site_loss(self):
        """a machine that is lost comes back on another one from a backup of afar, by the runbook, in
        one start: it has what was acknowledged until then, its chain goes on, and so do documents"""
        mark = self._mark()
        late = self.submit(LATE)
        exported = self._export("--after", mark.split(":")[0])
        expect(late[1]["id"] in exported, "the export of another site has it", self.machine)
        self.machine.stop()  # and nobody sees its disk or its TPM again
        self.machine = Machine(self.folder / "new-site", self.disk("new-site.img"), self.variables)
        self.healthy(self._medium_of_the_runbook())
        restored = self.report()["restored"]
        expect(restored["record"] == mark and restored["at"], str(restored), self.machine)
        self._knows_what_was_before(mark)
        self._goes_on(mark, *late)

    def _medium_of_the_runbook(self):
        """What is typed there, as the page has it; the configuration is what else there is."""
        self.serial += 1
        folder = self.folder / "medium-restore"
        folder.mkdir()
        self.gate.configuration(folder / "machine")
        medium = folder.with_suffix(".img")
        lines = of_the_runbook(FOLDER=folder, DIR=self.folder / "backup" / "clear",
                               SERIAL=self.serial, KEYS=KEYS, **{r"medium\.img": medium})
        done = subprocess.run(["bash", "-eux", "-c", lines], capture_output=True, text=True,
                              cwd=FIRMWARE.parent, timeout=MEDIUM_S, check=False,
                              env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
        expect(done.returncode == 0, done.stderr)
        return medium

    def _mark(self):
        """Up to where the backup has the chain."""
        lines = (self.folder / "backup" / "clear" / "backup").read_text().splitlines()
        return next(line.removeprefix("mark ") for line in lines if line.startswith("mark "))

    def _export(self, *options):
        said = self.remote("auditor", "audit", "export", *options)
        expect(said.returncode == 0, said.stderr, self.machine)
        return said.stdout

    def _knows_what_was_before(self, mark):
        """What was acknowledged before the mark is known, and judged as it was there."""
        for command in (("audit", "verify"), ("ledger",), ("audit", "reconcile")):
            said = self.remote("auditor", *command)
            expect(said.returncode == 0, f"{command}: {said.stdout}{said.stderr}", self.machine)
        expect(json.loads(said.stdout)["alarms"] == [], said.stdout)
        self.submit_again()
        first, octets = self.document[0], self.document[0].read_bytes()
        other = self.gate.certificate("phyto", f"PHYTO.NZ.2026.{KEPT:07d}")
        status, answer = self.gate.submit(other)
        first.write_bytes(octets)  # both have the same name
        expect(status == 1 and answer["status"] == 409, f"409: {answer}", self.machine)
        refused = self.remote("viewer", "appliance", "restart")
        expect(refused.returncode == 1 and "answered 403" in refused.stderr, refused.stderr,
               self.machine)
        self.refuses_documents()

    def _goes_on(self, mark, path, answer):
        """What was lost is sent again and taken as new; the chain begins with the one before."""
        status, again = self.gate.submit(path)
        expect(status == 0 and again["id"] != answer["id"], f"it was lost: {again}", self.machine)
        self.gate.wait_arrived([again["id"]], 90)  # what has it already may refuse it
        newest = self.submit(NEXT)[1]
        exported = self.folder / "exported.jsonl"
        exported.write_text(self._export())
        done = self.here("audit", "verify", "--head", mark, exported)
        expect(done.returncode == 0, done.stdout + done.stderr)
        text = exported.read_text()
        for identifier in (self.document[1]["id"], again["id"], newest["id"]):
            expect(identifier in text, f"{identifier} is in the chain")
        expect("queued.restored" in text, "that it was restored is in the chain")

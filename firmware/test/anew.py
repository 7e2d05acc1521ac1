# SPDX-License-Identifier: EUPL-1.2
"""Cases of a machine that has to forget everything, and of the configuration that it is given
then: sources of time, and a token that is set up from afar."""
import json
import re

from checks import expect
from clock import goes_on, recorded, set_clock
from scene import BOOT_S, KEPT_S, REPORTED, RESTARTS
from token_setup import set_up_token
from updates import RESTART_S

ANOTHER_START = "(?m)^-- Boot [0-9a-f]{32} --$"  # journalctl, between the entries of two
EMPTY = r"waiting for a configuration"


class AnewCases:
    """Of the suite, whose machine they share."""

    def factory_reset(self):
        """two people have the machine forget everything: it waits for a configuration"""
        self.serving()
        self.machine.insert(None)  # or it would take that configuration at once
        log = json.loads(self.support())["log"]["output"]
        expect(re.search(ANOTHER_START, log), "the log of the start before is there", self.machine)
        before, self.floor = self.volume_key(), self.report()["tpm"]["floor"]
        said = self.together("appliance", "reset")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        expect(self.machine.wait(EMPTY, BOOT_S), "empty", self.machine)
        self.nothing_serves(self.machine)
        expect(before != self.volume_key(), "/var has a new key")
        self.serial = 0

    def clock_from_sources(self):
        """a clock is set by sources of time that an authority vouches for, and by no others"""
        set_clock(self)

    def token_from_afar(self):
        """two people set an empty token up from afar, on a machine that waits for them; it serves,
        what its clock was found to be is on record, and its floor of versions is the one from
        before"""
        set_up_token(self)
        goes_on(self.machine)
        recorded(self)
        expect(self.machine.wait(REPORTED, KEPT_S), "reported", self.machine)
        floor = self.report()["tpm"]["floor"]
        expect(floor["in_tpm"] and floor["fault"] is None, str(floor), self.machine)
        expect(self.floor["in_tpm"] and self.floor["version"] == floor["version"] and
               self.floor["least"] == floor["least"] and floor["count"] > self.floor["count"],
               f"{self.floor} then {floor}", self.machine)

    def reset_cut_short(self):
        """power lost once /var is deleted: it is made anew, and the next start leaves it alone"""
        said = self.together("appliance", "reset")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        expect(self.machine.wait(RESTARTS, RESTART_S), "restarts", self.machine)
        self.machine.stop()
        done = self.in_tools(self.machine.disk.parent, "sfdisk", "--dump",
                             f"/share/{self.machine.disk.name}")
        expect(done.returncode == 0 and b'name="root' in done.stdout and
               b'name="var"' not in done.stdout, done.stdout + done.stderr)
        made = []
        for _ in range(2):
            self.power_on(self.machine)
            expect(self.machine.wait(EMPTY, BOOT_S), "empty", self.machine)
            made.append(self.volume_key())
        expect(made[0] == made[1], "/var is the one that was made", self.machine)

# SPDX-License-Identifier: EUPL-1.2
"""Cases of signed configurations: who may sign one, what becomes of one that does not work, and
of one that the machine refuses. They follow a power cut, whose medium brought one that does not."""
import os
import re

from appliance import script
from checks import expect
from scene import BOOT_S, KEPT_S, NEW, OLD, RAISED, REPORTED, RESTARTS, STARTS

REJECTED = "seal,192.0.2.256,443\n"
NO_CERTIFICATE = {"tls/server.pem": "no certificate\n"}
# The next check, and none after a restart, has this long for what takes four minutes otherwise.
BOUND = ("d /run/systemd/system/appliance-health.service.d",
         "f /run/systemd/system/appliance-health.service.d/test.conf - - - - "
         r"[Service]\nTimeoutStartSec=20s\n")
STOPPED = r"appliance-health\.service was stopped, or never begun"
# Of every card; networkd would ask nobody for another address.
ELSEWHERE = "[Match]\nName=en*\n[Network]\nAddress=192.0.2.10/24\nGateway=192.0.2.1\n"
UNREACHED = "nobody with the verb machine was answered over the network in time"
RETURNED = "the configuration before it is in force again"


def when(name, *commands):
    """Units in which systemctl is run once the machine's hand has made a file of this name."""
    run = "".join(f"ExecStart=/usr/bin/systemctl {command}\n" for command in commands)
    return {f"test-{name}.path": f"[Path]\nPathExists=/run/test-{name}\n",
            f"test-{name}.service": f"[Service]\nType=oneshot\nRemainAfterExit=yes\n{run}"}


def spoiled_update(folder):
    """Flip a bit in the root of the update on a medium."""
    for path in (folder / "update").glob("*.root"):
        with open(path, "r+b") as file:
            file.seek(path.stat().st_size // 2)
            octet = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([octet[0] ^ 1]))


class ConfigurationCases:
    """Of the suite, whose machine they share."""

    def unreachable_configuration(self):
        """a configuration from afar with a wrong address is healthy, reached by nobody, and goes by
        itself; who sent it is told"""
        self.serving()
        self.machine.insert(None)
        returns = self.machine.text().count(RETURNED)
        said = self.together("appliance", "apply", "--at", "https://192.0.2.10:8445",
                             self.signed("elsewhere", {"network/machine.network": ELSEWHERE}))
        expect(said.returncode == 1 and f"taken back: {UNREACHED}" in said.stderr,
               said.stdout + said.stderr, self.machine)
        text = self.machine.text()
        text = text[text.rindex("as it came from afar: it is kept once"):]
        expect(-1 < text.find(f"refused: {UNREACHED}") < text.find(RETURNED),
               "healthy, waited for, and taken back", self.machine)
        self.healthy_after(rf"(?:{RETURNED}.*?){{{returns + 1}}}")
        update = self.report()["update"]
        expect(update["configuration"] == str(self.serial) and update["trial"] is None and
               update["refused"] is None and update["returned"].startswith(UNREACHED),
               str(update), self.machine)
        self.submit_again()

    def configuration_from_afar(self):
        """a configuration that two people send is kept once one of them was answered with it"""
        self.serving()
        restarts, before = len(re.findall(RESTARTS, self.machine.text())), len(self.machine.text())
        said = self.together("appliance", "apply", self.signed("afar"))
        expect(said.returncode == 0 and "taken" in said.stdout and "kept" in said.stdout,
               said.stdout + said.stderr, self.machine)
        # Two people's lists, and its files not one by one.
        sent = re.findall(r"\(TEST\): appliance parcel (\S+)", self.machine.text()[before:])
        expect("manifest" in sent and len(sent) < 20, f"{len(sent)} pieces: {sent}", self.machine)
        # Started once more, a version lets none below its least one serve any more.
        again = rf"(?s)(?:{RESTARTS}.*?){{{restarts + 1}}}{STARTS}.*?{RAISED}"
        expect(self.machine.wait(again, BOOT_S), "started again", self.machine)
        expect(self.machine.wait(rf"{again}.*?{REPORTED}", KEPT_S), "reported", self.machine)
        update = self.report()["update"]
        expect(update["configuration"] == str(self.serial) and update["trial"] is None and
               update["refused"] is None and update["returned"] is None, str(update), self.machine)
        self.machine.stop()

    def signed(self, name, changes=None):
        """The folder of a configuration with the next serial."""
        self.serial += 1
        folder = self.gate.configuration(self.folder / f"signed-{name}", **(changes or {}))
        script("sign-manifest", "machine", self.serial, folder)
        return folder

    def start_after_cut(self):
        """Start the machine again, with a medium that it has to refuse, and a configuration in
        force that it cannot become healthy with."""
        units = {**when("stop", "stop appliance-health.service"),
                 **when("again", "daemon-reload", "--no-block start appliance-health.service"),
                 "multi-user.target~": "[Unit]\nWants=test-hand.service test-stop.path "
                                       "test-again.path\n"}
        self.power_on(self.machine, self.medium("foreign", update=NEW, key="foreign",
                                                spoil=spoiled_update), units)

    def foreign_medium(self):
        """foreign configuration and tampered update: refused before anything is staged"""
        for refused in ("signature is not by who may sign", r"\.root: is not what was signed"):
            expect(self.machine.wait(rf"appliance\[.*refused: .*{refused}", BOOT_S), refused,
                   self.machine)
        expect(self.machine.wait(r"Starting appliance-health\.service", BOOT_S), "goes on",
               self.machine)
        expect("systemd-sysupdate" not in self.machine.text(), "nothing staged", self.machine)

    def stopped_check(self):
        """a health check that the manager stops proves nothing and takes nothing back"""
        expect(self.machine.hand("f /run/test-stop"), "to stop it", self.machine)
        said = self.machine.wait(rf"{STOPPED}|{RETURNED}", BOOT_S)
        expect(said and "was stopped" in said.group(), "told apart", self.machine)
        expect("version and configuration are proven" not in self.machine.text(),
               "nothing is proven", self.machine)

    def unhealthy_configuration(self):
        """a configuration that does not become healthy gives way to the one before it"""
        # It is still there, and still to be proven.
        expect(self.machine.hand(*BOUND, "f /run/test-again"), "to check again", self.machine)
        expect(self.machine.wait(RETURNED, BOOT_S), "given back", self.machine)
        bad = self.medium("rules", changes={"network/egress.csv": REJECTED})
        self.machine.insert(bad)
        self.healthy_after(RETURNED)
        expect(self.version() == OLD, f"the version is {self.version()}", self.machine)
        self.submit_again()

    def refused_rules(self):
        """a destination that is none leaves in force what was, and is named"""
        said = "network/egress.csv:1: received 'seal,192.0.2.256,443': the address is none"
        text = self.machine.text()
        expect(f"refused: {said}" in text[text.rindex(RETURNED):], "said", self.machine)
        update = self.report()["update"]
        expect(update["refused"].startswith(said), f"in the report: {update}", self.machine)
        self.submit(8)

# SPDX-License-Identifier: EUPL-1.2
"""The case of an image with a PKCS#11 module of whoever built it, and of an HSM in the network: a
module of the tests, which begins and signs only when a peer on the host has said yes; what else the
machine reaches is behind an institution's proxy."""
import json
import os
import re
import shutil
import socketserver
import subprocess
import threading
import time

from appliance import FIRMWARE, HOST, script
from checks import Unavailable, expect
from machine import USB_DEVICE, Machine
from proxied import Institution
from scene import OUT

from sim.process import hold_port

WITH_MODULE = "0.4.0"
WHERE = "/usr/lib/sealgate/modules"
SECRET = "known to the module alone"
NODE = "/dev/bus/usb/001/002 0"  # behind the controller's own
TRIAL_S = 2
STATE_S = 90.0  # the trial signature, two seconds that the module waits, and an emulated machine
SETTINGS = "/var/lib/sealgate/hsm/settings"
HANDED = "/run/credentials/sealgate-signer.service/sealgate_hsm_client.key"
# The firewall alone forgets the HSM, and is loaded anew.
CUT = {"test-cut.path": "[Path]\nPathExists=/run/test-cut\n",
       "test-cut.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                           "ExecStart=/usr/sbin/nft flush set inet appliance signer_to\n",
       "test-mend.path": "[Path]\nPathExists=/run/test-mend\n",
       "test-mend.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                            "ExecStart=/usr/bin/systemctl reload nftables.service\n",
       "multi-user.target~": "[Unit]\nWants=test-hand.service test-cut.path test-mend.path "
                             "test-try.path\n"}


def rewritten(folder):
    """After a maker's file was changed."""
    (folder / "variables").write_text("OTHER\n")


def added(folder):
    (folder / "more.so").write_bytes(b"")


def alone(folder):
    """Without the library that the module needs."""
    (folder / "libtestwire.so").unlink()
    script("modules-lock", FIRMWARE_MODULES=str(folder))


def shadowing(folder):
    """With a library of the image's name."""
    shutil.copy(folder / "libtestwire.so", folder / "libcrypto.so.3")
    script("modules-lock", FIRMWARE_MODULES=str(folder))


def no_module(folder):
    (folder / "libtesthsm.so").unlink()
    script("modules-lock", FIRMWARE_MODULES=str(folder))


# What is done to the folder of the modules, and what the build says to that.
REFUSED = {rewritten: "a module is not the one that modules.lock names",
           added: "folder and modules.lock do not agree on: more.so",
           alone: "libtesthsm.so needs libraries that are neither beside it nor in the image: "
                  "libtestwire.so",
           shadowing: "libcrypto.so.3 would stand in for the image's own library",
           no_module: "is a PKCS#11 module: none has C_GetFunctionList"}


class Peer:
    """What the module asks: it says yes to who is known, and notes what it was asked. Its port is
    its own for as long as the object is there, closed or not: another one may follow it there."""

    def __init__(self, port=0):
        self.asked, self.strangers, self.held = [], 0, hold_port(port)
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 5

            def handle(self):
                secret, _, what = self.rfile.readline(512).decode().strip().rpartition(" ")
                if secret != SECRET:
                    outer.strangers += 1
                    return
                outer.asked.append(what)
                self.wfile.write(b"yes")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self.port = self.held.getsockname()[1]
        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class NetworkHsmCases:
    """Of the suite, whose gate they share."""

    def hardware(self):
        """with the kernel for hardware it starts from NVMe, takes its configuration from a medium at
        USB, serves by a server's interface, and seals by a module that asks a device at USB"""
        if os.environ.get("FIRMWARE_KERNEL") != "general":
            raise Unavailable("FIRMWARE_KERNEL is not general")
        folder = self.folder / "modules"
        script("test/module/make", folder, USB_DEVICE)
        self.build(WITH_MODULE, FIRMWARE_MODULES=str(folder))
        self.machine = Machine(self.folder / "hardware", self.disk("hardware.img", WITH_MODULE),
                               self.variables)
        self.healthy(self.medium("hardware", prepare=self._with_device), hardware=True)
        expect("cloud" not in self.report()["kernel"], self.report()["kernel"])
        self.submit(810)
        self.machine.stop()

    def network_hsm(self):
        """seals by a module of the operator's that asks an HSM in the network: it reaches that
        and nothing else, is not served without, and goes on by itself when it is back; where
        destinations, time-stamps and CRLs are behind a proxy, the machine reaches that alone"""
        folder = self.folder / "modules"
        script("test/module/make", folder)
        self.build(WITH_MODULE, FIRMWARE_MODULES=str(folder))
        self._refused_modules(folder)
        if self.machine:
            self.machine.stop()
        enrolled, serial = self.machine, self.serial
        self.machine = Machine(self.folder / "hsm", self.disk("hsm.img", WITH_MODULE),
                               self.variables)
        self.hsm, other, self.institution = Peer(), Peer(), Institution(self.gate)
        try:
            self.healthy(self.medium("hsm", prepare=self._with_hsm),
                         {**self.institution.units(), **CUT})
            self.institution.tries(self.machine)
            self._sees_modules(folder / "modules.lock")
            self.submit(800)
            self.institution.holds(self.machine)
            expect({"begin", "sign"} <= set(self.hsm.asked), f"asked: {self.hsm.asked[:9]}")
            self._away_and_back(other.port)
            expect(not (other.asked or other.strangers or self.hsm.strangers),
                   f"another was reached: {other.asked} {other.strangers} {self.hsm.strangers}")
        finally:
            self.machine.stop()
            for one in (self.hsm, other, self.institution):
                one.close()
            self.machine, self.serial = enrolled, serial

    def _refused_modules(self, folder):
        """What would not run on a machine, or was not reviewed, comes into no image."""
        tree = OUT / WITH_MODULE / "tree"  # its slot is made
        for spoil, why in REFUSED.items():
            spoilt = self.folder / f"modules-{spoil.__name__}"
            shutil.copytree(folder, spoilt)
            spoil(spoilt)
            self._refuses(tree, spoilt, why)
        keys = self.folder / "production"
        shutil.copytree(OUT / "keys", keys)
        self._refuses(tree, folder, "is the module of the tests, and these are production keys",
                      FIRMWARE_KEYS=str(keys))

    @staticmethod
    def _refuses(tree, folder, why, **environment):
        done = subprocess.run([str(FIRMWARE / "modules"), str(tree)], capture_output=True,
                              text=True, timeout=120, check=False,
                              env={**os.environ, "FIRMWARE_OUT": str(OUT),
                                   "FIRMWARE_MODULES": str(folder), **environment})
        expect(done.returncode == 1 and why in done.stderr, f"{why}: {done.stderr}")

    def _with_device(self, folder):
        """Change a configuration: the signer's module asks a device of the machine."""
        self._with_module(folder, NODE)
        (folder / "hsm" / "devices").write_text("usb\n")

    def _with_hsm(self, folder):
        """Change a configuration: the signer's module asks our peer, who is beside the proxy."""
        self.institution.configure(folder)
        self._with_module(folder, f"{HOST} {self.hsm.port}")
        with open(folder / "network" / "egress.csv", "a", encoding="ascii") as egress:
            egress.write(f"signer,{HOST},{self.hsm.port}\n")

    @staticmethod
    def _with_module(folder, asked):
        path = folder / "sealgate.conf"
        text = path.read_text()
        named = (f'signer = {{ module = "{WHERE}/libtesthsm.so"; trial_s = {TRIAL_S}; '
                 'module_variables = "TEST_HSM_SETTINGS=hsm/settings";')
        expect("signer = {" in text, text)
        path.write_text(text.replace("signer = {", named))
        (folder / "hsm").mkdir()
        (folder / "hsm" / "settings").write_text(f"{asked} {HANDED}\n")
        (folder / "hsm" / "client.key").write_text(SECRET + "\n")

    def _sees_modules(self, lock):
        report = self.report()
        listed = "".join(f"{sha256}  {file}\n" for file, sha256 in report["modules"].items())
        expect(sorted(listed.splitlines()) == sorted(lock.read_text().splitlines()),
               f"modules: {report['modules']}", self.machine)
        expect({"unit": "signer", "name": "hsm_client.key"}.items() <=
               next(c for c in report["credentials"] if c["unit"] == "signer" and
                    c["name"].startswith("hsm")).items(), str(report["credentials"]))

    def _state(self):
        """What the signer says of its token, and why."""
        said = self.remote("viewer", "hsm", "status")
        try:
            status = json.loads(said.stdout)
        except json.JSONDecodeError:
            return "unknown", said.stdout + said.stderr
        return "away" if status["away"] else "ready", status["reason"]

    def _until(self, state):
        end, now = time.monotonic() + STATE_S * self.machine.slowed(), ("", "")
        while now[0] != state and time.monotonic() < end:
            time.sleep(0.5)
            now = self._state()
        expect(now[0] == state, f"the token is {now}, not {state}", self.machine)

    def _refused_away(self, number):
        path = self.gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07d}")
        status, answer = self.gate.submit(path)
        expect(status != 0 and answer.get("status") == 503 and
               answer.get("code") == "http.signer-away", f"503: {answer}", self.machine)

    def _away_and_back(self, elsewhere):
        """The HSM goes and comes, is told to be elsewhere, and is shut off by the firewall alone."""
        self.hsm.close()
        self._until("away")
        self._refused_away(801)
        expect(re.search(r"signer\[\d+\]: .*(C_Initialize|CKR_DEVICE_REMOVED)",
                         self.machine.text()), "said", self.machine)
        self.hsm = Peer(self.hsm.port)
        self._until("ready")
        self.submit(801)
        for to, state in ((elsewhere, "away"), (self.hsm.port, "ready")):
            expect(self.machine.hand(f"f+ {SETTINGS} - - - - {HOST} {to} {HANDED}"), "settings",
                   self.machine)
            self._until(state)
        for name, state in (("cut", "away"), ("mend", "ready")):
            expect(self.machine.hand(f"f /run/test-{name}"), name, self.machine)
            self._until(state)
        self.submit(802)

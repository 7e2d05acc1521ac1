# SPDX-License-Identifier: EUPL-1.2
"""What the cases of the suite share: slots, one gate, one enrolled machine, and the steps that
are taken with them."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

from appliance import (BIN, FIRMWARE, HEADS_EVERY_S, RemoteGate, leave_network,
                       script)
from checks import expect, retry
from machine import HAND, partition_start

OUT = pathlib.Path(os.environ.get("FIRMWARE_OUT", FIRMWARE.parent / "build" / "firmware"))
OLD, NEW, BROKEN = "0.1.0", "0.2.0", "0.3.0"
HEALTHY = r"appliance\[\d+\]: the application is healthy"
REPORTED = r"Finished appliance-report\.service"
KEPT = r"systemd-bless-boot\[\d+\]: Marked boot as 'good'"
STARTS = r"appliance\[\d+\]: sealgate appliance "
RESTARTS = r"reboot: Restarting system"
RAISED = "no older version is taken from now on"
METHOD = b"/xmldsig-more#ecdsa-sha256\0"  # of signature, by its end, as a program has it
# What a case does without a boot: its command, and how it gives way to the boots.
ANEW = ("anew",) if os.environ.get("SEALGATE_SOAK") else ()
BESIDE = {"identical": ((FIRMWARE / "repro", *ANEW), "19"),
          "keys_in_a_token": ((sys.executable, FIRMWARE / "test" / "ceremony.py",
                               OUT / "suite" / "ceremony"), "10")}
BESIDE_S = 1800.0
LUKS_HEADER = 16 << 20
LUKS_TEXT = slice(4096, 16384)  # JSON (LUKS2 on-disk format)
KEPT_S = 120.0  # from healthy to kept, and reported
COME_UP_S = 10.0  # from what the edge waits for to the edge, five times over
BOOT_S = 420.0  # healthy, under emulation, on a machine that others use too
SENT_S = 1200.0  # an update, piece by piece, to an emulated machine
SHIPPED = {"sealgate-ship@.timer~": f"[Timer]\nOnUnitInactiveSec={HEADS_EVERY_S}s\n"
                                    "RandomizedDelaySec=0\n"}
# Of the ten minutes that a configuration from afar waits for an operator, as many seconds.
SOON = {"appliance-health.service~": "[Service]\nEnvironment=SEALGATE_AFAR_S=60\n"}


def in_root(root, folder, *command):
    """Run a program of a root, with a folder of ours as /share."""
    return subprocess.run(
        ["unshare", "-m", "--propagation", "private", "env", "-i", "PATH=/usr/sbin:/usr/bin",
         f"SHARE={folder}", "bash", str(FIRMWARE / "enter"), str(root), *command],
        capture_output=True, timeout=120, check=False)


class Scene:
    """The state that the cases share."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.gate = RemoteGate(folder / "gate")
        self.variables = OUT / "vars.fd"
        self.serial = 0
        self.machine = None
        self.link = None  # the host's end of a network with the machine
        self.document = None
        self.wiped = None  # a machine with the TPM of that one, and none of its disk
        self.floor = None  # of versions, before /var was made anew
        self.boots = []  # seconds from power-on to healthy, and what they would be without others
        self.besides = {}  # what takes no boot and is done beside them, by the case's name
        self.supported = (None, None)  # a start of the machine, and what was told of it
        self.until_closed = contextlib.ExitStack()

    def close(self):
        for process in self.besides.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(60)
        if self.machine:
            self.machine.stop()
        self.until_closed.close()
        self.gate.close()

    # making ------------------------------------------------------------------

    def enter(self):
        """From here on nothing reaches out of here; then the gate is made."""
        self.link = leave_network()
        self.gate.make()
        if self.link:
            self.gate.serve_names()

    def build(self, version, least=None, breaks=False, **settings):
        """The slot of one version; a broken one serves as any other, but what it seals names a
        method of signature that there is not. settings: of the build, FIRMWARE_..."""
        environment = {"FIRMWARE_VERSION": version, "FIRMWARE_OUT": str(OUT), **settings}
        if least:
            environment["FIRMWARE_LEAST"] = least
        script("tree", **environment)
        if breaks:
            program = OUT / version / "tree" / "usr" / "bin" / "sealgate-seal"
            stat, octets = program.stat(), program.read_bytes()
            expect(octets.count(METHOD) == 1, f"{METHOD} in {program}")
            program.write_bytes(octets.replace(METHOD, METHOD.replace(b"256", b"257")))
            os.utime(program, (stat.st_mtime, stat.st_mtime))
        script("slot", **environment)

    def beside(self, name):
        """Start what a case of BESIDE waits for, if it was not started."""
        if name in self.besides:
            return
        command, nice = BESIDE[name]
        with open(self.folder / f"{name}.log", "wb") as said:
            self.besides[name] = process = subprocess.Popen(
                ["nice", "-n", nice, *map(str, command)], stdout=said, stderr=said,
                start_new_session=True, env={**os.environ, "FIRMWARE_VERSION": OLD})
        # Between sessions it is this that counts, where the kernel groups by them.
        with contextlib.suppress(OSError):
            pathlib.Path(f"/proc/{process.pid}/autogroup").write_text(nice)

    def came_to(self, name):
        """Wait for it. Return: its exit status, and what it said."""
        self.beside(name)
        status = self.besides[name].wait(BESIDE_S)
        return status, (self.folder / f"{name}.log").read_text()

    def disk(self, name, a=OLD, b=None, **options):
        path = self.folder / name
        script("disk", path, a, *([b] if b else []),
               **{"DISK_UKI": "test", **options})
        return path

    def shipped(self):
        """A disk with the kernel image that is released, made once."""
        path = self.folder / "shipped.img"
        return path if path.exists() else self.disk(path.name, DISK_UKI="uki")

    def bundle(self, version):
        """The signed folder of an update, made once."""
        folder = self.folder / f"update-{version}"
        if not folder.exists():
            script("bundle", folder, FIRMWARE_VERSION=version, BUNDLE_UKI="test")
        return folder

    def medium(self, name, configuration=True, update=None, key=None, spoil=None, prepare=None,
               changes=None):
        """A medium for the machine; prepare(folder) changes the configuration before it is
        signed, spoil(folder) the medium afterwards; changes are texts of files of the
        configuration."""
        folder = self.folder / f"medium-{name}"
        folder.mkdir()
        if configuration:
            self.serial += 1
            self.gate.configuration(folder / "machine", **(changes or {}))
            if prepare:
                prepare(folder / "machine")
            script("sign-manifest", "machine", self.serial, folder / "machine",
                   *([key] if key else []))
        if update:
            shutil.copytree(self.bundle(update), folder / "update")
        if spoil:
            spoil(folder)
        image = folder.with_suffix(".img")
        script("medium", image, folder)
        shutil.rmtree(folder)
        return image

    # the machine -------------------------------------------------------------

    def power_on(self, machine, medium=None, units=None, **options):
        """Start a machine with this medium in it, or none."""
        if self.wiped and machine is not self.wiped:
            self.wiped.stop()  # a TPM is in one machine
        machine.insert(medium)
        return machine.start(ports=self.gate.forwards(), link=self.link,
                             units={**HAND, **SHIPPED, **SOON, **(units or {})}, **options)

    def healthy(self, medium=None, units=None, **options):
        """Start the enrolled machine and wait until it is healthy."""
        self.power_on(self.machine, medium, units, **options)
        expect(self.machine.wait(HEALTHY, BOOT_S), "healthy", self.machine)
        took = self.machine.seconds()
        self.boots.append((took, took / self.machine.slowed()))
        expect(self.machine.wait(REPORTED, KEPT_S), "reported", self.machine)

    def healthy_after(self, said):
        """Wait until the machine is healthy, and has reported, after it said something."""
        for state, bound in ((HEALTHY, BOOT_S), (REPORTED, KEPT_S)):
            expect(self.machine.wait(rf"(?s){said}.*{state}", bound), f"{said}, then {state}",
                   self.machine)

    def serving(self):
        """Start the enrolled machine, unless it serves."""
        if not self.reachable():
            self.healthy()

    def version(self):
        return re.findall(STARTS + "([0-9.]+)", self.machine.text())[-1]

    def reachable(self):
        """True when any listener answers a TLS hello."""
        for port in self.gate.ports.values():
            try:
                with socket.create_connection(("127.0.0.1", port), 3) as plain:
                    plain.settimeout(3)
                    ssl._create_unverified_context().wrap_socket(plain).close()
                return True
            except (OSError, ssl.SSLError) as error:
                if isinstance(error, ssl.SSLError) and "ALERT" in str(error).upper():
                    return True
        return False

    def predict(self, version, *variables, kind="test"):
        """The registers of a machine's TPM with the TEST image of a version, or the released one
        (`uki`), by their numbers."""
        said = script("predict", OUT / version / f"{kind}.efi", *variables,
                      FIRMWARE_VERSION=version).stdout
        return json.loads(said)["pcrs"]

    def nothing_serves(self, machine):
        """For as long as what is still to come up may take to: asked at once it says nothing."""
        end = time.monotonic() + COME_UP_S
        while time.monotonic() < end:
            expect(not self.reachable(), "nothing serves", machine)
            time.sleep(1)

    def header(self):
        """What LUKS says of /var, as it is on the disk now."""
        with open(self.machine.disk, "rb") as disk:
            disk.seek(partition_start(self.machine.disk, "var"))
            return disk.read(LUKS_HEADER)

    def volume_key(self):
        """Which key /var has: the digest of it. Its UUID is the same for ever, as the machine is."""
        text = self.header()[LUKS_TEXT].split(b"\0", 1)[0]
        return json.loads(text)["digests"]["0"]["digest"]

    def in_tools(self, folder, *command):
        """Run a program of the tools root, with a folder of ours as /share."""
        return in_root(script("root", "tools").stdout.strip(), folder, *command)

    # the people --------------------------------------------------------------

    def submit(self, number):
        """One more document from the partner to both counterparts."""
        path = self.gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07d}")
        status, answer = retry(lambda: self.gate.submit(path), 30)
        expect(status == 0, f"accepted: {answer}", self.machine)
        self.gate.wait_delivered([answer["id"]], 90)
        return path, answer

    def submit_again(self):
        """The first document once more: there is one receipt of it for ever."""
        status, answer = retry(lambda: self.gate.submit(self.document[0]), 30)
        expect(status == 0 and answer["id"] == self.document[1]["id"],
               f"the original receipt: {answer}", self.machine)

    def remote(self, role, *command, **options):
        """`sealgate --remote` by an operator."""
        return subprocess.run(self._words(role, command), capture_output=True, text=True,
                              timeout=SENT_S, check=False, **options)

    def calls(self, role, *command):
        """The same, that is not waited for."""
        return subprocess.Popen(self._words(role, command), stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def _words(self, role, command):
        return [str(BIN / "sealgate"), "--remote", self.gate.listener("operators"),
                *map(str, self.gate.transport(f"operators/{role}")), *map(str, command)]

    def together(self, *command, people=("operator", "key-custodian")):
        """Two people ask for the same; what the second one was told."""
        first = self.remote(people[0], *command)
        expect(first.returncode == 4 and "another person" in first.stderr,
               f"one person is not enough: {first.stdout}{first.stderr}", self.machine)
        return self.remote(people[1], *command)

    def here(self, *command):
        """`sealgate` on the host."""
        return subprocess.run([str(BIN / "sealgate"), *map(str, command)], capture_output=True,
                              text=True, timeout=120, check=False)

    def support(self):
        """What who helps needs to know of the machine, told once in each of its starts."""
        if self.supported[0] != self.machine.started:
            said = self.remote("auditor", "appliance", "support")
            expect(said.returncode == 0, said.stdout[-500:] + said.stderr, self.machine)
            self.supported = self.machine.started, said.stdout
        return self.supported[1]

    def report(self):
        """What an auditor reads of the machine."""
        return self.gate.request("/v1/appliance", "operators/auditor",
                                 listener="operators").json()

# SPDX-License-Identifier: EUPL-1.2
"""Boot the appliance and prove what it promises: a line each, then `N passed, N failed`.

  suite.py [--parts|--quick] [NAME ...]    --quick: build and one boot, end to end;
      --parts: make only what the build takes long for, so that it is there

Needs root, the tools of the firmware and a built SEALGATE_BIN for the partner's side. One
virtual machine at a time, each with a bound; nothing leaves the machine.
"""
import argparse
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from appliance import BIN, FIRMWARE, PEERS, RemoteGate, script  # noqa: E402
from checks import Failure, expect, retry  # noqa: E402
from clock import set_clock  # noqa: E402
from floor import FloorCases  # noqa: E402
from machine import Machine, missing_programs, partition_start, return_time  # noqa: E402
from token_setup import set_up_token  # noqa: E402

OUT = pathlib.Path(os.environ.get("FIRMWARE_OUT", FIRMWARE.parent / "build" / "firmware"))
OLD, NEW, BROKEN = "0.1.0", "0.2.0", "0.3.0"
HEALTHY = r"appliance\[\d+\]: the application is healthy"
KEPT = r"systemd-bless-boot\[\d+\]: Marked boot as 'good'"
STARTS = r"appliance\[\d+\]: sealgate appliance "
LUKS_HEADER = 16 << 20
LUKS_TEXT = slice(4096, 16384)  # JSON (LUKS2 on-disk format)
FULL_S = 60.0  # how long /var stays full
VAR_NUMBER = "6"  # of its partition
VAR_BLOCKS = 255000  # nearly all of the file system that the image makes on `disk`
KEPT_S = 120.0  # from healthy to kept, and reported
BOOT_S = 420.0  # healthy, under emulation, on a machine that others use too
RETURN_S = 10.0  # 5 s is the promise; an emulated machine is slower
SENT_S = 1200.0  # an update, piece by piece, to an emulated machine
BACKUP_S = 120.0
HEADS_S = 300.0  # they are sealed every minute, and sent every minute
FETCHED_S = 90.0  # the machine asks its authority every five seconds
STOPPED = r"Access [Dd]enied|Security Violation|EFI stub:|Linux version"
SERVICES = [f"sealgate-{name}" for name in PEERS if name != "nginx"] + ["sealgate-edge"]


class Suite(FloorCases):
    """The state that the cases share: slots, one gate, one enrolled machine."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.gate = RemoteGate(folder / "gate")
        self.variables = OUT / "vars.fd"
        self.serial = 0
        self.machine = None
        self.document = None
        self.boots = []  # seconds from power-on to healthy, and what they would be without others
        self.twice = None  # the build that is compared with itself, beside the first boots

    def close(self):
        if self.twice and self.twice.poll() is None:
            os.killpg(self.twice.pid, signal.SIGTERM)
            self.twice.wait(60)
        if self.machine:
            self.machine.stop()
        self.gate.close()

    # making ------------------------------------------------------------------

    def build(self, version, breaks=False, **environment):
        """The slot of one version; a broken one has a firewall that cannot be loaded."""
        environment |= {"FIRMWARE_VERSION": version, "FIRMWARE_OUT": str(OUT)}
        script("tree", **environment)
        if breaks:
            rules = OUT / version / "tree" / "etc" / "nftables.conf"
            stat = rules.stat()
            rules.write_text("table inet appliance { chain fwd }\n")
            os.utime(rules, (stat.st_mtime, stat.st_mtime))
        script("slot", **environment)

    def disk(self, name, a=OLD, b=None, **options):
        path = self.folder / name
        script("disk", path, a, *([b] if b else []),
               **{"DISK_UKI": "test", **options})
        return path

    def medium(self, name, configuration=True, update=None, key=None, spoil=None, changes=None):
        """A medium for the machine; spoil(folder) changes it after it was signed, changes are
        texts of files of the configuration."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if configuration:
            self.serial += 1
            self.gate.configuration(folder / "machine", **(changes or {}))
            script("sign-manifest", "machine", self.serial, folder / "machine",
                   *([key] if key else []))
        if update:
            script("bundle", folder / "update", FIRMWARE_VERSION=update, BUNDLE_UKI="test")
        if spoil:
            spoil(folder)
        image = self.folder / f"{name}.img"
        script("medium", image, folder)
        shutil.rmtree(folder)
        return image

    def power_on(self, machine, media=(), units=None):
        return machine.start(ports=self.gate.forwards(), media=media, units=units)

    def healthy(self, media=(), units=None):
        """Start the enrolled machine and wait until it is healthy."""
        self.power_on(self.machine, media, units)
        expect(self.machine.wait(HEALTHY, BOOT_S), "healthy", self.machine)
        took = self.machine.seconds()
        self.boots.append((took, took / self.machine.slowed()))
        expect(self.machine.wait(r"Finished appliance-report\.service", KEPT_S), "reported",
               self.machine)

    def submit(self, number):
        """One more document from the partner to both counterparts."""
        path = self.gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07d}")
        status, answer = retry(lambda: self.gate.submit(path), 30)
        expect(status == 0, f"accepted: {answer}", self.machine)
        self.gate.wait_delivered([answer["id"]], 90)
        return path, answer

    def remote(self, role, *command, **options):
        """`sealgate --remote` by an operator."""
        return subprocess.run(
            [str(BIN / "sealgate"), "--remote", self.gate.listener("operators"),
             *map(str, self.gate.transport(f"operators/{role}")), *command],
            capture_output=True, text=True, timeout=SENT_S, check=False, **options)

    def together(self, *command, people=("operator", "key-custodian")):
        """Two people ask for the same; what the second one was told."""
        first = self.remote(people[0], *command)
        expect(first.returncode == 1 and "another person" in first.stderr,
               f"one person is not enough: {first.stdout}{first.stderr}", self.machine)
        return self.remote(people[1], *command)

    # cases -------------------------------------------------------------------

    def token_from_afar(self):
        """two people set an empty token up from afar, on a machine that waits for them"""
        set_up_token(self)

    def clock_from_sources(self):
        """a clock is set by sources of time that an authority vouches for, and by no others"""
        set_clock(self)

    def boots_and_serves(self):
        """boots with Secure Boot to healthy and takes a document end to end"""
        self.machine = Machine(self.folder / "machine", self.disk("disk.img"), self.variables)
        self.healthy([self.medium("first")])
        print("      healthy {:.0f} s after power-on, {:.0f} s without others on the host; first "
              "boot: the disk is encrypted and the configuration taken".format(*self.boots[-1]))
        text = self.machine.text()
        expect("UEFI Secure Boot is enabled" in text, "Secure Boot", self.machine)
        self.document = self.submit(1)

    def refuses_documents(self):
        """an unsigned document is refused with findings, nobody is let in without certificate"""
        path = self.gate.document("phyto", "PHYTO.NZ.2026.0000900")
        status, answer = self.gate.submit(path)
        expect(status == 1 and answer["status"] == 422, f"422: {answer}", self.machine)
        context = ssl.create_default_context(cafile=str(self.gate.pki.path("transport-ca/root")))
        port = self.gate.ports["partners"]
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
                tls.sendall(b"GET /v1/status HTTP/1.1\r\nHost: gate\r\n\r\n")
                expect(b" 403 " in tls.recv(4096), "403 without a certificate", self.machine)

    def remote_administration(self):
        """operators administer over mutual TLS; a role that may not is refused"""
        health = self.gate.request("/health", "operators/viewer", listener="operators")
        expect(health.status_code == 200, f"health {health.text}", self.machine)
        report = self.report()
        boot = report["boot"]
        expect(boot["secure_boot"] is True and boot["root"].startswith("/dev/mapper/root erofs ro")
               and "[integrity]" in boot["lockdown"], f"report {report}", self.machine)
        # Nothing listens but the edge, and the resolver for the machine itself.
        listening = {port.rsplit(":", 1)[1] for port in report["open_ports"]["tcp"]
                     if not port.startswith("127.")}
        expect(listening == {"8443", "8444", "8445"}, f"listening: {listening}", self.machine)
        floor = report["tpm"]["floor"]
        expect(floor["in_tpm"] is True and floor["version"] == OLD, f"floor: {floor}",
               self.machine)
        exposed = {unit: float(level) for unit, level in report["exposure"].items()}
        expect(exposed["sealgate-edge"] <= 1.2 and exposed["sealgate-intake"] <= 0.4,
               f"exposure: {exposed}", self.machine)
        said = self.remote("viewer", "hsm", "status")
        expect(said.returncode == 0 and '"active":true' in said.stdout.replace(" ", ""),
               f"sealgate --remote: {said.stdout}{said.stderr}", self.machine)
        predicted = script("measure", OUT / OLD / "test.efi").stdout.strip().lower()
        expect(predicted and boot["pcr11"].lower() == predicted,
               f"PCR 11 {boot['pcr11']}, predicted {predicted}", self.machine)
        url = f"/v1/queue/{self.document[1]['id']}/hold"
        denied = self.gate.request(url, "operators/viewer", "POST", "operators",
                                   json={"reason": "not allowed to"})
        expect(denied.status_code == 403, f"403: {denied.status_code}", self.machine)
        partner = self.gate.request("/health", "partners/nz-mpi", listener="operators")
        expect(partner.status_code in (400, 403), f"a partner: {partner.status_code}",
               self.machine)

    def journal_arrives(self):
        """the journal of the machine is with a syslog server, from before its network was up"""
        end = time.monotonic() + FETCHED_S
        while not (said := "\n".join(self.gate.syslog.messages)) or "is healthy" not in said:
            expect(time.monotonic() < end, f"{len(self.gate.syslog.messages)} entries",
                   self.machine)
            time.sleep(1)
        expect(re.search(r" appliance \d+ appliance.boot - sealgate appliance ", said) and
               " kernel - - - Linux version" in said, said[:2000], self.machine)
        print(f"      {len(self.gate.syslog.messages)} entries so far")

    def heads_arrive(self):
        """sealed heads of the audit chain reach their receiver; one that is away is no failed unit"""
        end = time.monotonic() + HEADS_S
        while not any(" audit-head - " in said for said in self.gate.heads.messages):
            expect(time.monotonic() < end, "no head", self.machine)
            time.sleep(1)
        said = self.remote("auditor", "appliance", "support")
        expect(said.returncode == 0, said.stdout[-500:] + said.stderr, self.machine)
        bundle = json.loads(said.stdout)
        expect(bundle["failed"]["output"] == "", f"failed: {bundle['failed']}", self.machine)
        expect("sealgate-ship@away" in bundle["log"]["output"], "it was tried", self.machine)

    def revocation_arrives(self):
        """a certificate that its authority revokes is refused once the machine has fetched so"""
        def ask(holder):
            return self.gate.request("/v1/status", f"partners/{holder}").status_code
        expect(ask("nz-mpi-next") == 200, "accepted before", self.machine)
        self.gate.pki.revoke("partners/nz-mpi-next")
        end = time.monotonic() + FETCHED_S
        while (status := ask("nz-mpi-next")) != 403 and time.monotonic() < end:
            time.sleep(1)
        expect(status == 403, f"refused: {status}, asked {self.gate.crl.asked} times",
               self.machine)
        expect(ask("nz-mpi") == 200, "the other certificate is accepted", self.machine)

    def killed_services_return(self):
        """each program killed with -9 comes back by itself and nothing is lost"""
        # One after the other: starting what was killed only waits until it is back.
        kills = "".join(f"ExecStart=/usr/bin/systemctl kill --signal=KILL {name}.service\n"
                        f"ExecStart=/usr/bin/systemctl start {name}.service\n"
                        for name in SERVICES)
        programs = " ".join(f"{name}.service" for name in SERVICES)
        self.healthy(units={
            "test-kill.service": f"[Unit]\nWants={programs}\nAfter=appliance-report.service "
                                 f"{programs}\n[Service]\nType=oneshot\n{kills}"
                                 "ExecStart=/usr/bin/systemd-detect-virt\n",
            "multi-user.target~": "[Unit]\nWants=test-kill.service\n"})
        before = self.machine.processor()
        expect(self.machine.wait(r"Finished test-kill\.service", 240), "killed", self.machine)
        slowed = self.machine.slowed(before)
        first = self.gate.submit(self.document[0])
        status, answer = first if first[0] == 0 else retry(
            lambda: self.gate.submit(self.document[0]), 30)
        expect(status == 0 and answer["id"] == self.document[1]["id"],
               f"the original receipt: {answer}", self.machine)
        self.submit(2)
        away = {name: return_time(self.machine.text(), name) for name in SERVICES}
        for name, seconds in away.items():
            expect(seconds is not None and seconds <= RETURN_S * slowed,
                   f"{name}: {seconds} s, slowed by others {slowed:.1f} times", self.machine)
        print(f"      away for {max(away.values()):.1f} s at most, on a machine that others slow "
              f"{slowed:.1f} times")

    def full_disk(self):
        """with /var full documents are refused as 503; with room again they are accepted"""
        # The file system keeps so much back, from root, too, that it has no block to give;
        # nothing has to be written for that.
        def keep_back(blocks):
            return ("Type=oneshot\nStandardInput=data\nStandardInputText=w "
                    f"/sys/fs/ext4/dm-*/reserved_clusters - - - - {blocks}\n"
                    "ExecStart=/usr/bin/systemd-tmpfiles --create -\n")
        self.healthy(units={
            "test-fill.service": "[Unit]\nAfter=appliance-health.service\n"
                                 "OnSuccess=test-free.timer\n[Service]\n" + keep_back(VAR_BLOCKS),
            "test-free.timer": f"[Timer]\nOnActiveSec={FULL_S:.0f}s\n",
            "test-free.service": "[Service]\n" + keep_back(0),
            "multi-user.target~": "[Unit]\nWants=test-fill.service\n"})
        expect(self.machine.wait(r"Finished test-fill\.service", 60), "full", self.machine)
        # What the database has room for in its log it may still take.
        taken, end = [], time.monotonic() + FULL_S / 2
        status, number = 0, 1000
        while status == 0 and time.monotonic() < end:
            path = self.gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07d}")
            status, answer = self.gate.submit(path)
            taken += [answer["id"]] if status == 0 else []
            number += 1
        expect(status != 0 and answer.get("status") in (503, None),
               f"503 after {len(taken)}: {answer.get('code', status)}", self.machine)
        expect(not re.search(r"Finished test-free\.service", self.machine.text()),
               "still full", self.machine)
        print(f"      {len(taken)} documents were taken before {answer}")
        expect(self.machine.wait(r"Finished test-free\.service", 2 * FULL_S), "freed",
               self.machine)
        status, answer = retry(lambda: self.gate.submit(path), 60)
        expect(status == 0, f"accepted: {answer}", self.machine)
        self.gate.wait_delivered([*taken, answer["id"]], 240)

    def another_tpm(self):
        """/var does not open with another TPM, and nothing serves"""
        self.machine.stop()
        other = Machine(self.folder / "other", self.machine.disk, self.machine.variables)
        with other:
            self.power_on(other)
            said = other.wait(r"Dependency failed for var\.mount|" + HEALTHY, BOOT_S)
            expect(said and "var.mount" in said.group(), "/var stays closed", other)
            expect(not self.reachable(), "nothing serves", other)

    def firewall_broken(self):
        """with a firewall that does not load nothing serves"""
        self.power_on(self.machine, units={
            "nftables.service~": "[Service]\nExecStart=\nExecStart=/usr/sbin/nft -f /missing\n"})
        expect(self.machine.wait(r"Dependency failed for sealgate-edge", BOOT_S),
               "the edge does not start", self.machine)
        self.machine.wait(HEALTHY, 10)
        expect(not re.search(HEALTHY, self.machine.text()), "not healthy", self.machine)
        expect(not self.reachable(), "nothing serves", self.machine)

    def foreign_medium(self):
        """foreign configuration and tampered update: refused before anything is staged"""
        def flip(folder):
            for path in (folder / "update").glob("*.root"):
                with open(path, "r+b") as file:
                    file.seek(path.stat().st_size // 2)
                    octet = file.read(1)
                    file.seek(-1, os.SEEK_CUR)
                    file.write(bytes([octet[0] ^ 1]))
        self.healthy([self.medium("foreign", update=NEW, key="foreign", spoil=flip)])
        text = self.machine.text()
        expect(re.search(r"appliance\[.*refused: .*signature is not by who may sign", text),
               "foreign configuration refused", self.machine)
        expect(re.search(r"appliance\[.*refused: .*\.root: is not what was signed", text),
               "tampered update refused", self.machine)
        expect("systemd-sysupdate" not in text, "nothing staged", self.machine)
        self.submit(3)

    def unhealthy_configuration(self):
        """a configuration that does not become healthy gives way to the one before it"""
        medium = self.medium("worse", changes={"tls/server.pem": "no certificate\n"})
        self.power_on(self.machine, [medium], units={
            "appliance-health.service~": "[Service]\nTimeoutStartSec=90s\n"})
        expect(self.machine.wait(r"the configuration before it is in force again", 2 * BOOT_S),
               "given back", self.machine)
        expect(self.machine.wait(rf"(?s)is in force again.*{HEALTHY}", BOOT_S), "healthy",
               self.machine)
        status, answer = retry(lambda: self.gate.submit(self.document[0]), 30)
        expect(status == 0 and answer["id"] == self.document[1]["id"],
               f"the original receipt: {answer}", self.machine)

    def refused_rules(self):
        """destinations that the firewall does not take leave in force what was, and are named"""
        bad = "seal,1:2:3:4:5:6:192.0.2.1,443\n"  # an address, but not to nft
        self.healthy([self.medium("rules", changes={"network/egress.csv": bad})])
        said = "network/egress.csv: the firewall refuses it: set is not a map"
        expect(f"refused: {said}" in self.machine.text(), "said", self.machine)
        update = self.report()["update"]
        expect(update["refused"] == said, f"in the report: {update}", self.machine)
        self.submit(8)

    def stopped_check(self):
        """a health check that the manager stops proves nothing and takes nothing back"""
        # Nothing seals, so that the check goes on looking until it is stopped.
        self.power_on(self.machine, [self.medium("stopped")], units={
            "sealgate-seal.service~": "[Unit]\nConditionPathExists=/missing\n",
            "appliance-health.service~": "[Service]\nExecStartPre=+/usr/bin/systemctl --no-block "
                                         "start test-stop.timer\n",
            "test-stop.timer": "[Timer]\nOnActiveSec=10s\n",
            "test-stop.service": "[Service]\nExecStart=/usr/bin/systemctl stop "
                                 "appliance-health.service\n"})
        said = self.machine.wait(r"appliance-health\.service was stopped, or never begun|"
                                 r"is in force again", 2 * BOOT_S)
        expect(said and "was stopped" in said.group(), "told apart", self.machine)
        expect("version and configuration are proven" not in self.machine.text(),
               "nothing is proven", self.machine)
        self.machine.stop()
        self.healthy()
        expect(self.machine.wait(r"version and configuration are proven", 60),
               "the configuration is still there, and still to be proven", self.machine)

    def power_cut(self):
        """power lost while an update is written: the old version starts"""
        medium = self.medium("cut", configuration=False, update=NEW)
        self.power_on(self.machine, [medium])
        expect(self.machine.wait(r"Acquiring \S+\.root", BOOT_S), "an update began",
               self.machine)
        self.machine.stop()
        self.set_aside()
        self.healthy()
        expect(self.version() == OLD, f"the old version, not {self.version()}", self.machine)

    def good_update(self):
        """a signed update that two people send over the network takes"""
        if not self.reachable():
            self.healthy()
        folder = self.folder / "afar"
        script("bundle", folder, FIRMWARE_VERSION=NEW, BUNDLE_UKI="test")
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
        started = time.monotonic()
        said = self.together("appliance", "update", folder)
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        print(f"      sent and staged in {time.monotonic() - started:.0f} s")
        expect(self.machine.wait(rf"(?s){STARTS}{NEW}.*{HEALTHY}", 2 * BOOT_S), "healthy",
               self.machine)
        # What it forbids holds from the next start on, if the boot loader keeps it before that.
        expect(self.machine.wait(rf"(?s){STARTS}{NEW}.*{KEPT}", KEPT_S), "kept", self.machine)
        expect(self.version() == NEW, f"the new version, not {self.version()}", self.machine)
        status, answer = retry(lambda: self.gate.submit(self.document[0]), 30)
        expect(status == 0 and answer["id"] == self.document[1]["id"],
               f"the original receipt: {answer}", self.machine)
        self.submit(4)

    def older_version(self):
        """an older version and an older configuration are refused"""
        serial, self.serial = self.serial, 0
        self.healthy([self.medium("older", update=OLD)])
        self.serial = serial
        text = self.machine.text()
        expect(f"{OLD}: is older than {NEW}" in text, "older version refused", self.machine)
        expect("the configuration is the one in force, or an older one" in text,
               "older configuration left alone", self.machine)

    def unhealthy_update(self):
        """an update that does not become healthy gives way to the version before it"""
        medium = self.medium("broken", configuration=False, update=BROKEN)
        self.power_on(self.machine, [medium])
        expect(self.machine.wait(r"the update is staged", BOOT_S), "staged", self.machine)
        expect(self.machine.wait(HEALTHY, 2 * BOOT_S), "healthy again", self.machine)
        text = self.machine.text()
        # Without its firewall it does not even come to say its name.
        expect("Dependency failed for appliance-health.service" in text, "it was tried",
               self.machine)
        expect(self.version() == NEW, f"the version before, not {self.version()}", self.machine)
        expect("did not become healthy" in text, "it is not tried again", self.machine)

    def backup_from_afar(self):
        """a backup that an operator orders is sealed for whom policy names, and restored here"""
        said = self.remote("viewer", "backup", "make")
        expect(said.returncode == 1 and "answered 403" in said.stderr, f"403: {said.stderr}")
        said = self.together("backup", "make")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        end = time.monotonic() + BACKUP_S
        while not (state := self.backup_state())["sealed"]:
            expect(not state["failed"] and time.monotonic() < end, str(state), self.machine)
            time.sleep(1)
        folder = self.folder / "backup"
        folder.mkdir()
        said = self.together("backup", "fetch", folder / "pieces")
        expect(said.returncode == 0 and "another person has it discarded" in said.stderr,
               said.stdout + said.stderr, self.machine)
        said = self.remote("operator", "backup", "discard", state["sealed"]["name"])
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        expect(self.backup_state()["sealed"] is None, "it is gone from the machine")
        print(f"      {state['sealed']['pieces']} pieces")
        mark = state["sealed"]["mark"]
        for command in (("backup", "open", "--cert", self.gate.opener[0], "--key",
                         self.gate.opener[1], folder / "pieces", folder / "clear"),
                        ("restore", folder / "clear", folder / "instance"),
                        ("--instance", folder / "instance", "audit", "verify", "--head", mark),
                        ("--instance", folder / "instance", "explain", self.document[1]["id"])):
            done = self.here(*command)
            expect(done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}")
        self.without_secrets(folder / "clear" / "files")

    def without_secrets(self, files):
        """Nothing that was on the machine's disk has a secret of its configuration in clear."""
        secret = [path.read_bytes().strip() for path in self.gate.secrets()]
        for path in files.rglob("*"):
            octets = path.read_bytes() if path.is_file() else b""
            found = b" KEY-----" in octets or [text for text in secret if text in octets]
            expect(not found, f"{path.relative_to(files)} has a secret in clear")
        expect((files / "credentials" / "destinations" / "gate.pem").exists(), "certificates are")

    def backup_state(self):
        said = self.remote("viewer", "backup", "status", "--format", "json")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        return json.loads(said.stdout)

    def here(self, *command):
        """`sealgate` on the host."""
        return subprocess.run([str(BIN / "sealgate"), *map(str, command)], capture_output=True,
                              text=True, timeout=120, check=False)

    def support_bundle(self):
        """what who helps needs is told from afar, and none of the secrets"""
        said = self.remote("auditor", "appliance", "support")
        expect(said.returncode == 0, said.stdout[-500:] + said.stderr, self.machine)
        bundle = json.loads(said.stdout)
        expect(all(bundle[part] for part in ("report", "status", "units", "log", "signer")) and
               "sealgate-queued" in bundle["log"]["output"], f"parts: {list(bundle)}")
        secrets = [path.read_text().strip() for path in
                   (self.gate.dir / "credentials").rglob("*") if path.is_file() and
                   path.suffix not in (".pem", ".cfg")]
        secrets += ["PRIVATE KEY", "demo-authentication-key"]
        held = [line for text in secrets for line in text.splitlines() if len(line) > 3]
        expect(held and not [line for line in held if line in said.stdout], "a secret is in it")

    def recovery_key(self):
        """a recovery key of /var is given to two people, and opens it; the TPM does, still"""
        said = self.together("appliance", "recovery-key")
        key = said.stdout.strip()
        expect(said.returncode == 0 and re.fullmatch(r"([a-z]{8}-){7}[a-z]{8}", key),
               f"a key: {said.stderr}", self.machine)
        expect(key not in self.machine.text(), "the key is not in the log")
        expect(self.opens(key), "the key opens /var")
        expect(not self.opens(key[:-1] + ("b" if key[-1] != "b" else "c")), "another does not")
        said = self.together("appliance", "restart")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        expect(self.machine.wait(rf"(?s){HEALTHY}.*{HEALTHY}", BOOT_S), "healthy again",
               self.machine)

    def factory_reset(self):
        """two people have the machine forget everything: it waits for a configuration"""
        if self.machine.media or not self.reachable():
            self.healthy()  # without a medium, whose configuration it would take at once
        before, floor = self.volume_key(), self.report()["tpm"]["floor"]
        said = self.together("appliance", "reset")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        expect(self.machine.wait(r"waiting for a configuration", BOOT_S), "empty", self.machine)
        expect(not self.reachable(), "nothing serves", self.machine)
        expect(before != self.volume_key(), "/var has a new key")
        self.serial = 0
        self.healthy([self.medium("anew")])
        self.submit(5)
        self.kept(floor)

    def reset_cut_short(self):
        """power lost once /var is deleted: it is made anew, and the next start leaves it alone"""
        if not self.reachable():
            self.healthy()
        said = self.together("appliance", "reset")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        expect(self.machine.wait(r"reboot: Restarting system", 180), "restarts", self.machine)
        self.machine.stop()
        done = self.in_tools(self.machine.disk.parent, "sfdisk", "--quiet", "--delete",
                             f"/share/{self.machine.disk.name}", VAR_NUMBER)
        expect(done.returncode == 0, done.stderr)
        made = []
        for _ in range(2):
            self.power_on(self.machine)
            expect(self.machine.wait(r"waiting for a configuration", BOOT_S), "empty",
                   self.machine)
            made.append(self.volume_key())
        expect("Applying factory reset" not in self.machine.text(), "once", self.machine)
        expect(made[0] == made[1], "/var is the one that was made", self.machine)

    def unsigned_loader(self):
        """a boot loader that is not signed is refused"""
        tools = script("root", "tools").stdout.strip()
        loader = pathlib.Path(tools, "usr/lib/systemd/boot/efi/systemd-bootx64.efi")
        self.refused_at_boot(self.disk("refused.img", DISK_LOADER=str(loader)))

    def unsigned_uki(self):
        """a kernel image that is not signed is refused"""
        self.refused_at_boot(self.disk(
            "refused.img", DISK_UKI=str(OUT / OLD / "test.unsigned.efi")))

    def altered_command_line(self):
        """a signed kernel image with another command line is refused"""
        image = bytearray((OUT / OLD / "test.efi").read_bytes())
        at = image.find(b"rd.shell=0")
        image[at + 9] = ord("1")
        altered = self.folder / "altered.efi"
        altered.write_bytes(image)
        self.refused_at_boot(self.disk("refused.img", DISK_UKI=str(altered)))

    def foreign_key(self):
        """a kernel image signed with a key that is not enrolled is refused"""
        keys = self.folder / "foreign-keys"
        shutil.copytree(OUT / "keys", keys)
        for suffix in (".key", ".crt"):
            shutil.copyfile(keys / f"foreign{suffix}", keys / f"db{suffix}")
        foreign = self.folder / "foreign.efi"
        script("sign-efi", OUT / OLD / "test.unsigned.efi", foreign, FIRMWARE_KEYS=str(keys))
        self.refused_at_boot(self.disk("refused.img", DISK_UKI=str(foreign)))

    def flipped_root(self):
        """one flipped bit in the root file system: not served, the other slot starts"""
        self.flipped(f"root-{NEW}", 1024 + 64)

    def flipped_tree(self):
        """one flipped bit in the hash tree: not served, the other slot starts"""
        self.flipped(f"verity-{NEW}", 4096 + 64)

    def identical(self):
        """two builds give the same bytes"""
        self.build_twice()
        done = self.twice.wait(900)
        expect(done == 0, (self.folder / "twice.log").read_text())

    # steps -------------------------------------------------------------------

    def build_twice(self):
        """Start to build everything twice, if it was not started."""
        if self.twice is None:
            with open(self.folder / "twice.log", "wb") as said:
                self.twice = subprocess.Popen([str(FIRMWARE / "repro")], stdout=said,
                                              stderr=said, start_new_session=True)

    def header(self):
        """What LUKS says of /var, as it is on the disk now."""
        with open(self.machine.disk, "rb") as disk:
            disk.seek(partition_start(self.machine.disk, "var"))
            return disk.read(LUKS_HEADER)

    def volume_key(self):
        """Which key /var has: the digest of it. Its UUID is the same for ever, as the machine is."""
        text = self.header()[LUKS_TEXT].split(b"\0", 1)[0]
        return json.loads(text)["digests"]["0"]["digest"]

    def opens(self, key):
        """Does a passphrase open /var, as it is on the disk now?"""
        folder = self.folder / "header"
        folder.mkdir(exist_ok=True)
        with open(folder / "var", "wb") as header:
            header.write(self.header())
            header.truncate(2 * LUKS_HEADER)
        (folder / "key").write_text(key)
        return self.in_tools(folder, "cryptsetup", "open", "--test-passphrase", "--key-file",
                             "/share/key", "/share/var").returncode == 0

    def in_tools(self, folder, *command):
        """Run a program of the tools root, with a folder of ours as /share."""
        tools = script("root", "tools").stdout.strip()
        return subprocess.run(
            ["unshare", "-m", "--propagation", "private", "env", "-i", "PATH=/usr/sbin:/usr/bin",
             f"SHARE={folder}", "bash", str(FIRMWARE / "enter"), tools, *command],
            capture_output=True, timeout=120, check=False)

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

    def report(self):
        """What an auditor reads of the machine."""
        return self.gate.request("/v1/appliance", "operators/auditor",
                                 listener="operators").json()

    def refused_at_boot(self, disk):
        with Machine(self.folder / "refused", disk, self.variables) as machine:
            machine.start()
            said = machine.wait(STOPPED, 90)
            expect(said and "Linux" not in said.group() and "EFI stub" not in said.group(),
                   f"refused: {said and said.group()}", machine)

    def flipped(self, label, offset):
        disk = self.disk("flipped.img", OLD, NEW, DISK_TRIES_A="", DISK_TRIES_B="+1")
        start = partition_start(disk, label)
        with open(disk, "r+b") as file:
            file.seek(start + offset)
            octet = file.read(1)
            file.seek(start + offset)
            file.write(bytes([octet[0] ^ 1]))
        with Machine(self.folder / "flipped", disk, self.variables) as machine:
            machine.start()
            said = machine.wait(rf"{STARTS}{OLD}|{STARTS}{NEW}", BOOT_S)
            expect(said and said.group().endswith(OLD), "the other slot", machine)
            expect("corrupted" in machine.text(), "the kernel saw it", machine)


# By promise; those of one machine build on each other.
PARTS = ("roots", "sealgate")
QUICK = ("boots_and_serves", "refuses_documents", "remote_administration",
         "revocation_arrives", "backup_from_afar", "unsigned_uki")
CASES = ("unsigned_loader", "unsigned_uki", "altered_command_line", "foreign_key", "flipped_root",
         "flipped_tree", "token_from_afar", "clock_from_sources", "boots_and_serves",
         "refuses_documents", "remote_administration", "journal_arrives", "revocation_arrives",
         "backup_from_afar", "heads_arrive", "killed_services_return", "full_disk", "another_tpm",
         "firewall_broken", "foreign_medium", "refused_rules", "unhealthy_configuration",
         "stopped_check", "power_cut", "good_update", "older_version", "older_image",
         "unhealthy_update", "support_bundle",
         "recovery_key", "tpm_lockout", "factory_reset", "reset_cut_short", "identical")


def skip(why):
    print(f"SKIP: {why}\n0 passed, 0 failed, 1 skipped")
    return 0


def build(*steps):
    """Run scripts of the build. Return: why nothing can be built here, or None."""
    for name in steps:
        done = subprocess.run([str(FIRMWARE / name)], capture_output=True,
                              text=True, timeout=1500, check=False,
                              env={**os.environ, "FIRMWARE_VERSION": OLD})
        if done.returncode == 77:
            return done.stderr.strip().splitlines()[-1]
        if done.returncode != 0:
            raise Failure(f"firmware/{name}: {done.stderr[-3000:]}")
    return None


def prepare(suite, names):
    """Build what the cases need. Return: why nothing can be built here, or None."""
    if why := build(*PARTS, "tree", "slot", "vars"):
        return why
    if set(names) - set(QUICK) - set(CASES[:4]) - {"token_from_afar", "clock_from_sources",
                                                     "stopped_check", "refused_rules",
                                                     "unhealthy_configuration"}:
        suite.build(NEW, FIRMWARE_LEAST=NEW)
        suite.build(BROKEN, breaks=True)
    suite.gate.make()
    return None


def run(suite, names):
    passed = failed = 0
    for name in names:
        case, started = getattr(suite, name), time.monotonic()
        try:
            case()
            passed += 1
            print(f"ok    {case.__doc__} ({time.monotonic() - started:.0f} s)", flush=True)
        except Exception as error:  # noqa: BLE001 - a case that breaks has failed
            failed += 1
            print(f"FAIL  {case.__doc__}: {type(error).__name__}: {error}", flush=True)
            if suite.machine and suite.machine.log.exists():
                shutil.copyfile(suite.machine.log, suite.folder / f"{name}.log")
    return passed, failed


def lint_tree():
    """The offline lints of the tree; their counts."""
    done = subprocess.run([str(FIRMWARE / "lint-tree")], capture_output=True, text=True,
                          timeout=300, check=False, env={**os.environ, "FIRMWARE_VERSION": OLD})
    print(done.stdout.rsplit("\n", 2)[0], flush=True)
    counts = re.findall(r"^(\d+) passed, (\d+) failed", done.stdout, re.M)
    return tuple(map(int, counts[-1])) if counts else (0, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = options.names or (QUICK if options.quick else CASES)
    if os.geteuid() != 0:
        return skip("the firmware needs root")
    if missing := missing_programs():
        return skip(f"not installed: {' '.join(missing)}")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True,
                      check=False).returncode != 0:
        return skip("no mount namespace can be made here")
    if options.parts:
        if why := build(*PARTS):
            return skip(why)
        print("1 passed, 0 failed")
        return 0
    suite = Suite(OUT / "suite")
    started = time.monotonic()
    try:
        if why := prepare(suite, names):
            return skip(why)
        print(f"built in {time.monotonic() - started:.0f} s", flush=True)
        linted = lint_tree()
        if "identical" in names:
            suite.build_twice()
        passed, failed = run(suite, names)
    finally:
        suite.close()
    if suite.boots:
        took, alone = zip(*suite.boots)
        print(f"healthy {min(took):.0f} to {max(took):.0f} s after power-on, {min(alone):.0f} to "
              f"{max(alone):.0f} s without others on the host, {len(took)} boots")
    print(f"{time.monotonic() - started:.0f} s in all")
    print(f"{passed + linted[0]} passed, {failed + linted[1]} failed")
    return 1 if failed + linted[1] else 0


if __name__ == "__main__":
    sys.exit(main())

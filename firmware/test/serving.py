# SPDX-License-Identifier: EUPL-1.2
"""Cases of the machine's first start: it serves, is administered from afar, and goes on serving
while its disk is full."""
import json
import re
import secrets
import shutil
import socket
import ssl
import time

from appliance import THEIRS, TRACES
from checks import Unavailable, expect, retry, seen
from machine import Machine
from scene import BOOT_S, HEALTHY, OLD, OUT

VAR_BLOCKS = 255000  # nearly all of the file system that the image makes on `disk`
NO_ROOM = {"http.queue-away", "http.signer-away"}  # neither can write what it has to before
FULL_S = 120.0  # until a document is refused for want of room
ON_RECORD_S = 60.0
LOST_S = 5.0  # a refusal comes within a second
BACKUP_S = 120.0
HEADS_S = 300.0
ADDED = "systemd.import_credentials=yes"
# What a start without /var says of registers: nothing serves then.
REPORTS = {"test-report.service": "[Unit]\nDefaultDependencies=no\nIgnoreOnIsolate=yes\n"
                                  "[Service]\nType=oneshot\n"
                                  "ExecStart=/usr/bin/sealgate appliance report\n",
           "sysinit.target~": "[Unit]\nWants=test-report.service\n"}
MEASURED = r'boot\.pcrs\.{}: "([0-9A-Fa-f]{{64}})"'
AS_LINUX_SHOWS = """
from virt.firmware.varstore.autodetect import open_varstore
for name, one in open_varstore("/share/vars.fd").get_varlist().items():
    with open(f"/share/{name}-{one.guid}", "wb") as file:
        file.write(one.attr.to_bytes(4, "little") + one.data)
"""
FETCHED_S = 90.0  # the machine asks its authority every five seconds


class ServingCases:
    """Of the suite, whose machine they share."""

    def boots_and_serves(self):
        """boots with Secure Boot to healthy and takes a document end to end"""
        self.machine = Machine(self.folder / "machine", self.disk("disk.img"), self.variables)
        self.healthy(self.medium("first"))
        print("      healthy {:.0f} s after power-on, {:.0f} s without others on the host; first "
              "boot: the disk is encrypted and the configuration taken".format(*self.boots[-1]))
        text = self.machine.text()
        expect("UEFI Secure Boot is enabled" in text, "Secure Boot", self.machine)
        self.document = self.submit(1)

    def asks_for_names(self):
        """a destination that the configuration names is found by the server that it names"""
        if not self.gate.names:
            raise Unavailable("the kernel gives no tap device")
        expect(set(self.gate.names.asked) == {TRACES}, f"asked for: {self.gate.names.asked}",
               self.machine)
        expect(self.document[1]["id"] in self.gate.arrived("traces"), "it arrived", self.machine)

    def refuses_documents(self):
        """an unsigned document is refused with findings, nobody is let in without certificate"""
        path = self.gate.document("phyto", "PHYTO.NZ.2026.0000900")
        status, answer = self.gate.submit(path)
        expect(status == 1 and answer["status"] == 422, f"422: {answer}", self.machine)
        expect(b" 403 " in self.without_certificate(), "403 without a certificate", self.machine)

    def without_certificate(self):
        """What a client that shows none is answered."""
        context = ssl.create_default_context(cafile=str(self.gate.pki.path("transport-ca/root")))
        port = self.gate.ports["partners"]
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
                tls.sendall(b"GET /v1/status HTTP/1.1\r\nHost: gate\r\n\r\n")
                return tls.recv(4096)

    def remote_administration(self):
        """operators administer over mutual TLS; a role that may not is refused"""
        health = self.gate.request("/health", "operators/viewer", listener="operators")
        expect(health.status_code == 200, f"health {health.text}", self.machine)
        report = self.report()
        boot = report["boot"]
        expect(boot["secure_boot"] is True and boot["root"].startswith("/dev/mapper/root erofs ro")
               and "[integrity]" in boot["lockdown"], f"report {report}", self.machine)
        # Nothing listens but the edge, and the resolver for the machine itself.
        for family in ("tcp", "tcp6"):
            listening = {port.rsplit(":", 1)[1] for port in report["open_ports"][family]
                         if not port.startswith("127.")}
            expect(listening == {"8443", "8444", "8445"}, f"{family}: {listening}", self.machine)
        floor = report["tpm"]["floor"]
        expect(floor["in_tpm"] is True and floor["version"] == OLD, f"floor: {floor}",
               self.machine)
        exposed = {unit: float(level) for unit, level in report["exposure"].items()}
        expect(exposed["sealgate-edge"] <= 1.2 and exposed["sealgate-intake"] <= 0.4,
               f"exposure: {exposed}", self.machine)
        self._viewer_sees_the_token()
        self._report_from_afar(report)
        self._measured_as_predicted(boot["pcrs"])
        url = f"/v1/queue/{self.document[1]['id']}/hold"
        denied = self.gate.request(url, "operators/viewer", "POST", "operators",
                                   json={"reason": "not allowed to"})
        expect(denied.status_code == 403, f"403: {denied.status_code}", self.machine)
        partner = self.gate.request("/health", "partners/nz-mpi", listener="operators")
        expect(partner.status_code in (400, 403), f"a partner: {partner.status_code}",
               self.machine)

    def _report_from_afar(self, recorded):
        """The command that the pages name tells what the record of the start tells."""
        said = self.remote("viewer", "appliance", "report", "--format", "json")
        expect(said.returncode == 0, f"report: {said.stdout}{said.stderr}", self.machine)
        unseen = seen(recorded) - seen(json.loads(said.stdout))
        expect(not unseen, f"null in the report from afar: {unseen}", self.machine)
        roothash = (OUT / OLD / "roothash").read_text().strip()
        expect(recorded["boot"]["roothash"] == roothash,
               f"root hash {recorded['boot']['roothash']}, built {roothash}", self.machine)

    def _measured_as_predicted(self, measured):
        """By what is published with the release, by the variables that this machine has, and by
        these as Linux would show them."""
        folder = self.folder / "efivars"
        folder.mkdir(exist_ok=True)
        shutil.copyfile(self.machine.variables, folder / "vars.fd")
        self.in_tools(folder, "python3", "-c", AS_LINUX_SHOWS)
        (folder / "vars.fd").unlink()
        for variables in ((), (self.machine.variables,), (folder,)):
            predicted = self.predict(OLD, *variables)
            expect(set(predicted) == {"4", "7", "11", "12"}, f"predicted: {predicted}")
            for number, pcr in predicted.items():
                expect(measured[number].lower() == pcr["value"],
                       f"PCR {number} {measured[number]}, by {variables}: {pcr}", self.machine)

    def _viewer_sees_the_token(self):
        said = self.remote("viewer", "hsm", "status")
        expect(said.returncode == 0 and '"active":true' in said.stdout.replace(" ", ""),
               f"sealgate --remote: {said.stdout}{said.stderr}", self.machine)

    def quote_from_afar(self):
        """an auditor has the machine's TPM sign what was started, and proves it offline"""
        nonce, other = secrets.token_hex(32), secrets.token_hex(32)
        denied = self.remote("viewer", "appliance", "quote", "--nonce", nonce)
        expect(denied.returncode == 1 and "answered 403" in denied.stderr, denied.stderr)
        said = self.remote("auditor", "appliance", "quote", "--nonce", nonce)
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        quote, key = json.loads(said.stdout), self.report()["tpm"]["quote_key"]
        expect(quote["key_sha256"] == key and f"signed by sha256:{key}" in self.machine.text(),
               f"one key: {quote['key_sha256']} {key}", self.machine)
        first, last = self.judged(quote, nonce), self.judged(quote, other)
        expect(first == (0, []), f"proven: {first}")
        expect(last[0] == 1 and last[1][0].startswith("nonce: "), f"another question: {last}")
        quote["pcrs"]["4"] = quote["pcrs"]["7"]
        altered = self.judged(quote, nonce)
        expect(altered[0] == 1 and altered[1][0].startswith("pcrs: "), f"altered: {altered}")
        end = time.monotonic() + ON_RECORD_S
        while not (nonce in (said := self.remote("auditor", "audit", "export").stdout)
                   and re.search(rf'machine\.quote.*{key}|{key}.*machine\.quote', said)):
            expect(time.monotonic() < end, "it is on record", self.machine)
            time.sleep(1)

    def judged(self, quote, nonce):
        """What comes of a quote by what is known of the machine and of the release."""
        file = self.folder / "quote.json"
        file.write_text(json.dumps(quote))
        said = self.here("appliance", "quote-check", "--nonce", nonce, "--ak",
                         f"sha256:{self.report()['tpm']['quote_key']}", "--manifest",
                         self.bundle(OLD), "--anchor", OUT / "keys" / "release.crt",
                         "--format", "json", file)
        expect(said.returncode in (0, 1), said.stderr)
        return said.returncode, json.loads(said.stdout)["reasons"]

    def serves_over_ipv6(self):
        """a document is taken and operators administer at an address of IPv6, too, where no other
        port so much as refuses"""
        if not self.link:
            raise Unavailable("the kernel gives no tap device")
        self.gate.six = True
        try:
            self.submit(6)
            self._viewer_sees_the_token()
            denied = self.gate.request("/health", "partners/nz-mpi", listener="operators")
            expect(denied.status_code in (400, 403), f"a partner: {denied.status_code}",
                   self.machine)
            self._nothing_answers(THEIRS, 22)
        finally:
            self.gate.six = False

    def _nothing_answers(self, address, port):
        """Who is let through to a port where nobody is gets a refusal; whom the firewall drops waits."""
        came = "taken"
        try:
            socket.create_connection((address, port), LOST_S).close()
        except OSError as error:
            came = type(error).__name__
        expect(came == "TimeoutError", f"port {port}: {came}", self.machine)

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
        bundle = json.loads(self.support())
        expect(bundle["failed"] == {"status": 0, "output": "", "errors": ""},
               f"failed: {bundle['failed']}", self.machine)
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

    def full_disk(self):
        """with /var full documents are refused as 503; with room again they are accepted"""
        # The file system keeps so much back, from root, too, that it has no block to give;
        # nothing has to be written for that.
        def keep_back(blocks):
            line = f"w /sys/fs/ext4/dm-*/reserved_clusters - - - - {blocks}"
            expect(self.machine.hand(line), f"{blocks} blocks are kept back", self.machine)
        self.serving()
        keep_back(VAR_BLOCKS)
        # What the database has room for in its log it may still take.
        taken, end = [], time.monotonic() + FULL_S
        answer, number = {}, 1000
        while answer.get("code") is None and time.monotonic() < end:
            path = self.gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07d}")
            status, answer = self.gate.submit(path)
            taken += [answer["id"]] if status == 0 else []
            number += 1
        expect(answer.get("status") == 503 and answer.get("code") in NO_ROOM,
               f"503 after {len(taken)}: {answer}", self.machine)
        print(f"      {len(taken)} documents were taken before {answer}")
        keep_back(0)
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
            self.nothing_serves(other)

    def added_command_line(self):
        """with a word that the hypervisor adds to the signed command line /var stays closed, and
        nothing serves; PCR 12 is another one than predicted"""
        self.machine.stop()
        self.power_on(self.machine, units=REPORTS, added=ADDED)
        said = self.machine.wait(r"Dependency failed for var\.mount|" + HEALTHY, BOOT_S)
        expect(said and "var.mount" in said.group(), "/var stays closed", self.machine)
        self.nothing_serves(self.machine)
        predicted = self.predict(OLD)
        for number in ("4", "7", "12"):  # 11 goes on until the machine is ready
            said = self.machine.wait(MEASURED.format(number), BOOT_S)
            same = said and said.group(1).lower() == predicted[number]["value"]
            expect(said and same is (number != "12"),
                   f"PCR {number}: {said and said.group()}, {predicted[number]}", self.machine)
        self.machine.stop()

    def backup_from_afar(self):
        """a backup that an operator orders is sealed for whom policy names, and restored here"""
        said = self.remote("viewer", "backup", "make")
        expect(said.returncode == 1 and "answered 403" in said.stderr, f"403: {said.stderr}")
        said = self.together("backup", "make")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        end = time.monotonic() + BACKUP_S
        while not (state := self._backup_state())["sealed"]:
            expect(not state["failed"] and time.monotonic() < end, str(state), self.machine)
            time.sleep(1)
        folder = self.folder / "backup"
        folder.mkdir()
        said = self.together("backup", "fetch", folder / "pieces")
        expect(said.returncode == 0 and "another person has it discarded" in said.stderr,
               said.stdout + said.stderr, self.machine)
        said = self.remote("operator", "backup", "discard", state["sealed"]["name"])
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        expect(self._backup_state()["sealed"] is None, "it is gone from the machine")
        print(f"      {state['sealed']['pieces']} pieces")
        mark = state["sealed"]["mark"]
        for command in (("backup", "open", "--cert", self.gate.opener[0], "--key",
                         self.gate.opener[1], folder / "pieces", folder / "clear"),
                        ("restore", folder / "clear", folder / "instance"),
                        ("--instance", folder / "instance", "audit", "verify", "--head", mark),
                        ("--instance", folder / "instance", "explain", self.document[1]["id"])):
            done = self.here(*command)
            expect(done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}")
        self._without_secrets(folder / "clear" / "files")

    def _without_secrets(self, files):
        """Nothing that was on the machine's disk has a secret of its configuration in clear."""
        secret = [path.read_bytes().strip() for path in self.gate.secrets()]
        for path in files.rglob("*"):
            octets = path.read_bytes() if path.is_file() else b""
            found = b" KEY-----" in octets or [text for text in secret if text in octets]
            expect(not found, f"{path.relative_to(files)} has a secret in clear")
        expect((files / "credentials" / "destinations" / "gate.pem").exists(), "certificates are")

    def _backup_state(self):
        said = self.remote("viewer", "backup", "status", "--format", "json")
        expect(said.returncode == 0, said.stdout + said.stderr, self.machine)
        return json.loads(said.stdout)

    def support_bundle(self):
        """what who helps needs is told from afar, and none of the secrets"""
        said = self.support()
        bundle = json.loads(said)
        report = bundle.pop("report")
        expect(report["version"] == OLD and report["kernel"], f"report: {report}")
        # Whether operate itself is up it cannot tell: its socket is who may ask it alone.
        programs = json.loads(bundle.pop("status")["output"])["programs"]
        expect({name for name, state in programs.items() if state != "up"} <= {"operate"},
               f"programs: {programs}", self.machine)
        without = {name: part for name, part in bundle.items()
                   if part["status"] != 0 or not part["output"] and name != "failed"}
        expect(len(bundle) > 5 and not without, f"of {list(bundle)}: {without}")
        expect('"active":true' in bundle["signer"]["output"].replace(" ", "") and all(
            "sealgate-queued" in bundle[part]["output"] for part in ("units", "log")),
            f"parts: {bundle['signer']}", self.machine)
        # What the TEST image takes of its hypervisor would be seen here of the released one.
        expect(all("test-hand.service" in bundle[part]["output"] for part in ("units", "log")),
               "what the machine took is told")
        secrets = [path.read_text().strip() for path in
                   (self.gate.dir / "credentials").rglob("*") if path.is_file() and
                   path.suffix not in (".pem", ".cfg")]
        secrets += ["PRIVATE KEY", "demo-authentication-key"]
        held = [line for text in secrets for line in text.splitlines() if len(line) > 3]
        expect(held and not [line for line in held if line in said], "a secret is in it")

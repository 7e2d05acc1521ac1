# SPDX-License-Identifier: EUPL-1.2
"""sealgate-verify alone: real documents behind closed doors, hostile ones, a new policy."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import types

import pytest

from scenarios import verify_client as client
from scenarios.gate import BIN, ROOT, VECTORS, Gate, a_folder, sealgate
from scenarios.processes import children_of, confined, grandchildren
from sim import pki as pki_module

PARTNER = "nz-mpi"
NOWHERE = types.SimpleNamespace(url="https://127.0.0.1:1")
CORPUS = os.environ.get("SEALGATE_CORPUS")
START_BOUND = 30


class House(Gate):
    """An instance of which only verify runs."""

    def make(self, with_rsa=True, verify="workers = 2;"):
        self.pki = pki_module.Pki.create(self.folder / "pki", with_rsa=with_rsa)
        self.traces = self.customs = NOWHERE
        sealgate("init", "--test", "--name", "verify", "--policies", ROOT / "policies",
                 self.dir, check=True)
        conf = self.dir / "sealgate.conf"
        kept = [line for line in conf.read_text().splitlines() if "separate" not in line]
        conf.write_text("\n".join(kept) + f"\nverify = {{ {verify} }};\n")
        self._write_trust()
        self._write_policies()
        self.enrol()
        return self

    def enrol(self, more=""):
        path = self.pki.path
        self._write_partner(PARTNER, "NZ", ("partners/nz-mpi",), tuple(
            (name, "seal" if name.endswith("seal") else "officer") for name in (
                "authority-nz/officer", "authority-nz/officer-rsa",
                "authority-nz/officer-revoked", "authority-nz/seal")
            if path(name).exists()), more)

    def start(self, *wrapper):
        self.socket = self.dir / "run" / "verify.sock"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, str(BIN / "sealgate-verify"), "--instance", str(self.dir)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.until(lambda: "daemon.ready" in self.log.read_text())
        return self

    def until(self, condition):
        end = time.monotonic() + START_BOUND
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        self.process = None

    def ask(self, data, subject=PARTNER, mode=client.DOCUMENT):
        if isinstance(data, pathlib.Path):
            data = data.read_bytes()
        return client.ask(self.socket, data, subject, int(time.time()), mode)

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def a_house():
    with a_folder() as folder, House(folder) as made:
        yield made


@pytest.fixture(scope="module")
def house():
    with a_house() as made:
        yield made.make().start()


def signed(house, number, signer="authority-nz/officer", seal="counter"):
    path = house.document("phyto", f"PHYTO.NZ.2026.{number:07}")
    parallel = ("--parallel",) if seal == "parallel" else ()
    first = house.sign(path, signer, place=parallel, tsa=False)
    return house.sign(first, "authority-nz/seal", place=(f"--{seal}",), tsa=False)


def service(house):
    """Pid of the process that has loaded the policy and keeps the workers, once there is one:
    beside another that takes over, the one before finishes what it has."""
    house.until(lambda: len(children_of(house.process.pid)) == 1)
    return children_of(house.process.pid)[0]


def workers(house):
    return grandchildren(house.process.pid)


@pytest.mark.parametrize("seal", ["counter", "parallel"])
@pytest.mark.parametrize("signer", ["officer", "officer-rsa"])
def test_accepted(house, signer, seal):
    answer = house.ask(signed(house, 100, f"authority-nz/{signer}", seal))
    assert answer.decision == "accepted", answer.report
    assert (answer.type, answer.number) == ("PHYTO", "PHYTO.NZ.2026.0000100")
    assert len(answer.report["signatures"]) == 2


def test_refused(house):
    good = signed(house, 200)
    text = good.read_text()
    cases = {
        "sig.digest": text.replace("New Zealand", "New Zealend", 1),
        "xml.doctype": text.replace("?>", "?><!DOCTYPE x>", 1),
        "sig.none": house.document("phyto", "PHYTO.NZ.2026.0000201").read_text(),
        "sig.path": signed(house, 202, "authority-nz/officer-revoked").read_text(),
        "partner.signer-unknown":
            signed(house, 203, "authority-nz/officer-not-enrolled").read_text(),
    }
    for code, document in cases.items():
        answer = house.ask(document.encode())
        assert answer.decision == "refused"
        assert code in answer.codes(), (code, answer.report)
        if code == "partner.signer-unknown":
            message = next(f["message"] for f in answer.report["findings"] if f["code"] == code)
            assert "CN=Test Officer Five" in message and message.endswith("this partner.")
    answer = house.ask(good, "br-mapa")
    assert {"document.country", "partner.signer-unknown"} <= answer.codes()


def expensive():
    """Documents that are small enough to be sent and made to cost."""
    root = "urn:un:unece:uncefact:data:standard:SPSCertificate:17"
    limit = 10 * 1024 * 1024 - 200

    def document(body):
        return f"<r:SPSCertificate xmlns:r='{root}'>{body}</r:SPSCertificate>".encode()

    yield "elements", document("<a/>" * (limit // 4))
    yield "long names", document("".join(f"<{'n' * 60}{i}/>" for i in range(limit // 80)))
    yield "text", document("x" * limit)
    yield "references", document("&#60;" * (limit // 5))
    yield "comments", document("<!--c-->" * (limit // 8))
    yield "depth", document("<a>" * (limit // 3))
    yield "namespaces", document("".join(
        f"<a xmlns='urn:{i}'/>" for i in range(limit // 24)))
    yield "identifiers", document("".join(f"<a Id='i{i}'/>" for i in range(limit // 18)))
    ds = "http://www.w3.org/2000/09/xmldsig#"
    yield "signatures", document(
        f"<s:Signature xmlns:s='{ds}'><s:SignedInfo/></s:Signature>" * (limit // 100))
    yield "references in a signature", document(
        f"<s:Signature xmlns:s='{ds}'><s:SignedInfo>" + "<s:Reference URI=''/>" *
        (limit // 22) + "</s:SignedInfo></s:Signature>")


@pytest.mark.parametrize("name,data", list(expensive()), ids=lambda v: v if
                         isinstance(v, str) else "")
def test_expensive(house, name, data):
    started = time.monotonic()
    answer = house.ask(data)
    assert answer.decision == "refused", name
    print(f"{name}: {time.monotonic() - started:.2f} s {sorted(answer.codes())}")
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("limit", ["cpu_ms = 100;", "memory_mb = 64;"])
def test_limits(limit):
    """Whoever goes over a limit is refused, and the next one is served."""
    with a_house() as house:
        house.make(with_rsa=False, verify=limit).start()
        answer = house.ask(dict(expensive())["long names"])
        assert (answer.decision, answer.codes()) == ("refused", {"limit.resource"})
        assert house.ask(signed(house, 350)).decision == "accepted"


def test_the_next_one_is_served_after_all_that(house):
    assert house.ask(signed(house, 300)).decision == "accepted"


def test_workers_are_closed(house):
    assert house.ask(signed(house, 400)).decision == "accepted"
    # One that has just been started is not so yet; it has read nothing.
    house.until(lambda: (found := workers(house)) and all(map(confined, found)))


def test_new_policy_is_taken_up(house):
    good = signed(house, 500)
    before = house.ask(good)
    house.enrol("suspended = true;\n")
    house.until(lambda: house.ask(good).codes() == {"partner.suspended"})
    assert house.ask(good).policy_digest != before.policy_digest
    house.enrol()
    house.until(lambda: house.ask(good).policy_digest == before.policy_digest)
    assert house.ask(good).decision == "accepted"


def test_broken_policy_changes_nothing(house):
    good = signed(house, 600)
    before = house.ask(good)
    said = house.log.read_text().count("verify.reload")
    house.enrol("suspend = true;\n")
    house.until(lambda: house.log.read_text().count("verify.reload") > said)
    assert re.search(r"nz-mpi.cfg:\d+: suspend is not a known setting", house.log.read_text())
    assert house.ask(good).policy_digest == before.policy_digest
    assert house.ask(good).decision == "accepted"
    said = house.log.read_text().count("verify.loaded")
    house.enrol()
    house.until(lambda: house.log.read_text().count("verify.loaded") > said)
    assert house.ask(good).decision == "accepted"


def test_service_killed_another_takes_over(house):
    good = signed(house, 700)
    os.kill(service(house), signal.SIGKILL)
    house.until(lambda: "verify.service-lost" in house.log.read_text())
    assert house.ask(good).decision == "accepted"


def test_reply(house):
    answer = house.ask(b"no reply at all", "traces", client.REPLY)
    assert answer.report["reply"]["kind"] == "unreadable"
    fault = (b"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>"
             b"<e:Fault><faultcode>Client</faultcode><faultstring>UnauthenticatedException"
             b"</faultstring></e:Fault></e:Body></e:Envelope>")
    answer = house.ask(fault, "traces", client.REPLY)
    assert answer.report["reply"]["kind"] == "fault"


def test_container(house):
    answer = house.ask(b"PK\x03\x04 no container", "seal", client.CONTAINER)
    assert answer.decision == "refused"
    assert "evidence.form" in answer.codes()


@pytest.mark.skipif(not CORPUS, reason="SEALGATE_CORPUS is not set")
@pytest.mark.parametrize("folder", ["hostile-xml", "xmlsec-defaults", "sps-signed", "xmldsig"])
def test_corpus_is_decided_and_not_accepted(house, folder):
    """None of these was signed by someone enrolled: each is refused, and none undecided."""
    wrong = []
    files = sorted(p for p in pathlib.Path(CORPUS, folder).rglob("*.xml")
                   if p.stat().st_size <= 10 * 1024 * 1024)
    assert files
    for path in files:
        answer = house.ask(path)
        if answer.decision != "refused":
            wrong.append((path.name, answer.decision))
    assert not wrong
    assert "Bad system call" not in house.log.read_text()


STARTED = re.compile(r"^(\d+) +(?:seccomp\(SECCOMP_SET_MODE_FILTER|prctl\(PR_SET_SECCOMP).*= 0$")
CALL = re.compile(r"^(\d+) +(\w+)\(")
QUIET = {"brk", "munmap", "mremap", "madvise", "futex", "recvmsg", "sendmsg", "memfd_create",
         "write", "fstat", "newfstatat", "fcntl", "close", "getrandom", "getpid", "sysinfo",
         "mmap", "mprotect"}


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_no_file_and_no_network_while_reading():
    """What a worker asks of the kernel once its doors are closed, seen from outside."""
    with a_house() as house:
        trace = house.folder / "trace"
        house.make().start("strace", "-f", "-qq", "-o", str(trace))
        assert house.ask(signed(house, 800, "authority-nz/officer-rsa")).decision == "accepted"
        text = (VECTORS / "phyto.xml").read_text()
        entity = text.replace("?>", "?><!DOCTYPE x SYSTEM 'http://127.0.0.1:1/x.dtd'>", 1)
        for data in (entity, text.replace("<rsm:SPSCertificate", "<rsm:SPSCertificate "
                     "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
                     "xsi:schemaLocation='urn:x http://127.0.0.1:1/x.xsd'", 1)):
            assert house.ask(data.encode()).decision == "refused"
        os.kill(service(house), signal.SIGTERM)
        assert house.process.wait(30) == 0
        closed, seen = set(), set()
        for line in trace.read_text(errors="replace").splitlines():
            if started := STARTED.match(line):
                closed.add(started.group(1))
            elif (call := CALL.match(line)) and call.group(1) in closed:
                seen.add(call.group(2))
        assert closed and {"recvmsg", "sendmsg"} <= seen
        assert seen <= QUIET, seen - QUIET

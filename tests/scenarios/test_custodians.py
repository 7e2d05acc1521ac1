# SPDX-License-Identifier: EUPL-1.2
"""The token in the hands of several people, and lost and found fifty times under load."""
import collections
import hashlib
import json
import random
import shutil
import signal
import threading
import time

import pytest

from scenarios.gate import sealgate
from scenarios.signer import AWAY, BOUND, SIGNED, Signer
from sim import pki as pki_module
from sim.stood import Stood

PEOPLE = {"ana": "first long phrase", "bert": "second long phrase", "cleo": "third long phrase"}
RECOVERY = 5.0  # seconds after the token is back


class Custody(Signer):
    """A signer whose PIN is in custody."""

    def configure(self, extra="", test="true", activation="custodians"):
        (self.dir / "sealgate.conf").write_text(
            f'instance = {{ name = "s"; test = {test}; }};\n'
            'signer = { softhsm_conf = "state/signer/softhsm2.conf"; trial_s = 1; '
            f'activation = "{activation}"; }};\n' + extra)

    def type(self, *arguments, lines):
        """A command of sealgate hsm with what people type."""
        return sealgate("--instance", self.dir, "hsm", *arguments,
                        input="".join(line + "\n" for line in lines))

    def give(self):
        """Close the PIN for two of three; the file with it goes."""
        self.pin = (self.dir / "credentials/pin").read_text().strip()
        typed = [self.pin] + [p for phrase in PEOPLE.values() for p in (phrase, phrase)]
        done = self.type("custody", "-k", "2", *PEOPLE, lines=typed)
        assert done.returncode == 0, done.stderr
        (self.dir / "credentials/pin").unlink()
        return self

    def activate(self, *names):
        done = None
        for name in names:
            done = self.type("activate", name, lines=[PEOPLE[name]])
            assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self):
        return json.loads(self.run("status").stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    pki = pki_module.Pki.create(folder / "pki", with_rsa=False)
    signer = Signer(folder / "i").make(pki)
    custody = Custody.__new__(Custody)
    custody.dir, custody.process, custody.log = signer.dir, None, signer.log
    custody.configure()
    return custody.give()


@pytest.fixture
def signer(made, tmp_path):
    shutil.copytree(made.dir, tmp_path / "i")
    copy = Custody.__new__(Custody)
    copy.dir, copy.process, copy.log = tmp_path / "i", None, tmp_path / "i/signer.log"
    yield copy
    if copy.process and copy.process.poll() is None:
        copy.run("deactivate", "test", check=False)  # the keyring outlives the test otherwise
    copy.stop(signal.SIGKILL)


def test_two_people_activate(signer):
    _, client = signer.up()
    digest = hashlib.sha256(b"a").digest()
    assert client.sign("seal", digest)[0] == AWAY
    assert "1 of 2" in signer.activate("ana")
    status = signer.status()
    assert status["activation"] == {"mode": "custodians", "threshold": 2, "entered": 1,
                                    "deactivated": False}
    assert client.sign("seal", digest)[0] == AWAY
    assert "the token is active" in signer.activate("cleo")
    assert client.sign("seal", digest)[0] == SIGNED
    assert signer.run("deactivate", "bert").stdout == "deactivated\n"
    assert client.sign("seal", digest)[0] == AWAY
    log = signer.log.read_text()
    assert "deactivated by bert" in log and "cleo: activated" in log
    told = (signer.dir / "state/events/signer/journal").read_text()
    events = [json.loads(line) for line in told.splitlines()]
    assert [(e["event"], e["by"], e["result"], e["mode"]) for e in events
            if e["event"] in ("key.activate", "key.deactivate")] == [
        ("key.activate", "ana", "waiting", "custodians"),
        ("key.activate", "cleo", "done", "custodians"),
        ("key.deactivate", "bert", "done", "custodians")]
    for secret in PEOPLE.values():
        assert secret not in log + told and secret not in str(signer.status())


def test_a_restart_takes_people_again(signer):
    signer.up()
    signer.activate("ana", "bert")
    signer.stop(signal.SIGKILL)
    _, client = signer.up()
    assert client.sign("seal", bytes(32))[0] == AWAY


def test_wrong_passphrase(signer):
    signer.up()
    signer.activate("ana")
    for name in ("bert", "ana", "bert"):
        done = signer.type("activate", name, lines=["not the right phrase"])
        assert done.returncode == 1 and "was wrong" in done.stderr
        again = signer.type("activate", name, lines=[PEOPLE[name]])
        if again.returncode:
            break
        # It came when people are listened to again: the next wrong one counts twice as long.
    assert again.returncode == 1 and "not before" in again.stderr
    stranger = signer.type("activate", "eva", lines=["whatever it may be"])
    assert stranger.returncode == 1 and "no such custodian" in stranger.stderr


def test_custody_is_not_made_with_a_wrong_pin(signer):
    done = signer.type("custody", "-k", "2", *PEOPLE, lines=["000000"])
    assert done.returncode == 1 and "CKR_PIN_INCORRECT" in done.stderr
    short = signer.type("custody", "-k", "1", *PEOPLE, lines=["000000"])
    assert short.returncode == 2


def test_set_up_asks_for_the_pin(signer, made):
    """Requests and missing keys where the PIN is nowhere on the disk."""
    roles = signer.dir / "policies/signature/roles.cfg"
    roles.write_text(roles.read_text() + 'more: { label = "more"; mechanism = "ecdsa-sha384"; '
                     'peer = "admin"; };\n')
    assert signer.type("keys", lines=[]).returncode == 1
    done = signer.type("keys", lines=[made.pin])
    assert done.returncode == 0 and "P-384 made on the token" in done.stdout
    request = signer.type("csr", "more", "--subject", "C=EU,organizationIdentifier=VATBE-1,CN=m",
                          lines=[made.pin])
    assert "BEGIN CERTIFICATE REQUEST" in request.stdout
    assert "CKR_PIN_INCORRECT" in signer.type("csr", "more", lines=["000000"]).stderr


def test_ceremony(signer, made, tmp_path):
    """A protocol that cannot be altered without being seen, signed by a key it is about."""
    protocol = tmp_path / "protocol.txt"

    def step(*arguments):
        return signer.type("ceremony", protocol, *arguments, lines=[made.pin])

    assert step("begin", "only one").returncode == 2
    assert step("begin", "A. Witness", "B.\u2028Witness").returncode == 1
    assert not protocol.exists()
    protocol.touch()  # of a machine that went dark in between
    assert "begin it" in step("note", "first").stderr and not protocol.read_bytes()
    assert step("begin", "A. Witness", "B. Witness").returncode == 0
    assert step("begin", "A. Witness", "B. Witness").returncode == 1  # it is there
    assert step("keys").returncode == 0
    request = step("request", "seal", "C=EU,organizationIdentifier=VATBE-1,CN=Seal").stdout
    assert "BEGIN CERTIFICATE REQUEST" in request
    assert step("note", "backup to token 7\nin the safe of B. Witness").returncode == 0
    assert step("verify", signer.dir / "seal.pem").returncode == 1  # not ended yet
    assert step("end", "seal").returncode == 0
    assert step("note", "too late").returncode == 1
    done = step("verify", signer.dir / "seal.pem")
    assert done.returncode == 0 and "5 entries" in done.stdout, done.stderr
    assert step("verify", signer.dir / "receipt.pem").returncode == 1
    text = protocol.read_text()
    for words in ("witness B. Witness", "a software token", "made on the token, sensitive",
                  hashlib.sha256(request.encode()).hexdigest(), "  note: in the safe of B. Witness"):
        assert words in text
    for at in range(0, len(text), 37):  # whatever is altered is seen
        protocol.write_text(text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1:])
        assert step("verify", signer.dir / "seal.pem").returncode == 1, text[at:at + 40]


class Load(threading.Thread):
    """Has documents sealed one after the other, each until it is; never gives one up."""

    def __init__(self, signer, number, stop):
        super().__init__()
        self.signer, self.number, self.stop = signer, number, stop
        self.sealed = []  # (document, digest, when)
        self.client = None

    def sign(self, document, digest):
        try:
            if self.client is None:
                self.client = self.signer.client()
            answer = self.client.sign("seal", digest, document)
        except OSError:
            answer = None
        if answer is None and self.client is not None:
            self.client.close()
            self.client = None
        return answer is not None and answer[0] == SIGNED

    def run(self):
        n = 0
        while not self.stop.is_set():
            document = f"01HZ{self.number:02d}{n:020d}".encode()
            digest = hashlib.sha256(document).digest()
            while not self.sign(document, digest):
                if self.stop.is_set():
                    return
                time.sleep(0.02)
            self.sealed.append((document, digest.hex(), time.monotonic()))
            n += 1


def lose(signer, chance):
    """One loss of the token. Return: when it was there again."""
    kind = chance.choice(("moved", "crashed", "killed"))
    if kind == "moved":
        tokens = signer.dir / "state/signer/tokens"
        tokens.rename(tokens.with_name("away"))
        time.sleep(chance.uniform(0.05, 0.5))
        tokens.with_name("away").rename(tokens)
        return kind, time.monotonic()
    signer.stop(signal.SIGSEGV if kind == "crashed" else signal.SIGKILL)
    back = time.monotonic()
    signer.up()[1].close()
    return kind, back


def recovered(signer, loads, chance, kinds, stood):
    """One loss. Return: how many seconds after the token was back the next one was sealed."""
    before = stood.seconds
    kind, back = lose(signer, chance)
    kinds[kind] += 1
    while not any(s[-1][2] > back for s in (load.sealed for load in loads) if s):
        assert time.monotonic() < back + BOUND, signer.log.read_text()[-2000:]
        time.sleep(0.005)
    took = min(w for load in loads for _, _, w in load.sealed[-50:] if w > back) - back
    if took > RECOVERY:
        time.sleep(1)  # until the one who sleeps has seen it, too
        took -= stood.seconds - before
    return took


def test_fifty_losses_under_load(signer):
    """Nothing is lost, nothing is sealed twice, and five seconds after the token is back the
    next document is sealed, without anybody's help."""
    signer.configure(activation="boot")
    signer.up()
    signer.activate("bert", "cleo")
    if not (signer.dir / "state/signer/activation").exists():
        pytest.skip("the kernel gives no keyring here")
    stop, chance = threading.Event(), random.Random(50)
    loads = [Load(signer, n, stop) for n in range(4)]
    kinds, slowest = collections.Counter(), 0.0
    for load in loads:
        load.start()
    try:
        with Stood() as stood:
            for _ in range(50):
                time.sleep(chance.uniform(0.0, 0.1))
                slowest = max(slowest, recovered(signer, loads, chance, kinds, stood))
    finally:
        stop.set()
        for load in loads:
            load.join(BOUND)
    assert slowest <= RECOVERY
    assert set(kinds) == {"moved", "crashed", "killed"}
    counted = collections.Counter()
    for line in signer.count.read_text().splitlines():
        _, role, digest, document, *_ = line.split()
        if role == "seal":
            counted[document.encode(), digest] += 1
    for load in loads:
        documents = [d for d, _, _ in load.sealed]
        assert len(documents) == len(set(documents)) > 50
        assert all(counted[d, h] >= 1 for d, h, _ in load.sealed)
    # A signature that was counted and never left: one a connection at most for each end.
    extra = sum(counted.values()) - sum(len(load.sealed) for load in loads)
    assert extra <= len(loads) * (kinds["crashed"] + kinds["killed"] + 2)
    assert signer.run("log", "verify").returncode == 0
    print(f"{sum(len(x.sealed) for x in loads)} sealed, {dict(kinds)}, slowest {slowest:.2f} s, "
          f"{extra} counted that never left")

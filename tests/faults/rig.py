# SPDX-License-Identifier: EUPL-1.2
"""queued alone, with faults below it, and the client whose ledger is the judge."""
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SEALGATE_BIN", TESTS.parent / "build" / "bin"))
FAULTS = pathlib.Path(os.environ.get("SEALGATE_FAULTS", TESTS.parent / "build" / "faults"))
SOAK = bool(os.environ.get("SEALGATE_SOAK"))
SHARE, SHARES = map(int, os.environ.get("SEALGATE_SHARE", "1/1").split("/"))
SEED = int(os.environ.get("SEALGATE_SEED", random.SystemRandom().randrange(10**6)))
DONE, AWAY = 0, 3  # exit statuses of queue_client run
BOUND = 30.0
LONGEST_S = 240.0  # of a sample that has not had enough


def sample(items, seconds, each, enough=lambda: True):
    """The items in an order of chance, as many as fit the time, and until there were enough of them
    for the judge, also on a machine with much else to do; in a soak all of them, or of
    SEALGATE_SHARE=I/N every Nth from the Ith on: N runs have had them all."""
    items = list(items)
    print(f"seed {SEED}, {len(items)} points")
    if SOAK:
        items = items[SHARE - 1::SHARES]
        print(f"share {SHARE}/{SHARES}: {len(items)} points")
        yield from items
        return
    random.Random(SEED).shuffle(items)
    begun = time.monotonic()
    for item in items:
        if time.monotonic() - begun + each > (seconds if enough() else LONGEST_S):
            return
        yield item


def engine_configuration(server):
    """Lines of sealgate.conf for a queue in an empty database of a server; None: SQLite's."""
    if not server:
        return ""
    return (f'queue = {{ postgresql = "{server.empty_database()}"; '
            'appliance = "under-test"; };\n')


def use_engine(gate, server):
    """Before its first start: a whole gate keeps its queue there."""
    with open(gate.dir / "sealgate.conf", "a", encoding="utf-8") as conf:
        conf.write(engine_configuration(server))


class Queue:
    """An instance that consists of queued, in a folder; strace options start it with faults."""

    def __init__(self, folder, ledger=None, server=None):
        self.folder = pathlib.Path(folder)
        self.socket = self.folder / "run" / "queued.sock"
        self.ledger = pathlib.Path(ledger or self.folder / "client.ledger")
        self.log = self.ledger.with_suffix(".log")
        self.process = None
        for name in ("state", "run"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "sealgate.conf").write_text(engine_configuration(server))
        self.ledger.touch()  # killed before the client's first word, there is nothing to keep

    def start(self, *strace, environment=None):
        """Start it; with strace options under strace."""
        self.socket.unlink(missing_ok=True)
        command = [str(BIN / "sealgate-queued"), "--instance", str(self.folder)]
        if strace:
            command = ["strace", "-D", "-f", "-qqq", "-o", "/dev/null", *strace, *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(environment or {})})
        return self

    def serves(self, bound=BOUND):
        """True when it answers; False when it ended first."""
        end = time.monotonic() + bound
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                try:
                    s.connect(str(self.socket))
                    return True
                except OSError:
                    time.sleep(0.005)
        raise AssertionError("queued neither serves nor ends\n" + self.log_tail())

    def ended(self, bound=BOUND):
        return self.process.wait(bound)

    def kill(self, sig=signal.SIGKILL):
        """End it; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(BOUND)

    def start_client(self, count, clients=2):
        return subprocess.Popen([str(FAULTS / "queue_client"), "run", str(self.socket),
                                 str(self.ledger), str(count), str(clients)])

    def client(self, count, clients=2):
        """Exit status of a client that takes count documents all the way."""
        return self.start_client(count, clients).wait(120)

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def assert_kept(self):
        """Everything that was acknowledged is there; nothing was made twice."""
        done = subprocess.run([str(FAULTS / "queue_client"), "check", str(self.socket),
                               str(self.ledger)], capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.log_tail()
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        made = [line for line in lines if line.startswith("create ")]
        assert len(made) == len(set(made)), "the destination made something twice"

    def sealgate(self, *arguments):
        done = subprocess.run([str(BIN / "sealgate"), "--instance", str(self.folder),
                               *arguments], capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def assert_whole(self):
        """The audit chain, the ledger against the rows, all parts of every document."""
        self.sealgate("audit", "verify")
        self.sealgate("ledger", "--check")

    def count(self, what):
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        return sum(line.startswith(what + " ") for line in lines)

# SPDX-License-Identifier: EUPL-1.2
"""Starts simulators as programs of their own, stops them, reads their ledgers.

  with process.start("customs", folder, tls_cert=..., tls_key=...) as customs:
      customs.mode("drop-after-accept", count=1)
      ... customs.url ... customs.accepted()

Every wait has an end; a simulator also ends when the program that started it does.
"""
import contextlib
import json
import os
import pathlib
import select
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from . import ledger

READY_TIMEOUT = 20.0
STOP_TIMEOUT = 5.0
CONTROL_TIMEOUT = 10.0
TESTS = pathlib.Path(__file__).resolve().parent.parent


class SimulatorError(Exception):
    """A simulator did not start, or refused a control request."""


def hold_port(port=0):
    """A socket at a port of 127.0.0.1, any free one by default, that never listens: as long as it
    is open nobody else is given the port by chance, and who asks for it by number may listen
    there, unless somebody does already."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    return held


def _arguments(options):
    """Command line options from keywords: True is a bare switch, False and None none."""
    result = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        result.append("--" + name.replace("_", "-"))
        if value is not True:
            result.append(str(value))
    return result


class Simulator:
    """A running simulator; `options` become its command line options."""

    def __init__(self, name, folder, options):
        self.name, self.options = name, dict(options)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger_path = self.folder / f"{name}.ledger"
        self.log_path = self.folder / f"{name}.log"
        self.process = self.url = self.control = self._held = None

    @property
    def pid(self):
        return self.process.pid

    def start(self, timeout=READY_TIMEOUT):
        """Start and wait until it listens, always at the same port, which nobody else is given
        meanwhile. SimulatorError: it did not in time."""
        if "port" not in self.options:
            self._held = hold_port()
            self.options["port"] = self._held.getsockname()[1]
        info = self.folder / f"{self.name}.info"
        info.unlink(missing_ok=True)
        ready, theirs = os.pipe()
        command = [sys.executable, "-m", f"sim.{self.name}", "--ledger", self.ledger_path,
                   "--log", self.log_path, "--info", info, "--ready-fd", theirs,
                   "--while-stdin", *_arguments(self.options)]
        with open(self.folder / f"{self.name}.err", "wb") as errors:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.PIPE, stdout=errors,
                stderr=errors, pass_fds=(theirs,),
                env={**os.environ, "PYTHONPATH": str(TESTS)})
        os.close(theirs)
        try:
            line = _read_line(ready, timeout)
        finally:
            os.close(ready)
        if not line.startswith("READY "):
            self.kill()
            reason = (self.folder / f"{self.name}.err").read_text(errors="replace")
            raise SimulatorError(f"{self.name} did not start: {reason.strip()}")
        self.url = line.split()[1]
        self.control = json.loads(info.read_text())["control"]
        return self

    def stop(self, timeout=STOP_TIMEOUT):
        """End it in order, by force when it does not. Return: its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout)
        return self.kill()

    def kill(self):
        """End it at once, as a crash would. Return: its exit status."""
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        return status

    def restart(self):
        """Start again after stop() or kill(): same port, same ledger."""
        return self.start()

    def call(self, path, value=None):
        """GET a control path, or POST `value` to it. Return: the decoded JSON."""
        data = None if value is None else json.dumps(value).encode("ascii")
        request = urllib.request.Request(self.control + path, data)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=CONTROL_TIMEOUT) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise SimulatorError(error.read().decode(errors="replace")) from error

    def mode(self, mode, **details):
        """Set the fault mode: count, every, delay, when, on (see faults.py)."""
        return self.call("/_sim/mode", {"mode": mode, **details})

    def clock(self, offset):
        """Set the simulator's clock `offset` seconds beside the true one."""
        return self.call("/_sim/clock", {"offset": offset})

    def ledger(self):
        """Every complete line of the ledger; works also when it is not running."""
        return ledger.read(self.ledger_path)

    def events(self, event):
        """The lines with that event: accepted, duplicate, replay, conflict, token …"""
        return [entry for entry in self.ledger() if entry["event"] == event]

    def accepted(self):
        return self.events("accepted")

    def delivered_twice(self):
        """Document numbers accepted more than once or submitted again as a duplicate.

        A replay that the destination itself recognised by its key is not among them.
        """
        counts = {}
        for entry in self.ledger():
            if entry["event"] in ("accepted", "duplicate"):
                key = (entry.get("country"), entry.get("document_type"),
                       entry["document_number"], entry.get("information_status"))
                counts[key] = counts.get(key, 0) + 1
        return sorted(key[2] for key, count in counts.items() if count > 1)

    def wait_for(self, event, count=1, timeout=10.0):
        """Wait until the ledger has `count` lines of `event`; they are returned.

        SimulatorError: the time is over.
        """
        deadline = time.monotonic() + timeout
        while len(found := self.events(event)) < count:
            if time.monotonic() > deadline:
                raise SimulatorError(f"{self.name}: {len(found)} of {count} {event}")
            select.select([], [], [], 0.05)
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def _read_line(descriptor, timeout):
    """Text up to the first newline, or what came before the end or the time-out."""
    data, deadline = b"", time.monotonic() + timeout
    while not data.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            break
        chunk = os.read(descriptor, 512)
        if not chunk:
            break
        data += chunk
    return data.decode("ascii", "replace")


def start(name, folder, timeout=READY_TIMEOUT, **options):
    """Start simulator `name` (traces, customs, tsa) with its files in `folder`.

    Options are those of the program: tls_cert=PEM becomes --tls-cert PEM.
    """
    return Simulator(name, folder, options).start(timeout)

# SPDX-License-Identifier: EUPL-1.2
"""kill -9 of intake, queued, seal and forward in a whole gate, at the Nth call of each kind, with
both engines.

The judges are the partner's list of acknowledged ids and the destinations' own ledgers.
"""
import contextlib
import json

import pytest

from faults.rig import SOAK, sample, use_engine
from faults.traced import Programs, restart
from scenarios import gate as gate_module
from scenarios.processes import gone
from scenarios.test_faults import certificates, once, until_accepted
from scenarios.test_inside import PLACES, InsideGate, check, settled, signed

QUEUED_AT_A_SERVER = ("sendto", "recvfrom", "sendmsg", "recvmsg")
CALLS = {
    "sealgate-queued": ("pwrite64", "fdatasync", "sendmsg", "recvmsg"),
    "sealgate-intake": ("sendmsg", "recvmsg", "read", "write", "close", "connect"),
    "sealgate-seal": ("sendmsg", "recvmsg", "connect", "sendto", "recvfrom", "close"),
    "sealgate-forward": ("sendmsg", "recvmsg", "connect", "sendto", "write", "read", "close"),
}
LAST = 40 if SOAK else 12
SECONDS, EACH, WATCH, LEAST = 40, 2.5, 1.5, 3


@contextlib.contextmanager
def made(kind, server, monkeypatch):
    with gate_module.a_folder() as folder:
        programs = Programs(folder, CALLS)
        with kind(folder / "gate", timeout=3) as gate:
            gate.make()
            use_engine(gate, server)
            monkeypatch.setattr(gate_module, "BIN", programs.folder)
            yield gate.up(), programs


@pytest.fixture
def traced(server, monkeypatch):
    """A gate and the folder of its programs."""
    with made(gate_module.Gate, server, monkeypatch) as both:
        yield both


@pytest.fixture
def inside(server, monkeypatch):
    """The same with destinations that want the seal in the document."""
    with made(InsideGate, server, monkeypatch) as both:
        yield both


def test_killed_at_every_call(traced, server):
    gate, programs = traced
    swept = CALLS if not server else {**CALLS, "sealgate-queued": QUEUED_AT_A_SERVER}
    points = [(n, name, call) for n in range(1, LAST + 1) for name, calls in swept.items()
              for call in calls]
    identifiers, kills = [], {name: 0 for name in CALLS}
    for number, (n, name, call) in enumerate(
            sample(points, SECONDS, EACH, lambda: sum(kills.values()) >= LEAST)):
        path, = certificates(gate, 1 + number, 1)
        pid = restart(gate, programs, name, call, f"signal=KILL:when={n}")
        identifiers.append(until_accepted(gate, path))
        kills[name] += gone(pid, WATCH)
    gate.wait_delivered(identifiers, bound=max(120, len(identifiers)))
    once(gate, identifiers)
    assert gate.traces.delivered_twice() == []
    assert len(set(identifiers)) == len(identifiers)
    stored = json.loads(gate.run("queue", "list", "--limit", "1000", "--format", "json").stdout)
    assert {d["id"] for d in stored} == set(identifiers), "something unacknowledged is there"
    assert gate.run("audit", "verify").returncode == 0
    done = gate.run("ledger", "--check")
    assert done.returncode == 0, done.stdout
    print(f"{len(identifiers)} documents, kills: {kills}")
    assert sum(kills.values()) >= LEAST


def test_killed_while_it_seals_in_the_document(inside):
    """Whatever of it was done before: each place gets one, and it is right."""
    gate, programs = inside
    points = [(n, call) for n in range(1, LAST + 1) for call in CALLS["sealgate-seal"]]
    identifiers, kills = [], 0
    for number, (n, call) in enumerate(
            sample(points, SECONDS // 2, EACH, lambda: kills)):
        path = signed(gate, 1 + number, "parallel")
        pid = restart(gate, programs, "sealgate-seal", call, f"signal=KILL:when={n}")
        identifiers.append(until_accepted(gate, path))
        kills += gone(pid, WATCH)
    assert kills
    gate.wait_delivered(identifiers, bound=120)
    for identifier in identifiers:
        settled(gate, identifier)
        for place in PLACES:
            rows = [r for r in gate.windows[place].accepted()
                    if r["key"].startswith(identifier)]
            assert len(rows) == 1
            # Who is killed while it asks for a time-stamp has missed one: then it is level B.
            check(gate, identifier, place, "BT")

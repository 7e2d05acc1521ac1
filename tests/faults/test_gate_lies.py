# SPDX-License-Identifier: EUPL-1.2
"""A destination that lies: nothing is lost and nothing is made twice, whatever it answers."""
import pytest

from faults.rig import SOAK, sample
from scenarios.test_faults import certificates, once, until_accepted

LIES = [
    ("slow", {"when": "after", "delay": 8}),  # a time-out after it was processed
    ("slow", {"when": "before", "delay": 8}),
    ("drop-after-accept", {}),
    ("garbage", {"when": "after"}), ("garbage", {"when": "before"}),
    ("fault-temp", {"when": "after"}), ("fault-temp", {"when": "before"}),
    ("fault-200", {"when": "after"}), ("fault-200", {"when": "before"}),
    ("half", {}), ("drip", {"delay": 0.1}), ("reset", {}), ("busy", {"delay": 1}),
    ("auth-fail", {}), ("down", {}),
]
ROUNDS = range(5 if SOAK else 1)
SECONDS, EACH, LEAST = 45, 5, 3


def tell(simulator, lie, details, number):
    """The simulator lies once or twice, then it is well again."""
    simulator.mode(lie, count=1 + number % 2, **details)


@pytest.fixture(scope="module")
def late():
    """Names of documents that a destination processed later than it was waited for."""
    return set()


@pytest.mark.parametrize("name", ["traces", "customs"])
def test_lies(gate, late, name):
    simulator = getattr(gate, name)
    first = 1 if name == "traces" else 5001
    points = [(n, *lie) for n in ROUNDS for lie in LIES]
    identifiers = []
    for number, (_, lie, details) in enumerate(
            sample(points, SECONDS, EACH, lambda: len(identifiers) >= LEAST)):
        path, = certificates(gate, first + number, 1)
        tell(simulator, lie, details, number)
        if (lie, details.get("when")) == ("slow", "before"):
            late.add(path.stem)
        identifiers.append(until_accepted(gate, path))
        try:
            gate.wait_delivered(identifiers)
        finally:
            simulator.mode("ok")
    once(gate, identifiers)
    print(f"{name}: {len(identifiers)} lies")
    assert len(identifiers) >= LEAST
    assert not simulator.events("conflict")
    # What is processed after it was looked up and not found is sent again: there the
    # destination's own rule against duplicates is what keeps it to one.
    again = gate.traces.delivered_twice()
    assert all(any(number in name for name in late) for number in again), (again, late)
    assert gate.run("ledger", "--check").returncode == 0

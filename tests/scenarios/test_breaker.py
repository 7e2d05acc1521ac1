# SPDX-License-Identifier: EUPL-1.2
"""A destination fails in a row: its breaker opens, trials are made, it closes and ramps up."""
import json
import re

import pytest

from scenarios.gate import a_gate
from scenarios.test_faults import certificates, once, until, until_accepted

DOCUMENTS = 20
CONCURRENCY = 4  # of the profile
FIRST, LONGEST = 1, 4  # seconds of a pause: retry_first_s, a quarter of retry_max_s
OPENS = "traces: it fails again and again; one attempt at a time"
CLOSES = "traces: it works again"


@pytest.fixture(scope="module")
def gate():
    with a_gate(retry_max=4 * LONGEST) as made:
        yield made.up()


def look(gate):
    done = gate.run("top", "--once", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def metric(gate, line):
    text = gate.request("/metrics", "operators/operator", listener="operators").text
    found = re.search("^" + re.escape(line) + r" (\S+)$", text, re.M)
    return float(found[1]) if found else None


def exchanges(gate, status):
    """(begun, ended) of the requests that the destination answered so, in their order."""
    return sorted((e["begun"], e["ended"]) for e in gate.traces.call("/_sim/exchanges")
                  if e["status"] == status)


def in_flight(done, begun):
    return sum(b <= begun < e for b, e in done)


def seen_to_wait(gate, count):
    """By people, monitoring and whoever asks for the state."""
    until(lambda: look(gate)["queue"]["forecast"]["destinations"]["traces"]["drain_s"] == -1, 60)
    until(lambda: "customs-nl" not in look(gate)["age"])  # what arrived there is known here, too
    assert sum(look(gate)["age"]["traces"]) == count
    row, = [line for line in gate.run("top", "--once").stdout.splitlines()
            if line.split()[:1] == ["traces"]]
    assert "never" in row
    until(lambda: metric(gate, 'sealgate_drain_seconds{destination="traces"}') == -1, 60)
    assert metric(gate, 'sealgate_delivery_oldest_seconds{destination="traces"}') > 0
    until(lambda: metric(gate, 'sealgate_drain_seconds{destination="customs-nl"}') == 0, 60)


def breaker(gate):
    return look(gate)["queue"]["breakers"]["traces"]


def seen_to_be(gate, state):
    """In a word, by the same."""
    until(lambda: breaker(gate)["state"] == state, 60)
    said = breaker(gate)
    assert ("next_trial" in said) == (state == "open")
    for command in (("top", "--once"), ("status",)):
        assert f"{state} since {said['since']}" in gate.run(*command).stdout
    for one in ("closed", "open", "ramping"):
        assert metric(gate, f'sealgate_breaker{{destination="traces",state="{one}"}}') == (
            1 if one == state else 0)


def test_opens_tries_closes_and_ramps_up(gate):
    seen_to_be(gate, "closed")
    gate.traces.mode("busy", delay=1)
    identifiers = [until_accepted(gate, path) for path in certificates(gate, 1, DOCUMENTS)]
    until(lambda: OPENS in gate.log.read_text())
    until(lambda: set(identifiers) <= set(gate.arrived("customs")), 60)  # nobody else waits
    seen_to_wait(gate, DOCUMENTS)
    seen_to_be(gate, "open")
    opened = breaker(gate)["since"]

    # One trial at a time, after pauses that double up to the longest.
    before = len(exchanges(gate, 503))
    until(lambda: len(exchanges(gate, 503)) >= before + 3, 60)
    failed = exchanges(gate, 503)
    trials = failed[before - 1:]
    assert all(in_flight(failed, begun) == 1 for begun, _ in trials)
    for (_, ended), (begun, _) in zip(trials, trials[1:]):
        assert begun - ended >= LONGEST - 0.2
    paused = [b - a for (_, a), (b, _) in zip(failed, failed[1:]) if b - a >= FIRST - 0.1]
    assert min(paused) < LONGEST - 0.2  # the first ones were shorter
    assert breaker(gate)["since"] == opened  # trials that fail change nothing
    assert gate.log.read_text().count(OPENS) == 1 and CLOSES not in gate.log.read_text()

    # The first that succeeds closes it; each success lets one more go at the same time.
    gate.traces.mode("slow", delay=0.7)
    until(lambda: CLOSES in gate.log.read_text(), 60)
    gate.wait_delivered(identifiers)
    seen_to_be(gate, "closed")
    good = exchanges(gate, 200)
    flights = [(sum(ended <= begun for _, ended in good), in_flight(good, begun))
               for begun, _ in good]
    for succeeded, together in flights:
        assert together <= min(CONCURRENCY, max(1, succeeded)), flights
    assert max(together for _, together in flights) == CONCURRENCY
    gate.traces.mode("ok")
    once(gate, identifiers)
    until(lambda: "traces" not in look(gate)["age"] and
          look(gate)["queue"]["forecast"]["destinations"]["traces"]["drain_s"] == 0, 60)
    until(lambda: metric(gate, 'sealgate_drain_seconds{destination="traces"}') == 0, 60)
    assert gate.log.read_text().count(OPENS) == gate.log.read_text().count(CLOSES) == 1


def tried(gate, identifiers):
    """How often each was tried, by the last attempt that the log tells of."""
    found = re.findall(r"forward\.attempt (\S+): traces attempt (\d+):", gate.log.read_text())
    return [max((int(n) for i, n in found if i == identifier), default=0)
            for identifier in identifiers]


def test_trials_take_turns():
    """While nothing gets through, the first of them does not keep the others from being tried."""
    with a_gate(retry_max=4) as gate:
        gate.up()
        gate.traces.mode("busy", delay=1)
        identifiers = [until_accepted(gate, path) for path in certificates(gate, 1, 3)]
        until(lambda: OPENS in gate.log.read_text())
        opened = tried(gate, identifiers)
        until(lambda: all(now >= then + 3 for now, then in
                          zip(tried(gate, identifiers), opened)), 60)
        gate.traces.mode("ok")
        gate.wait_delivered(identifiers)

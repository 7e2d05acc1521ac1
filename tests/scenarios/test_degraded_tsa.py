# SPDX-License-Identifier: EUPL-1.2
"""The dependency that test_degraded.py has no verdict about: time-stamps, by every mode. What was
accepted waits with a countdown, or goes on with a mark; and the way back, by itself."""
import re

import pytest

from scenarios.gate import a_gate
from scenarios.test_level_b import check, evidence, submitted, until

SECONDS = 7200  # of tsa.cfg; without it the alarm comes after an hour
ALARM = 3600
BOUND = 90


@pytest.fixture(scope="module")
def house():
    with a_gate() as made:
        yield made


@pytest.fixture
def gate(house, request):
    """A gate whose policy has a mode."""
    mode = request.param
    more = f"seconds = {SECONDS};\n" if mode != "refuse" else ""
    (house.dir / "policies" / "degraded" / "tsa.cfg").write_text(f'mode = "{mode}";\n{more}')
    house.up()
    until(lambda: check(house)["ok"])
    yield house
    house.tsa.mode("ok")
    house.down()


def without(gate, number):
    """A document that comes while the authority is away: its id."""
    document = gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07d}")
    gate.tsa.mode("down")
    return submitted(gate, document)


def state(gate, identifier):
    return gate.request(f"/v1/documents/{identifier}").json()["state"]


def countdown(gate):
    """Seconds to the alarm, by /health; None while it says nothing of one."""
    found = re.search(r"accepted documents wait, in (-?\d+) s it is an alarm",
                      check(gate)["message"])
    return found and int(found[1])


@pytest.mark.parametrize("gate, alarm", [("refuse", ALARM), ("hold", SECONDS)],
                         indirect=["gate"])
def test_it_waits_with_a_countdown(gate, alarm):
    """Acknowledged is acknowledged: there is nothing to refuse any more, and nothing is sealed."""
    identifier = without(gate, alarm)
    first = until(lambda: countdown(gate))
    assert alarm - BOUND < first <= alarm
    assert until(lambda: countdown(gate) < first)
    until(lambda: f"the document is held (alarm in {alarm} s)" in gate.log.read_text())
    assert state(gate, identifier) == "accepted"
    assert gate.request(f"/v1/documents/{identifier}/evidence").status_code == 404
    assert identifier not in gate.arrived("traces") | gate.arrived("customs")
    gate.tsa.mode("ok")
    gate.wait_delivered([identifier], BOUND)
    assert not evidence(gate, identifier)["evidence"]["role"].endswith(", level B")
    assert until(lambda: check(gate)["ok"])


@pytest.mark.parametrize("gate", ["grace"], indirect=True)
def test_it_goes_on_with_a_mark(gate):
    identifier = without(gate, 3)
    gate.wait_delivered([identifier], BOUND)
    report = evidence(gate, identifier)
    assert report["evidence"]["role"].endswith(", level B")
    assert "level B" in check(gate)["message"]
    assert f"policies/degraded/tsa.cfg has it for {SECONDS} s" in gate.log.read_text()
    gate.tsa.mode("ok")
    until(lambda: evidence(gate, identifier)["evidence"]["level"] == "XAdES-BASELINE-T", BOUND)
    assert until(lambda: check(gate)["ok"])

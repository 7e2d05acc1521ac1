# SPDX-License-Identifier: EUPL-1.2
"""What a gate depends on is out of date: documents are held, and accepted by themselves as soon
as it is there again."""
import datetime
import time

import pytest

from scenarios.degraded import DEPENDENCIES, rule

# A held document is judged again when verify judges by something else: files are looked at
# every second, and verify takes seconds to load. Without that it would be a minute.
JUDGED_BOUND = 40
SETTLED = ("accepted", "sealed")


def state(gate, identifier):
    return gate.request(f"/v1/documents/{identifier}").json()["state"]


def until(gate, condition):
    end = time.monotonic() + JUDGED_BOUND
    while not condition():
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.5)


@pytest.mark.parametrize("number, name", enumerate(DEPENDENCIES))
def test_held_until_it_is_there(gate, tmp_path, number, name):
    rule(gate, name, "hold", 3600)
    dependency = DEPENDENCIES[name](gate, tmp_path)
    dependency.break_it()
    document = gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07}")
    until(gate, lambda: gate.submit(document, command="preflight")[1].get("decision") == "held")
    status, answer = gate.submit(document)
    assert (status, answer["state"]) == (0, "held"), answer
    assert answer["hold_reason"] == dependency.reason
    left = (datetime.datetime.fromisoformat(answer["held_until"]) -
            datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 3000 < left <= 3600
    identifier = answer["id"]
    receipt = gate.request(f"/v1/documents/{identifier}/receipt").content
    assert gate.request(f"/v1/documents/{identifier}/evidence").status_code == 404
    assert identifier not in gate.arrived("traces") | gate.arrived("customs")
    dependency.mend()
    until(gate, lambda: state(gate, identifier) != "held")
    gate.wait_delivered([identifier])
    assert state(gate, identifier) in SETTLED
    assert gate.request(f"/v1/documents/{identifier}/receipt").content == receipt
    dependency.away()
    rule(gate, name, "refuse", 0)


def test_audit_of_all_that(gate):
    assert gate.run("audit", "verify").returncode == 0

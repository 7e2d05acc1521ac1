# SPDX-License-Identifier: EUPL-1.2
"""The EU's decision is asked for where it is made, and clearance is told to who wants it."""
import json
import urllib.request

import pytest

from scenarios.gate import a_gate
from scenarios.test_faults import until
from scenarios.test_withdrawal import document, number_of, rows, send, wait_state, withdraw

DECISION = """decision = {
	favourable = "//t:FindCertificateResponse/t:Status = 'VALID'";
	unfavourable = "//t:FindCertificateResponse/t:Status = 'REJECTED'";
	first_s = 1; max_s = 1;
};
"""
DISCLOSURE = ('disclosure = { agreement = "SPS agreement 2020, Art. 9"; '
              'cooperation = "exchange of letters"; data_protection = "adequacy decision"; };')


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        profiles = made.dir / "policies" / "routes" / "destinations"
        for name, text in (("traces", DECISION), ("customs-nl", "cleared = true;\n")):
            path = profiles / f"{name}.cfg"
            path.write_text(path.read_text() + text)
        partner = made.dir / "policies" / "partners" / "nz-mpi.cfg"
        partner.write_text(partner.read_text() + DISCLOSURE + "\n")
        yield made.up()


def decide(gate, identifier, status):
    request = urllib.request.Request(
        f"{gate.traces.control}/_sim/status",
        json.dumps({"reference": identifier, "status": status}).encode())
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200


def statuses(gate, identifier):
    return [r["information_status"] for r in rows(gate, identifier)["customs"]]


def test_cleared_is_told_after_the_advance_information(gate):
    identifier = send(gate, number_of(1))
    gate.wait_delivered([identifier])
    wait_state(gate, identifier, "traces/decision", "deferred")
    assert document(gate, identifier)["state"] == "sealed"
    decide(gate, identifier, "VALID")
    wait_state(gate, identifier, "customs-nl/cleared", "delivered")
    assert statuses(gate, identifier) == ["advance", "cleared"]
    assert document(gate, identifier)["state"] == "cleared"
    events = [o["event"] for o in gate.request("/v1/outcomes?after=0").json()["outcomes"]]
    assert "document.cleared" in events


def test_unfavourable_clears_nothing(gate):
    identifier = send(gate, number_of(2))
    gate.wait_delivered([identifier])
    decide(gate, identifier, "REJECTED")
    wait_state(gate, identifier, "traces/decision", "refused")
    assert document(gate, identifier)["state"] == "sealed"
    assert statuses(gate, identifier) == ["advance"]


def test_clearance_waits_for_the_information_it_is_about(gate):
    gate.customs.mode("down")
    try:
        identifier = send(gate, number_of(3))
        wait_state(gate, identifier, "traces", "delivered")
        decide(gate, identifier, "VALID")
        wait_state(gate, identifier, "customs-nl/cleared", "waiting")
    finally:
        gate.customs.mode("ok")
    wait_state(gate, identifier, "customs-nl/cleared", "delivered")
    assert statuses(gate, identifier) == ["advance", "cleared"]


def test_withdrawn_ends_the_question(gate):
    identifier = send(gate, number_of(4))
    gate.wait_delivered([identifier])
    wait_state(gate, identifier, "traces/decision", "deferred")
    later = withdraw(gate, number_of(4))
    wait_state(gate, later, "customs-nl", "delivered")
    wait_state(gate, identifier, "traces/decision", "expired")
    decide(gate, identifier, "VALID")
    assert document(gate, identifier)["state"] == "withdrawn"


def test_without_grounds_nothing_of_the_decision_goes_back(gate):
    identifier = send(gate, number_of(5))
    gate.wait_delivered([identifier])
    decide(gate, identifier, "VALID")
    wait_state(gate, identifier, "customs-nl/cleared", "delivered")
    path = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    text = path.read_text()
    path.write_text(text.replace(DISCLOSURE, ""))
    try:
        until(lambda: document(gate, identifier)["state"] == "sealed")
        assert "/" not in "".join(d["destination"]
                                  for d in document(gate, identifier)["deliveries"])
        assert "cleared" not in gate.request("/v1/outcomes?after=0").text
        assert "cleared" not in gate.request(f"/v1/documents/{identifier}/events").text
    finally:
        path.write_text(text)
    assert gate.run("explain", identifier).stdout.split()[2] == "cleared"


def test_the_ledger_balances(gate):
    until(lambda: gate.run("ledger", "--check").returncode == 0)

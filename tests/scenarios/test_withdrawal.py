# SPDX-License-Identifier: EUPL-1.2
"""What a partner takes back or replaces is told to every destination that has it, in order."""
import pytest

from scenarios.test_faults import until

STATUS = '<ram:StatusCode name="Issued">70'
SUPPORTS = '<ram:RelationshipTypeCode name="Supporting document">ZZZ'
PACKING = "PL-26-00418"


def number_of(n):
    return f"PHYTO.NZ.2026.{n:07d}"


def send(gate, number, **replacements):
    path = gate.certificate("phyto", number, **replacements)
    status, answer = gate.submit(path)
    assert status == 0, answer
    return answer["id"]


def withdraw(gate, number):
    return send(gate, number, **{STATUS: '<ram:StatusCode name="Withdrawn">40'})


def replace(gate, number, original):
    return send(gate, number, **{SUPPORTS: SUPPORTS.replace("ZZZ", "AWR"), PACKING: original})


def document(gate, identifier):
    return gate.request(f"/v1/documents/{identifier}").json()


def wait_state(gate, identifier, destination, state):
    until(lambda: {d["destination"]: d["state"] for d in
                   document(gate, identifier)["deliveries"]}.get(destination) == state)


def rows(gate, identifier):
    """What both counterparts have of a document, by counterpart."""
    return {"traces": [r for r in gate.traces.accepted() if r["reference"] == identifier],
            "customs": [r for r in gate.customs.accepted() if r["key"].startswith(identifier)]}


@pytest.fixture(scope="module")
def delivered(gate):
    identifier = send(gate, number_of(1))
    gate.wait_delivered([identifier])
    return identifier


def test_withdrawn_everywhere_by_the_name_it_has_there(gate, delivered):
    was = rows(gate, delivered)
    identifier = withdraw(gate, number_of(1))
    wait_state(gate, identifier, "traces", "delivered")
    wait_state(gate, identifier, "customs-nl", "delivered")
    now = rows(gate, identifier)
    assert now["traces"][0]["withdraws"] == was["traces"][0]["certificate"]
    told = now["customs"][0]
    assert told["information_status"] == "withdrawn"
    assert told["withdraws"] == number_of(1)
    assert told["original"] == was["customs"][0]["acknowledgement"]
    assert document(gate, delivered)["state"] == "withdrawn"
    events = [o["event"] for o in gate.request("/v1/outcomes?after=0").json()["outcomes"]
              if o["id"] == delivered]
    assert events[-1] == "document.withdrawn"


def test_replaced(gate):
    first = send(gate, number_of(2))
    gate.wait_delivered([first])
    second = replace(gate, number_of(3), number_of(2))
    gate.wait_delivered([second])
    assert document(gate, first)["state"] == "replaced"
    told = rows(gate, second)["customs"][0]
    assert (told["information_status"], told["replaces"]) == ("advance", number_of(2))


def test_what_is_not_there_is_not_told_and_not_sent(gate):
    gate.traces.mode("down")
    try:
        first = send(gate, number_of(4))
        wait_state(gate, first, "customs-nl", "delivered")
        second = withdraw(gate, number_of(4))
        wait_state(gate, second, "customs-nl", "delivered")
        wait_state(gate, first, "traces", "expired")
    finally:
        gate.traces.mode("ok")
    wait_state(gate, second, "traces", "delivered")
    assert rows(gate, first)["traces"] == []
    assert "withdraws" not in rows(gate, second)["traces"][0]


def test_an_answer_that_was_lost_keeps_the_order(gate):
    """TRACES takes the document and does not say so; the withdrawal waits for the look-up."""
    gate.traces.mode("drop-after-accept", count=1)
    first = send(gate, number_of(5))
    until(lambda: rows(gate, first)["traces"])
    second = withdraw(gate, number_of(5))
    wait_state(gate, second, "traces", "delivered")
    was, now = rows(gate, first)["traces"], rows(gate, second)["traces"]
    assert len(was) == len(now) == 1
    assert was[0]["seq"] < now[0]["seq"]
    assert now[0]["withdraws"] == was[0]["certificate"]


def test_the_ledger_balances(gate):
    done = gate.run("ledger", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    told = gate.run("explain", number_of(1)).stdout
    assert "document.withdrawn" in told and "document.withdraws" in told

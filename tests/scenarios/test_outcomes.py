# SPDX-License-Identifier: EUPL-1.2
"""What becomes of a partner's documents is told to it: in order, once, until acknowledged."""
import os
import time

import pytest

from scenarios.gate import sealgate
from scenarios.openapi import Specification
from scenarios.processes import killed

SPECIFICATION = Specification()


def feed(gate, query="", partner="partners/nz-mpi"):
    response = gate.request("/v1/outcomes" + query, partner)
    assert response.status_code == 200, response.text
    schema = SPECIFICATION.root["components"]["schemas"]["Outcomes"]
    assert not list(SPECIFICATION.faults(response.json(), schema))
    return response.json()


def acknowledge(gate, cursor, partner="partners/nz-mpi"):
    return gate.request("/v1/outcomes/acknowledgement", partner, method="POST",
                        json={"cursor": cursor})


def wait_for(gate, count, bound=30.0):
    """The feed from its start once it has so many outcomes."""
    end = time.monotonic() + bound
    while True:
        answer = feed(gate, "?after=0")
        if len(answer["outcomes"]) >= count:
            return answer
        assert time.monotonic() < end, answer
        time.sleep(0.1)


@pytest.fixture(scope="module")
def delivered(gate):
    """Two documents at both destinations: their ids, in the order of arrival."""
    ids = []
    for n in (1, 2):
        status, answer = gate.submit(gate.certificate("phyto", f"PHYTO.NZ.2026.{n:07d}"))
        assert status == 0, answer
        ids.append(answer["id"])
        gate.wait_delivered(ids)
    wait_for(gate, 6)
    return ids


def test_everything_in_order(gate, delivered):
    outcomes = feed(gate)["outcomes"]
    assert [int(o["cursor"]) for o in outcomes] == [1, 2, 3, 4, 5, 6]
    for n, identifier in enumerate(delivered):
        events = [(o["event"], o["destination"]) for o in outcomes if o["id"] == identifier]
        assert events[0] == ("document.sealed", "")
        assert set(events[1:]) == {("delivery.delivered", "traces"),
                                   ("delivery.delivered", "customs-nl")}
        assert all(o["number"] == f"PHYTO.NZ.2026.{n + 1:07d}" for o in outcomes
                   if o["id"] == identifier)


def test_resumes_after_a_kill_and_keeps_what_was_acknowledged(gate, delivered):
    first = feed(gate, "?limit=2")
    assert first["more"] and first["next"] == "2"
    assert acknowledge(gate, first["next"]).json() == {"acknowledged": "2"}
    killed(gate, "sealgate-queued")
    end = time.monotonic() + 30
    while gate.request("/v1/outcomes").status_code == 503:
        assert time.monotonic() < end
        time.sleep(0.1)
    rest = feed(gate)
    assert rest["acknowledged"] == "2"
    assert [o["cursor"] for o in rest["outcomes"]] == ["3", "4", "5", "6"]
    assert len(feed(gate, "?after=0")["outcomes"]) == 6
    assert acknowledge(gate, "1").json() == {"acknowledged": "2"}
    assert "outcomes.acknowledged" in gate.run("audit", "export").stdout


def test_another_partner_sees_nothing(gate, delivered):
    assert delivered
    assert feed(gate, partner="partners/br-mapa")["outcomes"] == []
    response = acknowledge(gate, "1", "partners/br-mapa")
    assert response.status_code == 400
    assert response.json()["code"] == "outcomes.cursor"


def test_refused_by_the_destination_is_told(gate, delivered):
    before = feed(gate, "?after=0")["next"]
    gate.traces.mode("fault-perm")
    try:
        status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000003"))
        assert status == 0
        outcomes = wait_for(gate, int(before) + 3)["outcomes"][int(before):]
    finally:
        gate.traces.mode("ok")
    told = [o for o in outcomes if o["destination"] == "traces"]
    assert [o["event"] for o in told] == ["delivery.refused"]
    assert told[0]["id"] == answer["id"] and told[0]["detail"]


def test_policy_withholds_the_words_of_a_destination(gate, delivered):
    path = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    text = path.read_text()
    path.write_text(text + 'decisions = ( "customs-nl" );\n')
    try:
        end = time.monotonic() + 30
        while not any(o.get("withheld") for o in feed(gate, "?after=0")["outcomes"]):
            assert time.monotonic() < end
            time.sleep(0.1)
        for outcome in feed(gate, "?after=0")["outcomes"]:
            hidden = outcome["destination"] == "traces"
            assert outcome.get("withheld", False) is hidden
            assert not (hidden and (outcome["reply_id"] or outcome["detail"]))
        document = gate.request(f"/v1/documents/{delivered[0]}").json()
        words = {d["destination"]: d["reply_id"] for d in document["deliveries"]}
        assert not words["traces"] and words["customs-nl"]
        events = gate.request(f"/v1/documents/{delivered[0]}/events").json()
        assert any(e["record"] is None for e in events)
        assert not any(e["record"] and (e["record"].get("detail") or {}).get("destination")
                       == "traces" for e in events)
    finally:
        path.write_text(text)


def test_an_operator_sees_the_ledger_of_it(gate, delivered):
    assert delivered
    done = sealgate("ledger", "--check", env={**os.environ, "SEALGATE_INSTANCE": str(gate.dir)})
    assert done.returncode == 0, done.stdout + done.stderr

# SPDX-License-Identifier: EUPL-1.2
"""Customs pull: a feed in order, resumable, acknowledged, with the containers behind it."""
import json

import pytest

from scenarios.gate import a_gate, fingerprint
from scenarios.openapi import Specification
from scenarios.test_clearance import DECISION, decide
from scenarios.processes import killed
from scenarios.test_faults import until
from scenarios.test_withdrawal import number_of, send, wait_state, withdraw

CUSTOMS = "customs/nl-customs"
SPECIFICATION = Specification()


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        policies = made.dir / "policies"
        routes = policies / "routes"
        (routes / "destinations" / "customs-be.cfg").write_text(
            'protocol = "pull";\ncleared = true;\n')
        traces = routes / "destinations" / "traces.cfg"
        traces.write_text(traces.read_text() + DECISION)
        rules = routes / "10-all.cfg"
        rules.write_text(
            'rules = ( { types = ( "PHYTO" ); import_countries = ( "*" );\n'
            '\tdestinations = ( "traces", "customs-be" ); },\n'
            '\t{ types = ( "*" ); import_countries = ( "*" ); destinations = ( "traces" ); '
            '} );\n')
        (policies / "customs").mkdir(exist_ok=True)
        (policies / "customs" / "be.cfg").write_text(
            f'name = "be-customs";\ndestination = "customs-be";\n'
            f'transport = ( "{fingerprint(made.pki.path(CUSTOMS))}" );\n')
        yield made.up()


def ask(gate, path, holder=CUSTOMS, **options):
    return gate.request(path, holder, listener="customs", **options)


def feed(gate, query=""):
    response = ask(gate, "/v1/outcomes" + query)
    assert response.status_code == 200, response.text
    SPECIFICATION.check("get", "/v1/outcomes", response)
    return response.json()


def wait_events(gate, count):
    until(lambda: len(feed(gate, "?after=0")["outcomes"]) >= count)
    return feed(gate, "?after=0")["outcomes"]


@pytest.fixture(scope="module")
def told(gate):
    """Sent, cleared, withdrawn: the ids of both documents."""
    first = send(gate, number_of(1))
    wait_state(gate, first, "customs-be", "delivered")
    wait_state(gate, first, "traces", "delivered")
    decide(gate, first, "VALID")
    wait_events(gate, 2)
    second = withdraw(gate, number_of(1))
    wait_events(gate, 3)
    return first, second


def test_in_order(gate, told):
    first, second = told
    events = feed(gate, "?after=0")["outcomes"]
    assert [(e["event"], e["id"]) for e in events] == [
        ("document.advance", first), ("document.cleared", first),
        ("document.withdrawn", second)]
    assert [e["cursor"] for e in events] == ["1", "2", "3"]
    assert events[2]["detail"] == number_of(1)


def test_resumes_after_a_kill_and_keeps_what_was_acknowledged(gate, told):
    assert told
    answer = ask(gate, "/v1/outcomes/acknowledgement", method="POST", json={"cursor": "2"})
    assert answer.json() == {"acknowledged": "2"}
    killed(gate, "sealgate-queued")
    until(lambda: ask(gate, "/v1/outcomes").status_code == 200)
    assert [e["cursor"] for e in feed(gate)["outcomes"]] == ["3"]
    assert "customs:customs-be" in gate.run("audit", "export").stdout


def test_the_container(gate, told):
    response = ask(gate, f"/v1/documents/{told[0]}/evidence")
    assert response.status_code == 200
    assert response.content == gate.request(f"/v1/documents/{told[0]}/evidence").content
    # Each of the two has read it, which is on record once, and told to nobody else.
    assert ask(gate, f"/v1/documents/{told[0]}/evidence").status_code == 200
    assert gate.request(f"/v1/documents/{told[0]}/evidence").status_code == 200
    document = json.loads(gate.run("explain", "--format", "json", told[0]).stdout)["documents"][0]
    read = [(e["record"]["actor"], e["record"]["detail"]) for e in document["events"]
            if e["record"]["event"] == "document.read"]
    assert read == [("be-customs", {"reader": "customs", "what": "evidence"}),
                    ("nz-mpi", {"reader": "partner", "what": "evidence"})]
    partner = gate.request(f"/v1/documents/{told[0]}/events").json()
    mine = [e["record"]["actor"] for e in partner
            if e["record"] and e["record"]["event"] == "document.read"]
    assert mine == ["nz-mpi"]
    assert len(partner) == len(document["events"]) - 1


def test_only_what_was_delivered_to_them(gate, told):
    status, answer = gate.submit(gate.certificate("veterinary", "IMPORT.NZ.2026.0000009"))
    assert status == 0, answer
    wait_state(gate, answer["id"], "traces", "delivered")
    assert ask(gate, f"/v1/documents/{answer['id']}/evidence").status_code == 404
    assert ask(gate, f"/v1/documents/{told[0]}").status_code == 404
    assert ask(gate, "/v1/documents", method="POST", data=b"x").status_code == 404


def test_what_is_described_as_theirs_is_what_they_have(gate, told):
    described = {(path, method) for path, item in SPECIFICATION.root["paths"].items()
                 for method in item if method in ("get", "post")}
    theirs = {(path, method) for path, method in described
              if "customs" in SPECIFICATION.root["paths"][path][method]["tags"]}
    had = {(path, method) for path, method in described
           if ask(gate, path.replace("{id}", told[0]), method=method).status_code != 404}
    assert had == theirs and len(theirs) == 3
    for path, method in theirs:
        assert len(SPECIFICATION.root["paths"][path][method]["servers"]) == 2
        SPECIFICATION.check(method, path, ask(gate, path.replace("{id}", told[0]), method=method))


def test_who_may_ask(gate, told):
    assert told
    partner = ask(gate, "/v1/outcomes", "partners/nz-mpi")
    assert (partner.status_code, partner.json()["code"]) == (403, "partner.unknown")
    customs = gate.request("/v1/outcomes", CUSTOMS)
    assert (customs.status_code, customs.json()["code"]) == (403, "partner.unknown")
    assert gate.request("/v1/outcomes?after=0").json()["outcomes"][0]["event"] == \
        "document.sealed"


def test_the_ledger_balances(gate):
    until(lambda: gate.run("ledger", "--check").returncode == 0)

# SPDX-License-Identifier: EUPL-1.2
"""By the policy that is shipped a release takes two people: one proposes, another confirms."""
import json

import pytest

from scenarios.gate import Gate, a_folder, sealgate
from scenarios.test_faults import until
from scenarios.test_inside import deliveries


class Reviewed(Gate):
    reviewed = True


@pytest.fixture(scope="module")
def gate():
    with a_folder() as folder, Reviewed(folder) as made:
        yield made.make().up()


def act(gate, role, *arguments, reason="a test"):
    done = sealgate("queue", *arguments, "--url", gate.listener("operators"),
                    *gate.transport(f"operators/{role}"), "--reason", reason)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


def state(gate, identifier):
    return deliveries(gate, identifier)["traces"]["state"]


def held(gate, number):
    """A document that TRACES does not take, and whose delivery there is held."""
    gate.traces.mode("down")
    status, answer = gate.submit(gate.certificate("phyto", number))
    assert status == 0, answer
    status, answer_, _ = act(gate, "operator", "hold", answer["id"], "traces")
    assert status == 0, answer_
    until(lambda: state(gate, answer["id"]) == "held")  # an attempt may have been under way
    gate.traces.mode("ok")
    return answer["id"]


def reviews(gate):
    return json.loads(gate.run("queue", "reviews", "--format", "json", check=True).stdout)


def test_one_proposes_another_confirms(gate):
    assert "no release waits" in gate.run("queue", "reviews", check=True).stdout
    identifier = held(gate, "PHYTO.NZ.2026.0000401")
    status, answer, told = act(gate, "operator", "release", identifier, "traces",
                               reason="customs have looked")
    number = answer["proposal"]
    assert status == 0 and "another person" in told
    assert [(r["proposal"], r["id"], r["by"], r["reason"]) for r in reviews(gate)] == [
        (number, identifier, "operator (TEST)", "customs have looked")]
    assert f"{number}  release of {identifier} to traces" in gate.run("queue", "reviews").stdout
    assert "releases that await review: 1" in gate.run("queue").stdout
    metrics = gate.request("/metrics", "operators/viewer", listener="operators").text
    assert "sealgate_releases_in_review 1" in metrics
    afar = gate.request("/v1/reviews", "operators/viewer", listener="operators").json()
    assert afar == reviews(gate)
    # the same again, who proposed it, and who may not
    status, answer, _ = act(gate, "operator", "release", identifier, "traces")
    assert status == 1 and answer["code"] == "queue.proposed"
    status, answer, _ = act(gate, "operator", "confirm", number)
    assert status == 1 and answer["code"] == "operator.own-proposal"
    for role in ("viewer", "auditor", "key-custodian"):
        status, answer, _ = act(gate, role, "confirm", number)
        assert status == 1 and answer["code"] == "operator.role"
        assert act(gate, role, "decline", number)[0] == 1
    assert state(gate, identifier) == "held"
    status, answer, _ = act(gate, "policy-officer", "confirm", number, reason="I have, too")
    assert status == 0 and answer["proposal"] == number
    gate.wait_delivered([identifier])
    status, answer, _ = act(gate, "policy-officer", "confirm", number)
    assert status == 1 and answer["code"] == "http.path"
    assert not reviews(gate)
    explained = gate.run("explain", identifier, check=True).stdout
    release = next(line for line in explained.splitlines() if "operator.release " in line)
    for part in ("by policy-officer (TEST)", "reason=I have, too", f"proposal={number}",
                 "proposed_by=operator (TEST)", "proposed_reason=customs have looked"):
        assert part in release, release
    chain = gate.run("audit", "export").stdout
    assert "operator.release-proposed" in chain and '"proposed_by":"operator (TEST)"' in chain


def test_a_proposal_is_declined(gate):
    identifier = held(gate, "PHYTO.NZ.2026.0000402")
    number = act(gate, "operator", "release", identifier)[1]["proposal"]
    assert act(gate, "policy-officer", "decline", number, reason="not yet")[0] == 0
    assert state(gate, identifier) == "held" and not reviews(gate)
    assert "operator.release-declined" in gate.run("explain", identifier).stdout
    # and is no way around: what is held does not go elsewhere by one person
    status, answer, _ = act(gate, "operator", "reroute", "--to", "customs-nl", "--id", identifier,
                            "--destination", "traces")
    assert status == 1 and "released first" in answer["detail"], answer


def test_many_are_one_proposal(gate):
    identifiers = [held(gate, f"PHYTO.NZ.2026.00004{n}") for n in (10, 11, 12)]
    status, answer, _ = act(gate, "operator", "release", "--all", "--destination", "traces")
    assert status == 0, answer
    assert {state(gate, i) for i in identifiers} == {"held"}
    assert act(gate, "operator", "confirm", answer["proposal"])[0] == 1
    assert act(gate, "policy-officer", "confirm", answer["proposal"])[0] == 0
    gate.wait_delivered(identifiers)
    assert not reviews(gate)


def test_wrong_commands(gate):
    for arguments, status in ((("confirm", "x"), 2), (("confirm",), 2), (("confirm", "999"), 1)):
        assert act(gate, "policy-officer", *arguments)[0] == status
    for path in ("/v1/reviews/0/confirm", "/v1/reviews/1/maybe", "/v1/reviews/x/confirm"):
        answer = gate.request(path, "operators/policy-officer", "POST", "operators",
                              json={"reason": "a test"})
        assert answer.status_code == 404

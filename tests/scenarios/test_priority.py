# SPDX-License-Identifier: EUPL-1.2
"""What is urgent, and what arrives first, goes first to a destination that was away."""
import datetime
import json
import time

from scenarios.gate import sealgate

ARRIVAL = {"phyto": "2026-07-13T06:00:00+02:00", "veterinary": "2026-07-20T07:00:00+01:00"}


def submit(gate, vector, number, hours, **replacements):
    """Accepted, of a consignment that arrives in so many hours; its id."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    document = gate.certificate(vector, number, **{
        ARRIVAL[vector]: at.strftime("%Y-%m-%dT%H:%M:%SZ")}, **replacements)
    status, answer = gate.submit(document)
    assert status == 0, answer
    return answer["id"]


def explained(gate, identifier):
    return json.loads(gate.run("explain", "--format", "json", identifier).stdout)["documents"][0]


def sent(gate, identifier):
    """Position of the first attempt in the audit chain."""
    return next(event["position"] for event in explained(gate, identifier)["events"]
                if event["record"]["event"] == "delivery.sending" and
                event["record"]["detail"]["destination"] == "traces")


def maintenance(gate, verb):
    done = sealgate("maintenance", verb, "--url", gate.listener("operators"),
                    *gate.transport("operators/operator"), "--reason", "a test", "traces")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_next_to_arrive_goes_first(gate):
    maintenance(gate, "start")
    later = submit(gate, "phyto", "PHYTO.NZ.2026.0000001", 90)
    wood = submit(gate, "phyto", "PHYTO.NZ.2026.0000002", 1, **{
        f"<ram:ClassCode>{code}": "<ram:ClassCode>44071110"
        for code in ("08105000", "08081080", "07031019")})
    soon = submit(gate, "phyto", "PHYTO.NZ.2026.0000003", 5)
    first = submit(gate, "phyto", "PHYTO.NZ.2026.0000004", 2)
    end = time.monotonic() + 30
    while gate.arrived("customs") < {later, wood, soon, first}:
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.05)
    assert [explained(gate, i)["urgency"] for i in (later, wood, first)] == ["B", "C", "B"]
    assert explained(gate, first)["expected"] < explained(gate, soon)["expected"]
    maintenance(gate, "end")
    gate.wait_delivered([later, wood, soon, first])
    order = sorted((sent(gate, i), name) for i, name in (
        (later, "later"), (wood, "wood"), (soon, "soon"), (first, "first")))
    # B has two turns, then C one: what is left of B goes last.
    names = [name for _, name in order]
    assert [n for n in names if n != "wood"] == ["first", "soon", "later"], order
    assert names[0] == "first"


def test_preflight_says_how_urgent(gate):
    document = gate.certificate("phyto", "PHYTO.NZ.2026.0000009")
    status, answer = gate.submit(document, command="preflight")
    assert status == 0
    assert answer["urgency"]["is"] == "B"
    assert answer["urgency"]["expected"].endswith("Z")

# SPDX-License-Identifier: EUPL-1.2
"""A destination that stays away for as long as its profile waits: the delivery is given up, the
partner and the operators are told, and a redrive brings it there after all."""
import pytest

from scenarios.gate import a_gate
from scenarios.test_faults import until
from scenarios.test_inside import deliveries
from scenarios.test_withdrawal import number_of, send

EXPIRE_S = 60  # no profile may say less


@pytest.fixture(scope="module")
def gate():
    with a_gate(retry_max=1, timeout=2) as made:
        profile = made.dir / "policies/routes/destinations/customs-nl.cfg"
        profile.write_text(profile.read_text() + f"expire_s = {EXPIRE_S};\n")
        yield made.up()


def outcomes(gate, identifier):
    answer = gate.request("/v1/outcomes?after=0").json()
    return [o for o in answer["outcomes"] if o["id"] == identifier]


def test_given_up_with_notice(gate):
    gate.customs.mode("busy", delay=1)
    identifier = send(gate, number_of(1))
    until(lambda: deliveries(gate, identifier).get("customs-nl", {}).get("state") == "expired",
          EXPIRE_S + 60)
    told = outcomes(gate, identifier)[-1]
    assert (told["event"], told["destination"]) == ("delivery.expired", "customs-nl")
    assert told["detail"]
    until(lambda: f"forward.expired {identifier}" in gate.log.read_text())
    assert 'sealgate_deliveries{destination="customs-nl",state="expired"} 1' in gate.request(
        "/metrics", "operators/viewer", listener="operators").text
    assert deliveries(gate, identifier)["traces"]["state"] == "delivered"
    gate.customs.mode("ok")
    done = gate.run("queue", "redrive", "--url", gate.listener("operators"),
                    *gate.transport("operators/operator"), "--reason", "they are back",
                    "--destination", "customs-nl", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    gate.wait_delivered([identifier])
    assert outcomes(gate, identifier)[-1]["event"] == "delivery.delivered"
    assert gate.run("ledger", "--check").returncode == 0

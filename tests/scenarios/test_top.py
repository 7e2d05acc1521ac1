# SPDX-License-Identifier: EUPL-1.2
"""What flows, what waits, and warnings before it is a limit: top, status, health, metrics."""
import json

import pytest

from scenarios.test_faults import until
from scenarios.test_withdrawal import number_of, send, wait_state


@pytest.fixture(scope="module")
def waiting(gate):
    """A document that TRACES cannot be given, and rates that are known."""
    gate.traces.mode("down")
    identifier = send(gate, number_of(1))
    wait_state(gate, identifier, "customs-nl", "delivered")
    until(lambda: look(gate)["queue"]["forecast"]["over_s"] >= 10, 60)
    yield identifier
    gate.traces.mode("ok")


def look(gate):
    done = gate.run("top", "--once", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def operator(gate, path):
    return gate.request(path, "operators/operator", listener="operators")


def test_top(gate, waiting):
    seen = look(gate)
    assert waiting
    assert sum(seen["age"]["traces"]) == 1 and "customs-nl" not in seen["age"]
    forecast = seen["queue"]["forecast"]["destinations"]
    assert forecast["traces"]["open"] == 1 and forecast["customs-nl"]["open"] == 0
    assert forecast["traces"]["drain_s"] == -1
    assert {r["role"] for r in seen["signer"]} >= {"seal", "receipt", "audit-head"}
    assert seen["warnings"] == []
    text = gate.run("top", "--once").stdout
    assert "traces" in text and "never" in text and "HSM" in text


def test_legal_holds_are_counted(gate, waiting):
    """In top, status and the metrics; the partner, whom they may be about, is not told."""
    assert look(gate)["queue"]["legal"] == {"holds": 0, "documents": 0}
    done = gate.run("retention", "hold", "--url", gate.listener("operators"),
                    *gate.transport("operators/auditor"), "--id", waiting, "--reason", "case 12")
    assert done.returncode == 0, done.stderr
    until(lambda: look(gate)["queue"]["legal"] == {"holds": 1, "documents": 1})
    for command in (("top", "--once"), ("status",)):
        assert "legal holds: 1, on 1 documents" in gate.run(*command).stdout
    until(lambda: {"sealgate_legal_holds 1", "sealgate_legal_hold_documents 1"} <=
          set(operator(gate, "/metrics").text.splitlines()), 60)
    assert "legal" not in gate.request("/v1/status").text


def test_warned_before_it_is_a_limit(gate, waiting):
    assert waiting
    conf = gate.dir / "sealgate.conf"
    conf.write_text(conf.read_text() + "warn = { backlog_s = 1; };\n")
    warnings = look(gate)["warnings"]
    assert {w["code"] for w in warnings} == {"backlog", "drain"}
    assert all(w["destination"] == "traces" for w in warnings)
    assert "WARNING: traces" in gate.run("status").stdout
    assert operator(gate, "/health").json()["warnings"] == []  # as it was started
    gate.down()
    gate.up()
    until(lambda: operator(gate, "/health").status_code == 200)
    until(lambda: [w["code"] for w in operator(gate, "/health").json()["warnings"]][:1] ==
          ["backlog"])


def test_metrics(gate, waiting):
    assert waiting
    until(lambda: 'sealgate_drain_seconds{destination="customs-nl"} 0' in
          operator(gate, "/metrics").text, 60)

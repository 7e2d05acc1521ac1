# SPDX-License-Identifier: EUPL-1.2
"""Operators are named people: what a role may do, and that it is audited under the name."""
import json

import pytest

from scenarios.gate import sealgate


@pytest.fixture(scope="module")
def held(gate):
    """A document that TRACES does not take now: (id, path)."""
    gate.traces.mode("down")
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    yield answer["id"]
    gate.traces.mode("ok")


def queue(gate, role, verb, identifier, *more):
    return sealgate("queue", verb, "--url", gate.listener("operators"),
                    *gate.transport(f"operators/{role}"), "--reason", "a test", identifier,
                    *more)


@pytest.mark.parametrize("role", ["viewer", "auditor", "key-custodian", "policy-officer"])
def test_only_operators_change_the_queue(gate, held, role):
    done = queue(gate, role, "hold", held)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "403" in done.stdout + done.stderr


def test_hold_and_release_are_audited_by_name(gate, held):
    done = queue(gate, "operator", "hold", held, "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    gate.traces.mode("ok")
    assert held not in gate.arrived("traces")
    done = queue(gate, "operator", "release", held, "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    gate.wait_delivered([held])
    text = gate.run("audit", "export").stdout
    assert "operator (TEST)" in text and "a test" in text


def test_health_names_every_part(gate):
    health = gate.request("/health", "operators/viewer", listener="operators").json()
    text = json.dumps(health)
    for part in ("signer", "queue", "verify", "disk"):
        assert part in text


def test_metrics(gate):
    response = gate.request("/metrics", "operators/viewer", listener="operators")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert response.text.rstrip().endswith("# EOF")
    assert "sealgate_documents" in response.text

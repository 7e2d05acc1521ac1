# SPDX-License-Identifier: EUPL-1.2
"""What is held is time-stamped meanwhile, so that it can be proven offline when its octets were
there; the record goes into the container. Without an authority it waits for one, and says so."""
import datetime
import time

import pytest

from scenarios.degraded import Crl, rule
from scenarios.gate import a_gate
from scenarios.test_batch import verified

BOUND = 60
COUNT = 3


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        (made.dir / "policies" / "signature" / "tsa.cfg").write_text(
            f'authorities = ( {{ name = "one"; url = "{made.tsa.url}/tsa"; }} );\n'
            f'batch = {{ documents = {COUNT}; wait_ms = 2000; seal = "T"; }};\n')
        yield made.up()


def until(gate, condition):
    end = time.monotonic() + BOUND
    while not (value := condition()):
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.2)
    return value


def stamped_at(gate, identifier):
    """When the record of the held document is in the audit chain."""
    return [datetime.datetime.fromisoformat(e["record"]["at"])
            for e in gate.request(f"/v1/documents/{identifier}/events").json()
            if e["record"]["event"] == "document.stamped"]


def test_stamped_while_held(gate, tmp_path):
    rule(gate, "crl", "hold", 3600)
    crl = Crl(gate, tmp_path)
    crl.break_it()
    files = [gate.certificate("phyto", f"PHYTO.NZ.2026.{n:07d}") for n in range(1, 1 + COUNT)]
    until(gate, lambda: gate.submit(files[0], command="preflight")[1].get("decision") == "held")
    gate.tsa.mode("down")
    ids = []
    for file in files:
        status, answer = gate.submit(file)
        assert (status, answer["state"]) == (0, "held"), answer
        ids.append(answer["id"])
    until(gate, lambda: "seal.held-unstamped" in gate.log.read_text())
    assert not any(stamped_at(gate, identifier) for identifier in ids)
    before = len(gate.tsa.events("token"))
    gate.tsa.mode("ok")
    until(gate, lambda: all(stamped_at(gate, identifier) for identifier in ids))
    assert 1 <= len(gate.tsa.events("token")) - before <= COUNT
    released = datetime.datetime.now(datetime.timezone.utc)
    # Held they still are: nothing about a judgement follows from a time-stamp.
    assert all(gate.request(f"/v1/documents/{i}").json()["state"] == "held" for i in ids)
    crl.mend()
    gate.wait_delivered(ids)
    for identifier in ids:
        assert len(stamped_at(gate, identifier)) == 1
        evidence = verified(gate, identifier)
        assert evidence["level"] == "XAdES-BASELINE-T+ER"
        record = evidence["record"]
        assert record["indication"] == "PASSED"
        assert datetime.datetime.fromisoformat(record["gen_time"]) <= released


def test_the_chain_is_whole(gate):
    assert gate.run("audit", "verify").returncode == 0

# SPDX-License-Identifier: EUPL-1.2
"""Received octets are time-stamped together: one query for several documents, a record in each
container, and the seal at level B where policy says that this is enough."""
import concurrent.futures
import json
import os
import signal
import subprocess

import pytest

from scenarios.gate import BIN, a_gate
from scenarios.processes import pid_of

COUNT = 6


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        rule(made, "B")
        yield made.up()


def rule(gate, level):
    path = gate.dir / "policies" / "signature" / "tsa.cfg"
    path.write_text(f'authorities = ( {{ name = "one"; url = "{gate.tsa.url}/tsa"; }} );\n'
                    f'batch = {{ documents = {COUNT}; wait_ms = 5000; seal = "{level}"; }};\n')


def stamped(gate):
    return len(gate.tsa.events("token"))


def submit_all(gate, first):
    """So many documents, all there before the first is sealed: their ids once they are delivered,
    and how many time-stamps they took."""
    files = [gate.certificate("phyto", f"PHYTO.NZ.2026.{first + n:07d}") for n in range(COUNT)]
    before = stamped(gate)
    pid = pid_of(gate, "sealgate-seal")
    os.kill(pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(COUNT) as pool:
        answers = list(pool.map(gate.submit, files))
    os.kill(pid, signal.SIGCONT)
    assert all(status == 0 for status, _ in answers), answers
    ids = [answer["id"] for _, answer in answers]
    gate.wait_delivered(ids)
    return ids, stamped(gate) - before


def submitted(gate, queries, *firsts):
    """The same with so many time-stamps. A batch is closed after five seconds, and on a machine
    that stands still not all are in it by then: other documents, in their turn."""
    for first in firsts:
        ids, taken = submit_all(gate, first)
        if taken == queries:
            break
    assert taken == queries
    return ids


def verified(gate, identifier):
    file = gate.folder / f"{identifier}.asice"
    file.write_bytes(gate.request(f"/v1/documents/{identifier}/evidence").content)
    done = subprocess.run(
        [BIN / "sealgate-verify-evidence", "--store", gate.dir / "policies" / "anchors",
         "--revocation", gate.dir / "state" / "trust" / "revocation", file],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["evidence"]


def test_baseline_b_plus_evidence_record(gate):
    # More than seal.threads, which is 2: who waits for the batch keeps nobody from it.
    for identifier in submitted(gate, 1, 1, 21, 41):
        evidence = verified(gate, identifier)
        assert evidence["level"] == "XAdES-BASELINE-B+ER"
        assert evidence["record"]["indication"] == "PASSED"
        assert evidence["role"].endswith(", level B")


def test_level_t_has_a_time_stamp_of_its_own(gate):
    gate.down()
    rule(gate, "T")
    gate.up()
    for identifier in submitted(gate, COUNT + 1, 11, 31, 51):
        evidence = verified(gate, identifier)
        assert evidence["level"] == "XAdES-BASELINE-T+ER"
        assert not evidence["role"].endswith(", level B")

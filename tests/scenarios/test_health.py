# SPDX-License-Identifier: EUPL-1.2
"""Whether a gate works, as an appliance asks it before a version or a configuration stays."""
import json
import os

from scenarios.gate import sealgate
from scenarios.processes import killed
from scenarios.test_faults import until


def health(gate, program="health"):
    """The answer of the command that the appliance's unit runs, under that program's uid."""
    uid = {"user": gate.uid(program), "group": gate.uid(program), "extra_groups": []} \
        if os.geteuid() == 0 else {}
    return sealgate("--instance", gate.dir, "appliance", "health", **uid)


def becomes_healthy(gate):
    until(lambda: health(gate).returncode == 0)


def test_what_a_self_test_asks_is_done(gate):
    """Key, receipt and seal, verification and sealing of documents that stand for nothing: the
    ledger knows none of them, the token signed none of them."""
    becomes_healthy(gate)
    done = health(gate)
    assert "the application is healthy" in done.stderr, done.stderr
    found = json.loads(sealgate("--instance", gate.dir, "audit", "reconcile", check=True).stdout)
    assert (found["seal_signatures"], found["receipts_never_committed"]) == (0, 0)
    assert (gate.dir / "state/seal/self-test").read_text() == "passed"


def test_what_the_seal_found_out_decides(gate):
    """A program that seals badly says so, and it is taken at its word until it starts again."""
    becomes_healthy(gate)
    told = gate.dir / "state/seal/self-test"
    told.write_text("a spoilt seal of a self-test is not found out")
    done = health(gate)
    assert done.returncode == 1
    assert "refused: a spoilt seal of a self-test is not found out" in done.stderr
    told.unlink()
    assert "no self-test of sealing is known" in health(gate).stderr
    killed(gate, "sealgate-seal")
    becomes_healthy(gate)


def test_a_token_that_does_not_sign_is_told(gate):
    """Deactivated, nothing can be sealed: whatever was found out at the start."""
    becomes_healthy(gate)
    sealgate("--instance", gate.dir, "hsm", "deactivate", check=True)
    done = health(gate)
    assert done.returncode == 1 and "the token does not sign" in done.stderr, done.stderr
    sealgate("--instance", gate.dir, "hsm", "activate", check=True)
    becomes_healthy(gate)

# SPDX-License-Identifier: EUPL-1.2
"""Revocation data out of reach: a document is held, and accepted by itself once it is there."""
import pathlib
import shutil
import tempfile
import time

import pytest

from scenarios.gate import Gate

# A held document is judged again a minute after it came, then at growing distances.
JUDGED_BOUND = 150
SETTLED = ("accepted", "sealed")


@pytest.fixture
def blind_gate():
    """A gate that may hold, without the CRL for the signers of one authority."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    folder.chmod(0o755)
    try:
        with Gate(folder) as gate:
            gate.make()
            policy = gate.dir / "policies" / "degraded" / "crl.cfg"
            policy.write_text('mode = "hold"; seconds = 3600;\n')
            crl = gate.dir / "state" / "trust" / "revocation" / "authority-nz-issuing.crl"
            crl.rename(folder / crl.name)
            gate.up()
            yield gate, crl
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def state(gate, identifier):
    return gate.request(f"/v1/documents/{identifier}").json()["state"]


def test_held_until_the_list_is_there(blind_gate):
    gate, crl = blind_gate
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert (status, answer["state"]) == (0, "held"), answer
    identifier = answer["id"]
    receipt = gate.request(f"/v1/documents/{identifier}/receipt").content
    assert gate.request(f"/v1/documents/{identifier}/evidence").status_code == 404
    assert state(gate, identifier) == "held"
    assert identifier not in gate.arrived("traces") | gate.arrived("customs")
    shutil.copyfile(gate.folder / crl.name, crl)
    crl.chmod(0o644)
    end = time.monotonic() + JUDGED_BOUND
    while state(gate, identifier) == "held":
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.5)
    gate.wait_delivered([identifier])
    assert state(gate, identifier) in SETTLED
    assert gate.request(f"/v1/documents/{identifier}/receipt").content == receipt
    assert gate.run("audit", "verify").returncode == 0

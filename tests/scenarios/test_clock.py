# SPDX-License-Identifier: EUPL-1.2
"""Nothing is sealed while the watcher of the clock says that it is wrong."""
import time

import pytest

from scenarios.gate import a_gate


@pytest.fixture
def watched():
    """A gate whose clock somebody watches: (gate, file of what is said)."""
    with a_gate() as gate:
        state = gate.folder / "clock" / "state"
        state.parent.mkdir()
        state.write_text("wrong\n")
        conf = gate.dir / "sealgate.conf"
        conf.write_text(conf.read_text().replace(
            "seal = {", f'seal = {{ clock_watch = "{state.parent}";'))
        yield gate.up(), state


def test_sealing_waits_for_the_clock(watched):
    gate, state = watched
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    end = time.monotonic() + 30
    while "not synchronised" not in gate.run("explain", answer["id"]).stdout:
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.1)
    health = gate.request("/health", "operators/viewer", listener="operators").json()
    assert not health["checks"]["clock"]["ok"]
    assert "not synchronised" in health["checks"]["clock"]["message"]
    assert answer["id"] not in gate.arrived("traces")
    state.write_text("right\n")
    gate.wait_delivered([answer["id"]], 90)
    health = gate.request("/health", "operators/viewer", listener="operators").json()
    assert health["checks"]["clock"]["ok"]

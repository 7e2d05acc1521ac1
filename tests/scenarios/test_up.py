# SPDX-License-Identifier: EUPL-1.2
"""How long `sealgate up` waits: for who loads, as its unit would; not for who ends again and again."""
import concurrent.futures
import shutil
import time

import pytest

from scenarios import gate as gate_module
from scenarios.test_faults import until

PROGRAM = "sealgate-trustd"
LOADS_S = 22  # longer than for who has ended


@pytest.fixture(name="gate")
def a_gate_of_scripts(monkeypatch):
    """A gate that is not up, one of whose programs is a script: make it by gate.script()."""
    with gate_module.a_gate() as made:
        folder = made.folder / "bin"
        shutil.copytree(gate_module.BIN, folder)

        def script(text):
            (folder / PROGRAM).unlink()
            (folder / PROGRAM).write_text("#!/bin/sh\n" + text)
            (folder / PROGRAM).chmod(0o755)
        made.script = script
        monkeypatch.setattr(gate_module, "BIN", folder)
        yield made


def test_who_loads_for_long_is_waited_for(gate):
    real, may = gate_module.BIN / "real", gate.folder / "may"
    shutil.copy2(gate_module.BIN / PROGRAM, real)
    gate.script(f"until [ -e {may} ]; do sleep 0.1; done\nexec {real} \"$@\"\n")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        begun, up = time.monotonic(), pool.submit(gate.up)
        until(lambda: up.done() or time.monotonic() - begun > LOADS_S)
        early = up.done()
        may.touch()
        up.result()
    assert not early, gate.log_tail()
    assert "up.not-ready" not in gate.log.read_text()


def test_who_ends_again_and_again_is_named(gate):
    gate.script("exit 1\n")
    with pytest.raises(gate_module.GateError, match="trustd did not come up in [23][0-9] s"):
        gate.up()

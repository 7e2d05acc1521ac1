# SPDX-License-Identifier: EUPL-1.2
"""The demonstration leaves a demo alone that is up."""
import subprocess
import sys

import pytest

from scenarios import demo
from scenarios.gate import ROOT


@pytest.mark.parametrize("more", ((), ("--keep",)))
def test_a_demo_that_is_up_is_left_alone(tmp_path, more):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "kept").write_text("of the demo that is up")
    with demo.alone(folder):
        done = subprocess.run([sys.executable, ROOT / "tests/scenarios/demo.py", folder, *more],
                              capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "is in use" in done.stderr, done.stderr
    assert [path.name for path in folder.iterdir()] == ["kept"]

# SPDX-License-Identifier: EUPL-1.2
"""Fixtures: a gate that is up, shared by the tests of one file."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from scenarios.gate import a_gate  # noqa: E402


@pytest.fixture(scope="module")
def gate():
    """A gate with its counterparts."""
    with a_gate() as made:
        yield made.up()

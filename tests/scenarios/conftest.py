# SPDX-License-Identifier: EUPL-1.2
"""Fixtures: a gate that is up, shared by the tests of one file."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from scenarios.gate import Gate  # noqa: E402


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """A gate with its counterparts; sockets want a short path."""
    with Gate(tmp_path_factory.mktemp("g")) as made:
        made.make().up()
        yield made

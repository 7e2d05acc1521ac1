# SPDX-License-Identifier: EUPL-1.2
"""Fixtures: a gate that is up, shared by the tests of one file."""
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from scenarios.gate import Gate  # noqa: E402


@pytest.fixture(scope="module")
def gate():
    """A gate with its counterparts. The folder's path is short, for the sockets in it, and
    open to all, for programs that have uids of their own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    folder.chmod(0o755)
    try:
        with Gate(folder) as made:
            made.make().up()
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)

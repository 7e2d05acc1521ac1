# SPDX-License-Identifier: EUPL-1.2
"""Fixtures: the gate of the scenarios, the database server of an engine, and the path to both
packages."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from scenarios.conftest import gate  # noqa: E402,F401
from sim import postgresql  # noqa: E402


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def server(request):
    """What keeps the queue: a PostgreSQL server; None for SQLite, which needs none."""
    if request.param == "sqlite":
        yield None
        return
    if postgresql.programs() is None:
        pytest.skip("no PostgreSQL server of Debian's package here (make deps-test)")
    with postgresql.Server() as made:
        yield made.make().start()

# SPDX-License-Identifier: EUPL-1.2
"""Fixtures: the gate of the scenarios, and the path to both packages."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from scenarios.conftest import gate  # noqa: E402,F401

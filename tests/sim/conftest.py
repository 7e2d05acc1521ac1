# SPDX-License-Identifier: EUPL-1.2
"""Fixtures of the simulators' own tests: one PKI, and simulators that are stopped."""
import pytest

from . import pki as pki_module
from . import process


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """A complete PKI, RSA key included."""
    return pki_module.Pki.create(tmp_path_factory.mktemp("pki") / "pki")


@pytest.fixture
def start(tmp_path):
    """process.start in the test's folder; what it starts is stopped at the end."""
    running = []

    def starter(name, folder="sim", **options):
        running.append(process.start(name, tmp_path / folder, **options))
        return running[-1]

    yield starter
    for simulator in running:
        simulator.stop()


@pytest.fixture
def tls(pki):
    """TLS options of a simulated destination."""
    return {"tls_cert": pki.path("servers/sim-traces", ".chain.pem"),
            "tls_key": pki.path("servers/sim-traces", ".key")}

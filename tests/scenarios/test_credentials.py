# SPDX-License-Identifier: EUPL-1.2
"""Secrets that a service manager hands over (LoadCredential=): the instance has none itself."""
import os

import pytest

from scenarios.gate import a_gate

SECRETS = ("tls/server.key", "credentials/pin", "credentials/destinations/traces.cfg",
           "credentials/destinations/customs-nl.cfg", "credentials/destinations/gate.key")


@pytest.fixture
def bare(monkeypatch):
    """A gate whose secrets lie in a folder as systemd makes one."""
    with a_gate() as gate:
        folder = gate.folder / "handed-over"
        folder.mkdir()
        for name in SECRETS:
            os.rename(gate.dir / name, folder / ("sealgate_" + name.replace("/", "_")))
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
        yield gate, folder


def test_a_gate_without_secrets_of_its_own(bare):
    gate, _ = bare
    gate.up()
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    assert not any((gate.dir / name).exists() for name in SECRETS)


def test_a_secret_that_was_not_handed_over_is_missed(bare):
    gate, folder = bare
    (folder / "sealgate_tls_server.key").unlink()
    done = gate.run("up", timeout=30)
    assert done.returncode == 2 and "tls/server.key (tls.key)" in done.stderr

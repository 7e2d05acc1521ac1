# SPDX-License-Identifier: EUPL-1.2
"""A listener that names no address is reached over IPv4 and over IPv6."""
import requests

from scenarios.gate import a_gate


def test_no_address_is_every_address():
    with a_gate() as gate:
        conf = gate.dir / "sealgate.conf"
        text = conf.read_text()
        assert 'partners = "127.0.0.1:' in text
        conf.write_text(text.replace('partners = "127.0.0.1:', 'partners = "[::]:'))
        gate.up()
        port = gate.listener("partners").rsplit(":", 1)[1]
        for address in ("127.0.0.1", "[::1]"):
            answer = requests.get(
                f"https://{address}:{port}/v1/status", timeout=30,
                cert=(str(gate.pki.path("partners/nz-mpi", ".chain.pem")),
                      str(gate.pki.path("partners/nz-mpi", ".key"))),
                verify=str(gate.pki.path("transport-ca/root")))
            assert answer.status_code == 200, f"{address}: {answer.text}"

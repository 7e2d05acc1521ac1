# SPDX-License-Identifier: EUPL-1.2
"""Sealed heads leave the machine: posted, or logged over TLS; in order, each once."""
import json
import shutil
import ssl
import threading
import socket

import pytest

from scenarios.test_callback import Partner
from scenarios.test_faults import until
from scenarios.test_withdrawal import number_of, send
from sim.listener import tls_context


@pytest.fixture(scope="module")
def heads(gate):
    """A gate that has been stopped in order: its last head is sealed, and one time-stamped. What is
    shipped, in its order."""
    conf = gate.dir / "sealgate.conf"
    conf.write_text(conf.read_text() + "audit = { seal_s = 1; seal_records = 1; };\n")
    gate.down()
    gate.up()
    folder = gate.dir / "state" / "queue" / "heads"
    for n in range(1, 4):
        before = len(list(folder.rglob("*.json")))
        send(gate, number_of(n))
        until(lambda: len(list(folder.rglob("*.json"))) > before)
    until(lambda: list(folder.rglob("*.tst")))
    gate.down()
    return sorted(folder.rglob("*.json")) + sorted(folder.rglob("*.tst"))


def ship(gate, *arguments):
    return gate.run("audit", "ship", *gate.transport("clients/gate"), *arguments)


def test_posted_in_order_and_once(gate, heads, tmp_path):
    partner, mark = Partner(gate.pki), tmp_path / "mark"
    url = ("--url", f"https://127.0.0.1:{partner.port}/heads", "--mark", mark)
    partner.status = 503
    refused = ship(gate, *url)
    assert refused.returncode == 3 and not mark.exists()
    partner.status, partner.calls = 200, []
    done = ship(gate, *url)
    assert json.loads(done.stdout) == {"shipped": len(heads)}, done.stderr
    assert [c[3] for c in partner.calls] == [json.loads(h.read_text()) for h in heads]
    assert mark.read_text().strip() == max(h.name for h in heads if h.suffix == ".json")
    assert (tmp_path / "mark.stamps").read_text().strip() == heads[-1].name
    assert json.loads(ship(gate, *url).stdout) == {"shipped": 0}
    partner.server.shutdown()


def test_a_mark_of_a_lost_chain_is_no_mark(gate, heads, tmp_path):
    """After the chain was set back its new heads are shipped, though their positions are lower."""
    partner, mark = Partner(gate.pki), tmp_path / "mark"
    mark.write_text("900000000000000000.json\n")
    done = ship(gate, "--url", f"https://127.0.0.1:{partner.port}/heads", "--mark", mark)
    assert json.loads(done.stdout) == {"shipped": len(heads)}, done.stderr
    partner.server.shutdown()


def test_logged_over_tls(gate, heads, tmp_path):
    """RFC 5425: octets counted; what was read is what was sealed."""
    context = tls_context(gate.pki.path("servers/sim-customs", ".chain.pem"),
                          gate.pki.path("servers/sim-customs", ".key"),
                          gate.pki.path("transport-ca/root"))
    server, got = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        for _ in heads:
            raw, _ = server.accept()
            with context.wrap_socket(raw, server_side=True) as client:
                octets = b""
                while chunk := client.recv(65536):
                    octets += chunk
                got.append(octets)
                try:
                    client.unwrap()
                except (OSError, ssl.SSLError):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    address = f"127.0.0.1:{server.getsockname()[1]}"
    done = ship(gate, "--syslog", address, "--mark", tmp_path / "mark")
    assert json.loads(done.stdout) == {"shipped": len(heads)}, done.stderr
    thread.join(10)
    for octets, head in zip(got, heads):
        length, message = octets.split(b" ", 1)
        assert int(length) == len(message)
        assert message.startswith(b"<109>1 20") and b" sealgate - audit-head - " in message
        assert message.endswith(head.read_bytes())


def test_a_receiver_is_a_folder_of_the_instance(gate, heads, tmp_path, monkeypatch):
    """Its key and where it is may be handed over by the service manager."""
    partner = Partner(gate.pki)
    folder = gate.dir / "ship" / "siem"
    folder.mkdir(parents=True)
    _, ca, _, certificate, _, key = gate.transport("clients/gate")
    for name, path in (("ca.pem", ca), ("client.pem", certificate)):
        shutil.copyfile(path, folder / name)
    command = ("audit", "ship", "--receiver", "ship/siem", "--mark", tmp_path / "mark")
    done = gate.run(*command)
    assert done.returncode == 3 and "ship/siem: No such file" in done.stderr
    shutil.copyfile(key, tmp_path / "sealgate_ship_siem_client.key")
    server = tmp_path / "sealgate_ship_siem_server"
    server.write_text(f"https://127.0.0.1:{partner.port}/heads\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert json.loads(gate.run(*command).stdout) == {"shipped": len(heads)}
    assert [c[3] for c in partner.calls] == [json.loads(h.read_text()) for h in heads]
    server.write_text(f"127.0.0.1:{partner.port}\n")  # and so it is a syslog server
    (tmp_path / "mark").unlink()
    assert gate.run(*command).returncode == 3
    partner.server.shutdown()


def test_a_server_of_another_name_gets_nothing(gate, heads, tmp_path):
    assert heads
    partner = Partner(gate.pki)
    done = ship(gate, "--syslog", f"127.0.0.2:{partner.port}", "--mark", tmp_path / "mark")
    assert done.returncode == 3 and not (tmp_path / "mark").exists()
    partner.server.shutdown()

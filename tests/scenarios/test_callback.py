# SPDX-License-Identifier: EUPL-1.2
"""Outcomes are pushed to a partner that has a call-back: in order, until taken, by the gate."""
import http.server
import json
import os
import threading

import pytest

from scenarios.gate import a_gate
from scenarios.processes import killed
from scenarios.test_faults import until
from scenarios.test_withdrawal import number_of, send
from sim.listener import tls_context


class Partner:
    """The partner's side: takes what is pushed, or not; notes who called."""

    def __init__(self, pki):
        self.status, self.calls, self.paths = 200, [], []
        self.ports, self.answers = [], threading.Event()
        self.signed = []  # (signature, body as it came, Idempotency-Key)
        self.answers.set()
        partner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                partner.ports.append(self.client_address[1])
                partner.answers.wait(60)
                partner.signed.append((self.headers["Sealgate-Signature"], body,
                                       self.headers["Idempotency-Key"]))
                subject = dict(x[0] for x in self.connection.getpeercert()["subject"])
                partner.paths.append(self.path)
                partner.calls.append((partner.status, subject["commonName"],
                                      self.headers["Idempotency-Key"], json.loads(body)))
                self.send_response(partner.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = tls_context(pki.path("servers/sim-customs", ".chain.pem"),
                              pki.path("servers/sim-customs", ".key"),
                              pki.path("transport-ca/root"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def called_by(self, gate, name="nz-mpi"):
        """By the gate's policy its partner has this address."""
        address = f"127.0.0.1:{self.port}"
        policies = gate.dir / "policies"
        (policies / "callbacks.cfg").write_text(f'allowed = ( "{address}" );\n')
        path = policies / "partners" / f"{name}.cfg"
        path.write_text(path.read_text() + f'callback = "https://{address}/outcomes";\n')
        credentials = gate.dir / "credentials" / "destinations"
        (credentials / "callback.cfg").write_text(
            (credentials / "customs-nl.cfg").read_text())
        (credentials / "callback.cfg").chmod(0o400)
        if os.geteuid() == 0:
            os.chown(credentials / "callback.cfg", gate.uid("forward"), -1)

    def taken(self):
        """Cursors of what was answered 2xx, in the order in which it came."""
        return [o["cursor"] for status, _, _, body in self.calls if status == 200
                for o in body["outcomes"]]


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        made.partner = Partner(made.pki)
        made.partner.called_by(made)
        made.up()
        yield made
        made.partner.server.shutdown()


def test_pushed_in_order_by_the_gate(gate):
    identifier = send(gate, number_of(1))
    until(lambda: len(gate.partner.taken()) >= 3)
    assert gate.partner.taken() == ["1", "2", "3"]
    _, caller, key, body = gate.partner.calls[0]
    assert caller == "sealgate" and key == f"nz-mpi-{body['next']}"
    assert body["outcomes"][0]["id"] == identifier
    until(lambda: gate.request("/v1/outcomes").json()["acknowledged"] == "3")


def test_tried_until_taken(gate):
    gate.partner.status = 503
    send(gate, number_of(2))
    until(lambda: any(status == 503 for status, *_ in gate.partner.calls))
    gate.partner.status = 200
    until(lambda: len(gate.partner.taken()) >= 6)
    assert gate.partner.taken() == [str(n) for n in range(1, 7)]


def test_goes_on_after_a_kill(gate):
    killed(gate, "sealgate-forward")
    send(gate, number_of(3))
    until(lambda: "9" in gate.partner.taken())
    taken = gate.partner.taken()
    assert sorted(set(taken), key=int) == [str(n) for n in range(1, 10)]


def test_who_is_stopped_is_called_no_more(gate):
    """By the policy in force: nothing is started again for it."""
    path = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    text = path.read_text()
    gate.partner.status, before = 503, len(gate.partner.calls)
    send(gate, number_of(4))
    until(lambda: len(gate.partner.calls) > before)
    path.write_text(text + "suspended = true;\n")
    until(lambda: "0 partners are called back" in gate.log.read_text())
    gate.partner.status, calls = 200, len(gate.partner.calls)
    path.write_text(text.replace("/outcomes", "/elsewhere"))
    assert len(gate.partner.calls) == calls
    until(lambda: "12" in gate.partner.taken())
    assert gate.partner.paths[-1] == "/elsewhere"


def test_an_address_that_is_not_allowed_is_no_policy(gate):
    path = gate.dir / "policies" / "callbacks.cfg"
    text = path.read_text()
    path.write_text('allowed = ( "example.org:443" );\n')
    try:
        until(lambda: gate.request("/v1/status") and
              "is not among the allowed" in gate.log.read_text())
    finally:
        path.write_text(text)

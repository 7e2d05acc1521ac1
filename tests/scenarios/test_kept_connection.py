# SPDX-License-Identifier: EUPL-1.2
"""A connection that is kept and dies: a document that may have arrived is looked up, it is
never sent a second time behind everybody's back."""
import contextlib
import socket
import ssl
import threading

import pytest

from scenarios.gate import a_gate
from scenarios.test_faults import certificates, until, until_accepted
from sim.process import hold_port


class Customs:
    """Answers the first request of its first connection when told to, takes the second and
    hangs up; well from its second connection on. When it leaves, nobody listens by the time it
    hangs up, until it is back."""

    def __init__(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.held = hold_port()  # nobody else's while nobody listens
        self.port, self.connections = self.held.getsockname()[1], 0
        self.may_answer = threading.Event()
        self.leaves = False
        self.requests = []  # connection and key of each push
        self.looked_up = []  # how many pushes there were before each look-up
        self.listen()

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def serve(self, listener):
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.talk, args=(plain, self.connections),
                             daemon=True).start()

    def talk(self, plain, number):
        with self.context.wrap_socket(plain, server_side=True) as tls, tls.makefile("rwb") as peer:
            count = 0
            while found := self.take(peer):
                method, key = found
                count += 1
                if method == "GET":
                    self.looked_up.append(len(self.requests))
                else:
                    self.requests.append((number, key))
                if number == 1 and count == 1:
                    self.may_answer.wait(60)
                if number == 1 and count == 2:
                    if self.leaves:
                        self.close()
                    plain.close()
                    tls.shutdown(socket.SHUT_RDWR)
                    return
                body = b'{"id":"C-%d"}' % len(self.requests)
                peer.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (
                               b"200 OK" if method == "GET" else b"201 Created",
                               len(body), body))
                peer.flush()

    @staticmethod
    def take(peer):
        """Method and key of one request, read whole; None at the end."""
        method, path = (peer.readline().split(b" ") + [b""])[:2]
        headers = {}
        while (line := peer.readline()) not in (b"", b"\r\n"):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if not headers:
            return None
        if method == b"GET":
            return "GET", path.decode().rpartition("/")[2]
        peer.read(int(headers["content-length"]))
        return "POST", headers["idempotency-key"]

    def close(self):
        """Shut down first: whoever waits in accept would keep it open."""
        self.may_answer.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture(name="customs", params=[False])
def fixture_customs(request):
    """A gate and its customs, which may tell by a key what is there."""
    with a_gate(timeout=20) as gate:
        customs = Customs(gate.pki.path("servers/sim-customs", ".chain.pem"),
                          gate.pki.path("servers/sim-customs", ".key"))
        profile = gate.dir / "policies/routes/destinations/customs-nl.cfg"
        text = profile.read_text().replace(gate.customs.url,
                                           f"https://127.0.0.1:{customs.port}")
        profile.write_text(text.replace("concurrency = 4", "concurrency = 1")
                           .replace('"acknowledgement"', '"id"') +
                           ("look_up = true;\n" if request.param else ""))
        gate.up()
        yield gate, customs
        customs.close()


def delivery(gate, identifier):
    """State and attempts of the delivery to customs."""
    rows = gate.request(f"/v1/explain?key={identifier}", "operators/viewer",
                        listener="operators").json()["documents"][0]["deliveries"]
    return next((row["state"], row["attempts"]) for row in rows
                if row["destination"] == "customs-nl")


def one_after_the_other(gate, server):
    """Two documents on one connection, which dies under the second; their ids."""
    one, other = certificates(gate, 1, 2)
    first = until_accepted(gate, one)
    until(lambda: server.requests)  # else the other one may be sealed before it
    second = until_accepted(gate, other)
    until(lambda: delivery(gate, second)[0] == "queued")
    server.may_answer.set()
    return first, second


@pytest.mark.parametrize("customs", [True], indirect=True)
def test_a_connection_that_is_refused_does_not_unsend(customs):
    """It dies with the whole of a document, and libcurl's second connection is refused."""
    gate, server = customs
    server.leaves = True
    first, second = one_after_the_other(gate, server)
    assert until(lambda: (state := delivery(gate, second)[0]) not in ("queued", "sending") and
                 state) == "unknown"
    server.listen()
    until(lambda: delivery(gate, second)[0] == "delivered", 60)
    assert [(number, key.split("-")[0]) for number, key in server.requests] == [
        (1, first), (1, second)]
    assert server.looked_up and set(server.looked_up) == {2}


def test_what_may_have_arrived_is_looked_up(customs):
    gate, server = customs
    first, second = one_after_the_other(gate, server)
    until(lambda: delivery(gate, second)[0] == "delivered", 60)
    assert delivery(gate, first) == ("delivered", 1)
    # the second document followed on the kept connection, and its other request is the
    # second attempt, which everybody can see
    keys = [(number, key.split("-")[0]) for number, key in server.requests]
    assert keys[:2] == [(1, first), (1, second)], keys
    assert len(keys) == 1 + delivery(gate, second)[1] == 3, keys
    assert keys[2][0] > 1 and keys[2][1] == second, keys

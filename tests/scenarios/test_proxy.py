# SPDX-License-Identifier: EUPL-1.2
"""Where an institution lets nothing out but through its proxy: destinations and time-stamps."""
import socket
import socketserver
import threading
import urllib.parse

import pytest

from scenarios.gate import Gate, a_folder
from scenarios.test_faults import until
from scenarios.test_inside import deliveries, settled


def pump(source, target):
    """Octets from one end to the other until either closes."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Handler(socketserver.StreamRequestHandler):
    """CONNECT, and plain requests with a whole URL (RFC 9110, 7.1 and 9.3.6)."""

    def handle(self):
        method, target, _ = self.rfile.readline(8192).decode("ascii").split()
        head = b""
        while (line := self.rfile.readline(8192)) not in (b"\r\n", b""):
            head += line
        self.server.seen.append((method, target))
        if self.server.refusing and method == "CONNECT":
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        if method == "CONNECT":
            self.server.open.append(self.connection)
        url = urllib.parse.urlsplit(target if "//" in target else f"//{target}")
        with socket.create_connection((url.hostname, url.port), 10) as there:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                there.sendall(f"{method} {url.path} HTTP/1.1\r\n".encode() + head + b"\r\n")
            back = threading.Thread(target=pump, args=(there, self.connection), daemon=True)
            back.start()
            pump(Buffered(self.rfile, self.connection), there)
            back.join(30)


class Buffered:
    """What was read ahead of the socket first."""

    def __init__(self, rfile, connection):
        self.rfile, self.connection = rfile, connection

    def recv(self, size):
        return self.rfile.read1(size)


class Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.open, self.refusing = [], [], False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def refuse(self):
        """No tunnel from now on, nor what is open of them; plain requests go through."""
        self.refusing = True
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Behind(Gate):
    """A gate that is told of a proxy."""

    proxy = None

    def _configure(self):
        super()._configure()
        conf = self.dir / "sealgate.conf"
        address = "http://%s:%d" % self.proxy.server_address
        for group in ("seal", "forward"):
            conf.write_text(conf.read_text().replace(f"{group} = {{",
                                                     f'{group} = {{ proxy = "{address}";'))


@pytest.fixture(scope="module")
def gate():
    with Proxy() as proxy, a_folder() as folder, Behind(folder) as made:
        made.proxy = proxy
        yield made.make().up()
        proxy.shutdown()


def hosts(proxy, method):
    return {urllib.parse.urlsplit(f"//{target}" if method == "CONNECT" else target).netloc
            for seen, target in proxy.seen if seen == method}


def test_everything_goes_through_the_proxy(gate):
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    there = {urllib.parse.urlsplit(sim.url).netloc for sim in (gate.traces, gate.customs)}
    assert there <= hosts(gate.proxy, "CONNECT"), gate.proxy.seen
    assert urllib.parse.urlsplit(gate.tsa.url).netloc in hosts(gate.proxy, "POST")


def lines_of(sim, identifier):
    """(event, form) of each line about a document in a destination's ledger."""
    name = "reference" if "reference" in sim.ledger()[0] else "key"
    return [(row["event"], row[name].removeprefix(identifier)) for row in sim.ledger()
            if row.get(name, "").startswith(identifier)]


def test_a_proxy_that_lets_nothing_through_is_waited_for(gate):
    """A document that is sealed (authorities are asked without a tunnel) is not sent, which is
    known and so deferred; nothing goes around the proxy, and nothing is lost or sent twice."""
    sims = {"traces": gate.traces, "customs-nl": gate.customs}
    status, first = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000002"))
    assert status == 0, first
    gate.wait_delivered([first["id"]])
    assert {d["state"] for d in settled(gate, first["id"]).values()} == {"delivered"}
    gate.proxy.refuse()
    before = len(gate.proxy.seen)
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000003"))
    assert status == 0, answer
    there, states = {urllib.parse.urlsplit(sim.url).netloc for sim in sims.values()}, set()

    def are_refused():
        states.update(d["state"] for d in deliveries(gate, answer["id"]).values())
        return there <= {target for _, target in gate.proxy.seen[before:]} and "deferred" in states

    until(are_refused)
    until(lambda: {d["state"] for d in deliveries(gate, answer["id"]).values()} == {"deferred"})
    assert states <= {"waiting", "queued", "sending", "deferred"}
    assert not any(lines_of(sim, answer["id"]) for sim in sims.values())
    gate.proxy.refusing = False
    gate.wait_delivered([answer["id"]])
    assert {d["state"] for d in settled(gate, answer["id"]).values()} == {"delivered"}
    for name, sim in sims.items():
        assert lines_of(sim, answer["id"]) == lines_of(sim, first["id"]), name
        assert not sim.delivered_twice()
    assert gate.run("ledger", "--check").returncode == 0

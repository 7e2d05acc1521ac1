# SPDX-License-Identifier: EUPL-1.2
"""An institution's proxy on a port of its own: tunnels by CONNECT, and plain requests with a whole
URL (RFC 9110, 7.1 and 9.3.6)."""
import contextlib
import socket
import socketserver
import threading
import urllib.parse

IDLE_S = 60.0  # a tunnel in which nobody has said anything for so long is given up


def pump(source, target):
    """Octets from one end to the other until either closes."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Buffered:
    """What was read ahead of the socket first."""

    def __init__(self, rfile, connection):
        self.rfile, self.connection = rfile, connection

    def recv(self, size):
        return self.rfile.read1(size)


class Handler(socketserver.StreamRequestHandler):
    timeout = IDLE_S

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
        address = self.server.known.get(url.hostname, url.hostname)
        with socket.create_connection((address, url.port), IDLE_S) as there:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                there.sendall(f"{method} {url.path} HTTP/1.1\r\n".encode() + head + b"\r\n")
            back = threading.Thread(target=pump, args=(there, self.connection), daemon=True)
            back.start()
            pump(Buffered(self.rfile, self.connection), there)
            back.join(IDLE_S)


class Proxy(socketserver.ThreadingTCPServer):
    """known: addresses, by what those behind it call them; others are what they are called."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, known=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.known, self.seen, self.open, self.refusing = dict(known), [], [], False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def refuse(self):
        """No tunnel from now on, nor what is open of them; plain requests go through."""
        self.refusing = True
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def asked(self, method):
        """HOST:PORT of everybody who was asked for so."""
        return {urllib.parse.urlsplit(f"//{target}" if method == "CONNECT" else target).netloc
                for seen, target in self.seen if seen == method}

# SPDX-License-Identifier: EUPL-1.2
"""A syslog server over mutual TLS (RFC 5424, 5425) on a port of its own."""
import contextlib
import re
import socket
import ssl
import threading

from sim.listener import tls_context
from sim.process import hold_port


class Server:
    """Takes messages from one client after the other; keeps each by its length."""

    def __init__(self, pki, port=0):
        self.context = tls_context(pki.path("servers/sim-customs", ".chain.pem"),
                                   pki.path("servers/sim-customs", ".key"),
                                   pki.path("transport-ca/root"))
        self.held = hold_port(port)  # nobody else's once this one is away, until the next one is
        self.port = self.held.getsockname()[1]
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.messages, self.client = [], None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError, ssl.SSLError), \
                    self.context.wrap_socket(raw, server_side=True) as self.client:
                octets = b""
                while chunk := self.client.recv(65536):
                    octets = self.take(octets + chunk)

    def take(self, octets):
        while (found := re.match(rb"(\d+) ", octets)) and \
                len(octets) >= found.end() + int(found.group(1)):
            end = found.end() + int(found.group(1))
            self.messages.append(octets[found.end():end].decode())
            octets = octets[end:]
        return octets

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.client:
            with contextlib.suppress(OSError):
                self.client.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)

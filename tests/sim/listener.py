# SPDX-License-Identifier: EUPL-1.2
"""A bounded TCP or TLS listener on loopback that can really go away and come back.

While suspended the port refuses connections (nothing listens), yet stays reserved: a
second socket bound to it, which never listens, keeps other programs off.
"""
import contextlib
import logging
import socket
import ssl
import threading

HANDSHAKE_TIMEOUT = 10.0
LOG = logging.getLogger("sim")


def tls_context(cert, key, client_ca=None):
    """Server context from PEM files; with client_ca a client certificate is required."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


class Listener:
    """Accepts connections and gives each to handler(socket, address, listener)."""

    def __init__(self, handler, port=0, context=None, limit=64, cut=lambda: False):
        """`cut` is asked once a connection; True closes it before a byte is read."""
        self._handler, self._context, self._cut = handler, context, cut
        self._slots = threading.BoundedSemaphore(limit)
        self._state = threading.Condition()
        self._open, self._socket, self._stopped = set(), None, False
        self._guard = self._bound(port)
        self.port = self._guard.getsockname()[1]
        self.resume()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _bound(port):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        return sock

    def resume(self):
        """Listen (again). Nothing happens when it already does."""
        with self._state:
            if self._socket is None and not self._stopped:
                self._socket = self._bound(self.port)
                self._socket.listen(128)
                self._state.notify_all()

    def suspend(self):
        """Refuse new connections and cut those that are open."""
        with self._state:
            sock, self._socket = self._socket, None
            connections = list(self._open)
        if sock:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self):
        """End for good."""
        with self._state:
            self._stopped = True
            self._state.notify_all()
        self.suspend()
        self._thread.join(2)
        self._guard.close()

    def _listening(self):
        with self._state:
            while self._socket is None and not self._stopped:
                self._state.wait()
            return None if self._stopped else self._socket

    def _run(self):
        while True:
            sock = self._listening()
            if sock is None:
                return
            try:
                connection, address = sock.accept()
            except OSError:
                continue
            if self._cut() or not self._slots.acquire(blocking=False):
                reset(connection)
                continue
            threading.Thread(target=self._serve, args=(connection, address),
                             daemon=True).start()

    def _serve(self, connection, address):
        try:
            connection.settimeout(HANDSHAKE_TIMEOUT)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with self._state:
                suspended = self._socket is None
                self._open.add(connection)
            if not suspended:
                self._handler(connection, address, self)
        except OSError as error:
            LOG.info("connection from port %d ended: %s", address[1], error)
        finally:
            with self._state:
                self._open.discard(connection)
            connection.close()
            self._slots.release()


def reset(connection):
    """Close with a reset instead of an orderly end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()

# SPDX-License-Identifier: EUPL-1.2
"""A server of names: it knows one, which has an address of IPv4, and keeps what it was asked."""
import socket
import struct
import threading

PORT = 53
A = 1
ANSWER, NO_SUCH_NAME = 0x8580, 0x8583  # by who is responsible for the name (RFC 1035 4.1.1)
ITSELF = 0xC00C  # the name that was asked for
IN, TTL_S = 1, 5


class Names:
    """Serves at an address of this host, until it is closed."""

    def __init__(self, at, name, address):
        self.name, self.address = name, socket.inet_aton(address)
        self.asked = []  # names, in lower case
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind((at, PORT))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            query, sender = self.socket.recvfrom(512)
            if len(query) < 12:  # nobody asks so: it is to end
                return
            self.socket.sendto(self._answer(query), sender)

    def _answer(self, query):
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1:at + 1 + length].decode("ascii").lower())
            at += 1 + length
        question, (kind,) = query[12:at + 5], struct.unpack_from(">H", query, at + 1)
        self.asked.append(".".join(labels))
        known = self.asked[-1] == self.name
        found = known and kind == A
        head = query[:2] + struct.pack(">5H", ANSWER if known else NO_SUCH_NAME, 1, found, 0, 0)
        record = struct.pack(">3HIH", ITSELF, A, IN, TTL_S, len(self.address)) + self.address
        return head + question + (record if found else b"")

    def close(self):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join(10)
        self.socket.close()

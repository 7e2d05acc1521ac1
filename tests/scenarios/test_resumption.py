# SPDX-License-Identifier: EUPL-1.2
"""Each connection to a listener is a whole handshake: no session is taken up again, not even there
where it was made, so that none crosses from one trust domain to another."""
import itertools
import socket
import ssl

import pytest

HOLDERS = {"partners": "partners/nz-mpi", "customs": "partners/nz-mpi",
           "operators": "operators/viewer"}
VERSIONS = {"partners": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
            "customs": (ssl.TLSVersion.TLSv1_3,), "operators": (ssl.TLSVersion.TLSv1_3,)}
ASKED = b"GET /v1/status HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"
MADE = [(listener, version, tickets) for listener, versions in VERSIONS.items()
        for version in versions for tickets in (True, False)
        if tickets or version == ssl.TLSVersion.TLSv1_2]
CASES = [(*made, other) for made, other in itertools.product(MADE, HOLDERS)
         if made[1] in VERSIONS[other]]


def context(gate, holder, version, tickets=True):
    ca, chain, key = (str(gate.transport(holder)[i]) for i in (1, 3, 5))
    made = ssl.create_default_context(cafile=ca)
    made.load_cert_chain(chain, key)
    made.minimum_version = made.maximum_version = version
    if not tickets:  # by the number that the server gave
        made.options |= ssl.OP_NO_TICKET
    return made


def ask(gate, listener, client, session=None):
    """Ask there, offering a session. Return: (was it taken up, the session that came of it)."""
    host, port = gate.listener(listener).removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), 10) as plain:
        with client.wrap_socket(plain, server_hostname=host, session=session) as tls:
            tls.sendall(ASKED)
            answer = tls.makefile("rb").read()  # tickets of TLS 1.3 come with the first octets
            assert answer.startswith(b"HTTP/1.1 "), answer
            return tls.session_reused, tls.session


@pytest.mark.parametrize("listener,version,tickets,other", CASES)
def test_no_session_is_taken_up(gate, listener, version, tickets, other):
    client = context(gate, HOLDERS[listener], version, tickets)
    taken_up, session = ask(gate, listener, client)
    assert not taken_up
    # A server of TLS 1.3 hands out a number in any case; here it stands for nothing.
    assert session.has_ticket == (version == ssl.TLSVersion.TLSv1_3)
    assert version == ssl.TLSVersion.TLSv1_3 or not session.id
    assert not ask(gate, other, client, session)[0], f"of {listener} at {other}"

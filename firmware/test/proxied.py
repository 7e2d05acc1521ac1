# SPDX-License-Identifier: EUPL-1.2
"""An institution that lets nothing out but through its proxy: what a configuration says for it, and
what a machine of it reaches."""
import select
import socket
import time

from appliance import HOST, TRACES
from checks import expect
from configurations import when
from machine import SLOWED_MOST

from scenarios.proxy import Proxy

BEHIND = ("seal", "forward", "trustd")
FETCHED_S = 60.0  # a CRL, which is asked for every five seconds
TRIED_S = 15  # a connection that nothing keeps away is there in one; the host may stand still
KEPT_AWAY = r"test-unlisted\.service: start operation timed out"
GIVEN_UP_S = 60.0
# By the program's user, to an address and port: what comes of it tells who listens there.
TRY = """[Service]
Type=oneshot
User=sealgate-forward
TimeoutStartSec={bound}
SetCredential=pem:{pem}
ExecStart=/usr/bin/sealgate submit --url https://{to} --ca %d/pem --cert %d/pem --key %d/pem \
/etc/os-release
"""


class Institution:
    """Around one machine, whose network has its proxy alone for what is behind it."""

    def __init__(self, gate):
        self.gate, self.looked_up = gate, len(gate.names.asked) if gate.names else 0
        self.proxy = Proxy({HOST: "127.0.0.1", TRACES: "127.0.0.1"})
        self.port = self.proxy.server_address[1]
        # Nobody answers there: that somebody came is all that counts.
        self.listed, self.unlisted = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))

    def close(self):
        self.proxy.shutdown()
        for one in (self.proxy.socket, self.listed, self.unlisted):
            one.close()

    def configure(self, folder):
        """Change a configuration to one of a machine in here."""
        address = f"http://{HOST}:{self.port}"
        conf = folder / "sealgate.conf"
        for group in ("seal", "forward"):
            text = conf.read_text()
            expect(f"{group} = {{" in text, text)
            conf.write_text(text.replace(f"{group} = {{", f'{group} = {{ proxy = "{address}";'))
        with open(folder / "policies" / "trust" / "sources.cfg", "a", encoding="ascii") as sources:
            sources.write(f'proxy = "{address}";\n')
        egress = folder / "network" / "egress.csv"
        lines = [line for line in egress.read_text().splitlines() if not line.startswith(BEHIND)]
        lines += [f"{program},{HOST},{self.port}" for program in BEHIND]
        egress.write_text("\n".join([*lines, f"forward,{HOST},{port_of(self.listed)}", ""]))

    def units(self):
        """Of a machine whose hand makes `test-try`: who delivers tries a port that is listed, and
        one that is not, without the proxy."""
        pem = "".join(self.gate.pki.path("clients/gate", ending).read_text()
                      for ending in (".key", ".chain.pem")).replace("\n", r"\n")
        tries = {f"test-{name}.service": TRY.format(bound=TRIED_S, pem=pem,
                                                    to=f"{HOST}:{port_of(listener)}")
                 for name, listener in (("listed", self.listed), ("unlisted", self.unlisted))}
        return {**when("try", "--no-block start test-listed.service test-unlisted.service"),
                **tries}

    def tries(self, machine):
        """Have it begin."""
        expect(machine.hand("f /run/test-try"), "to try", machine)

    def holds(self, machine):
        """Once it has delivered a document: all went through the proxy, and nothing else would."""
        crl = {f"{HOST}:{self.gate.crl.port}"}
        end = time.monotonic() + FETCHED_S * min(machine.slowed(), SLOWED_MOST)
        while not crl <= self.proxy.asked("GET") and time.monotonic() < end:
            time.sleep(0.2)
        called = TRACES if self.gate.names else HOST
        there = {f"{called}:{of_url(self.gate.traces.url)}",
                 f"{HOST}:{of_url(self.gate.customs.url)}"}
        authority = {f"{HOST}:{of_url(self.gate.tsa.url)}"}
        for method, wanted in (("CONNECT", there), ("POST", authority), ("GET", crl)):
            expect(self.proxy.asked(method) == wanted, f"{method}: {self.proxy.seen}", machine)
        expect(not self.gate.names or len(self.gate.names.asked) == self.looked_up,
               "names are for the proxy to look up", machine)
        expect(machine.wait(KEPT_AWAY, GIVEN_UP_S), "it is given up", machine)
        expect(came(self.listed), "what is listed is reached", machine)
        expect(not came(self.unlisted), "and nothing else", machine)


def port_of(listener):
    return listener.getsockname()[1]


def of_url(url):
    return url.rsplit(":", 1)[1].split("/")[0]


def came(listener):
    """Has anybody connected?"""
    return bool(select.select([listener], [], [], 0)[0])

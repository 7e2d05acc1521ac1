# SPDX-License-Identifier: EUPL-1.2
"""Where an institution lets nothing out but through its proxy: destinations and time-stamps."""
import urllib.parse

import pytest

from scenarios.gate import Gate, a_folder
from scenarios.proxy import Proxy
from scenarios.test_faults import until
from scenarios.test_inside import deliveries, settled


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


def test_everything_goes_through_the_proxy(gate):
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    there = {urllib.parse.urlsplit(sim.url).netloc for sim in (gate.traces, gate.customs)}
    assert there <= gate.proxy.asked("CONNECT"), gate.proxy.seen
    assert urllib.parse.urlsplit(gate.tsa.url).netloc in gate.proxy.asked("POST")


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

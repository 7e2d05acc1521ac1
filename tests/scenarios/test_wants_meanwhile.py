# SPDX-License-Identifier: EUPL-1.2
"""A destination that starts to want the seal in the document while what it got is not known: what
is there is found, whatever it wants by now, and what is not is refused by name."""
import pytest

from scenarios.gate import a_folder
from scenarios.test_inside import InsideGate, deliveries, signed
from scenarios.test_level_b import until

ASKED = "customs-key"  # tells by a GET of the key what is there
OTHER = "other-form"  # is to get containers, and takes only documents with a seal in them
LATE = "late-form"  # tells, too, wants the seal in the document from a time on, and then tells no more
ALL = ("traces", "customs-nl", ASKED)


class AskedGate(InsideGate):
    """A gate with one more destination at the customs simulator."""

    def _configure(self):
        """A lease for a look-up and a push of six seconds each: what was sent is recorded in it."""
        super()._configure()
        conf = self.dir / "sealgate.conf"
        short = f"forward = {{ lease_s = {3 * self.timeout}; }};"
        assert short in conf.read_text()
        conf.write_text(conf.read_text().replace(short, "forward = { lease_s = 40; };"))

    def write_destinations(self):
        super().write_destinations()
        routes = self.dir / "policies/routes"
        text = (routes / "destinations/customs-nl.cfg").read_text()
        (routes / f"destinations/{ASKED}.cfg").write_text(
            text.replace('"advance"', '"cleared"') + "look_up = true;\n")
        (routes / f"destinations/{OTHER}.cfg").write_text(
            text.replace(self.customs.url, self.windows["parallel"].url))
        (routes / f"destinations/{LATE}.cfg").write_text(
            text.replace(self.customs.url, self.windows["parallel"].url).replace(
                '"advance"', '"cleared"').replace("timeout_s = 3;", "timeout_s = 6;") +
            "look_up = true;\n")
        rule = routes / "10-all.cfg"
        rule.write_text(rule.read_text().replace(
            '"customs-nl"', f'"customs-nl", "{ASKED}", "{OTHER}", "{LATE}"'))

    def want_inside(self):
        for name in ALL:
            with open(self.dir / f"policies/routes/destinations/{name}.cfg", "a",
                      encoding="utf-8") as profile:
                profile.write('seal_inside = "parallel";\n')


@pytest.fixture(scope="module")
def gate():
    with a_folder() as folder, AskedGate(folder, retry_max=2, timeout=3) as made:
        yield made.make().up()


def unknown(gate, number, seal, lie, **details):
    """A document of which no destination's answer could be understood; its id."""
    for simulator in (gate.traces, gate.customs):
        simulator.mode(lie, **details)
    status, answer = gate.submit(signed(gate, number, seal))
    assert status == 0, answer
    seen = set()  # between its attempts a delivery is unknown

    def all_seen():
        seen.update(name for name, d in deliveries(gate, answer["id"]).items()
                    if d["state"] == "unknown")
        return seen >= set(ALL)

    until(all_seen)
    return answer["id"]


def settled(gate, identifier):
    """What became of the deliveries, as soon as that is known of each."""
    found = until(lambda: (d := deliveries(gate, identifier)) and all(
        d[name]["state"] in ("delivered", "refused") for name in ALL) and d)
    return {name: found[name] for name in ALL}


def times_there(gate, identifier):
    return (sum(r["reference"] == identifier for r in gate.traces.accepted()),
            sum(r["key"] == f"{identifier}-advance" for r in gate.customs.accepted()),
            sum(r["key"] == f"{identifier}-cleared" for r in gate.customs.accepted()))


def test_a_refused_repetition_is_not_sent_in_another_form(gate):
    window = gate.windows["parallel"]
    window.mode("garbage", when="before")
    status, answer = gate.submit(signed(gate, 9, "parallel"))
    assert status == 0, answer
    until(lambda: deliveries(gate, answer["id"])[OTHER]["state"] == "unknown")
    window.mode("ok")
    found = until(lambda: (d := deliveries(gate, answer["id"])) and all(
        d[name]["state"] in ("delivered", "refused") for name in (OTHER, "parallel")) and d)
    # The evidence has the form that is taken there, as its neighbour gets it.
    assert found["parallel"]["state"] == "delivered", found
    assert found[OTHER]["state"] == "refused", found
    assert "HTTP 415 to a repetition" in found[OTHER]["detail"]


def act(gate, verb, identifier, destination):
    return gate.request(f"/v1/queue/{identifier}/{verb}", "operators/operator", "POST", "operators",
                        json={"reason": "a test", "destination": destination}).status_code


def test_what_was_sent_after_a_look_up_is_repeated(gate):
    """It was not there, went there in the form that is wanted by now, and cannot be asked for."""
    window, profile = gate.windows["parallel"], gate.dir / f"policies/routes/destinations/{LATE}.cfg"
    window.mode("garbage", when="before")
    status, answer = gate.submit(signed(gate, 20, "parallel"))
    assert status == 0, answer
    identifier = answer["id"]

    def there():
        return sum(r["key"] == f"{identifier}-cleared" for r in window.accepted())

    until(lambda: deliveries(gate, identifier)[LATE]["state"] == "unknown")
    gate.down()
    profile.write_text(profile.read_text() + 'seal_inside = "parallel";\n')
    window.mode("slow", delay=12, when="after", on="submit")
    gate.up()
    until(there)
    assert act(gate, "hold", identifier, LATE) == 200
    until(lambda: deliveries(gate, identifier)[LATE]["state"] == "held")
    gate.down()
    profile.write_text(profile.read_text().replace("look_up = true", "look_up = false"))
    window.mode("ok")
    gate.up()
    assert act(gate, "release", identifier, LATE) == 200
    found = until(lambda: (d := deliveries(gate, identifier)[LATE])["state"] in
                  ("delivered", "refused") and d)
    assert found["state"] == "delivered" and there() == 1, found


def test_what_is_there_is_found(gate):
    # The signatures of the first cannot have the seal beside them, those of the second can.
    # Nor is anything found meanwhile: what is unknown stays so until it is seen.
    there = [unknown(gate, 1, "counter", "drop-after-accept", on="any"),
             unknown(gate, 2, "parallel", "drop-after-accept", on="any")]
    absent = unknown(gate, 3, "counter", "garbage", when="before")
    gate.down()
    gate.want_inside()
    for simulator in (gate.traces, gate.customs):
        simulator.mode("ok")
    gate.up()
    for identifier in there:
        states = settled(gate, identifier)
        assert all(d["state"] == "delivered" for d in states.values()), states
        assert times_there(gate, identifier) == (1, 1, 1)
    states = settled(gate, absent)
    for name in ("traces", ASKED):
        assert states[name]["state"] == "refused"
        assert "wants the seal in the document" in states[name]["detail"]
    # Who cannot be asked is sent what an earlier attempt carried, and has acknowledged it.
    assert states["customs-nl"]["state"] == "delivered"
    assert times_there(gate, absent) == (0, 1, 0)
    assert gate.run("ledger", "--check").returncode == 0

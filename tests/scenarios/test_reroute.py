# SPDX-License-Identifier: EUPL-1.2
"""What one destination cannot have goes to another: there once, here never, and everybody is told
so; and what may have arrived does not leave."""
import datetime
import json
import os
import signal
import time

import pytest

from scenarios.gate import a_gate, sealgate
from scenarios.processes import pid_of
from scenarios.test_faults import until
from scenarios.test_inside import deliveries
from scenarios.test_withdrawal import number_of, send, withdraw
from sim import process

A, B = "customs-nl", "customs-be"
NOT_YET = (None, "waiting", "queued")  # for the seal, and for the first attempt
TIMEOUT_S = 6  # of an attempt; the lease is three of them


class Both:
    """A gate whose routes know of one customs only; the profile of the other is there, too."""

    def __init__(self, gate):
        path = gate.pki.path
        self.gate = gate
        self.there = process.start(
            "customs", gate.folder / "sims" / B, tls_cert=path("servers/sim-customs", ".chain.pem"),
            tls_key=path("servers/sim-customs", ".key"), store=gate.folder / "sims" / B,
            client_ca=path("transport-ca/root"))
        folder = gate.dir / "policies/routes/destinations"
        text = (folder / f"{A}.cfg").read_text()
        (folder / f"{B}.cfg").write_text(text.replace(gate.customs.url, self.there.url))

    def act(self, verb, *arguments, role="operator"):
        done = sealgate("queue", verb, "--url", self.gate.listener("operators"),
                        *self.gate.transport(f"operators/{role}"), "--reason", "ticket 17",
                        *arguments)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        if "ids" not in answers[-1]:
            return done.returncode, answers[-1]
        return done.returncode, {"ids": [i for answer in answers for i in answer["ids"]]}

    def reroute(self, *arguments, **options):
        return self.act("reroute", "--to", B, *arguments, **options)

    def reroute_before(self, moment):
        """As the command does with --older-than: what was received before."""
        answer, identifiers = {"state": 0, "after": 0, "more": True}, []
        while answer["more"]:
            response = self.gate.request(
                "/v1/acts/reroute", "operators/operator", "POST", "operators", json={
                    "reason": "ticket 17", "destination": A, "to": B, "before": moment,
                    "state": answer["state"], "after": answer["after"]})
            answer = response.json()
            identifiers += answer["ids"]
        return identifiers

    def stays(self, identifier):
        """It may not leave; as what it is said to be."""
        status, problem = self.reroute("--id", identifier, "--destination", A)
        assert status == 1 and problem["code"] == "queue.state", problem
        return problem["received"]

    def caught(self, numbers, act):
        """What `act` says of a document while it is under way, which takes an attempt's seconds: on a
        busy machine it may be over, and the next one is tried. None when it was too late."""
        for number in numbers:
            identifier = send(self.gate, number)
            until(lambda i=identifier: self.state(i, A) not in NOT_YET)
            if self.state(identifier, A) == "sending" and (said := act(identifier)) is not None:
                return identifier, said
        raise AssertionError("none was met while it was under way")

    def rows(self, identifier):
        """How often each of both has it."""
        return tuple(len([r for r in sim.accepted() if r["key"].startswith(identifier)])
                     for sim in (self.gate.customs, self.there))

    def state(self, identifier, destination):
        return deliveries(self.gate, identifier).get(destination, {}).get("state")

    def wait(self, identifier, destination, state, bound=30.0):
        until(lambda: self.state(identifier, destination) == state, bound)

    def waiting(self, *numbers, **options):
        """Documents that the dead destination does not take, at all others."""
        identifiers = [send(self.gate, n, **options) for n in numbers]
        for identifier in identifiers:
            self.wait(identifier, A, "deferred")
            self.wait(identifier, "traces", "delivered")
        return identifiers

    def serves(self, number):
        """It is back: whatever it is to have it gets, at last this one."""
        identifier = send(self.gate, number)
        self.wait(identifier, A, "delivered")
        until(lambda: not self.conserved()[A]["in_queue"])

    def conserved(self):
        done = self.gate.run("ledger", "--check")
        assert done.returncode == 0, done.stdout + done.stderr
        rows = {}
        for row in json.loads(done.stdout)["destinations"]:
            of = rows.setdefault(row["destination"], {})
            for key in ("accepted", "delivered", "in_queue", "held", "refused", "expired"):
                of[key] = of.get(key, 0) + row[key]
        return rows


@pytest.fixture(scope="module")
def both():
    with a_gate(retry_max=1, timeout=TIMEOUT_S) as gate:
        made = Both(gate)
        with made.there:
            gate.up()
            yield made


@pytest.fixture(autouse=True)
def nothing_under_way(both):
    """What a test that failed has left behind would be taken for the next one's."""
    yield
    both.gate.customs.mode("ok")
    both.gate.traces.mode("ok")
    until(lambda: not any(row["in_queue"] for row in both.conserved().values()))


def told(gate, identifier):
    """What the partner was told of it about both, in order."""
    outcomes = gate.request("/v1/outcomes?after=0").json()["outcomes"]
    return [(o["destination"], o["event"], o["detail"]) for o in outcomes
            if o["id"] == identifier and o["destination"] in (A, B)]


def of_brazil(gate, number):
    path = gate.document("phyto", number, **{">NZ<": ">BR<"})
    path = gate.sign(gate.sign(path, "authority-br/officer"), "authority-br/seal",
                     place=("--counter",), tsa=False)
    status, answer = gate.submit(path, "partners/br-mapa")
    assert status == 0, answer
    return answer["id"]


@pytest.fixture
def dead(both):
    """One of both is away."""
    both.gate.customs.kill()
    yield both
    if both.gate.customs.process.poll() is not None:
        both.gate.customs.restart()


def test_another_way_for_one_document(dead):
    gate = dead.gate
    before = dead.conserved()
    identifier, other = dead.waiting(number_of(1), number_of(2))
    for role in ("viewer", "auditor", "policy-officer"):
        assert dead.reroute("--id", identifier, role=role)[0] == 1
    assert dead.act("reroute", "--to", "nowhere", "--id", identifier)[0] == 1
    status, answer = dead.reroute("--id", identifier, "--destination", A)
    assert (status, answer["ids"]) == (0, [identifier])
    dead.wait(identifier, B, "delivered")
    assert dead.state(other, B) is None
    # There is no second other way, and no way back but the one that is asked for by name.
    for act in (("reroute", "--to", B, "--id", identifier), ("redrive", identifier),
                ("hold", identifier, A)):
        status, problem = dead.act(*act)
        assert status == 1 and problem["code"] == "queue.state", (act, problem)
    gate.customs.restart()
    status, answer = dead.act("redrive", "--all", "--destination", A)
    assert status == 0 and identifier not in answer["ids"]
    dead.wait(other, A, "delivered")
    dead.serves(number_of(3))
    assert (dead.rows(identifier), dead.rows(other)) == ((0, 1), (1, 0))
    assert dead.state(identifier, A) == "expired"
    assert told(gate, identifier) == [
        (A, "delivery.expired", f"sent to {B} instead"),
        (B, "delivery.delivered", told(gate, identifier)[1][2])]
    text = gate.run("explain", identifier).stdout
    assert f"operator.reroute  by operator (TEST)  destinations={A}  to={B}  reason=ticket 17" in text
    assert f"-> {A}  expired, " in text and f": sent to {B} instead" in text
    after = dead.conserved()
    row = {key: after[B][key] for key in ("accepted", "delivered", "in_queue", "expired")}
    assert row == {"accepted": 1, "delivered": 1, "in_queue": 0, "expired": 0}
    assert after[A]["expired"] - before.get(A, {"expired": 0})["expired"] == 1
    assert gate.run("audit", "verify").returncode == 0
    # Whoever has it is told when it is withdrawn, by the name that it has there.
    withdrawal = withdraw(gate, number_of(1))
    dead.wait(withdrawal, B, "delivered")
    was, now = dead.there.accepted()
    assert now["key"].startswith(withdrawal) and now["original"] == was["acknowledgement"]


def test_by_partner_destination_and_age(dead):
    gate = dead.gate
    old, = dead.waiting(number_of(11))
    received = gate.request(f"/v1/documents/{old}").json()["received"]
    until(lambda: time.time() > datetime.datetime.fromisoformat(received).timestamp() + 2)
    new, = dead.waiting(number_of(12))
    foreign = of_brazil(gate, "PHYTO.BR.2026.0000001")
    until(lambda: "customs-nl  deferred" in gate.run("explain", foreign).stdout)
    assert dead.reroute("--destination", A, "--older-than", "3600")[1]["ids"] == []
    assert dead.reroute("--destination", "traces", "--partner", "nz-mpi")[1]["ids"] == []
    assert dead.reroute("--destination", A, "--partner", "br-mapa")[1]["ids"] == [foreign]
    before = int(datetime.datetime.fromisoformat(received).timestamp()) + 1
    assert dead.reroute_before(before) == [old]
    dead.wait(old, B, "delivered")
    until(lambda: dead.rows(foreign) == (0, 1))
    gate.customs.restart()
    dead.wait(new, A, "delivered")
    dead.serves(number_of(13))
    assert [dead.rows(i) for i in (old, foreign, new)] == [(0, 1), (0, 1), (1, 0)]
    dead.conserved()


def test_what_may_have_arrived_does_not_leave(both):
    """Neither while it is under way nor when its answer was lost, also out of an operator's hold."""
    gate = both.gate

    def slowly():
        for n in (21, 23, 24, 25):
            gate.customs.mode("slow", delay=4, when="after", count=1)
            yield number_of(n)

    def stays(identifier):
        said = both.stays(identifier)
        return None if said == f"sealed; {A}: delivered" else said
    arriving, said = both.caught(slowly(), stays)
    assert said == f"sealed; {A}: sending"
    both.wait(arriving, A, "delivered")
    assert both.stays(arriving) == f"sealed; {A}: delivered"
    gate.customs.mode("drop-after-accept", count=1, then={"mode": "busy"})
    lost = send(gate, number_of(22))
    until(lambda: both.rows(lost) == (1, 0))
    both.wait(lost, A, "unknown")
    assert both.act("hold", lost, A)[0] == 0
    until(lambda: deliveries(gate, lost)[A]["state"] == "held")
    assert both.stays(lost) == f"sealed; {A}: held"
    gate.customs.mode("ok")
    assert both.act("release", lost, A)[0] == 0
    both.wait(lost, A, "delivered")
    assert both.rows(arriving) == both.rows(lost) == (1, 0)
    both.conserved()


def test_held_while_it_is_under_way_and_then_another_way(both):
    """A claim is in flight to one that hangs; its outcome is known before it leaves. No connection
    is left of before: to that one the whole document would go, and its outcome would be unknown."""
    gate = both.gate
    gate.customs.kill()
    gate.customs.restart()
    os.kill(gate.customs.pid, signal.SIGSTOP)
    left = []

    def held(identifier):
        assert both.act("hold", identifier, A)[0] == 0
        status, said = both.reroute("--id", identifier, "--destination", A)
        if status == 0:  # the attempt was over before, and nothing had been sent
            both.wait(identifier, B, "delivered")
            left.append(identifier)
            return None
        assert said["code"] == "queue.state", said
        return said["received"]
    try:
        identifier, said = both.caught(map(number_of, (31, 33, 34, 35)), held)
        assert said == f"sealed; {A}: sending"
        both.wait(identifier, A, "held")
        assert both.reroute("--id", identifier, "--destination", A)[0] == 0
        both.wait(identifier, B, "delivered")
    finally:
        os.kill(gate.customs.pid, signal.SIGCONT)
    assert both.act("release", identifier, A)[0] == 1
    both.serves(number_of(32))
    assert {both.rows(i) for i in (*left, identifier)} == {(0, 1)}
    both.conserved()


def test_a_courier_that_freezes_keeps_its_claim(both):
    """It wakes long after its lease: what it had under way is at one of both, and there once."""
    gate = both.gate
    gate.customs.mode("slow", delay=4, when="before", count=1)
    identifier = send(gate, number_of(41))
    # "sending" is said before the request is made: frozen then, it would never arrive.
    until(lambda: gate.customs.call("/_sim/mode")["mode"] == "ok")
    courier = pid_of(gate, "sealgate-forward")
    os.kill(courier, signal.SIGSTOP)
    try:
        until(lambda: both.rows(identifier) == (1, 0))
        due = datetime.datetime.fromisoformat(deliveries(gate, identifier)[A]["due"]).timestamp()
        until(lambda: time.time() > due + 1)
        assert both.stays(identifier).startswith(f"sealed; {A}: ")
    finally:
        os.kill(courier, signal.SIGCONT)
    both.wait(identifier, A, "delivered")
    both.stays(identifier)
    assert both.rows(identifier) == (1, 0)
    both.conserved()


def test_refused_is_not_always_absent(both):
    """Where an earlier attempt may have arrived it stays; where a look-up said no it may leave."""
    gate = both.gate
    gate.customs.mode("drop-after-accept", count=1, then={"mode": "fault-perm"})
    lost = send(gate, number_of(51))
    until(lambda: both.rows(lost) == (1, 0))
    both.wait(lost, A, "refused")
    assert both.stays(lost) == f"sealed; {A}: refused"
    gate.customs.mode("ok")
    assert both.act("redrive", lost, A)[0] == 0
    both.wait(lost, A, "delivered")
    assert both.rows(lost) == (1, 0)
    gate.traces.mode("garbage", when="before")
    absent = send(gate, number_of(52))
    both.wait(absent, "traces", "unknown")
    gate.traces.mode("fault-perm", on="submit")
    both.wait(absent, "traces", "refused")
    gate.traces.mode("ok")
    assert both.reroute("--id", absent, "--destination", "traces") == (0, {"ids": [absent]})
    both.wait(absent, B, "delivered")
    assert both.rows(absent) == (1, 1)
    both.conserved()

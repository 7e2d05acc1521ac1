# SPDX-License-Identifier: EUPL-1.2
"""The clock jumps a day ahead and back: nothing expires early, nothing is dated backwards, with both
engines. The clock of a database server decides nothing.
"""
import contextlib
import json
import os
import struct
import time

import pytest

from faults.rig import FAULTS, use_engine
from scenarios.gate import a_folder, a_gate
from scenarios.test_faults import until
from scenarios.test_remote import remote
from scenarios.test_withdrawal import number_of, rows, wait_state
from sim import postgresql

DAY = 86400


def shifted(clock):
    """Environment of programs whose clock is off by what the file says, nothing at first."""
    clock.write_bytes(struct.pack("q", 0))
    return {"LD_PRELOAD": str(FAULTS / "shifted_clock.so"), "SHIFTED_CLOCK": str(clock)}


@contextlib.contextmanager
def expiring_gate(server):
    """A gate, not up yet, whose documents for TRACES expire after an hour."""
    with a_gate() as made:
        use_engine(made, server)
        path = made.dir / "policies" / "routes" / "destinations" / "traces.cfg"
        path.write_text(path.read_text() + "expire_s = 3600;\n")
        yield made


@pytest.fixture(scope="module")
def gate(server):
    with expiring_gate(server) as made:
        clock = made.folder / "clock"
        environment = shifted(clock)
        os.environ.update(environment)
        try:
            made.up()
        finally:
            for name in environment:
                del os.environ[name]
        made.jump = lambda seconds: jump(clock, seconds)
        yield made


def jump(clock, seconds):
    """In place: the programs have the file mapped."""
    with open(clock, "r+b") as file:
        file.write(struct.pack("q", seconds))


def post(gate, number):
    path = gate.certificate("phyto", number)
    return gate.request("/v1/documents", method="POST", data=path.read_bytes(),
                        headers={"Content-Type": "application/xml"})


def explained(gate, identifier):
    return json.loads(gate.run("explain", "--format", "json", identifier).stdout)["documents"][0]


def traces_of(gate, identifier):
    return next(d for d in explained(gate, identifier)["deliveries"]
                if d["destination"] == "traces")


def records(gate):
    return [json.loads(line) for line in gate.run("audit", "export").stdout.splitlines()]


def in_order(gate):
    """Whether no record is dated before the one it follows. That a document was accepted is dated
    by intake, whose receipt is about it, before it is in the chain."""
    times = [r["record"]["at"] for r in records(gate)
             if r["record"]["event"] != "document.accepted"]
    return times and times == sorted(times)


def test_behind_nothing_is_recorded_or_sealed(gate):
    first = post(gate, number_of(1)).json()["id"]
    gate.wait_delivered([first])
    wait_state(gate, first, "traces", "delivered")
    gate.jump(-DAY)
    until(lambda: "queued.clock" in gate.log.read_text())
    before, stamped = len(records(gate)), len(gate.tsa.ledger())
    answer = post(gate, number_of(2))
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert (len(records(gate)), len(gate.tsa.ledger()) - stamped) == (before, 1)
    gate.jump(0)
    until(lambda: post(gate, number_of(2)).status_code in (200, 202))
    assert in_order(gate)


def test_ahead_nothing_expires_and_the_way_back(gate):
    gate.traces.mode("down")
    identifier = post(gate, number_of(3)).json()["id"]
    wait_state(gate, identifier, "customs-nl", "delivered")
    gate.jump(DAY)
    tried = traces_of(gate, identifier)["attempts"]
    until(lambda: traces_of(gate, identifier)["attempts"] >= tried + 3, 60)
    assert traces_of(gate, identifier)["state"] in ("deferred", "sending")
    gate.jump(0)
    gate.traces.mode("ok")
    until(lambda: "the clock says" in gate.log.read_text().rsplit("passed the last", 1)[-1])
    last = records(gate)[-1]["record"]["at"]
    health = gate.request("/health", "operators/viewer", listener="operators").json()
    assert not health["checks"]["queue"]["ok"]
    assert f"sealgate queue accept-clock {last}" in health["checks"]["queue"]["fix"]
    assert f"BEHIND THE LAST RECORD, of {last}" in gate.run("queue").stdout
    accept(gate, last)
    until(lambda: post(gate, number_of(4)).status_code in (200, 202), 60)
    # What was put off by the clock that was ahead goes on by itself: nobody has it redriven.
    wait_state(gate, identifier, "traces", "delivered")
    assert len(rows(gate, identifier)["traces"]) == 1
    assert gate.run("audit", "verify").returncode == 0


def accept(gate, last):
    """From afar, by two people; of another record nothing comes."""
    wrong = gate.run("queue", "accept-clock", "2020-01-01T00:00:00Z")
    assert wrong.returncode == 1 and last in wrong.stderr, wrong.stdout + wrong.stderr
    for time_of in ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000000000Z", last):
        done = remote(gate, "operator", "queue", "accept-clock", time_of)
        assert done.returncode == 4 and "another person" in done.stderr, done.stderr
        done = remote(gate, "key-custodian", "queue", "accept-clock", time_of)
        assert (done.returncode == 0) == (time_of == last), done.stdout + done.stderr
        assert ("accepted" if time_of == last else f"is of {last}") in done.stdout + done.stderr
    told = [(r["record"]["event"], r["record"].get("detail", {}).get("command"))
            for r in records(gate)]
    at = told.index(("operator.command", f"queue accept-clock {last}"))
    assert told[at - 1][0] == "queued.clock-accepted"
    # The clock is not behind any more: there is nothing to accept, and nothing is recorded.
    assert gate.run("queue", "accept-clock", last).returncode == 0
    assert gate.run("queue", "accept-clock", "2020-01-01T00:00:00Z").returncode == 1
    remote(gate, "operator", "queue", "accept-clock", "2020-01-01T00:00:00Z")
    done = remote(gate, "key-custodian", "queue", "accept-clock", "2020-01-01T00:00:00Z")
    assert done.returncode == 1 and "nothing to accept" in done.stderr, done.stdout + done.stderr
    assert not any("2020" in (r["record"].get("detail", {}).get("command") or "")
                   for r in records(gate))


@pytest.mark.skipif(postgresql.programs() is None,
                    reason="no PostgreSQL server of Debian's package here (make deps-test)")
def test_a_servers_own_clock_decides_nothing():
    """It is a day ahead, a day behind, and jumps while a document waits for its destination."""
    with a_folder() as folder, \
            postgresql.Server(environment=shifted(folder / "clock")) as server, \
            expiring_gate(server.make().start()) as gate:
        gate.up()
        gate.traces.mode("down")
        identifiers = []
        for number, seconds in enumerate((DAY, -DAY), 1):
            jump(folder / "clock", seconds)
            off = int(server.sql("SELECT extract(epoch FROM now())::bigint")) - time.time()
            assert abs(off - seconds) < 60, "the server's clock is not what it should be"
            identifiers.append(post(gate, number_of(number)).json()["id"])
            tried = traces_of(gate, identifiers[0])["attempts"]
            until(lambda tried=tried: traces_of(gate, identifiers[0])["attempts"] >= tried + 2)
        gate.traces.mode("ok")
        gate.wait_delivered(identifiers)
        for identifier in identifiers:
            assert len(rows(gate, identifier)["traces"]) == 1
        assert in_order(gate) and "queued.clock" not in gate.log.read_text()
        assert gate.run("audit", "verify").returncode == 0

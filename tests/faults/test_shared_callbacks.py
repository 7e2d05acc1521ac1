# SPDX-License-Identifier: EUPL-1.2
"""Two gates at one database call one partner back: one of them at a time, in order, and when it
dies or is frozen the other one goes on. The partner's own list is the judge.
"""
import pathlib
import signal
import time

import pytest

from faults.test_shared_database import Sharing, send_all, tree
from scenarios.gate import a_folder
from scenarios.test_callback import Partner
from scenarios.processes import open_files, pid_of
from scenarios.test_faults import until
from scenarios.test_withdrawal import number_of, send
from sim import postgresql

pytestmark = pytest.mark.skipif(
    postgresql.programs() is None,
    reason="no PostgreSQL server of Debian's package here (make deps-test)")


TIMEOUT_S = 10  # a turn is three times as long, a call may take half of it
LOOKS_S = 3.5  # each gate looks every second
TURN_S = 90.0  # until another one has the turn of a gate that is still


class Calling(Sharing):
    """A gate whose turns are long enough to look at."""

    def __init__(self, folder, connection, first=None):
        super().__init__(folder, connection, first)
        self.timeout = TIMEOUT_S


@pytest.fixture(scope="module")
def gates():
    with postgresql.Server() as server, a_folder() as folder:
        server.make().start()
        connection = f"host={server.folder} user=sealgate dbname=postgres"
        with Calling(folder, connection) as first:
            first.make()
            partner = first.partner = Partner(first.pki)
            partner.called_by(first)
            first.up()
            with a_folder() as other, Calling(other, connection, first) as second:
                second.make().partner = partner
                partner.called_by(second)
                yield first, second.up()
                partner.answers.set()
            partner.server.shutdown()


def cursors(gate):
    """All that the partner's feed has, as numbers."""
    return [int(o["cursor"]) for o in gate.request("/v1/outcomes?after=0&limit=500")
            .json()["outcomes"]]


def told(gate):
    return [int(cursor) for cursor in gate.partner.taken()]


def all_told(gate, count):
    """Each document is sealed and delivered twice, and the partner knows."""
    until(lambda: len(cursors(gate)) >= 3 * count, TURN_S)
    until(lambda: set(told(gate)) >= set(cursors(gate)), TURN_S)


def inode(port):
    """Of the local TCP socket at a port, as /proc names it."""
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port:
            return fields[9]
    return None


def caller(gates, port):
    """Index of the gate that has a connection from a local port."""
    wanted = f"socket:[{inode(port)}]"
    for index, gate in enumerate(gates):
        if wanted in open_files(pid_of(gate, "sealgate-forward")):
            return index
    raise AssertionError(f"nobody calls from port {port}")


def held_call(gate, number):
    """The partner does not answer; the index of its call."""
    partner = gate.partner
    partner.answers.clear()
    before = len(partner.ports)
    send(gate, number_of(number))
    until(lambda: len(partner.ports) > before)
    return before


def test_one_at_a_time(gates):
    first, second = gates
    call = held_call(first, 1)
    begin = time.monotonic()
    until(lambda: time.monotonic() - begin > LOOKS_S)
    assert len(first.partner.ports) == call + 1  # both gates have looked meanwhile
    first.partner.answers.set()
    for n in range(2, 7):
        send((first, second)[n % 2], number_of(n))
    all_told(first, 6)
    assert told(first) == list(range(1, 19))


def test_a_frozen_gate_loses_its_turn(gates):
    first, second = gates
    partner = first.partner
    index = caller(gates, partner.ports[held_call(first, 11)])
    frozen, other = tree(gates[index].process.pid), gates[1 - index]
    send_all(frozen, signal.SIGSTOP)
    try:
        partner.answers.set()
        send(other, number_of(12))
        until(lambda: len(told(other)) > 18, TURN_S)
        all_told(other, 8)
    finally:
        send_all(frozen, signal.SIGCONT)
    # Its database may have ended the session that was still for so long: then the turn's end
    # is not recorded, and the lease says the same.
    until(lambda: "another gate calls" in (log := gates[index].log.read_text()) or
          "was not recorded" in log, TURN_S)
    send(first, number_of(13))
    all_told(first, 9)
    taken = told(first)
    assert sorted(set(taken)) == list(range(1, 28))
    # what the frozen one had sent came once more, under the lease of the other; no more
    twice = [cursor for cursor in set(taken) if taken.count(cursor) == 2]
    assert len(taken) == 27 + len(twice) and twice == list(range(19, 19 + len(twice)))
    keys = [key for _, _, key, body in partner.calls]
    assert len(keys) - len(set(keys)) <= 1


def test_a_dead_gate_is_followed(gates):
    first, second = gates
    send_all(tree(second.process.pid), signal.SIGKILL)
    second.process.wait(30)
    send(first, number_of(21))
    all_told(first, 10)
    new = [cursor for cursor in told(first) if cursor > 27]
    assert new == [28, 29, 30]

# SPDX-License-Identifier: EUPL-1.2
"""What sealgate-operate does for whoever has taken sealgate-admin over: nothing that policy
does not let those have whom it names, and nothing that is not in the audit chain."""
import json
import os
import signal
import socket

import pytest

from scenarios.processes import pid_of
from scenarios.test_faults import until
from scenarios.test_remote import recorded, remote
from scenarios.verify_client import HEADER, MAGIC, VERSION, sealed

ASK, ANSWER = 1, 2
CUSTODIAN, OPERATOR = "key-custodian (TEST)", "operator (TEST)"


def ask(gate, *arguments, **names):
    """The answer to admin, on its own socket."""
    fd = sealed(json.dumps({"arguments": arguments, **names}).encode())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(30)
            mine = os.geteuid()
            if mine == 0:  # every program has a uid of its own there
                os.seteuid(gate.uid("admin"))
            try:
                s.connect(str(gate.dir / "run" / "operate.sock"))
            finally:
                os.seteuid(mine)
            socket.send_fds(s, [HEADER.pack(MAGIC, VERSION, ASK, 7, 0, 1)], [fd])
            message, fds, _, _ = socket.recv_fds(s, 4096, 4)
    finally:
        os.close(fd)
    assert HEADER.unpack_from(message)[2] == ANSWER
    with os.fdopen(fds[0], "rb") as file:
        file.seek(0)
        return json.load(file)


@pytest.mark.parametrize("names,undone", [
    ({}, "operator.role"), ({"by": "somebody"}, "operator.role"),
    ({"by": "viewer (TEST)"}, "operator.role"), ({"by": CUSTODIAN}, "operator.undone"),
    ({"by": CUSTODIAN, "after": CUSTODIAN}, "operator.undone"),
    ({"by": CUSTODIAN, "after": "viewer (TEST)"}, "operator.role"),
    ({"by": CUSTODIAN, "after": "somebody"}, "operator.role"),
    ({"by": "viewer (TEST)", "after": CUSTODIAN}, "operator.role")], ids=str)
def test_names_that_may_not(gate, names, undone):
    before = recorded(gate)
    assert ask(gate, "appliance", "restart", **names) == {"undone": undone}
    assert recorded(gate) == before


def test_who_only_looks_needs_nobody_else(gate):
    assert ask(gate, "queue", "stats", by="viewer (TEST)")["status"] == 0


def test_what_runs_is_on_record(gate):
    before = recorded(gate)
    done = ask(gate, "appliance", "discard", by=CUSTODIAN, after=OPERATOR)
    assert done["status"] == 0, done
    assert recorded(gate) == before + [
        (CUSTODIAN, {"command": "appliance discard", "second": OPERATOR})]


def test_without_a_record_nothing_runs(gate):
    queued = pid_of(gate, "sealgate-queued")
    os.kill(queued, signal.SIGSTOP)
    try:
        done = remote(gate, "policy-officer", "policy", "rollback")
        assert done.returncode == 3 and "answered 503" in done.stderr, done.stderr
        assert ask(gate, "policy", "rollback", by="policy-officer (TEST)") == {
            "undone": "http.queue-away"}
    finally:
        os.kill(queued, signal.SIGCONT)
    until(lambda: remote(gate, "viewer", "queue", "stats").returncode == 0)

# SPDX-License-Identifier: EUPL-1.2
"""Every destination has its couriers, however many partners are called back and however many
attempts other destinations may have under way; what does not fit is refused before it serves."""
import os
import resource
import subprocess

import pytest

from scenarios.gate import BIN, a_gate
from scenarios.test_callback import Partner
from scenarios.processes import killed
from scenarios.test_faults import until, until_accepted
from scenarios.test_withdrawal import number_of

PARTNERS = 140  # more than queued once kept connections for forward
COURIERS = 256
CROWD = {"aa-1": 64, "aa-2": 64, "aa-3": 64, "aa-4": COURIERS - 192 - 8}  # before the two of 4
MANY = ("all destinations together need 257 couriers (concurrency, and one for a decision or for "
        "cleared), and there are 256: lower concurrency, which is highest here, 64")


def crowd(gate, sizes):
    """More destinations, so many attempts at a time at each; nothing is routed to them."""
    folder = gate.dir / "policies" / "routes" / "destinations"
    for name, concurrency in sizes.items():
        (folder / f"{name}.cfg").write_text(f'protocol = "pull";\nconcurrency = {concurrency};\n')


def call_many(gate):
    """Partners with call-backs that never sent anything."""
    folder = gate.dir / "policies" / "partners"
    callback = [line for line in (folder / "nz-mpi.cfg").read_text().splitlines()
                if line.startswith("callback")]
    for n in range(PARTNERS):
        (folder / f"many-{n}.cfg").write_text(
            f'name = "many-{n}"; country = "NZ"; types = ( "PHYTO" ); signers = ( );\n'
            f'transport = ( "{n:064x}" );\n{callback[0]}\n')


@pytest.fixture(scope="module", name="gate")
def a_crowded_gate():
    if os.geteuid() != 0:
        pytest.skip("programs have a share of connections each by their users")
    with a_gate() as made:
        made.partner = Partner(made.pki)
        made.partner.called_by(made)
        call_many(made)
        crowd(made, CROWD)
        made.up()
        yield made
        made.partner.server.shutdown()


def served(gate, number, bound=60):
    """A document goes to every destination, and its partner is called."""
    calls = len(gate.partner.taken())
    path = gate.certificate("phyto", number_of(number))
    gate.wait_delivered([until_accepted(gate, path)], bound)
    until(lambda: len(gate.partner.taken()) >= calls + 3)
    assert "queued.connections" not in gate.log.read_text()


def test_a_crowd_keeps_none_from_its_couriers(gate):
    until(lambda: f"{PARTNERS + 1} partners are called back" in gate.log.read_text())
    served(gate, 1)


def test_nor_when_all_connect_at_once(gate):
    killed(gate, "sealgate-queued")
    until(lambda: gate.request("/v1/status").status_code == 200)
    served(gate, 2)
    killed(gate, "sealgate-forward")
    served(gate, 3)


def test_more_than_there_are_is_no_policy(gate):
    crowd(gate, {"aa-4": CROWD["aa-4"] + 1})
    try:
        done = gate.run("policy", "lint")
        assert done.returncode == 1 and f"aa-1.cfg:1: {MANY}" in done.stdout + done.stderr
        killed(gate, "sealgate-forward")
        until(lambda: any("forward.start" in line and MANY in line
                          for line in gate.log.read_text().splitlines()))
    finally:
        crowd(gate, CROWD)
    served(gate, 4)


def test_who_cannot_have_all_ends(gate):
    """Its supervisor starts it again: a part of the couriers is none. Last here, for its own
    connect beside those of the one that serves."""
    def as_forward():
        """With room for a few threads."""
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 29, 1 << 29))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
        os.setgroups([])
        os.setgid(os.stat(gate.dir / "run").st_gid)
        os.setuid(gate.uid("forward"))

    done = subprocess.run([BIN / "sealgate-forward", "--instance", gate.dir], text=True,
                          capture_output=True, preexec_fn=as_forward, timeout=20, check=False)
    assert done.returncode == 1 and "forward.start" in done.stderr, done

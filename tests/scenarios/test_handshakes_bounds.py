# SPDX-License-Identifier: EUPL-1.2
"""Records of refused client certificates are bounded, and kept by one program for two others."""
import os
import pathlib
import re

import pytest

from scenarios.gate import a_gate
from scenarios.handshakes import (a_gate_of_refusals, as_user, ask, codes, explained, hand_over,
                                  of_all, of_partner)
from scenarios.test_faults import until

KEPT_STRANGERS, KEPT_OF_A_PARTNER = 64, 32


@pytest.fixture(scope="module")
def gate():
    with a_gate_of_refusals() as made:
        yield made


def test_a_flood_is_refused_and_hurts_nobody(gate):
    before = sum(r["count"] for r in of_all(gate))
    answers = [ask(gate, "partners/self-signed", address="127.0.8.8") for _ in range(40)]
    assert {a.status_code for a in answers} == {403}
    assert all(a.json()["code"] == "partner.certificate" for a in answers)
    told = sum("findings" in a.json() for a in answers)
    assert 1 <= told <= 20
    assert sum(r["count"] for r in of_all(gate)) - before == told
    assert ask(gate, "partners/nz-mpi").status_code == 200


def test_strangers_push_out_strangers_alone(gate):
    if os.geteuid() != 0:
        pytest.skip("only root can be nginx for a while")
    explained(gate, "partners/leaf-only")
    mine = of_partner(gate)
    with as_user(gate.uid("nginx")):
        for n in range(KEPT_STRANGERS + 10):
            answer = hand_over(gate, CLIENT_VERIFY="NONE", REMOTE_ADDR=f"192.0.2.{n}")
            assert answer.startswith(b"Status: 403 ") and b"handshake.none" in answer
    strangers = [r for r in of_all(gate) if r["partner"] is None]
    assert len(strangers) == KEPT_STRANGERS
    assert strangers[0]["address"] == f"192.0.2.{KEPT_STRANGERS + 9}"
    assert of_partner(gate) == mine
    for name in ("strangers.json", "partners/nz-mpi.json"):
        assert (gate.dir / "state/handshakes" / name).stat().st_size < 200_000


def test_a_partners_ring_is_full_at_its_end(gate):
    if os.geteuid() != 0:
        pytest.skip("only root can be nginx for a while")
    pem = gate.pki.path("partners/expired").read_text()
    escaped = pem.replace("+", "%2B").replace("\n", "%0A").replace(" ", "%20")
    with as_user(gate.uid("nginx")):
        for n in range(KEPT_OF_A_PARTNER + 3):
            hand_over(gate, CLIENT_VERIFY="FAILED:certificate has expired",
                      CLIENT_CERTIFICATE=escaped, REMOTE_ADDR=f"198.51.100.{n}")
    mine = of_partner(gate)
    assert len(mine) == KEPT_OF_A_PARTNER
    assert mine[-1]["address"] == "198.51.100.3"


def test_only_nginx_and_intake_are_served(gate):
    if os.geteuid() != 0:
        pytest.skip("without users of their own all are one")
    before = len(of_all(gate))
    cases = (("forward", {"CLIENT_VERIFY": "NONE"}),
             ("intake", {"CLIENT_VERIFY": "NONE"}),
             ("intake", {"CLIENT_VERIFY": "FAILED:x"}),
             ("intake", {"CLIENT_VERIFY": "NONE", "REFUSED": "partner.tls"}),
             ("intake", {"CLIENT_VERIFY": "SUCCESS", "REFUSED": "internal.error"}),
             ("nginx", {"CLIENT_VERIFY": "SUCCESS"}),
             ("nginx", {"CLIENT_VERIFY": "SUCCESS", "REFUSED": "partner.tls"}),
             ("nginx", {}))
    for user, pairs in cases:
        with as_user(gate.uid(user)):
            assert hand_over(gate, REMOTE_ADDR="203.0.113.1", **pairs) == b"", (user, pairs)
    until(lambda: "handshake.stranger" in gate.log.read_text())
    assert len(of_all(gate)) == before


def test_intake_asks_no_more_than_is_kept(gate):
    """Twenty at once, then five a second; who is over that is refused without explanation."""
    answers = [gate.request("/v1/status", "partners/not-enrolled") for _ in range(60)]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "partner.unknown")}
    assert 1 <= sum("findings" in a.json() for a in answers) < 60


def test_an_instance_of_a_version_before():
    """Neither the folder nor the user is in it."""
    with a_gate() as old:
        conf = old.dir / "sealgate.conf"
        conf.write_text(re.sub(r" handshake = \d+;", "", conf.read_text()))
        (old.dir / "state/handshakes").rmdir()
        old.up()
        explained(old, None)
        assert codes(of_all(old)[0]) == ["handshake.none"]


def test_a_spoiled_file_begins_anew(gate):
    path = pathlib.Path(gate.dir / "state/handshakes/partners/nz-mpi.json")
    path.write_text("{")
    assert gate.request("/v1/handshakes").status_code == 500
    assert gate.run("handshakes").returncode == 3
    explained(gate, "partners/leaf-only")
    assert len(of_partner(gate)) == 1
    assert "began anew" in gate.log.read_text()

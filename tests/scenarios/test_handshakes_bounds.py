# SPDX-License-Identifier: EUPL-1.2
"""Records of refused client certificates are bounded, and kept by one program for two others."""
import concurrent.futures
import json
import os
import pathlib
import re
import time

import pytest

from scenarios.gate import a_gate
from scenarios.handshakes import (a_gate_of_refusals, as_user, ask, codes, explained, hand_over,
                                  of_all, of_partner)
from scenarios.test_faults import until

KEPT_STRANGERS, KEPT_OF_A_PARTNER, KEPT_OF_AN_ADDRESS = 64, 32, 8


@pytest.fixture(scope="module")
def gate():
    with a_gate_of_refusals() as made:
        yield made


def test_a_flood_is_refused_and_hurts_nobody(gate):
    before = sum(r["count"] for r in of_all(gate))
    began = time.monotonic()
    answers = [ask(gate, "partners/self-signed", address="127.0.8.8") for _ in range(40)]
    most = 12 + (time.monotonic() - began) / 2  # ten more at once, then thirty a minute
    assert {a.status_code for a in answers} == {403}
    assert all(a.json()["code"] == "partner.certificate" for a in answers)
    told = sum("findings" in a.json() for a in answers)
    assert 1 <= told <= most
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


@pytest.mark.parametrize("flood", ["192.0.3.1", "2001:db8:0:1::%x"])
def test_one_address_pushes_out_its_own_alone(gate, flood):
    if os.geteuid() != 0:
        pytest.skip("only root can be nginx for a while")
    with as_user(gate.uid("nginx")):
        hand_over(gate, CLIENT_VERIFY="NONE", REMOTE_ADDR="198.51.100.200")
        for n in range(KEPT_STRANGERS + 10):
            hand_over(gate, CLIENT_VERIFY=f"FAILED:{n}",
                      REMOTE_ADDR=flood % n if "%" in flood else flood)
    strangers = [r for r in of_all(gate) if r["partner"] is None]
    assert any(r["address"] == "198.51.100.200" for r in strangers)
    of_it = [r["verify"] for r in strangers if r["address"].startswith(flood.split("%")[0])]
    assert sorted(of_it) == [f"FAILED:{KEPT_STRANGERS + 2 + n}" for n in range(KEPT_OF_AN_ADDRESS)]


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
    def asked(_):
        """Over one connection: on a busy machine, too, faster than allowed."""
        with gate.session("partners/not-enrolled") as session:
            return [session.get(gate.listener("partners") + "/v1/status", timeout=30)
                    for _ in range(50)]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = sum(pool.map(asked, range(4)), [])
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "partner.unknown")}
    assert 1 <= sum("findings" in a.json() for a in answers) < len(answers)


def test_an_instance_of_a_version_before():
    """Neither the folder nor the user is in it."""
    with a_gate() as old:
        conf = old.dir / "sealgate.conf"
        conf.write_text(re.sub(r" handshake = \d+;", "", conf.read_text()))
        (old.dir / "state/handshakes").rmdir()
        old.up()
        explained(old, None)
        assert codes(of_all(old)[0]) == ["handshake.none"]


def test_who_breaks_into_the_program_holds_up_no_reader(gate):
    """Its folder is its own: a FIFO or a link there is neither waited for nor followed, and what
    a record of it may say has bounds."""
    explained(gate, "partners/leaf-only")
    path = pathlib.Path(gate.dir / "state/handshakes/partners/nz-mpi.json")
    aside, record = path.with_suffix(".aside"), of_partner(gate)[0]
    path.rename(aside)
    for put in (os.mkfifo, lambda p: os.symlink(aside, p)):
        put(path)
        path.chmod(0o644)
        assert gate.request("/v1/handshakes").status_code == 500
        assert gate.run("handshakes").returncode == 3
        path.unlink()
    more = [{**record, "partner": "br-mapa"}] + [
        {**record, "address": f"{n} " + "x" * 9_000, "href": "https://elsewhere.example"}
        for n in range(100)]
    path.write_text(json.dumps({"handshakes": more}))
    for told in (of_partner(gate), of_all(gate, "--partner", "nz-mpi")):
        assert [r["address"].split()[0] for r in told] == [
            str(n) for n in range(KEPT_OF_A_PARTNER)]
        assert all(r.keys() == record.keys() and len(r["address"]) < 3_000 for r in told)
    aside.rename(path)
    assert of_partner(gate)[0] == record


def test_a_spoiled_file_begins_anew(gate):
    path = pathlib.Path(gate.dir / "state/handshakes/partners/nz-mpi.json")
    path.write_text("{")
    assert gate.request("/v1/handshakes").status_code == 500
    assert gate.run("handshakes").returncode == 3
    explained(gate, "partners/leaf-only")
    assert len(of_partner(gate)) == 1
    assert "began anew" in gate.log.read_text()

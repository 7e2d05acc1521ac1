# SPDX-License-Identifier: EUPL-1.2
"""`sealgate trust diff --replay`: which verdicts of stored documents the lists of another time
would change."""
import json
import time

import pytest

from scenarios.degraded import CA, HOUR, ALists, now, put, text
from scenarios.gate import sealgate
from scenarios.test_remote import recorded, remote
from scenarios.test_remote_replay import bare

BOUND = 40


@pytest.fixture
def lists(gate, tmp_path):
    made = ALists(gate, tmp_path)
    put(made.partner, made.undemanding +
        b'qualification = ( { types = ( "*" ); seal = "qualified"; } );\n')
    yield made
    made.away()


def replay(gate, lists, before, after, since):
    done = gate.run("trust", "diff", "--replay", "--since", text(since), "--store", lists.store,
                    text(before), text(after))
    assert not list((gate.dir / "run").glob("trial-*"))
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_a_list_changes(gate, lists):
    good, began = now() - 2 * HOUR, now()
    lists.publish(good, now() + 24 * HOUR)
    document = gate.certificate("phyto", "TRUST-REPLAY-1")
    end = time.monotonic() + BOUND
    while gate.submit(document, command="preflight")[1].get("decision") != "accepted":
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.5)
    answer = gate.submit(document)[1]
    assert answer["state"] == "accepted", answer
    # Later the list does not know the authority any more.
    later = good + HOUR
    lists.sequence += 1
    dates = {"issued": text(good), "until": text(now() + 24 * HOUR), "sequence": lists.sequence}
    lists.lists.lotl(**dates)
    lists.lists.good("AA", **dates)
    lists.lists.good("BB", **dates)
    lists.adopt(later)
    status, account = replay(gate, lists, good, later, began)
    assert status == 1 and account["complete"], account
    change, = [c for c in account["changes"] if c["id"] == answer["id"]]
    assert change["verdict"] == {"was": "accepted", "would": "refused"}
    assert [f["code"] for f in change["gained"]] == ["partner.qualification"]
    # From afar, where the lists of the gate are asked, wherever the option stands.
    words = ("--since", text(began), text(good), text(later))
    for command in (("diff", "--replay", *words), ("diff", *words, "--replay")):
        done = remote(gate, "policy-officer", "trust", *command, timeout=120)
        assert (done.returncode, json.loads(done.stdout)) == (1, bare(account)), done.stderr
    actor, detail = recorded(gate)[-2]
    assert actor == "policy-officer (TEST)"
    assert detail["command"].startswith("trust diff --replay --since "), detail
    status, account = replay(gate, lists, good, good, began)
    assert (status, account["changes"]) == (0, [])


def test_what_it_needs(gate, lists):
    lists.publish(now(), now() + 24 * HOUR)
    status, said = replay(gate, lists, now() - 24 * HOUR, now(), now())
    assert status == 2 and "no snapshot of lists from that time" in said
    done = remote(gate, "policy-officer", "trust", "diff", "--replay", "--since", text(now()),
                  text(now() - 24 * HOUR), text(now()))
    assert done.returncode == 2 and "no snapshot of lists from that time" in done.stderr
    done = gate.run("trust", "diff", "--replay", "--store", lists.store, text(now()), text(now()))
    assert done.returncode == 2 and "--since" in done.stderr


def test_a_certificate_is_judged_from_afar(gate, lists, tmp_path):
    """By the lists that the gate relies on; what is no certificate is refused where it is parsed."""
    lists.publish(now(), now() + 24 * HOUR)
    certificate = gate.pki.path("authority-nz/seal")
    moment = "--at", text(now())
    here = gate.run("trust", "qualify", certificate, *moment)
    there = remote(gate, "viewer", "trust", "qualify", certificate, *moment)
    mine, theirs = json.loads(there.stdout), json.loads(here.stdout)
    assert there.returncode == here.returncode, there.stderr
    assert mine.pop("file").startswith("sha256:") and theirs.pop("file") == str(certificate)
    assert mine == theirs
    at = text(now() - HOUR)
    there = remote(gate, "viewer", "trust", "qualify", certificate, "--at", at)
    assert json.loads(there.stdout)["at"] == at
    for octets in (b"x", b"\0" * 100000, b"-----BEGIN CERTIFICATE-----\n" * 4000):
        (tmp_path / "bad.pem").write_bytes(octets)
        done = remote(gate, "viewer", "trust", "qualify", tmp_path / "bad.pem")
        assert done.returncode == 2 and "not a certificate" in done.stderr, done.stderr
    done = remote(gate, "viewer", "trust", "qualify", certificate, gate.pki.path(CA))
    assert done.returncode == 2, done.stdout
    (tmp_path / "big.pem").write_bytes(b"x" * (128 * 1024 + 1))
    assert remote(gate, "viewer", "trust", "qualify", tmp_path / "big.pem").returncode == 2
    done = remote(gate, "viewer", "trust", "qualify", gate.pki.path("authority-nz/seal", ".key"))
    assert done.returncode == 2 and "private key" in done.stderr
    assert sealgate("trust", "qualify", "--store", lists.store, certificate).returncode == \
        here.returncode

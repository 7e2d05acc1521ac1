# SPDX-License-Identifier: EUPL-1.2
"""A policy put in force from afar: it goes there in pieces with the signatures beside it, and
nothing counts but what two officers of the policy in force stand for."""
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from scenarios.gate import BIN
from scenarios.officers import OFFICERS, enrolled, signed_bundle
from scenarios.processes import confined, text_of
from scenarios.test_faults import until
from scenarios.test_policy import tree
from scenarios.test_remote import recorded, remote


@pytest.fixture(scope="module")
def office(gate, tmp_path_factory):
    """Two policy officers of the gate, and a folder for what they work on."""
    return enrolled(gate.dir / "policies", tmp_path_factory.mktemp("office"))


def build(gate, office, version, *signers):
    copy = office / f"next-{version}"
    shutil.copytree(gate.dir / "policies", copy)
    (copy / "codes" / "README.md").write_text(f"{version}\n")
    return signed_bundle(copy, office, version, *signers)


def coming(gate):
    return gate.dir / "state" / "policy" / "coming"


def test_two_officers_signatures_put_it_in_force(gate, office):
    bundle = build(gate, office, 1, *OFFICERS)
    done = remote(gate, "viewer", "policy", "activate", bundle)
    assert done.returncode == 1 and "403" in done.stderr, done.stderr
    assert not coming(gate).exists()
    done = remote(gate, "policy-officer", "policy", "activate", bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (gate.dir / "policies" / "codes" / "README.md").read_text() == "1\n"
    active = (gate.dir / "state" / "policy" / "active").read_text().split()
    assert active[0] == "1"
    left = {p.name for p in (gate.dir / "state" / "policy").iterdir()}
    assert not left & {"coming", "taken"}
    said = [detail["command"] for _, detail in recorded(gate)]
    lists = [c for c in said if c.startswith("policy piece manifest 0 sha256:")]
    assert said[-1] == "policy activate " + lists[-1].split()[-1]


def test_one_signature_is_not_enough(gate, office):
    before = tree(gate.dir / "policies")
    bundle = build(gate, office, 2, OFFICERS[0])
    done = remote(gate, "policy-officer", "policy", "activate", bundle)
    assert done.returncode == 1 and "two policy officers" in done.stderr, done.stderr
    assert tree(gate.dir / "policies") == before


def test_a_bundle_that_was_changed_on_its_way(gate, office):
    before = tree(gate.dir / "policies")
    bundle = build(gate, office, 3, *OFFICERS)
    octets = bytearray(bundle.read_bytes())
    octets[-600] ^= 1
    bundle.write_bytes(octets)
    done = remote(gate, "policy-officer", "policy", "activate", bundle)
    assert done.returncode == 1 and "stays" in done.stderr, done.stderr
    assert tree(gate.dir / "policies") == before


def ask(gate, arguments, octets=None, role="policy-officer"):
    body = {"arguments": arguments}
    if octets is not None:
        body["octets"] = base64.b64encode(octets).decode()
    return gate.request("/v1/commands", f"operators/{role}", "POST", "operators", json=body)


def piece(gate, name, octets, offset=0):
    answer = ask(gate, ["policy", "piece", name, str(offset)], octets)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_only_what_the_list_says_is_taken(gate, office):
    inside = "0" * 64
    for bad in (b"", b"sealgate-bundle 1\n", f"sealgate-bundle 1\n{inside} 1 ../x\n".encode(),
                f"sealgate-bundle 1\n{inside} 1 bundle.0123456789abcdef.p7s\n".encode(),
                f"sealgate-bundle 1\n{inside} 67108865 bundle\n".encode(),
                f"sealgate-bundle 1\n{inside} 1 bundle\n{inside} 1 bundle\n".encode(),
                f"sealgate-bundle 2\n{inside} 1 bundle\n".encode(),
                f"sealgate-bundle 1\n{inside[1:]} 1 bundle\n".encode()):
        said = piece(gate, "manifest", bad)
        assert said["status"] == 1 and "not the list of a bundle" in said["errors"], (bad, said)
    listed = hashlib.sha256(b"octets").hexdigest()
    text = f"sealgate-bundle 1\n{listed} 6 bundle\n".encode()
    name = "sha256:" + hashlib.sha256(text).hexdigest()
    assert piece(gate, "manifest", text)["status"] == 0
    assert "not in the list" in piece(gate, "bundle.0123456789abcdef.p7s", b"x")["errors"]
    assert piece(gate, "bundle", b"oct")["output"] == '{"have":3}\n'
    answer = ask(gate, ["policy", "activate", name])
    assert "is not what the list says" in answer.json()["errors"], answer.text
    # What was there goes on where it broke off; the same list changes nothing.
    assert piece(gate, "manifest", text)["status"] == 0
    assert piece(gate, "bundle", b"", 0)["output"] == '{"have":3}\n'
    assert "too large" in piece(gate, "bundle", b"octets", 3)["errors"]
    assert "not what the list says" in piece(gate, "bundle", b"ETS", 3)["errors"]
    assert piece(gate, "bundle", b"octets")["output"] == '{"have":6}\n'
    other = ask(gate, ["policy", "activate", "sha256:" + "1" * 64]).json()
    assert "another one has come since" in other["errors"]
    answer = ask(gate, ["policy", "activate", name]).json()
    assert answer["status"] == 1 and "stays" in answer["errors"], answer
    assert not coming(gate).exists()
    refused = ask(gate, ["policy", "activate", "state/policy/coming/bundle"])
    assert refused.status_code == 400 and refused.json()["code"] == "operator.command"
    assert ask(gate, ["policy", "piece", "manifest", "0"], text, "viewer").status_code == 403
    assert not pathlib.Path(gate.dir / "state" / "policy" / "taken").exists()


def bring(gate, person, name, octets):
    """As a command that the person has run from afar."""
    done = subprocess.run(
        [BIN / "sealgate", "--instance", gate.dir, "policy", "piece", name, "0"], input=octets,
        capture_output=True, env={**os.environ, "SEALGATE_PERSON": person}, timeout=60)
    return done.returncode, done.stderr.decode()


def test_nobody_gives_up_what_another_sends(gate):
    def listed(octets):
        return f"sealgate-bundle 1\n{hashlib.sha256(octets).hexdigest()} {len(octets)} bundle\n"

    hers = listed(b"hers").encode()
    assert bring(gate, "ana", "manifest", hers)[0] == 0
    assert bring(gate, "ana", "bundle", b"hers")[0] == 0
    for i in range(20):
        octets = str(i).encode()
        assert bring(gate, "mallory", "manifest", listed(octets).encode())[0] == 0
        assert bring(gate, "mallory", "bundle", octets)[0] == 0
    assert len(list(coming(gate).iterdir())) == 2
    # Whoever asks, it is whole, and what is refused is that it is no bundle of two people.
    said = ask(gate, ["policy", "activate", "sha256:" + hashlib.sha256(hers).hexdigest()]).json()
    assert "two policy officers" in said["errors"], said
    # One of each person, of eight people: the first that began goes.
    (coming(gate) / "manifest").write_text("of an older version")
    for i in range(10):
        assert bring(gate, f"person {i}", "manifest", hers)[0] == 0
    names = {p.name for p in coming(gate).iterdir()}
    assert names == {hashlib.sha256(f"person {i}".encode()).hexdigest() for i in range(2, 10)}
    shutil.rmtree(coming(gate))


@pytest.mark.parametrize("verb", ["lint", "test"])
def test_who_parses_a_policy_for_others_can_only_read(gate, verb):
    """As operate runs it, which may be as root: without a right, a socket, another program."""
    told, full = os.pipe()  # it waits with its last word until somebody has looked
    os.set_blocking(full, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(full, b"." * 4096):
            pass
    os.set_blocking(full, True)
    process = subprocess.Popen([BIN / "sealgate", "--instance", gate.dir, "policy", verb],
                               stdout=full, env={**os.environ, "SEALGATE_PERSON": "ana"})
    os.close(full)

    try:
        until(lambda: confined(process.pid))
        assert "CapEff:\t0000000000000000" in text_of(process.pid, "status")
    finally:
        with os.fdopen(told, "rb") as rest:
            said = rest.read()
    assert process.wait(timeout=60) == 0 and b"digest" in said


def health(gate):
    answer = gate.request("/health", "operators/viewer", listener="operators")
    return answer.json()["checks"]["policy"]


def test_a_policy_that_is_broken_can_be_put_right(gate, office):
    """Who may do what is read by itself: nobody is kept out by another file that is broken."""
    broken = gate.dir / "policies" / "partners" / "broken.cfg"
    before = tree(gate.dir / "policies")
    done = remote(gate, "policy-officer", "policy", "activate", build(gate, office, 50, *OFFICERS))
    assert done.returncode == 0 and health(gate)["ok"], done.stderr
    next_one = build(gate, office, 51, *OFFICERS)
    broken.write_text("{")
    said = health(gate)
    assert not said["ok"] and "broken.cfg:1" in said["message"], said
    assert remote(gate, "viewer", "queue", "stats").returncode == 0
    done = remote(gate, "viewer", "policy", "rollback")
    assert done.returncode == 1 and "403" in done.stderr, done.stderr
    done = remote(gate, "policy-officer", "policy", "rollback")
    assert done.returncode == 0 and "in force" in done.stdout, done.stderr
    assert tree(gate.dir / "policies") == before and health(gate)["ok"]
    assert recorded(gate)[-1] == ("policy-officer (TEST)", {"command": "policy rollback"})
    broken.write_text("{")
    done = remote(gate, "policy-officer", "policy", "activate", next_one)
    assert done.returncode == 0 and not broken.exists() and health(gate)["ok"], done.stderr
    operators = gate.dir / "policies" / "operators.cfg"
    text = operators.read_text()
    operators.write_text("{")  # where it is this one, nobody is known
    assert remote(gate, "policy-officer", "policy", "rollback").returncode != 0
    operators.write_text(text)


def test_one_officer_stops_a_partner_at_once(gate, office):
    """By the certificate that the gate knows him by: no key of his is at the gate."""
    partner = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    assert "suspended = true" not in partner.read_text()
    done = remote(gate, "operator", "policy", "stop", "--reason", "key lost", "nz-mpi")
    assert done.returncode == 1 and "403" in done.stderr, done.stderr
    done = remote(gate, "policy-officer", "policy", "stop", "nz-mpi")
    assert done.returncode == 2 and "--reason is needed" in done.stderr, done.stderr
    done = remote(gate, "policy-officer", "policy", "stop", "--reason", "key lost", "nobody")
    assert done.returncode == 1 and "no partner" in done.stderr, done.stderr
    done = remote(gate, "policy-officer", "policy", "stop", "--reason", "key lost", "nz-mpi")
    assert done.returncode == 0 and "in force" in done.stdout, done.stderr
    assert "suspended = true" in partner.read_text()
    line = json.loads((gate.dir / "state/policy/journal").read_text().splitlines()[-1])
    assert (line["act"], line["people"], line["reason"]) == (
        "stop", ["policy-officer (TEST)"], "key lost")
    actor, detail = recorded(gate)[-1]
    assert (actor, detail["command"]) == ("policy-officer (TEST)",
                                          'policy stop --reason "key lost" nz-mpi')
    done = remote(gate, "policy-officer", "policy", "rollback")  # does not open again
    assert done.returncode == 1 and "two people" in done.stderr, done.stderr
    assert gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000009"))[0] != 0

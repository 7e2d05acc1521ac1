# SPDX-License-Identifier: EUPL-1.2
"""`sealgate --remote`: what the command line does at the gate, from afar, by role."""
import json
import os

import pytest

from scenarios.gate import sealgate


def remote(gate, role, *arguments, **options):
    return sealgate("--remote", gate.listener("operators"), *gate.transport(f"operators/{role}"),
                    *arguments, **options)


@pytest.fixture(scope="module")
def document(gate):
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    return answer["id"]


@pytest.mark.parametrize("command", [
    ("queue", "list", "--format", "json"), ("explain", "PHYTO.NZ.2026.0000001"),
    ("queue", "--format=json"), ("hsm", "status")], ids=" ".join)
def test_it_says_what_the_gate_says(gate, document, command):
    there, here = remote(gate, "viewer", *command), gate.run(*command)
    assert there.returncode == here.returncode == 0, there.stderr
    mine, theirs = there.stdout, here.stdout
    if command[0] == "hsm":
        mine, theirs = (json.loads(text)["roles"][0]["role"] for text in (mine, theirs))
    elif "json" in command[-1]:
        mine, theirs = (sorted(json.loads(text)) if isinstance(json.loads(text), dict)
                        else json.loads(text) for text in (mine, theirs))
    assert mine == theirs


def test_status_and_complaints_are_those_of_the_command(gate, document):
    done = remote(gate, "viewer", "queue", "show", "0" * 26)
    assert done.returncode == 1 and "no document" in done.stderr
    assert remote(gate, "viewer", "queue", "list", "--state", "nowhere").returncode == 2


def test_a_role_that_may_not(gate, document):
    done = remote(gate, "viewer", "audit", "verify")
    assert done.returncode == 1 and "403" in done.stderr
    done = remote(gate, "auditor", "audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    partner = sealgate("--remote", gate.listener("operators"),
                       *gate.transport("partners/nz-mpi"), "status")
    assert partner.returncode == 1 and "403" in partner.stderr


def test_what_works_on_files_is_not_run(gate, document, tmp_path):
    done = remote(gate, "operator", "check", "x.xml")
    assert done.returncode == 2 and "afar" in done.stderr
    assert remote(gate, "operator", "explain", "/etc/passwd").returncode == 2
    for arguments in (["backup", "/tmp/x"], ["explain", "/etc/passwd"], ["up"],
                      ["queue", "list", "--instance=/"]):
        answer = gate.request("/v1/commands", "operators/operator", "POST", "operators",
                              json={"arguments": arguments})
        assert answer.status_code == 400 and answer.json()["code"] == "operator.command"


def test_acts_need_the_gate_named_once(gate, document):
    done = remote(gate, "operator", "maintenance", "start", "--reason", "a test", "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    done = remote(gate, "operator", "maintenance", "end", "--reason", "a test", "traces")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_gate_named_by_the_environment(gate, document):
    ca, cert, key = (str(gate.transport("operators/viewer")[i]) for i in (1, 3, 5))
    named = {**os.environ, "SEALGATE_REMOTE": gate.listener("operators"), "SEALGATE_CA": ca,
             "SEALGATE_CERT": cert, "SEALGATE_KEY": key}
    assert document in sealgate("queue", "list", env=named).stdout
    assert "--key is missing" in sealgate(
        "queue", "list", env={k: v for k, v in named.items() if k != "SEALGATE_KEY"}).stderr

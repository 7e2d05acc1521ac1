# SPDX-License-Identifier: EUPL-1.2
"""`sealgate --remote`: what the command line does at the gate, from afar, by role."""
import hashlib
import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from scenarios.gate import a_gate, fingerprint, sealgate
from scenarios.processes import exists, grandchildren, pid_of, send
from scenarios.test_faults import until

PEOPLE = {"ana": "first long phrase", "bert": "second long phrase"}

MODULE = "/usr/lib/softhsm/libsofthsm2.so"


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
    ("queue", "--format=json"), ("hsm", "status"), ("certificates",), ("retention", "plan"),
    ("retention", "status"), ("policy", "lint"), ("policy", "codes", "list")], ids=" ".join)
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


def test_one_look_at_what_flows(gate, document):
    done = remote(gate, "viewer", "top", "--once", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["queue"], done.stderr


def ask(gate, role, *arguments, **request):
    return gate.request("/v1/commands", f"operators/{role}", "POST", "operators",
                        json={"arguments": arguments, **request})


def test_nobody_is_at_a_keyboard(gate, document):
    """What comes along is no key that is pressed, of which each would be a look."""
    answer = ask(gate, "viewer", "top", "--json", input="x" * 1000).json()
    assert answer["status"] == 0 and answer["output"].count("\n") == 1, answer["errors"]


def test_the_lists_that_the_gate_relies_on(gate, document):
    there, here = (run("trust", "status") for run in (
        lambda *words: remote(gate, "viewer", *words), gate.run))
    assert (there.returncode, there.stdout) == (here.returncode, here.stdout)


def test_what_works_on_files_is_not_run(gate, document, tmp_path):
    for command, why in ((("check", "x.xml"), "files of this machine"),
                         (("policy", "sign", "x.bundle"), "where its officers"),
                         (("restore", "x", "y"), "before it serves"),
                         (("trust", "import", "--lotl", "x"), "from where its policy says"),
                         (("trust", "publish", "--issuer", "x", "y", "z"), "appliance apply"),
                         (("hsm", "custody", "-k", "2", "ana", "bert"), "its holders are")):
        done = remote(gate, "operator", *command)
        assert done.returncode == 2 and why in done.stderr, (command, done.stderr)
    assert remote(gate, "operator", "explain", "/etc/passwd").returncode == 2
    for arguments in (["backup", "/tmp/x"], ["explain", "/etc/passwd"], ["up"],
                      ["queue", "list", "--instance=/"]):
        answer = gate.request("/v1/commands", "operators/operator", "POST", "operators",
                              json={"arguments": arguments})
        assert answer.status_code == 400 and answer.json()["code"] == "operator.command"


def test_acts_need_the_gate_named_once(gate, document):
    done = remote(gate, "operator", "maintenance", "start", "--reason", "a test", "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    done = remote(gate, "viewer", "maintenance", "calendar", "--days", "1")
    assert done.returncode == 0 and "of traces, now by operator" in done.stdout
    done = remote(gate, "operator", "maintenance", "end", "--reason", "a test", "traces")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_gate_named_by_the_environment(gate, document):
    ca, cert, key = (str(gate.transport("operators/viewer")[i]) for i in (1, 3, 5))
    named = {**os.environ, "SEALGATE_REMOTE": gate.listener("operators"), "SEALGATE_CA": ca,
             "SEALGATE_CERT": cert, "SEALGATE_KEY": key}
    assert document in sealgate("queue", "list", env=named).stdout
    assert "--key is missing" in sealgate(
        "queue", "list", env={k: v for k, v in named.items() if k != "SEALGATE_KEY"}).stderr


def test_a_command_that_runs_is_answered_before_the_end(gate, document):
    """Admin and operate are stopped, as by a restart of the machine, while a command runs."""
    programs = [pid_of(gate, f"sealgate-{name}") for name in ("operate", "admin")]
    signer = pid_of(gate, "sealgate-signer")
    with ThreadPoolExecutor(1) as pool:
        os.kill(signer, signal.SIGSTOP)  # the command waits for the signer's answer
        try:
            asked = pool.submit(remote, gate, "viewer", "hsm", "status")
            until(lambda: grandchildren(programs[0]))
            for pid in programs:
                os.kill(pid, signal.SIGTERM)
        finally:
            os.kill(signer, signal.SIGCONT)
        done = asked.result(60)
    assert done.returncode == 0 and json.loads(done.stdout)["active"], done.stderr
    until(lambda: not any(map(exists, programs)))
    until(lambda: remote(gate, "viewer", "hsm", "status").returncode == 0)


@pytest.mark.parametrize("algorithm", [("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), ("rsa:3072",)],
                         ids=lambda a: a[0])
def test_the_key_is_on_a_smart_card(gate, document, tmp_path, algorithm):
    """A person's key on a token: it is asked for its PIN once, and never leaves it."""
    conf, key, csr, cert = (tmp_path / n for n in ("softhsm2.conf", "key", "csr", "cert.pem"))
    conf.write_text(f"directories.tokendir = {tmp_path}\n")
    (tmp_path / "pin").write_text("card-1234\n")
    (tmp_path / "wrong").write_text("card-4321\n")
    subprocess.run(["openssl", "req", "-newkey", *algorithm, "-nodes", "-keyout", key, "-out", csr,
                    "-subj", "/CN=card"], check=True, capture_output=True)
    cert.write_bytes(gate.pki.issue("client", csr.read_bytes()))
    environment = {**os.environ, "SOFTHSM2_CONF": str(conf)}
    util = ["softhsm2-util", "--module", MODULE, "--token", "card", "--pin", "card-1234"]
    subprocess.run([*util[:3], "--init-token", "--free", "--label", "card", "--so-pin", "12345678",
                    "--pin", "card-1234"], env=environment, check=True, capture_output=True)
    subprocess.run([*util, "--import", key, "--label", "mine", "--id", "01"], env=environment,
                   check=True, capture_output=True)
    key.unlink()
    operators = gate.dir / "policies" / "operators.cfg"
    before = operators.read_text()
    operators.write_text(before.replace("people = (", 'people = ( { name = "Card holder"; sha256 = '
                                        f'"{fingerprint(cert)}"; role = "viewer"; }},'))

    def by_card(uri, certificate=cert, *command):
        return sealgate("--remote", gate.listener("operators"), "--ca",
                        gate.transport("operators/viewer")[1], "--cert", certificate, "--key",
                        f"pkcs11:token=card;{uri}", *(command or ("status",)), env=environment)
    try:
        mine = f"object=mine?module-path={MODULE}&pin-source=file:{tmp_path}/pin"
        done = by_card(mine)
        assert done.returncode == 0 and "queue" in done.stdout, done.stderr
        assert by_card(mine, cert, "show", document).returncode == 0
        assert recorded(gate, "document.read")[-1][0] == "Card holder"
        for uri, certificate, why in (
                (mine.replace("/pin", "/wrong"), cert, "refuses the PIN"),
                (mine.replace("mine", "yours"), cert, "no key is named yours"),
                (mine, gate.transport("operators/viewer")[3], "does not belong"),
                (f"object=mine?module-path={MODULE}&pin-value=card-1234",
                 gate.transport("operators/viewer")[3], "the key on the token does not belong"),
                (f"{mine}&x-pad={'x' * 512}", cert, "more than 511 octets")):
            done = by_card(uri, certificate)
            assert done.returncode == 2 and why in done.stderr, (why, done.stderr)
            assert "card-1234" not in done.stderr
    finally:
        operators.write_text(before)


def recorded(gate, event="operator.command"):
    """(actor, detail) of the audit records of commands."""
    lines = [json.loads(line)["record"] for line in gate.run("audit", "export").stdout.splitlines()]
    return [(record["actor"], record["detail"]) for record in lines if record["event"] == event]


def test_who_reads_a_document_is_on_record(gate, document):
    def read():
        return [actor for actor, _ in recorded(gate, "document.read")]
    before = read()
    for _ in range(2):
        done = remote(gate, "viewer", "show", "--format", "text", document)
        assert done.returncode == 0 and "PHYTO.NZ.2026.0000001" in done.stdout, done.stderr
    # Once a day; the two readings may be on two.
    assert read()[len(before):] in (["viewer (TEST)"], 2 * ["viewer (TEST)"])
    now = len(read())
    assert remote(gate, "viewer", "show", "0" * 26).returncode == 1
    assert len(read()) == now


def test_what_changes_something_takes_the_people_that_policy_wants(gate, document):
    operators = gate.dir / "policies" / "operators.cfg"
    before = operators.read_text()
    assert remote(gate, "policy-officer", "policy", "rollback").returncode != 0
    one = [("policy-officer (TEST)", {"command": "policy rollback"})]
    assert recorded(gate) == one
    assert remote(gate, "viewer", "policy", "rollback").returncode == 1
    operators.write_text(before.replace("four_eyes = (", 'four_eyes = ( "policy",').replace(
        'auditor = ( "view"', 'auditor = ( "policy", "view"'))
    try:
        for _ in range(2):  # the same person again is one person
            done = remote(gate, "policy-officer", "policy", "rollback")
            assert done.returncode == 4 and "another person" in done.stderr
        assert recorded(gate) == one
        done = remote(gate, "auditor", "policy", "rollback")
        assert "another person" not in done.stderr
        assert recorded(gate) == one + [("auditor (TEST)", {
            "command": "policy rollback", "second": "policy-officer (TEST)"})]
        done = remote(gate, "auditor", "policy", "rollback")  # consent is used once
        assert done.returncode == 4 and "another person" in done.stderr
    finally:
        operators.write_text(before)


def test_a_folder_that_nobody_signed_is_not_taken(gate, document, tmp_path):
    """Nothing but the list of a parcel is sent before the gate has found it signed."""
    (tmp_path / "manifest").write_text(f"sealgate-manifest 1 update 9.9.9\n{'0' * 64} 1 octet\n")
    (tmp_path / "manifest.p7s").write_bytes(b"nobody's")
    command = ("appliance", "update", tmp_path)
    done = remote(gate, "viewer", *command)
    assert done.returncode == 1 and "403" in done.stderr, done.stderr
    done = remote(gate, "operator", *command)
    assert done.returncode == 1 and "not by who may sign this" in done.stderr, done.stderr
    assert not (gate.dir / "state" / "parcel").exists()
    digest = hashlib.sha256((tmp_path / "manifest").read_bytes()).hexdigest()
    assert recorded(gate)[-1] == ("operator (TEST)", {
        "command": f"appliance parcel manifest 0 sha256:{digest}"})
    (tmp_path / "manifest").unlink()
    done = remote(gate, "operator", *command)
    assert done.returncode == 1 and "manifest: No such file" in done.stderr, done.stderr
    refused = gate.request("/v1/commands", "operators/operator", "POST", "operators",
                           json={"arguments": ["appliance", "apply", "state/parcel"]})
    assert refused.status_code == 400 and refused.json()["code"] == "operator.command"
    # By name, nothing is taken but what came; and two people have to ask for that.
    request = {"arguments": ["appliance", "update", "sha256:" + "0" * 64]}
    statuses = [gate.request("/v1/commands", f"operators/{role}", "POST", "operators",
                             json=request) for role in ("operator", "key-custodian")]
    assert [answer.status_code for answer in statuses] == [202, 200]
    assert "another one has come since, or none" in statuses[1].json()["errors"]
    # What came is given up by two people as well.
    assert (gate.dir / "state" / "parcel.new").exists()
    done = remote(gate, "operator", "appliance", "discard")
    assert done.returncode == 4 and "another person" in done.stderr, done.stderr
    assert (gate.dir / "state" / "parcel.new").exists()
    done = remote(gate, "key-custodian", "appliance", "discard")
    assert done.returncode == 0, done.stderr
    assert not (gate.dir / "state" / "parcel.new").exists()
    assert recorded(gate)[-1] == ("key-custodian (TEST)", {
        "command": "appliance discard", "second": "operator (TEST)"})


@pytest.fixture
def closed():
    """A gate whose PIN is in the custody of two people."""
    with a_gate() as gate:
        conf = gate.dir / "sealgate.conf"
        lines = conf.read_text().splitlines()
        lines = [line.replace("signer = {", 'signer = { activation = "custodians";')
                 for line in lines]
        conf.write_text("\n".join(lines) + "\n")
        pin = gate.dir / "credentials" / "pin"
        typed = [pin.read_text().strip()] + [p for q in PEOPLE.values() for p in (q, q)]
        done = gate.run("hsm", "custody", "-k", "2", *PEOPLE, input="\n".join(typed) + "\n")
        assert done.returncode == 0, done.stderr
        pin.unlink()
        yield gate.up()


def test_two_people_say_that_the_clock_is_right(gate, document):
    """After months without a record nothing is erased until they have; no shell is needed."""
    command = ("retention", "run", "--clock-confirmed")
    assert remote(gate, "viewer", *command).returncode == 1
    done = remote(gate, "operator", *command)
    assert done.returncode == 4 and "another person" in done.stderr, done.stderr
    done = remote(gate, "key-custodian", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert recorded(gate)[-1] == ("key-custodian (TEST)", {
        "command": "retention run --clock-confirmed", "second": "operator (TEST)"})
    for bad in ("--archive", "--command"):
        assert remote(gate, "operator", "retention", "run", bad, "/tmp/x").returncode == 2


def test_custodians_activate_from_afar(closed):
    def active():
        status = json.loads(remote(closed, "viewer", "hsm", "status").stdout)
        return status["active"]
    assert not active()
    done = remote(closed, "viewer", "hsm", "activate", "ana", input=PEOPLE["ana"] + "\n")
    assert done.returncode == 1 and "403" in done.stderr
    done = remote(closed, "key-custodian", "hsm", "activate", "ana", input="not the phrase\n")
    assert done.returncode == 0 and "1 of 2" in done.stdout  # which one is wrong is not told
    assert remote(closed, "key-custodian", "hsm", "activate", "bert",
                  input=PEOPLE["bert"] + "\n").returncode == 1
    assert not active()
    for name, phrase in PEOPLE.items():
        answers = []

        def given(name=name, phrase=phrase, answers=answers):
            answers.append(remote(closed, "key-custodian", "hsm", "activate", name,
                                  input=phrase + "\n"))
            return "not before" not in answers[-1].stderr
        until(given)  # after a wrong one the signer makes people wait
        done = answers[-1]
        assert done.returncode == 0, done.stderr
    assert "the token is active" in done.stdout and active()
    status, answer = closed.submit(closed.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    said = closed.log.read_text() + str(recorded(closed))
    assert all(phrase not in said for phrase in (*PEOPLE.values(), "not the phrase"))
    assert ("key-custodian (TEST)", {"command": "hsm activate ana"}) in recorded(closed)
    assert remote(closed, "key-custodian", "hsm", "deactivate", "ana").returncode == 0
    assert not active()


def test_papers_are_noted_by_whom_policy_names(gate, document):
    for role, officer in (("viewer", False), ("operator", True)):
        done = remote(gate, role, "papers")
        assert done.returncode == (4 if officer else 1), done.stderr
        assert ("another person" if officer else "403") in done.stderr
    done = remote(gate, "key-custodian", "papers")
    assert done.returncode == 0 and "1 documents looked at" in done.stdout, done.stderr


def test_nobody_has_all_places(gate, document):
    """Two commands of one person's that look at something, three of everybody's: one place is
    left to whoever changes something."""
    operate, signer = pid_of(gate, "sealgate-operate"), pid_of(gate, "sealgate-signer")
    stopped = []
    change = ("policy", "stop", "--reason", "r", "nobody")

    def hold(role):
        """A command that has begun and comes to no end."""
        before = set(stopped)
        answer = pool.submit(ask, gate, role, "hsm", "status")

        def begun():
            new = [pid for pid in set(grandchildren(operate)) - before
                   if send(pid, signal.SIGSTOP)]
            stopped.extend(new)
            return new or answer.done()
        until(begun)
        return answer
    with ThreadPoolExecutor(8) as pool:
        os.kill(signer, signal.SIGSTOP)  # until it has been stopped itself
        try:
            held = [hold("viewer") for _ in range(2)]
            for _ in range(2):
                assert ask(gate, "viewer", "hsm", "status").status_code == 503
            held.append(hold("auditor"))
            for role in ("auditor", "operator"):
                assert ask(gate, role, "hsm", "status").status_code == 503
            answer = ask(gate, "policy-officer", *change)
            assert answer.status_code == 200 and answer.json()["status"] != 0, answer.text
        finally:
            os.kill(signer, signal.SIGCONT)
            for pid in stopped:
                send(pid, signal.SIGCONT)
        assert [answer.result(60).status_code for answer in held] == [200] * 3
    assert ask(gate, "viewer", "hsm", "status").status_code == 200

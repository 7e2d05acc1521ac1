# SPDX-License-Identifier: EUPL-1.2
"""Operators are named people: what a role may do, and that it is audited under the name."""
import datetime
import json
import shutil
import socket
import ssl
import time

import pytest
from cryptography.hazmat.primitives import serialization

from scenarios.degraded import HOUR, ALists, Clock, now
from scenarios.gate import sealgate
from scenarios.processes import killed
from scenarios.test_faults import until
from scenarios.test_withdrawal import wait_state


@pytest.fixture(scope="module")
def held(gate):
    """A document that TRACES does not take now: (id, path)."""
    gate.traces.mode("down")
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    yield answer["id"]
    gate.traces.mode("ok")


def queue(gate, role, verb, identifier, *more):
    return sealgate("queue", verb, "--url", gate.listener("operators"),
                    *gate.transport(f"operators/{role}"), "--reason", "a test", identifier,
                    *more)


@pytest.mark.parametrize("role", ["viewer", "auditor", "key-custodian", "policy-officer"])
def test_only_operators_change_the_queue(gate, held, role):
    done = queue(gate, role, "hold", held)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "403" in done.stdout + done.stderr
    assert f"The role {role} does not have the verb hold" in done.stdout + done.stderr


def test_hold_and_release_are_audited_by_name(gate, held):
    done = queue(gate, "operator", "hold", held, "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    wait_state(gate, held, "traces", "held")  # an attempt may have been under way
    gate.traces.mode("ok")
    assert held not in gate.arrived("traces")
    done = queue(gate, "operator", "release", held, "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    gate.wait_delivered([held])
    text = gate.run("audit", "export").stdout
    assert "operator (TEST)" in text and "a test" in text


def test_an_act_that_the_state_does_not_allow_is_told_the_state(gate, held):
    gate.wait_delivered([held])
    for destination, state in ((), "; customs-nl: delivered"), (("traces",), ""):
        done = queue(gate, "operator", "redrive", held, *destination)
        problem = json.loads(done.stdout)
        assert done.returncode == 1 and problem["code"] == "queue.state"
        assert set(problem["received"].split("; ")) == set(
            f"sealed; traces: delivered{state}".split("; "))
        assert "refused, expired" in problem["detail"]


def test_who_asks_is_told_why_it_was_refused(gate):
    status, answer = gate.submit(gate.document("phyto", "PHYTO.NZ.2026.0000002"))
    assert status == 1, answer
    finding = answer["findings"][0]
    text = gate.run("explain", answer["id"], check=True).stdout
    assert f"error: {finding['code']}" in text and finding["message"] in text
    assert finding["fix"] in text and "document.refused  submitted by nz-mpi" in text
    for command in (("explain",), ("queue", "show")):
        told = json.loads(gate.run(*command, "--format", "json", answer["id"]).stdout)
        told = told.get("documents", [told])[0]
        assert told["findings"] == answer["findings"]
    path = f"/v1/queue/{answer['id']}"
    report = gate.request(path + "/report", "operators/viewer", listener="operators")
    assert report.json()["findings"] == answer["findings"]
    for wrong in ("/", "/document", "/report/"):
        assert gate.request(path + wrong, "operators/viewer",
                            listener="operators").status_code == 404


def test_health_names_every_part(gate):
    health = gate.request("/health", "operators/viewer", listener="operators").json()
    text = json.dumps(health)
    for part in ("signer", "queue", "verify", "disk"):
        assert part in text
    assert health["checks"]["seal"]["ok"] and health["checks"]["forward"]["ok"]
    programs = json.loads(gate.run("status", "--format", "json", check=True).stdout)["programs"]
    assert programs["seal"] == programs["forward"] == "up"


def test_metrics(gate):
    response = gate.request("/metrics", "operators/viewer", listener="operators")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert response.text.rstrip().endswith("# EOF")
    assert "sealgate_documents" in response.text
    checks = gate.request("/health", "operators/viewer", listener="operators").json()["checks"]
    for name, check in checks.items():
        assert f'sealgate_check{{check="{name}"}} {int(check["ok"])}\n' in response.text


def operate(gate, *arguments, role="operator"):
    return sealgate(*arguments, "--url", gate.listener("operators"),
                    *gate.transport(f"operators/{role}"), "--reason", "a test")


def test_maintenance_of_one_destination(gate):
    assert operate(gate, "maintenance", "start", "nowhere").returncode == 1
    assert operate(gate, "maintenance", "start", "traces", role="viewer").returncode == 1
    done = operate(gate, "maintenance", "start", "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000011"))
    assert status == 0
    end = time.monotonic() + 30
    while answer["id"] not in gate.arrived("customs"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert answer["id"] not in gate.arrived("traces")
    shown = json.loads(gate.run("queue", "stats", "--format", "json").stdout)
    assert shown["maintenance"][0]["destination"] == "traces"
    done = operate(gate, "maintenance", "end", "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    gate.wait_delivered([answer["id"]])


def calendar(gate, *arguments):
    return json.loads(gate.run("maintenance", "calendar", "--format", "json", *arguments,
                               check=True).stdout)


def test_maintenance_that_comes_again(gate):
    today = datetime.datetime.now(datetime.timezone.utc)
    begin, over = (f"{today + datetime.timedelta(hours=h):%Y-%m-%dT%H:%M:%SZ}" for h in (-1, 1))
    weekly = ("--every", "week")
    for wrong in (("--every", "month"), (*weekly, "--from", begin),
                  (*weekly, "--from", over, "--until", begin)):
        assert operate(gate, "maintenance", "start", *wrong, "traces").returncode
    done = operate(gate, "maintenance", "start", *weekly, "--from", begin, "--until", over,
                   "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    listed = calendar(gate, "--days", "22")
    assert [(w["destination"], w["every"], w["now"]) for w in listed] == [
        ("traces", "week", n == 0) for n in range(4)]
    assert (listed[0]["since"], listed[0]["until"]) == (begin, over)
    identifier = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000013"))[1]["id"]
    end = time.monotonic() + 30
    while identifier not in gate.arrived("customs"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert identifier not in gate.arrived("traces")
    # It is back early: this time is over, the next one comes.
    assert operate(gate, "maintenance", "end", "traces").returncode == 0
    gate.wait_delivered([identifier])
    assert [w["since"] for w in calendar(gate, "--days", "22")] == [
        w["since"] for w in listed[1:]]
    text = gate.run("maintenance", "calendar").stdout
    assert f"from {listed[1]['since']} until {listed[1]['until']} of traces, every week by" in text
    assert operate(gate, "maintenance", "end", *weekly, "traces").returncode == 0
    assert calendar(gate) == [] and "no maintenance" in gate.run("maintenance", "calendar").stdout
    assert operate(gate, "maintenance", "end", *weekly, "traces").returncode == 1


def test_no_series_is_in_force_unseen(gate):
    series = ("--every", "day", "--from", "2036-01-01T00:00:00Z", "--until",
              "2036-01-01T01:00:00Z", "traces")
    for _ in range(100):
        assert operate(gate, "maintenance", "start", *series).returncode == 0
    done = operate(gate, "maintenance", "start", *series)
    assert done.returncode == 1 and "queue.maintenance-full" in done.stdout + done.stderr
    assert len(json.loads(gate.run("queue", "stats", "--format", "json").stdout)[
        "maintenance"]) == 100
    assert operate(gate, "maintenance", "end", "--every", "day", "traces").returncode == 0


def test_nothing_new_is_taken_for_a_time(gate):
    """What was taken is answered as before and goes on; preflight works."""
    path, new = (gate.certificate("phyto", f"PHYTO.NZ.2026.{n:07d}") for n in (14, 15))
    taken = gate.submit(path)[1]["id"]
    today = datetime.datetime.now(datetime.timezone.utc)
    over = f"{today + datetime.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert operate(gate, "maintenance", "start", "--intake", "traces").returncode == 2
    done = operate(gate, "maintenance", "start", "--intake", "--until", over)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of taking new documents, now" in gate.run("maintenance", "calendar").stdout

    def post(file):
        return gate.request("/v1/documents", method="POST", data=file.read_bytes(),
                            headers={"Content-Type": "application/xml"})
    refused = post(new)
    assert refused.status_code == 503 and refused.json()["code"] == "http.maintenance"
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    again = post(path)
    assert again.status_code == 200 and again.json()["id"] == taken
    assert gate.submit(new, command="preflight")[0] == 0
    gate.wait_delivered([taken])
    done = operate(gate, "maintenance", "end", "--intake")
    assert done.returncode == 0, done.stdout + done.stderr
    assert post(new).status_code == 202


def test_acts_on_all_and_another_way(gate):
    gate.traces.mode("fault-perm")
    try:
        status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000012"))
        assert status == 0
        end = time.monotonic() + 30
        while "traces  refused" not in gate.run("explain", answer["id"]).stdout:
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        gate.traces.mode("ok")
    assert operate(gate, "queue", "reroute", "--to", "nowhere").returncode == 1
    done = operate(gate, "queue", "redrive", "--all", "--destination", "traces")
    assert done.returncode == 0, done.stdout + done.stderr
    gate.wait_delivered([answer["id"]])
    done = operate(gate, "queue", "reroute", "--to", "customs-nl", "--destination", "traces")
    assert done.returncode == 0 and '"done":0' in done.stdout.replace(" ", ""), done.stdout
    assert gate.run("ledger", "--check").returncode == 0


def test_what_is_fetched_is_watched(gate):
    """Health is red once a source is out of date or never came, and green again by itself."""
    status = gate.dir / "state" / "trust" / "supply.json"

    def health():
        answer = gate.request("/health", "operators/viewer", listener="operators")
        return answer.status_code, answer.json()["checks"]["supply"]

    source = {"name": "nz", "failures": 3, "next_update": "2999-01-01T00:00:00Z"}
    try:
        status.write_text(json.dumps([source]))
        assert health()[1]["ok"]
        for late in ({"next_update": "2026-01-01T00:00:00Z"}, {"next_update": None}):
            status.write_text(json.dumps([source | late]))
            code, check = health()
            assert code == 503 and not check["ok"] and "nz" in check["message"]
        status.write_text("[")
        assert not health()[1]["ok"]
    finally:
        status.unlink()
    assert health() == (200, {"ok": True, "message": "what is fetched is in date", "fix": ""})


def test_a_crl_that_ends_is_said_before(gate, tmp_path):
    """After its end nobody of the authority is let in: said at a quarter of its period, red at a
    tenth, and by the log; afterwards the machine itself says why nobody comes in."""
    path = gate.dir / "state" / "trust" / "revocation" / "transport-short.crl"
    long, aside = path.with_name("transport-ca-root.crl"), tmp_path / "aside"
    begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=30)

    def publish(minutes):
        end = begun + datetime.timedelta(minutes=30 + minutes)
        made = gate.pki._authorities["transport-ca/root"].crl(begun, end)
        new = path.with_suffix(".new")
        new.write_bytes(made.public_bytes(serialization.Encoding.DER))
        new.replace(path)

    def ask():
        answer = gate.request("/health", "operators/viewer", listener="operators").json()
        said = [w["message"] for w in answer["warnings"] if w["code"] == "crl"]
        return answer["checks"]["revocation"], said

    check, said = ask()
    assert check["ok"] and not said and {c["listener"] for c in check["crls"]} == {
        "partners", "customs", "operators"}
    try:
        publish(9)
        assert ask()[0]["message"] == check["message"]  # the other one lets in as ever
        shutil.move(long, aside)
        check, said = ask()
        assert check["ok"] and len(said) == 3 and "from then on" in said[2], (check, said)
        publish(2.5)
        check, said = ask()
        assert not check["ok"] and "the CRL of" in check["message"], check
        metrics = gate.request("/metrics", "operators/viewer", listener="operators").text
        assert 'sealgate_check{check="revocation"} 0' in metrics
        assert 'sealgate_crl_days_left{listener="operators",authority="' in metrics
        killed(gate, "sealgate-trustd")
        until(lambda: "the CRL of" in gate.log.read_text())
        publish(-1)
        answer = gate.request("/health", "operators/viewer", listener="operators")
        assert answer.status_code == 403
        status = json.loads(gate.run("status", "--format", "json").stdout)
        assert any("ended at" in w["message"] for w in status["warnings"]), status
    finally:
        shutil.move(aside, long)
        path.unlink()
    assert ask()[0]["ok"]


def test_there_must_be_something_to_trust(gate, tmp_path):
    """No anchors, or lists that have ended: red; and green again by itself."""
    def store():
        answer = gate.request("/health", "operators/viewer", listener="operators")
        check = answer.json()["checks"]["store"]
        assert check["ok"] or answer.status_code == 503
        return check

    assert store()["ok"]
    signers, aside = gate.dir / "policies" / "anchors" / "signers", tmp_path / "aside"
    shutil.move(signers, aside)
    try:
        assert "nobody is admitted" in store()["message"]
    finally:
        shutil.move(aside, signers)
    lists = ALists(gate, tmp_path)
    try:
        lists.publish(now() - 2 * HOUR, now() - HOUR)
        assert "the trusted lists give no anchor" in store()["message"]
        lists.mend()
        assert store()["ok"]
        until(lambda: f'"snapshot":"{max(lists.store.glob("snapshot-*.map")).name}"' in
              gate.run("audit", "export").stdout)  # which trust was in force
        newest = max(lists.store.glob("snapshot-*.map"))
        newest.write_bytes(newest.read_bytes()[:-1])
        assert "not whole" in store()["message"]
    finally:
        lists.away()
    assert store()["ok"]


def test_the_clock_must_agree(gate, tmp_path):
    """What the gate has read was made in an hour from now."""
    def clock():
        answer = gate.request("/health", "operators/viewer", listener="operators")
        return answer.json()["checks"]["clock"]

    assert clock()["ok"]
    ahead = Clock(gate, tmp_path)
    ahead.publish(now() + HOUR, now() + 24 * HOUR)
    try:
        check = clock()
        assert not check["ok"] and "behind the newest" in check["message"], check
    finally:
        ahead.away()
    assert clock()["ok"]


def by_tls_1_2(gate, listener, holder):
    """The answer to a request over TLS 1.2, or the error of the handshake."""
    ca, chain, key = (str(gate.transport(holder)[i]) for i in (1, 3, 5))
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(chain, key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    host, port = gate.listener(listener).removeprefix("https://").split(":")
    try:
        with socket.create_connection((host, int(port)), 10) as plain:
            with context.wrap_socket(plain, server_hostname=host) as tls:
                tls.sendall(b"GET /v1/status HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n")
                return tls.makefile("rb").read().decode()
    except ssl.SSLError as error:
        return str(error)


def test_tls_1_2_is_for_partners_whom_policy_lists(gate):
    assert "PROTOCOL" in by_tls_1_2(gate, "operators", "operators/viewer").upper()
    assert "PROTOCOL" in by_tls_1_2(gate, "customs", "partners/nz-mpi").upper()
    answer = by_tls_1_2(gate, "partners", "partners/nz-mpi")
    assert " 403 " in answer and "partner.tls" in answer
    partner = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    before = partner.read_text()
    partner.write_text(before + "tls12 = true;\n")
    try:
        end = time.monotonic() + 30
        while " 200 " not in (answer := by_tls_1_2(gate, "partners", "partners/nz-mpi")):
            assert time.monotonic() < end, answer
            time.sleep(0.1)
    finally:
        partner.write_text(before)

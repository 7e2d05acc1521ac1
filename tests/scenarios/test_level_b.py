# SPDX-License-Identifier: EUPL-1.2
"""The time-stamping authority goes away and comes back: by policy documents are sealed at level
B meanwhile, health says so, and their time-stamps follow by themselves; then LT and LTA."""
import datetime
import json
import shutil
import subprocess
import time

import pytest

from scenarios.gate import BIN, a_gate


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        (made.dir / "policies" / "degraded" / "tsa.cfg").write_text(
            'mode = "grace";\nseconds = 3600;\n')
        yield made.up()


def until(condition, bound=60.0):
    end = time.monotonic() + bound
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return value


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def evidence(gate, identifier):
    file = gate.folder / f"{identifier}.asice"
    file.write_bytes(gate.request(f"/v1/documents/{identifier}/evidence").content)
    done = subprocess.run(
        [BIN / "sealgate-verify-evidence", "--store", gate.dir / "policies" / "anchors",
         "--revocation", gate.dir / "state" / "trust" / "revocation", file],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def check(gate):
    answer = gate.request("/health", "operators/viewer", listener="operators")
    return answer.json()["checks"]["time_stamps"]


def submitted(gate, path):
    status, answer = gate.submit(path)
    assert status == 0, answer
    return answer["id"]


def test_level_b_now_and_t_later(gate):
    first, second, third = (gate.certificate("phyto", f"PHYTO.NZ.2026.{n:07d}")
                            for n in (1, 2, 3))
    assert until(lambda: check(gate)["ok"])
    gate.tsa.mode("down")
    try:
        ids = [submitted(gate, path) for path in (first, second)]
        # Nothing waits for the authority ...
        gate.wait_delivered(ids)
        for identifier in ids:
            report = evidence(gate, identifier)
            assert report["evidence"]["level"] == "XAdES-BASELINE-B"
            assert report["evidence"]["role"].endswith(", level B")
            assert any(f["code"] == "evidence.level" for f in report["findings"])
        # ... and nobody is left in the dark.
        state = check(gate)
        assert not state["ok"] and "level B" in state["message"]
        assert "seal.level-b" in gate.log.read_text()
        figures = gate.request("/metrics", "operators/viewer", listener="operators").text
        assert "\nsealgate_level_b_documents 2\n" in figures
    finally:
        gate.tsa.mode("ok")
    for identifier in ids:
        until(lambda i=identifier: evidence(gate, i)["evidence"]["level"] ==
              "XAdES-BASELINE-T", 90)
    assert until(lambda: check(gate)["ok"])
    events = [e["record"]["event"] for e in
              gate.request(f"/v1/documents/{ids[0]}/events").json()]
    assert events.count("document.augmented") == 1
    after = submitted(gate, third)
    gate.wait_delivered([after])
    assert not evidence(gate, after)["evidence"]["role"].endswith(", level B")
    # The signer signed each once: a time-stamp needs no second seal.
    done = gate.run("audit", "reconcile")
    assert done.returncode == 0, done.stdout + done.stderr

@pytest.fixture
def lasting(gate):
    """The same gate with containers that are taken to LTA at once."""
    gate.down()
    rule = gate.dir / "policies" / "signature" / "renewal.cfg"
    rule.write_text('to = "LTA";\nlt_after_s = 1;\nretry_s = 2;\n')
    gate.up()
    yield gate
    gate.down()
    rule.unlink()
    gate.up()


def test_to_lta_by_itself(lasting):
    gate = lasting
    identifier = submitted(gate, gate.certificate("phyto", "PHYTO.NZ.2026.0000011"))
    gate.wait_delivered([identifier])
    # What is known was issued before the seal: it proves nothing about it yet.
    until(lambda: "seal.not-augmented" in gate.log.read_text())
    assert evidence(gate, identifier)["evidence"]["level"] == "XAdES-BASELINE-T"
    # A CRL has whole seconds, and must be younger than what proves the seal's time.
    proven = evidence(gate, identifier)["signatures"][0]["best_signature_time"]
    proven = datetime.datetime.fromisoformat(proven.replace("Z", "+00:00"))
    until(lambda: now() > proven + datetime.timedelta(seconds=1))
    gate.pki.renew_crls(now())
    for crl in (gate.folder / "pki" / "crl").iterdir():
        shutil.copy(crl, gate.dir / "state" / "trust" / "revocation" / crl.name)
    until(lambda: evidence(gate, identifier)["evidence"]["level"] == "XAdES-BASELINE-LTA", 90)
    levels = [e["record"]["detail"]["level"] for e in
              gate.request(f"/v1/documents/{identifier}/events").json()
              if e["record"]["event"] == "document.augmented"]
    assert levels == ["LT", "LTA"]
    # Nothing but the anchors is needed any more.
    file = gate.folder / f"{identifier}.asice"
    done = subprocess.run(
        [BIN / "sealgate-verify-evidence", "--anchors", gate.pki.path("ec/root"), "--anchors",
         gate.pki.path("tsa/root"), file], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["signatures"][0]["indication"] == "TOTAL-PASSED", done.stdout

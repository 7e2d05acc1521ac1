# SPDX-License-Identifier: EUPL-1.2
"""The time-stamping authority goes away and comes back: by policy documents are sealed at level
B meanwhile, health says so, and their time-stamps follow by themselves; then LT and LTA."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

from scenarios.gate import BIN, Gate


@pytest.fixture(scope="module")
def gate():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    folder.chmod(0o755)
    try:
        with Gate(folder) as made:
            made.make()
            (made.dir / "policies" / "degraded" / "tsa.cfg").write_text(
                'mode = "grace";\nseconds = 3600;\n')
            made.up()
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def until(condition, bound=60.0):
    end = time.monotonic() + bound
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return value


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

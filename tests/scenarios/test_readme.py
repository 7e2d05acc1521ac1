# SPDX-License-Identifier: EUPL-1.2
"""What the documentation tells people to type works as it stands there."""
import json
import re
import subprocess

import pytest

from scenarios.gate import BIN, ROOT

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.S | re.M)


@pytest.fixture
def number(gate, tmp_path):
    """The sample's number, which no other test has used; the test's folder looks like the
    source tree after `make demo-up`."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "bin").symlink_to(BIN)
    (tmp_path / "build" / "demo").symlink_to(gate.folder)
    gate.write_access()
    return json.loads((gate.folder / "access.json").read_text())["sample"]["number"]


def type_in(pages, folder, **replacements):
    """Run the blocks of pages, one after the other, in one shell as they stand there; what they print."""
    script = "".join(block for page in pages.split()
                     for block in BLOCK.findall((ROOT / page).read_text()))
    for old, new in replacements.items():
        line = next(line for line in script.splitlines() if line.startswith(f"{old} "))
        script = script.replace(line, new.format(line=line))
    done = subprocess.run(["sh", "-e", "-c", script], cwd=folder, text=True, timeout=90,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_document(number, tmp_path):
    preflight, submitted, *explained = type_in("README.md", tmp_path).splitlines()
    assert json.loads(preflight)["decision"] == "accepted"
    assert json.loads(submitted)["state"] == "accepted"
    assert number in explained[0]


def test_quick_start_for_partners(gate, number, tmp_path):
    said = type_in("docs/integrators.md docs/integrators/handshakes.md", tmp_path)
    assert '"partner":"nz-mpi"' in said and "TOTAL-PASSED" in said
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert receipt["state"] == "accepted"
    outcomes = json.loads((tmp_path / "outcomes.json").read_text())
    assert f'{{"acknowledged":"{outcomes["next"]}"}}' in said
    gate.wait_delivered([receipt["id"]])
    assert number not in (tmp_path / "document.xml").read_text()
    assert "PHYTO.NZ." in gate.run("explain", receipt["id"]).stdout


def test_runbook(gate, number, tmp_path):
    gate.traces.mode("down")
    status, answer = gate.submit(gate.certificate("phyto", number))
    assert status == 0, answer
    said = type_in("docs/runbook.md", tmp_path, **{
        "act redrive": "until {line}; do sleep 0.2; done"})
    gate.traces.mode("ok")
    assert "intact: " in said and '"status":"ok"' in said and '"done":"redrive"' in said
    gate.wait_delivered([answer["id"]])


def test_access_names_files_that_are_there(gate):
    access = json.loads((gate.folder / "access.json").read_text())
    for role in ("officer", "seal"):
        for path in access["signers"][role].values():
            assert (gate.folder / path).is_file()
    assert access["sample"]["number"] in (gate.folder / access["sample"]["document"]).read_text()

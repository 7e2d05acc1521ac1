# SPDX-License-Identifier: EUPL-1.2
"""What the documentation tells people to type works as it stands there."""
import json
import re
import subprocess

from scenarios.gate import BIN, ROOT

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.S | re.M)


def place(gate, folder):
    """A folder that looks like the source tree after `make demo-up`."""
    (folder / "build").mkdir()
    (folder / "build" / "bin").symlink_to(BIN)
    (folder / "build" / "demo").symlink_to(gate.folder)


def test_the_first_document(gate, tmp_path):
    place(gate, tmp_path)
    (block,) = BLOCK.findall((ROOT / "README.md").read_text())
    done = subprocess.run(["sh", "-e", "-c", block], cwd=tmp_path, text=True, timeout=60,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    preflight, submitted, *explained = done.stdout.splitlines()
    assert json.loads(preflight)["decision"] == "accepted"
    assert json.loads(submitted)["state"] == "accepted"
    number = json.loads((gate.folder / "access.json").read_text())["sample"]["number"]
    assert number in explained[0]


def test_access_names_files_that_are_there(gate):
    access = json.loads((gate.folder / "access.json").read_text())
    for role in ("officer", "seal"):
        for path in access["signers"][role].values():
            assert (gate.folder / path).is_file()
    assert access["sample"]["number"] in (gate.folder / access["sample"]["document"]).read_text()

# SPDX-License-Identifier: EUPL-1.2
"""Hostile XML of others against the command line: what must be refused is, with a finding that
says why, what must not be is not, and nothing is opened or connected to while a document is read.

SEALGATE_CORPUS names the corpus, SEALGATE_BIN the folder of the programs. SEALGATE_HOSTILE: another
folder with files and an expected.tsv of the same form.
"""
import collections
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CORPUS = os.environ.get("SEALGATE_CORPUS")
FOLDER = pathlib.Path(os.environ.get("SEALGATE_HOSTILE") or
                      (pathlib.Path(CORPUS) / "hostile-xml" if CORPUS else "/nonexistent"))
PROGRAM = pathlib.Path(os.environ.get("SEALGATE_BIN", TOP / "build" / "bin")) / "sealgate"

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="SEALGATE_CORPUS is not set"),
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM.name} is not built"),
]

# Opened once by the JSON library for the seed of its tables, whatever the input is.
SEED = '"/dev/urandom", O_RDONLY'

# Rows where the gate decides otherwise than the oracle says, and why.
DECIDED = {
    "093-trailing-comment": ("ACCEPT", "comments outside of values carry nothing and are allowed"),
}


def rows():
    if not FOLDER.is_dir():
        return []
    with open(FOLDER / "expected.tsv", encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, timeout=120, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines, done.stderr.decode(errors="replace")


def run_all(files, *command):
    """{file: findings}, one process a file: none may make a later one look good."""
    found = {}
    for name in files:
        status, lines, error = run(*command, str(FOLDER / name))
        assert status in (0, 1), f"{name}: exit {status} {error}"
        assert len(lines) == 1 and lines[0]["file"] == str(FOLDER / name)
        found[name] = lines[0]["findings"]
    return found


@pytest.fixture(scope="module")
def checked():
    return run_all([row["file"] for row in rows()], "check", "--policies", TOP / "policies")


@pytest.fixture(scope="module")
def verified():
    return run_all([row["file"] for row in rows()], "verify", "--profile", "gate")


def codes(findings, prefix=""):
    return sorted({f["code"] for f in findings
                   if f["severity"] == "error" and f["code"].startswith(prefix)})


def judge(row, check, verify):
    """None when the row is as it should be, else what is wrong."""
    expected = DECIDED.get(row["case"], (row["expected"], ""))[0]
    xml = codes(check, "xml.") + codes(verify, "xml.")
    if expected.startswith(("ACCEPT", "NOFETCH")):
        either = "|" in expected
        return None if either or not xml else f"refused: {xml}"
    if expected == "REJECT(xsd)":
        return None if codes(check, "doc.schema") or xml else "not refused by check"
    if xml:
        return None
    # Well formed, harmless to a reader, and no part of any document: the schema's to refuse,
    # which must name the strange element and not only what is missing beside it.
    strange = [f for f in check if f["code"] == "doc.schema" and "not expected" in f["message"]]
    return None if strange else "no finding xml.*, and the schema expected it"


def test_every_row(checked, verified, capsys):
    counts = collections.Counter()
    wrong = []
    for row in rows():
        fault = judge(row, checked[row["file"]], verified[row["file"]])
        counts[row["expected"]] += 1
        if fault:
            wrong.append(f"{row['case']} ({row['expected']}): {fault}")
    with capsys.disabled():
        print(f"\nhostile-xml: {sum(counts.values())} rows, {len(wrong)} wrong;",
              ", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
        for case, (verdict, why) in DECIDED.items():
            print(f"hostile-xml: {case} is {verdict} by decision: {why}")
    assert not wrong


def test_refusals_say_where_and_how(checked):
    for name, findings in checked.items():
        for finding in findings:
            if not finding["code"].startswith("xml.") or finding["code"] == "xml.empty":
                continue
            assert re.fullmatch(r"\d+:\d+|/.*", finding["where"]), (name, finding)
            assert finding["fix"] and finding["message"], (name, finding)


def calls_from(trace, name):
    """(call, arguments) from the one that opens the named file; execve names it too."""
    calls = re.findall(r"^(?:\d+\s+)?(\w+)\((.*)", trace, flags=re.M)
    start = next(i for i, (call, rest) in enumerate(calls) if call != "execve" and name in rest)
    return calls[start:]


@pytest.mark.parametrize("command", (("check", "--policies", str(TOP / "policies")),
                                     ("verify", "--profile", "gate"),
                                     ("verify", "--profile", "eidas")), ids=" ".join)
def test_nothing_is_opened(command, tmp_path, capsys):
    """From the first document on, the documents are all that is ever opened."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not installed")
    files = [str(FOLDER / row["file"]) for row in rows()]
    trace = tmp_path / "trace"
    subprocess.run([strace, "-f", "-qq", "-s", "4096", "-o", str(trace), "-e",
                    "trace=%network,open,openat,openat2,creat,execve,fork,vfork,clone,clone3",
                    PROGRAM, *command, *files], stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, timeout=300, check=False)
    calls = calls_from(trace.read_text(errors="replace"), files[0])
    strange = [c for c in calls if c[0] not in ("open", "openat") or
               not (any(f in c[1] for f in files) or SEED in c[1])]
    with capsys.disabled():
        print(f"\nhostile-xml: {command[0]}: {len(calls)} calls that open or connect from the "
              f"first document on, {len(strange)} of them for anything but a document")
    assert not strange
    assert len(calls) >= len(files)

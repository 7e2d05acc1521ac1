# SPDX-License-Identifier: EUPL-1.2
"""Every file of the corpus through every reader of the command line, under AddressSanitizer and
UBSan: whatever it is given, it ends by itself and the sanitizers have nothing to say.

`make soak` takes the whole corpus and, besides, the comparisons of tests/conformance with their
anchors, data and times; `make faults` every fortieth file from a seed that is printed.
"""
import os
import pathlib
import random
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "conformance"))

import asic_files  # noqa: E402
import sps_signed  # noqa: E402
import xades_files  # noqa: E402
import xmldsig_files  # noqa: E402

BIN, CORPUS = os.environ.get("SEALGATE_BIN"), os.environ.get("SEALGATE_CORPUS")
SOAK = bool(os.environ.get("SEALGATE_SOAK"))
STEP = 1 if SOAK else 40
BATCH = 40
FOUND = 99  # exit status of a sanitizer
DECIDED = (0, 1, 3)
PROGRAM = pathlib.Path(BIN).parent / "san" / "bin" / "sealgate" if BIN else None

pytestmark = [
    pytest.mark.skipif(not PROGRAM or not PROGRAM.exists(),
                       reason="build/san/bin/sealgate is not built"),
    pytest.mark.skipif(not CORPUS, reason="SEALGATE_CORPUS is not set")]


def readers():
    """Commands to which any octets at all may be given."""
    root = str(pathlib.Path(CORPUS) / "sps-signed" / "pki" / "root.pem")
    at = ("--at", "2026-06-05T12:00:00Z")
    return (
        ("verify", "--profile", "eidas", *at, "--anchors", root, "--format", "etsi"),
        ("verify", "--profile", "gate", *at, "--anchors", root),
        ("check", "--policies", str(TOP / "policies")),
        ("evidence", "verify", "--anchors", root, *at),
        ("trust", "path", "--strict", "--anchors", root, *at),
        ("trust", "ocsp", "--issuer", root, *at),
        ("trust", "crl", "--issuer", root, *at),
        ("trust", "token", "--anchors", root, *at))


@pytest.fixture()
def reports(tmp_path, monkeypatch):
    """The folder of what sanitizers write, which whoever is started there inherits."""
    folder = tmp_path / "reports"
    folder.mkdir()
    options = f"exitcode={FOUND}:log_path={folder}/report:detect_leaks=1"
    monkeypatch.setenv("ASAN_OPTIONS", options)
    monkeypatch.setenv("UBSAN_OPTIONS", options + ":halt_on_error=1:print_stacktrace=1")
    return folder


def text_of(reports):
    return "\n".join(f.read_text(errors="replace")[:3000] for f in sorted(reports.iterdir()))


def run(command, files):
    return subprocess.run([PROGRAM, *command, *map(str, files)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=600, check=False)


def test_a_sanitizer_is_heard(reports, monkeypatch):
    """What is looked for is found: an allocation larger than one was told to bear."""
    monkeypatch.setenv("ASAN_OPTIONS", os.environ["ASAN_OPTIONS"] +
                       ":max_allocation_size_mb=1:allocator_may_return_null=0")
    large = max((pathlib.Path(CORPUS) / "hostile-xml").iterdir(), key=lambda f: f.stat().st_size)
    assert run(("verify",), [large]).returncode == FOUND
    assert "allocation-size-too-big" in text_of(reports)


def test_every_file(reports, capsys):
    seed = random.SystemRandom().randrange(STEP)
    files = sorted(f for f in pathlib.Path(CORPUS).rglob("*") if f.is_file())[seed::STEP]
    wrong = []
    for command in readers():
        for start in range(0, len(files), BATCH):
            done = run(command, files[start:start + BATCH])
            if done.returncode not in DECIDED:
                wrong.append((command, start, done.returncode, done.stderr[-500:]))
    with capsys.disabled():
        print(f"\nsanitized: {len(files)} files from {seed}, {len(readers())} readers each")
    assert not wrong, (wrong, text_of(reports))
    assert not text_of(reports)
    assert len(files) > 100


@pytest.mark.skipif(not SOAK, reason="only make soak")
@pytest.mark.parametrize("part,folder", (
    (xades_files, "xades"), (asic_files, "xades"), (sps_signed, "sps-signed"),
    (xmldsig_files, "xmldsig")), ids=("xades", "asice", "sps-signed", "xmldsig"))
def test_comparisons(reports, part, folder):
    """The rows of the conformance suites; what they say of the verdicts is theirs to judge."""
    answers = []
    part.compare(str(PROGRAM), os.path.join(CORPUS, folder), lambda *row: answers.append(row))
    assert not text_of(reports)
    assert len(answers) > 100

# SPDX-License-Identifier: EUPL-1.2
"""Forms, levels and algorithms that sealgate does not make itself: the EU's reference
implementation makes them with a throw-away PKI, and its verdicts and ours are the same."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from interop import judge as judge_module

PROGRAM = pathlib.Path(os.environ.get("SEALGATE_BIN", "build/bin")) / "sealgate"
AT = "2026-06-05T12:00:00Z"  # after the last time-stamp
ENDINGS = (".xml", ".asice", ".asics")
# What is known of the signer: (anchors, revocation data).
SITUATIONS = {"all": (True, True), "no-revocation": (True, False)}


@pytest.fixture(scope="module")
def folder():
    try:
        judge_module.build()
    except judge_module.NoJudge as error:
        pytest.skip(str(error))
    made = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    try:
        _, errors = judge_module.run(made, program="Maker")
        assert "Exception" not in errors, errors  # everything could be made
        yield made
    finally:
        shutil.rmtree(made)


def files_of(folder):
    return sorted(f for f in folder.iterdir() if f.suffix in ENDINGS and f.name != "b.xml")


def outside(folder, file):
    """What the signature of a file is over and does not have in itself."""
    if "detached" not in file.name and "manifest" not in file.name:
        return ()
    return tuple(x for name in ("a.txt", "b.xml")
                 for x in ("--detached", f"{folder / name}|{name}"))


def theirs(folder, anchors, lists):
    found = {}
    files = files_of(folder)
    for data in {outside(folder, f) for f in files}:
        part = [f for f in files if outside(folder, f) == data]
        for v in judge_module.judge(part, anchors, lists, AT, data)[0]:
            found.setdefault(pathlib.Path(v.file).name, []).append(
                (v.level, v.indication, "" if v.sub == "-" else v.sub))
    return found


def ours(folder, file, anchors, lists):
    command = [PROGRAM, "verify", "--profile", "eidas", "--at", AT, *outside(folder, file)]
    command += [x for a in anchors for x in ("--anchors", a)]
    command += [x for c in lists for x in ("--revocation", c)]
    done = subprocess.run([*command, file], capture_output=True, text=True, timeout=60,
                          check=False)
    return [(s["level"], s["indication"].replace("-", "_"), s["sub_indication"])
            for s in json.loads(done.stdout)["signatures"]]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_same_verdicts(folder, situation):
    with_anchor, with_list = SITUATIONS[situation]
    anchors = [folder / "root.pem"] if with_anchor else []
    lists = [folder / "root.crl"] if with_list else []
    want = theirs(folder, anchors, lists)
    got = {f.name: ours(folder, f, anchors, lists) for f in files_of(folder)}
    assert len(got) > 90 and set(got) == set(want)
    assert {n: g for n, g in got.items() if sorted(g) != sorted(want[n])} == {}
    passed = sum(v[1] == "TOTAL_PASSED" for verdicts in got.values() for v in verdicts)
    assert (passed > 80) == (situation == "all")


def test_altered_value(folder, tmp_path):
    """Every third of them with another signature value, or with other signed properties."""
    for file in files_of(folder)[::3]:
        if file.suffix != ".xml" or "counter" in file.name or "twice" in file.name:
            continue
        text = file.read_text(encoding="utf-8")
        head, mark, rest = text.partition("SignatureValue")
        value, start = rest.partition(">")[2], len(text) - len(rest.partition(">")[2])
        other = "B" if value[10] == "A" else "A"
        for name, changed, word in (
                ("value", text[:start + 10] + other + text[start + 11:], "SIG_CRYPTO_FAILURE"),
                ("time", text.replace("2026-06-01T10:00:00Z", "2026-06-01T10:00:01Z", 1),
                 "HASH_FAILURE")):
            assert changed != text
            copy = tmp_path / f"{name}-{file.name}"
            copy.write_text(changed, encoding="utf-8")
            found = ours(folder, copy, [folder / "root.pem"], [folder / "root.crl"])
            assert [v[1:] for v in found] == [("TOTAL_FAILED", word)], copy.name

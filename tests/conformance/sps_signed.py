# SPDX-License-Identifier: EUPL-1.2
"""Signed SPS documents against the verdicts of the EU's reference implementation."""
import csv
import json
import os
import subprocess

JUNE = "2026-06-05T12:00:00Z"
NOVEMBER = "2026-11-21T00:00:00Z"
RUNS = {
    "offline@2026-06-05": (JUNE, []),
    "crl-june@2026-06-05": (JUNE, ["root_june.crl", "qca1_june.crl", "qca2_june.crl"]),
    "crl-nov@2026-11-21": (NOVEMBER, ["root_nov.crl", "qca1_nov.crl", "qca2_nov.crl"]),
}
FLAGS = ("sig_value_ok", "refs_found", "refs_intact", "core_valid")


def rows(where):
    with open(os.path.join(where, "expected.tsv"), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def verify(program, where, files, at, crls, profile="eidas"):
    command = [program, "verify", "--profile", profile, "--at", at,
               "--anchors", os.path.join(where, "pki", "root.pem")]
    for crl in crls:
        command += ["--revocation", os.path.join(where, "pki", crl)]
    command += [os.path.join(where, f) for f in files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{program}: exit {done.returncode}\n{done.stderr}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {os.path.relpath(a["file"], where): a for a in answers}


def verdict(indication, sub):
    return indication.replace("-", "_") + ("/" + sub if sub else "")


def expected_verdict(text):
    """What a row wants; what the oracle could not read is a failure of the format."""
    if text.startswith(("TOTAL_", "INDETERMINATE")):
        return text
    return "TOTAL_FAILED/FORMAT_FAILURE"


def tokens(signature):
    return [t["type"] + ":" + verdict(t["indication"], t["sub_indication"])
            for t in signature["timestamps"]]


def expected_tokens(text):
    """'SIGNATURE_TIMESTAMP:FISV:PASSED | ...' without the letters in the middle."""
    found = []
    for part in filter(None, (text or "").split(" | ")):
        name, _, rest = part.partition(":")
        found.append(name + ":" + rest.partition(":")[2])
    return found


def compare_row(row, answer, column):
    """Yield (what, expected, got) for a row; only the verdict unless it is June."""
    number = int(row["sig_no"])
    want = expected_verdict(row[column])
    if number == 0 or number > len(answer["signatures"]):
        yield column, want, verdict(answer["indication"], answer["sub_indication"])
        return
    signature = answer["signatures"][number - 1]
    yield column, want, verdict(signature["indication"], signature["sub_indication"])
    if not column.startswith("crl-june"):
        return
    for flag in FLAGS:
        yield flag, row[flag], str(signature[flag]).lower()
    yield "level(june)", row["level(june)"], signature["level"]
    yield "role", row["role"], signature["role"]
    yield ("timestamps(june)", sorted(expected_tokens(row["timestamps(june)"])),
           sorted(tokens(signature)))


def compare(program, where, note):
    """Call note(file, signature, column, want, got) for every row and column."""
    expected = rows(where)
    files = sorted({r["file"] for r in expected})
    for column, (at, crls) in RUNS.items():
        answers = verify(program, where, files, at, crls)
        for row in expected:
            for what, want, got in compare_row(row, answers[row["file"]], column):
                note(row["file"], row["sig_no"], what, want, got)

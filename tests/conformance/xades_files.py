# SPDX-License-Identifier: EUPL-1.2
"""XAdES and XMLDSig signatures of many makers against the EU's reference implementation.

Rows whose data was not found are no hard truth beyond sig_value_ok, nor are anchored ones
without revocation data, which have a column of their own.
"""
import csv
import json
import os
import subprocess
import tempfile

NOW = "2026-11-01T00:00:00Z"
CORE = ("sig_value_ok", "refs_found", "refs_intact", "core_valid")


def rows(where):
    with open(os.path.join(where, "expected.tsv"), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def detached_list(where, text):
    out = []
    for part in filter(None, (text or "").split(";")):
        part = part.strip()
        if part.startswith("..."):  # "...500 files, pattern dir/name_N.ext"
            count, _, pattern = part[3:].partition(" files, pattern ")
            out += [os.path.join(where, "files", pattern.replace("_N.", f"_{n}."))
                    for n in range(1, int(count) + 1)]
            continue
        if not part.startswith("DIGEST:"):
            part = os.path.join(where, "files", part)
        out.append(part)
    return out


def verify(program, where, row, at, anchors):
    command = [program, "verify", "--profile", "eidas", "--at", at]
    if anchors:
        name = row["file"].replace("/", "_") + ".anchors.pem"
        path = os.path.join(where, "anchors", name)
        if not os.path.exists(path):
            return None
        command += ["--anchors", path]
    detached = detached_list(where, row["detached"])
    with tempfile.NamedTemporaryFile("w", suffix=".list") as f:
        f.write("\n".join(detached))
        f.flush()
        command += ["--detached-list", f.name, os.path.join(where, "files", row["file"])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120,
                              check=False)
    if done.returncode not in (0, 1):
        return {"error": f"exit {done.returncode} {done.stderr.strip()[:200]}"}
    return json.loads(done.stdout)


def verdict(indication, sub):
    return indication.replace("-", "_") + ("/" + sub if sub else "")


def wanted(text):
    if text.startswith(("TOTAL_", "INDETERMINATE")):
        return text
    return "-" if text == "-" else "TOTAL_FAILED/FORMAT_FAILURE"


def signature_of(row, answer):
    number = row["sig_no"]
    if "error" in answer or not number.isdigit() or int(number) == 0 or \
            int(number) > len(answer["signatures"]):
        return None
    return answer["signatures"][int(number) - 1]


def outcome(row, answer):
    if answer is None:
        return "-"
    if "error" in answer:
        return answer["error"]
    s = signature_of(row, answer)
    return verdict(s["indication"], s["sub_indication"]) if s else \
        verdict(answer["indication"], answer["sub_indication"])


def token_texts(signature):
    return sorted(t["type"] + ":" + verdict(t["indication"], t["sub_indication"])
                  for t in signature["timestamps"])


def wanted_tokens(text):
    out = []
    for part in filter(None, (text or "").split(" | ")):
        name, _, rest = part.partition(":")
        out.append(name + ":" + rest.partition(":")[2])
    return sorted(out)


def compare_core(row, s, note):
    key = (row["file"], row["sig_no"])
    for column in CORE:
        if column == "sig_value_ok" or row["refs_found"] != "false":
            note(*key, column, row[column], str(s[column]).lower())
    note(*key, "level", row["level"], s["level"])
    note(*key, "role", row["role"], s["role"])
    note(*key, "scopes", row["scopes"].split(":")[0].lower().replace("_", "-"), s["scope"])
    note(*key, "timestamps", wanted_tokens(row["timestamps"]), token_texts(s))


def anchored_column(row):
    """The column of anchored_at_T, or None for a row that is no hard truth."""
    if row["anchored_at_T"].endswith("CERTIFICATE_CHAIN_GENERAL_FAILURE"):
        return "anchored_at_T, no revocation"
    return "anchored_at_T" if row["refs_found"] == "true" else None


def compare(program, where, note):
    """Call note(file, signature, column, want, got) for every row and column. Return: how many
    rows."""
    answers, expected = {}, rows(where)

    def ask(row, at, anchors):
        key = (row["file"], row["detached"], at, anchors)
        if key not in answers:
            answers[key] = verify(program, where, row, at, anchors)
        return answers[key]

    for row in expected:
        key = (row["file"], row["sig_no"])
        plain = ask(row, NOW, False)
        note(*key, "noanchor_result", wanted(row["noanchor_result"]), outcome(row, plain))
        s = signature_of(row, plain)
        if s and row["sig_value_ok"] in ("true", "false"):
            compare_core(row, s, note)
        if row["anchored_now"] != "-":
            note(*key, "anchored_now", wanted(row["anchored_now"]),
                 outcome(row, ask(row, NOW, True)))
        if row["anchored_at_T"] != "-" and anchored_column(row):
            note(*key, anchored_column(row), wanted(row["anchored_at_T"]),
                 outcome(row, ask(row, row["T"], True)))
    return len(expected)

# SPDX-License-Identifier: EUPL-1.2
"""Trusted lists of the EU as they were against the reference implementation's reading of them."""
import csv
import json
import os
import re
import subprocess

import pytest

import sps_signed
from explained import Bars

CORPUS = os.environ.get("SEALGATE_CORPUS")
BIN = os.environ.get("SEALGATE_BIN")

pytestmark = [pytest.mark.skipif(BIN is None, reason="SEALGATE_BIN is not set"),
              pytest.mark.skipif(CORPUS is None, reason="SEALGATE_CORPUS is not set")]

LISTS = os.path.join(CORPUS or "", "trusted-lists")
ORACLE = re.compile(r"svc=(\d+) certs=(\d+)")


def trust_import(lotl, folder, urls, journal, at, store):
    """Rows by URL."""
    done = subprocess.run(
        [os.path.join(BIN, "sealgate"), "trust", "import", "--lotl", lotl, "--lists", folder,
         "--urls", urls, "--oj-certs", journal, "--at", at, "--store", store],
        capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    return {row["url"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def lists_of_2023(tmp_path_factory):
    return trust_import(
        os.path.join(LISTS, "2023-10", "https___ec_europa_eu_tools_lotl_eu_lotl_xml.xml"), LISTS,
        os.path.join(LISTS, "urls-2023.tsv"), os.path.join(LISTS, "oj-C276-2019-certs.pem"),
        "2023-10-28T00:00:00Z", tmp_path_factory.mktemp("trust") / "store")


def test_lists_of_2023(lists_of_2023, capsys):
    bars, rows = Bars("trust", "trust"), 0
    with open(os.path.join(LISTS, "oracle_lotl2023.tsv"), encoding="utf-8",
              errors="replace") as oracle:
        for line in oracle:
            fields = line.split("\t")
            if fields[0] not in ("TL", "PIVOT"):
                continue
            rows += 1
            row = lists_of_2023[fields[1]]
            counts = ORACLE.search(line)
            bars.note(fields[1], "", "status",
                      "PASSED" if "TOTAL_PASSED" in line else "MISSING", row["status"])
            if counts:
                bars.note(fields[1], "", "providers", int(counts[1]), row["providers"])
                bars.note(fields[1], "", "certificates", int(counts[2]), row["certificates"])
    with capsys.disabled():
        bars.check({"status": 1, "providers": 1, "certificates": 1}, 3 * rows)


def test_effect_in_2023(lists_of_2023):
    """Expired (FR), closed (UK), missing (DE): no effect, unlike the reference implementation."""
    without = {r["territory"]: r["reason"] for r in lists_of_2023.values() if r["effect"] == "no"}
    assert set(without) == {"FR", "UK", "DE"}
    assert "expired" in without["FR"] and "next update" in without["UK"]
    assert len(lists_of_2023) > 30


@pytest.mark.parametrize("variant, effect, reason", [
    ("q_QCWithQSCD", "yes", ""), ("withdrawn_after", "yes", ""),
    ("badsig", "no", "signature is wrong"), ("wrongsigner", "no", "signer is not"),
    ("ver4", "no", "version")])
def test_variants_of_one_list(tmp_path, variant, effect, reason):
    folder = os.path.join(CORPUS, "sps-signed", "trusted-lists")
    urls = tmp_path / "urls"
    urls.write_text(f"https://tl.test.invalid/xx.xml\t{variant}.xml\n")
    rows = trust_import(os.path.join(folder, "_lotl.xml"), folder, urls,
                        os.path.join(CORPUS, "sps-signed", "pki", "lotl.pem"),
                        "2026-06-05T12:00:00Z", tmp_path / "store")
    row = rows["https://tl.test.invalid/xx.xml"]
    assert row["effect"] == effect
    assert reason in row["reason"]


# Lists that the reference implementation lets count and that have no effect here.
NO_EFFECT = ("badsig.xml", "wrongsigner.xml", "ver4.xml")
# ForeSignatures alone does not make a service one for seals: TS 119 615 4.4.4.1.
NOT_FOR_SEALS = "asi_esig_only.xml"


def qualified(tmp_path, variant, rows):
    """(indication, qualification, time-stamps) of each row by a list."""
    where = os.path.join(CORPUS, "sps-signed")
    folder = os.path.join(where, "trusted-lists")
    urls = tmp_path / "urls"
    urls.write_text(f"https://tl.test.invalid/xx.xml\t{variant}\n")
    at, store = "2026-06-05T12:00:00Z", tmp_path / "store"
    trust_import(os.path.join(folder, "_lotl.xml"), folder, urls,
                 os.path.join(where, "pki", "lotl.pem"), at, store)
    done = subprocess.run(
        [os.path.join(BIN, "sealgate"), "verify", "--at", at, "--store", store,
         *(os.path.join(where, "valid", row["file"]) for row in rows)],
        capture_output=True, text=True, check=False, timeout=120)
    for row, line in zip(rows, done.stdout.splitlines(), strict=True):
        s = json.loads(line)["signatures"][int(row["sig_no"]) - 1]
        yield (sps_signed.verdict(s["indication"], s["sub_indication"]), s["qualification"],
               sorted(f"{t['type']}:{t['indication']}/{t['qualification']}"
                      for t in s["timestamps"]))


def test_qualification(tmp_path):
    """Every variant of the list: as the reference implementation, but for what is stricter."""
    with open(os.path.join(CORPUS, "sps-signed", "qualification.tsv"), encoding="utf-8",
              newline="") as f:
        rows = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    equal = 0
    for variant in sorted({row["tl_variant"] for row in rows}):
        some = [row for row in rows if row["tl_variant"] == variant]
        folder = tmp_path / variant
        folder.mkdir()
        for row, got in zip(some, qualified(folder, variant, some), strict=True):
            want = (row["indication"], row["qualification"],
                    sorted(t for t in row["timestamps"].split(" | ") if t))
            if variant in NO_EFFECT:
                assert got[1] == "NA" and all(t.endswith("/NA") for t in got[2]), row["file"]
                continue
            if variant == NOT_FOR_SEALS:
                want = (want[0], want[1].replace("QESEAL", "ADESEAL"), want[2])
                # That signer's own CA is listed for seals.
                if got[1] == "QESEAL":
                    want = (want[0], "QESEAL", want[2])
                    assert "p384" in row["file"]
            assert got == want, (variant, row["file"])
            equal += 1
    assert equal > 200

# SPDX-License-Identifier: EUPL-1.2
"""Lists that others broke on purpose, lists of the EU's history and their pivots, and the cases of
libdigidocpp, each as its file or its makers' table says."""
import csv
import datetime
import html
import json
import os
import pathlib
import re
import subprocess

import pytest

from test_trust import BIN, CORPUS, LISTS, trust_import

pytestmark = [pytest.mark.skipif(BIN is None, reason="SEALGATE_BIN is not set"),
              pytest.mark.skipif(CORPUS is None, reason="SEALGATE_CORPUS is not set")]

WHERE = pathlib.Path(LISTS)
FOLDERS = ("misc", "v5v6", "pivots", "lotl-history")
VERSIONS = ("5", "6")
AT = "2026-03-01T00:00:00Z"
LONG = "2030"  # by then the keys of a list that ends later are too weak themselves


def pems(path):
    """The certificates of the last ds:KeyInfo of a file, as PEM."""
    text = path.read_text(encoding="utf-8", errors="replace")
    found = re.findall(r"<(?:\w+:)?KeyInfo[ >].*?</(?:\w+:)?KeyInfo>", text, re.S)
    values = re.findall(r"X509Certificate[^>]*>([^<]+)<", found[-1] if found else "")
    lines = ("\n".join(re.findall(".{1,64}", "".join(html.unescape(v).split())))
             for v in values)
    return "".join(f"-----BEGIN CERTIFICATE-----\n{line}\n-----END CERTIFICATE-----\n"
                   for line in lines)


def inventory():
    if CORPUS is None:
        return []
    with open(WHERE / "inventory.tsv", encoding="utf-8", errors="replace", newline="") as f:
        rows = csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = [row for row in rows if row["file"].split("/")[-2] in FOLDERS]
    return [row for row in found if (WHERE / row["file"].removeprefix("tsl/")).exists()]


def alone(row, tmp_path, at):
    """What becomes of a list that is asked for as if it were the list of lists, with its own
    signers pinned: its signature, its dates and its version are judged alike."""
    path = WHERE / row["file"].removeprefix("tsl/")
    pinned = tmp_path / "pinned.pem"
    pinned.write_text(pems(path) or pems(WHERE / "libdigidocpp" / "TSL.xml"))
    urls = tmp_path / "urls"
    urls.write_text("")
    rows = trust_import(path, tmp_path, urls, pinned, at, tmp_path / "store")
    return rows[str(path)]


def day_after(issue):
    time = datetime.datetime.fromisoformat(issue.replace("Z", "+00:00"))
    return (time.astimezone(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("row", inventory(), ids=lambda row: row["file"])
def test_a_list_as_its_file_says(row, tmp_path):
    got = alone(row, tmp_path, day_after(row["issue"]) if row["issue"] else AT)
    passes = row["core_valid"] == "true" and row["n_sigs"] == "1"
    usable = row["tsl_version"] in VERSIONS and row["territory"] and row["next_update"]
    if not passes:
        assert got["status"] == "FAILED" and got["effect"] == "no" and got["reason"], got
        return
    if got["sequence"] is None:  # not a list by TS 119 612: nothing of it counts
        assert not usable and got["effect"] == "no" and got["reason"], got
        return
    assert got["status"] == "PASSED", got
    assert (got["sequence"], got["version"]) == (int(row["seq"]), int(row["tsl_version"]))
    assert got["services"] == int(row["tsp_services"])
    if row["type"] == "EUlistofthelists" and usable:
        assert (got["effect"], got["reason"]) == ("yes", ""), got
    else:
        assert got["effect"] == "no"
        assert ("no list of lists" if usable else "retired") in got["reason"], got


@pytest.mark.parametrize("row", [r for r in inventory() if r["core_valid"] == "true" and
                                 r["tsl_version"] in VERSIONS and
                                 "" < r["next_update"] < LONG],
                         ids=lambda row: row["file"])
def test_after_its_end_a_list_has_no_effect(row, tmp_path):
    got = alone(row, tmp_path, day_after(row["next_update"]))
    assert (got["status"], got["effect"], got["reason"]) == ("PASSED", "no", "it has expired")


def digidoc(tmp_path, variant):
    """The signature of their test container by one variant of a list."""
    where = WHERE / "libdigidocpp"
    pinned, urls = tmp_path / "pinned.pem", tmp_path / "urls"
    pinned.write_text(pems(where / "TSL.xml"))
    urls.write_text(f"https://open-eid.github.io/test-TL/EE_T.xml\t{variant}\n")
    rows = trust_import(where / "TSL.xml", where, urls, pinned, AT, tmp_path / "store")
    assert all(row["effect"] == "yes" for row in rows.values())
    files = pathlib.Path(CORPUS) / "xades" / "files" / "asice"
    data, = (files / "_detached" / "libdigidocpp__tsl.asice").iterdir()
    done = subprocess.run(
        [os.path.join(BIN, "sealgate"), "verify", "--at", AT, "--store", tmp_path / "store",
         "--detached", f"{data}|{data.name.split('_', 1)[1]}",
         files / "libdigidocpp__tsl.asice__signatures0.xml"],
        capture_output=True, text=True, check=False, timeout=60)
    signature, = json.loads(done.stdout)["signatures"]
    stamp, = signature["timestamps"]
    return signature["qualification"].removeprefix("INDETERMINATE_"), stamp["qualification"]


def digidoc_rows():
    if CORPUS is None:
        return []
    with open(WHERE / "libdigidocpp" / "expect.tsv", encoding="utf-8", newline="") as f:
        return [row for row in csv.DictReader(f, delimiter="\t")
                if (WHERE / "libdigidocpp" / row["tl"]).exists()]


@pytest.mark.parametrize("row", digidoc_rows(), ids=lambda row: row["tl"])
def test_libdigidocpp(row, tmp_path):
    """Good is a qualified signature with a qualified time-stamp; what their rows about OCSP
    responders want is not of TS 119 615, which asks nothing of those services."""
    signature, stamp = digidoc(tmp_path, row["tl"])
    good = row["expected"] == "good" or "-OCSP-" in row["tl"]
    assert (signature == "QESIG" and stamp == "QTSA") == good, (signature, stamp)
    if not good:  # the service that the row is about is what is wrong
        assert (stamp != "QTSA") == ("-TSA-" in row["tl"]), (signature, stamp)

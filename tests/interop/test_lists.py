# SPDX-License-Identifier: EUPL-1.2
"""The EU's trusted lists of October 2023 read by sealgate and by the EU's reference implementation,
from the same files, in one run: the same verdict on each list, and what it costs."""
import json
import os
import pathlib

import pytest

from interop import judge as reference
from sim.measure import measured

CORPUS, BIN = os.environ.get("SEALGATE_CORPUS"), os.environ.get("SEALGATE_BIN")
LISTS = pathlib.Path(CORPUS or "") / "trusted-lists"
LOTL = "https://ec.europa.eu/tools/lotl/eu-lotl.xml"
FILE = LISTS / "2023-10" / "https___ec_europa_eu_tools_lotl_eu_lotl_xml.xml"
JOURNAL, URLS = LISTS / "oj-C276-2019-certs.pem", LISTS / "urls-2023.tsv"
AT = "2023-10-28T00:00:00Z"
CPU_S, MEMORY_MB = 3, 150  # ours, for the import; the refresh that finds nothing new:
REFRESH_CPU_S = 0.2

pytestmark = [pytest.mark.skipif(BIN is None, reason="SEALGATE_BIN is not set"),
              pytest.mark.skipif(CORPUS is None, reason="SEALGATE_CORPUS is not set")]


def test_lists_of_2023(tmp_path, capsys):
    try:
        reference.build()
    except reference.NoJudge as why:
        pytest.skip(str(why))
    ours = [pathlib.Path(BIN) / "sealgate", "trust", "import", "--lotl", FILE, "--lists", LISTS,
            "--urls", URLS, "--oj-certs", JOURNAL, "--at", AT, "--store", tmp_path / "store"]
    lines = []

    def say(name, figures):
        lines.append(f"{name:22} {figures.seconds:7.2f} s {figures.cpu:7.2f} s of CPU "
                     f"{figures.megabytes:6.0f} MB")
        return figures

    first = say("sealgate", measured(*ours))
    rows = {row["url"]: row for row in map(json.loads, first.out.splitlines())}
    again = say("sealgate, nothing new", measured(*ours))
    theirs = say("reference", measured(
        "java", "-Xmx1g", "-cp", f"{reference.OUT}/classes:{reference.OUT}/lib/*", "Lists",
        LOTL, JOURNAL, URLS, LISTS))
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert again.out == first.out
    found = [line.split("\t") for line in theirs.out.decode().splitlines()]
    verdicts = {url: text for url, text in found if url != "certificates"}
    assert len(verdicts) > 30
    for url, text in verdicts.items():
        got = rows[str(FILE) if url == LOTL else url]["status"]
        assert got == ("PASSED" if text == "TOTAL_PASSED" else "MISSING"), (url, text)
    assert first.cpu <= CPU_S and first.megabytes <= MEMORY_MB
    assert again.cpu <= REFRESH_CPU_S

# SPDX-License-Identifier: EUPL-1.2
"""The EU's trusted lists of October 2023 read by sealgate and by the EU's reference implementation,
from the same files, in one run: the same verdict on each list, and what it costs."""
import json
import os
import pathlib
import subprocess
import time

import pytest

from interop import judge as reference

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


def measured(command):
    """Output, seconds, seconds of CPU and peak MB of a program."""
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        began = time.monotonic()
        out = process.stdout.read().decode()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return (out, time.monotonic() - began, usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024)


def test_lists_of_2023(tmp_path, capsys):
    try:
        reference.build()
    except reference.NoJudge as why:
        pytest.skip(str(why))
    ours = [pathlib.Path(BIN) / "sealgate", "trust", "import", "--lotl", FILE, "--lists", LISTS,
            "--urls", URLS, "--oj-certs", JOURNAL, "--at", AT, "--store", tmp_path / "store"]
    lines = []

    def say(name, figures):
        lines.append(f"{name:22} {figures[1]:7.2f} s {figures[2]:7.2f} s of CPU "
                     f"{figures[3]:6.0f} MB")
        return figures

    out, _, cpu, memory = say("sealgate", measured(ours))
    rows = {row["url"]: row for row in map(json.loads, out.splitlines())}
    again, _, cpu_again, _ = say("sealgate, nothing new", measured(ours))
    theirs, *_ = say("reference", measured(
        ["java", "-Xmx1g", "-cp", f"{reference.OUT}/classes:{reference.OUT}/lib/*", "Lists",
         LOTL, JOURNAL, URLS, LISTS]))
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert again == out
    found = [line.split("\t") for line in theirs.splitlines()]
    verdicts = {url: text for url, text in found if url != "certificates"}
    assert len(verdicts) > 30
    for url, text in verdicts.items():
        got = rows[str(FILE) if url == LOTL else url]["status"]
        assert got == ("PASSED" if text == "TOTAL_PASSED" else "MISSING"), (url, text)
    assert cpu <= CPU_S and memory <= MEMORY_MB
    assert cpu_again <= REFRESH_CPU_S

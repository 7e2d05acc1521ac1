# SPDX-License-Identifier: EUPL-1.2
"""Schema, codes, facts and rules of a family against libxml2's bare schema validation, and one file
of rules against the XSLT that lxml makes of it, in the same run on the same documents.

The file compared with lxml uses no function of ours: the reference would call Python for it.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from lxml import etree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

import rules_oracle  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
POLICIES = TOP / "policies"
RULES = POLICIES / "rules" / "phyto-content.sch"
NOW = "2026-06-10T00:00:00Z"
ROUNDS, REPEATS = 7, 20


def larger(text, octets):
    """The example with its consignment item repeated."""
    begin = text.index("<ram:IncludedSPSConsignmentItem>")
    end = text.rindex("</ram:IncludedSPSConsignmentItem>") + 33
    item = text[begin:end]
    count = max(1, round((octets - len(text)) / len(item)) + 1)
    return text[:begin] + item * count + text[end:]


def smaller(text):
    """The example without its last trade line: about 14 kB."""
    begin = text.rindex("<ram:IncludedSPSTradeLineItem>")
    end = text.rindex("</ram:IncludedSPSTradeLineItem>") + 31
    return text[:begin] + text[end:]


def reference_us(path):
    judge = rules_oracle.Judge(etree.parse(str(RULES)))
    tree, best = etree.parse(str(path)), 1e9
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(REPEATS):
            judge.script(tree)
        best = min(best, (time.process_time() - begin) / REPEATS * 1e6)
    return best


def main(programs):
    example = (POLICIES / "examples" / "phyto.xml").read_text()
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in (("small", smaller(example)), ("large", larger(example, 70000))):
            path = pathlib.Path(folder) / f"{name}.xml"
            path.write_text(text)
            paths.append(path)
        schema = POLICIES / "schemas" / "sps-17" / "SPSCertificate_17.xsd"
        done = subprocess.run([pathlib.Path(programs) / "bench_document", POLICIES, schema, RULES,
                               NOW, *paths], capture_output=True, text=True, check=True)
        for path, line in zip(paths, done.stdout.splitlines(), strict=True):
            row, theirs = json.loads(line), reference_us(path)
            print(f"documents, {row['octets']} octets: everything {row['gate_us']:.0f} us, "
                  f"{row['gate_us'] / row['schema_us']:.2f} x bare schema validation "
                  f"({row['schema_us']:.0f} us); {RULES.name} alone {row['rules_us']:.0f} us, "
                  f"lxml {theirs:.0f} us, {theirs / row['rules_us']:.1f} x; "
                  f"{row['findings']} findings")


if __name__ == "__main__":
    main(sys.argv[1])

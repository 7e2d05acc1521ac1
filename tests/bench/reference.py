# SPDX-License-Identifier: EUPL-1.2
"""Validation of the same documents by sealgate and by the EU's reference implementation, side
by side in one run: warm, one thread, each document once, no ETSI report.

  reference.py     SEALGATE_BENCH_DOCUMENTS sets how many are timed (300)
"""
import os
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from interop import judge  # noqa: E402
from scenarios.gate import Gate, sealgate  # noqa: E402

DOCUMENTS = int(os.environ.get("SEALGATE_BENCH_DOCUMENTS", "300"))
WARM = 300  # the other one compiles itself while it runs


def ours(arguments, files):
    """Microseconds a document of one process, start and loading taken off."""
    def took(some):
        start = time.monotonic()
        sealgate("verify", *arguments, *some, check=True, timeout=300)
        return time.monotonic() - start

    took(files[:WARM])
    few = min(took(files[:1]) for _ in range(5))
    return min(took(files[WARM:]) - few for _ in range(3)) * 1e6 / (len(files) - WARM - 1)


def main():
    try:
        judge.build()
    except judge.NoJudge as error:
        print(f"reference: skipped, {error}")
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    folder.chmod(0o755)
    try:
        with Gate(folder) as gate:
            gate.make()
            files = [gate.sign(gate.document("phyto", f"PHYTO.NZ.2026.{n:07d}"))
                     for n in range(DOCUMENTS + WARM)]
            roots = [gate.pki.path(f"{name}/root") for name in ("authority-nz", "tsa")]
            crls = sorted((gate.folder / "pki" / "crl").iterdir())
            arguments = [x for pair in [("--anchors", r) for r in roots] +
                         [("--revocation", c) for c in crls] for x in pair]
            mine = ours(arguments, files)
            out, _ = judge.run("--bench", WARM, *arguments, *files, timeout=600)
            count, theirs = out.split()
            print(f"validation, XAdES-BASELINE-T, {count} documents: sealgate {mine:.0f} us, "
                  f"reference implementation {theirs} us; {float(theirs) / mine:.0f} times faster")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: EUPL-1.2
"""Run the test suites one after another and count everything in one last line.

  suites.py [--all] [--build DIR] [NAME ...]    names of suites, default: those of `make test`

Each suite's output goes to BUILD/test/NAME.log; of a suite that fails its end is shown.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
# Most of a scenario is waiting, so more files than one run at a time; what is in one file is in
# turn, as its tests share a gate.
SIDE_BY_SIDE = ["-n", "3", "--dist", "loadfile"]
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|error|errors)\b")

# name, command, bound in seconds, part of `make test` (False: only with --all)
SUITES = (
    ("house", ["tests/lint/house"], 60, True),
    ("pages", ["tests/lint/pages", "--check"], 60, True),
    ("lint", ["make", "--no-print-directory", "lint"], 1500, True),
    ("unit", ["make", "--no-print-directory", "-j2", "unit"], 1500, True),
    ("fuzz-replay", ["make", "--no-print-directory", "-j2", "fuzz-replay"], 600, True),
    ("simulators", [*PYTEST, "tests/sim"], 300, True),
    ("conformance", ["make", "--no-print-directory", "conformance"], 600, True),
    ("interop", [*PYTEST, "tests/interop"], 900, True),
    ("scenarios", [*PYTEST, *SIDE_BY_SIDE, "tests/scenarios"], 1500, True),
    ("faults", ["make", "--no-print-directory", "faults"], 1200, True),
    ("units", ["make", "--no-print-directory", "units-check"], 120, True),
    ("firmware-lint", ["make", "--no-print-directory", "firmware-lint"], 120, True),
    ("firmware", ["make", "--no-print-directory", "firmware-check"], 1200, False),
    ("demo", ["make", "--no-print-directory", "demo"], 300, True),
    ("firmware-all", ["make", "--no-print-directory", "firmware-test"], 3000, False),
    ("trixie", ["make", "--no-print-directory", "test-trixie"], 1200, True),
)


def counts(text, status):
    """(passed, failed, skipped) of a suite: its last counting line, else its status."""
    for line in reversed(text.splitlines()):
        found = COUNTS.findall(line)
        if found:
            number = {"passed": 0, "failed": 0, "skipped": 0}
            for value, word in found:
                number["failed" if word.startswith("error") else word] += int(value)
            if status != 0 and number["failed"] == 0:
                number["failed"] = 1
            return number["passed"], number["failed"], number["skipped"]
    return (1, 0, 0) if status == 0 else (0, 1, 0)


def run(name, command, bound, build):
    log = build / "test" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with open(log, "wb") as out:
        try:
            status = subprocess.run(command, cwd=ROOT, stdout=out, stderr=out,
                                    stdin=subprocess.DEVNULL, timeout=bound,
                                    env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1",
                                         "SEALGATE_BIN": str(build / "bin")},
                                    check=False).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\nended: longer than {bound} s\n".encode())
            status = 124
    text = log.read_text(errors="replace")
    result = counts(text, status)
    print(f"{name:<12} {result[0]:5} passed {result[1]:3} failed {result[2]:3} skipped "
          f"{time.monotonic() - started:7.1f} s", flush=True)
    if result[1]:
        print("\n".join(text.splitlines()[-60:]), flush=True)
    for line in text.splitlines():
        if "SKIP" in line and result[2] and name != "unit":
            print("  ", line[:200])
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    total = [0, 0, 0]
    for name, command, bound, usual in SUITES:
        if name in options.names or (not options.names and (usual or options.all)):
            for i, value in enumerate(run(name, command, bound, options.build.resolve())):
                total[i] += value
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: EUPL-1.2
"""Run the test suites and count everything in one last line.

  suites.py [--all] [--build DIR] [NAME ...]    names of suites, default: those of `make test`

First what both lanes need, alone; then two lanes side by side, each in the order of the table:
suites that mostly wait for what they started, and, at a lower priority, those that only
compute and take what the others leave. Each suite's output goes to BUILD/test/NAME.log; of a
suite that fails its end is shown. A line tells how long a suite took by the clock, and how much
processor time it used, which other programs of the machine hardly change.
"""
import argparse
import collections
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
MAKE = ["make", "--no-print-directory"]
# Most of a scenario is waiting, so more files than one run at a time; what is in one file is in
# turn, as its tests share a gate.
SIDE_BY_SIDE = ["-n", "3", "--dist", "loadfile"]
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|error|errors)\b")
LOWER = 10
POLL_S = 0.1
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENDED_S = 30  # to clean up, for a suite that is told to end

# Tests have bounds in seconds, so none of them is in COMPUTES. Nor is anything that compiles into
# BUILD/obj or BUILD/san: two makes at once would write the same files.
FIRST, WAITS, COMPUTES = LANES = ("first", "waits", "computes")

# bound: seconds; usual: part of `make test`, else only with --all or by name; after: a suite of
# the other lane that has to be over.
Suite = collections.namedtuple("Suite", "name command bound usual lane after", defaults=(None,))

SUITES = (
    Suite("house", ["tests/lint/house"], 60, True, FIRST),
    Suite("pages", ["tests/lint/pages", "--check"], 60, True, FIRST),
    Suite("suites", [*PYTEST, "tests/test_suites.py"], 600, True, FIRST),
    Suite("programs", [*MAKE, "-j2", "test-programs"], 900, True, FIRST),
    Suite("scenarios", [*PYTEST, *SIDE_BY_SIDE, "tests/scenarios"], 1500, True, WAITS),
    Suite("faults", [*MAKE, "faults"], 1200, True, WAITS),
    Suite("unit", [*MAKE, "-j2", "unit"], 1500, True, WAITS),
    Suite("demo", [*MAKE, "demo"], 300, True, WAITS),
    Suite("units", [*MAKE, "units-check"], 120, True, WAITS),
    Suite("simulators", [*PYTEST, "tests/sim"], 300, True, WAITS),
    Suite("conformance", [*MAKE, "conformance"], 600, True, WAITS),
    Suite("interop", [*PYTEST, "tests/interop"], 900, True, WAITS),
    Suite("fuzz-replay", [*MAKE, "-j2", "fuzz-replay"], 600, True, WAITS),
    Suite("firmware", [*MAKE, "firmware-check"], 1200, True, WAITS, "parts"),
    Suite("trixie", [*MAKE, "test-trixie"], 1200, True, WAITS, "trixie-build"),
    Suite("firmware-all", [*MAKE, "firmware-test"], 3000, False, WAITS, "parts"),
    Suite("parts", [*MAKE, "firmware-parts"], 1800, True, COMPUTES),
    Suite("trixie-build", [*MAKE, "trixie-build"], 2400, True, COMPUTES),
    Suite("lint", [*MAKE, "lint"], 2400, True, COMPUTES),
    Suite("firmware-lint", [*MAKE, "firmware-lint"], 120, True, COMPUTES),
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


def give_way():
    """Let all others go first: those of this session, and where the kernel shares time among
    sessions, the other sessions."""
    os.setpriority(os.PRIO_PROCESS, 0, LOWER)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
        file.write(str(LOWER))


class Running:
    """A suite that was started, in a session of its own, so that it ends as a whole."""

    def __init__(self, suite, build):
        self.suite, self.told_at, self.why = suite, None, None
        self.log = build / "test" / f"{suite.name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                suite.command, cwd=ROOT, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=give_way if suite.lane == COMPUTES else None,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1",
                     "SEALGATE_BIN": str(build / "bin")})

    def tell(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def end(self, why):
        """Have it clean up and end; whoever does not is ended by poll()."""
        if self.told_at is None:
            self.told_at, self.why = time.monotonic(), why
            self.tell(signal.SIGINT)

    def poll(self):
        """Its result, printed, once it has ended; else None."""
        took = time.monotonic() - self.started
        if took > self.suite.bound:
            self.end(f"longer than {self.suite.bound} s")
        if self.told_at and time.monotonic() > self.told_at + ENDED_S:
            self.tell(signal.SIGKILL)
        pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
        if not pid:
            return None
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.tell(signal.SIGKILL)  # what it left behind
        return self.report(took, used.ru_utime + used.ru_stime)

    def report(self, took, used):
        if self.why:
            with open(self.log, "ab") as out:
                out.write(f"\nended: {self.why}\n".encode())
        text = self.log.read_text(errors="replace")
        result = counts(text, 124 if self.why else self.process.returncode)
        print(f"{self.suite.name:<13} {result[0]:5} passed {result[1]:3} failed {result[2]:3} "
              f"skipped {took:7.1f} s {used:7.1f} s CPU", flush=True)
        if result[1]:
            print("\n".join(text.splitlines()[-60:]), flush=True)
        for line in text.splitlines():
            if "SKIP" in line and result[2] and self.suite.name != "unit":
                print("  ", line[:200], flush=True)
        return result


def start_next(waiting, running, build):
    """Start what may run now: of each lane one, in order; what is FIRST runs alone."""
    for lane in LANES:
        suite = next((suite for suite in waiting if suite.lane == lane), None)
        busy = any(other.suite.lane in (lane, FIRST) for other in running)
        unmet = suite and any(suite.after == other.name for other in
                              [*waiting, *(other.suite for other in running)])
        if suite and not busy and not unmet:
            waiting.remove(suite)
            running.append(Running(suite, build))


def run(suites, build):
    """Run them all. Return: passed, failed, skipped; what is interrupted has failed."""
    waiting, running, total = list(suites), [], [0, 0, 0]
    try:
        while waiting or running:
            start_next(waiting, running, build)
            time.sleep(POLL_S)
            collect(running, total)
    except KeyboardInterrupt:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        for one in running:
            one.end("interrupted")
        while running:
            time.sleep(POLL_S)
            collect(running, total)
        total[1] = max(total[1], 1)
    return total


def collect(running, total):
    for one in list(running):
        result = one.poll()
        if result:
            running.remove(one)
            for i, value in enumerate(result):
                total[i] += value


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    for number in ENDS:
        signal.signal(number, interrupt)
    total = run([suite for suite in SUITES if suite.name in options.names or
                 (not options.names and (suite.usual or options.all))], options.build.resolve())
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: EUPL-1.2
"""Run the test suites and count everything in one last line.

  suites.py [--all] [--within S] [--build DIR] [NAME ...]    names of suites, default: all of them
      --all: every promise of the appliance, whether or not it has been proven of this checkout
      --within: end after so many seconds, whatever runs then, and say what came of it until then

First what all lanes need, alone; then three lanes side by side, each in the order of the table:
suites that mostly wait for what they started; at a lower priority, those that have time; and, at
the lowest, those that only compute and take what the others leave. Each suite's output goes to BUILD/test/NAME.log; of a
suite that fails its end is shown, and at the very end once more the names of what failed. A line
tells how long a suite took by the clock, and how much processor time it used, which other programs
of the machine hardly change.
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
POLL_S = 0.1
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTS = []  # which of them came
ENDED_S = 30  # to clean up, for a suite that is told to end
SHOWN = 60  # lines of a suite that failed
AGAIN = 40  # lines at the end: of a long output often nothing else is kept
# How pytest, cmocka, run-unit and the firmware's suite name what failed, and how compilers do.
FAILED = re.compile(r"^(?:(?:FAILED|ERROR) (\S+\.py\b.*)|\[  FAILED  \] ([A-Za-z_]\w*)$|"
                    r"(\S+: exit \d+)$|FAIL  +(\S.*))", re.M)
PLACED = re.compile(r"^(\S+:\d+:(?!.* note: ).*)", re.M)
LAST = 3  # lines of one that does neither

# Tests have bounds in seconds, so none of them is in COMPUTES, and in BESIDE those that have a
# minute at least for what takes seconds, and wait for little. Nothing in these compiles into
# BUILD/obj or BUILD/san: two makes at once would write the same files.
FIRST, WAITS, BESIDE, COMPUTES = LANES = ("first", "waits", "beside", "computes")
GIVES_WAY = {BESIDE: 5, COMPUTES: 10}  # by so much

# bound: seconds; after: suites of other lanes that have to be over.
Suite = collections.namedtuple("Suite", "name command bound lane after", defaults=((),))
# What became of one. counted: passed, failed, skipped; names: of what failed
Result = collections.namedtuple("Result", "suite counted names")

# The appliance's suite: that it works, or every promise, which has the first in it.
QUICK, WHOLE = "firmware", "firmware-all"

SUITES = (
    Suite("house", ["tests/lint/house"], 60, FIRST),
    Suite("pages", ["tests/lint/pages", "--check"], 60, FIRST),
    Suite("suites", [*PYTEST, "tests/test_suites.py", "tests/test_firmware.py",
                     "tests/test_image_lints.py"], 600, FIRST),
    Suite("programs", [*MAKE, "-j2", "test-programs"], 900, FIRST),
    Suite("scenarios", [*PYTEST, *SIDE_BY_SIDE, "tests/scenarios"], 1500, WAITS),
    Suite("faults", [*MAKE, "faults"], 1200, WAITS),
    Suite("unit", [*MAKE, "-j2", "unit"], 1500, WAITS),
    Suite("demo", [*MAKE, "demo"], 300, WAITS),
    Suite("units", [*MAKE, "units-check"], 120, WAITS),
    Suite("simulators", [*PYTEST, "tests/sim"], 300, WAITS),
    Suite("fuzz-replay", [*MAKE, "-j2", "fuzz-replay"], 600, WAITS),
    Suite("trixie", [*MAKE, "test-trixie"], 1200, WAITS, ("trixie-build",)),
    Suite(QUICK, [*MAKE, "firmware-check"], 1200, WAITS, ("parts", "firmware-units")),
    Suite(WHOLE, [*MAKE, "firmware-all"], 3600, WAITS, ("parts", "firmware-units")),
    Suite("conformance", [*MAKE, "conformance"], 1200, BESIDE),
    Suite("firmware-units", [*MAKE, "firmware-units"], 1200, BESIDE, ("parts",)),
    Suite("interop", [*PYTEST, "tests/interop"], 1800, BESIDE),
    Suite("parts", [*MAKE, "firmware-parts"], 1800, COMPUTES),
    Suite("trixie-build", [*MAKE, "trixie-build"], 2400, COMPUTES),
    Suite("lint", [*MAKE, "lint"], 2400, COMPUTES),
    Suite("firmware-lint", [*MAKE, "firmware-lint"], 120, COMPUTES),
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


def failures(text):
    """Names of what failed, as far as a suite's output has them, else its last words."""
    for pattern in (FAILED, PLACED):
        found = [match.group(match.lastindex) for match in pattern.finditer(text)]
        if found:
            return list(dict.fromkeys(found))
    return [line for line in text.splitlines() if line.strip()][-LAST:]


def give_way(lane):
    """Let others go first: those of this session, and where the kernel shares time among
    sessions, the other sessions."""
    lower = GIVES_WAY.get(lane)
    if lower:
        value = os.nice(lower)
        with contextlib.suppress(OSError), \
                open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(value))


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
                start_new_session=True, preexec_fn=lambda: give_way(suite.lane),
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
        """Its Result, printed, once it has ended; else None."""
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
        counted = counts(text, 124 if self.why else self.process.returncode)
        print(f"{self.suite.name:<14} {counted[0]:5} passed {counted[1]:3} failed {counted[2]:3} "
              f"skipped {took:7.1f} s {used:7.1f} s CPU", flush=True)
        if counted[1]:
            print("\n".join(text.splitlines()[-SHOWN:]), flush=True)
        for line in text.splitlines():
            if "SKIP" in line and counted[2] and self.suite.name != "unit":
                print("  ", line[:200], flush=True)
        ended = [f"ended: {self.why}"] if self.why else []
        return Result(self.suite.name, counted, ended + failures(text) if counted[1] else [])


def start_next(waiting, running, build):
    """Start what may run now: of each lane one, in order; what is FIRST runs alone."""
    for lane in LANES:
        suite = next((suite for suite in waiting if suite.lane == lane), None)
        busy = any(other.suite.lane in (lane, FIRST) for other in running)
        unmet = suite and any(other.name in suite.after for other in
                              [*waiting, *(other.suite for other in running)])
        if suite and not busy and not unmet:
            waiting.remove(suite)
            running.append(Running(suite, build))


def run(suites, build, within=None):
    """Run them all, in so many seconds. Return: a Result of each, also of what was not begun."""
    waiting, running, results = list(suites), [], []
    began = time.monotonic()
    try:
        while waiting or running:
            late = within is not None and time.monotonic() > began + within
            if late or INTERRUPTS:
                give_up(waiting, running, results,
                        f"all took longer than {within} s" if late else "interrupted")
                break
            start_next(waiting, running, build)
            time.sleep(POLL_S)
            collect(running, results)
    finally:
        for one in running:  # whatever came up
            one.tell(signal.SIGKILL)
    return results


def give_up(waiting, running, results, why):
    """End what runs, and begin nothing more."""
    for one in running:
        one.end(why)
    while running:
        time.sleep(POLL_S)
        collect(running, results)
    results += [Result(suite.name, (0, 1, 0), [f"not begun: {why}"]) for suite in waiting]


def collect(running, results):
    for one in list(running):
        result = one.poll()
        if result:
            running.remove(one)
            results.append(result)


def total(results):
    """[passed, failed, skipped]"""
    return [sum(result.counted[i] for result in results) for i in range(3)]


def again(results):
    """Lines that say once more what failed: each suite, and as many names as there is room for."""
    failed = [result for result in results if result.counted[1]]
    room, left, shown = AGAIN - len(failed), len(failed), {}
    for result in sorted(failed, key=lambda one: len(one.names)):
        share, names = room // left, [name[:160] for name in result.names]
        if len(names) > share:
            names[share - 1:] = [f"and {len(names) - share + 1} more"]
        shown[result.suite] = names
        room, left = room - len(names), left - 1
    return [line for result in failed for line in
            (f"{result.suite}: {result.counted[1]} failed",
             *(f"    {name}" for name in shown[result.suite]))]


def proven():
    """Is it on record that every promise of the appliance holds in this checkout? It is said."""
    done = subprocess.run([PYTEST[0], "firmware/test/proof.py"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    print(f"{QUICK}: {done.stdout or done.stderr}", end="", flush=True)
    return done.returncode == 0


def chosen(names, whole):
    """The suites of these names; without any all of them, of the appliance's two the one that
    `whole` says when it is called."""
    if names:
        return [suite for suite in SUITES if suite.name in names]
    other = QUICK if whole() else WHOLE
    return [suite for suite in SUITES if suite.name != other]


def interrupt(number, _):
    """Noted, and seen by run(): wherever an exception came up a suite could be lost that has just
    been started."""
    INTERRUPTS.append(number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--within", type=int)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    for number in ENDS:
        signal.signal(number, interrupt)
    suites = chosen(options.names, lambda: options.all or not proven())
    results = run(suites, options.build.resolve(), options.within)
    print("".join(f"{line}\n" for line in again(results)), end="")
    passed, failed, skipped = total(results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

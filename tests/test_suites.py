# SPDX-License-Identifier: EUPL-1.2
"""How the suites are run: side by side, none hidden by another, none left behind."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import suites  # noqa: E402
from scenarios.processes import stat_of  # noqa: E402
from suites import BESIDE, COMPUTES, FIRST, WAITS, Suite  # noqa: E402

BOUND_S = 300


def shell(name, lane, script, bound=BOUND_S, after=()):
    return Suite(name, ["sh", "-c", script], bound, lane, after)


def meets(folder, own, other):
    """A script that ends once both have begun."""
    return f"touch {folder}/{own}; until [ -e {folder}/{other} ]; do sleep 0.05; done; echo 1 passed"


def run(made, folder, **options):
    return suites.total(suites.run(made, folder, **options))


def lines(said):
    return {line.split()[0]: line for line in said.splitlines() if " passed " in line}


def test_lanes_run_side_by_side(tmp_path, capsys):
    total = run([shell("a", WAITS, meets(tmp_path, "a", "b")),
                 shell("b", COMPUTES, meets(tmp_path, "b", "c")),
                 shell("c", BESIDE, meets(tmp_path, "c", "a"))], tmp_path)
    assert total == [3, 0, 0]
    assert set(lines(capsys.readouterr().out)) == {"a", "b", "c"}


def test_order_is_that_of_the_table(tmp_path):
    """What is first runs alone, and each lane in turn, also where another is waited for."""
    log = tmp_path / "log"

    def notes(name, lane, *after):
        return shell(name, lane, f"echo {name} >>{log}; sleep 0.3; echo {name} >>{log}",
                     after=after)

    run([notes("late", WAITS, "slow"), notes("slow", COMPUTES), notes("last", WAITS),
         notes("one", FIRST), notes("two", FIRST)], tmp_path)
    assert log.read_text().split() == ["one"] * 2 + ["two"] * 2 + ["slow"] * 2 + ["late"] * 2 + \
        ["last"] * 2


def test_a_failure_hides_nothing(tmp_path, capsys):
    total = run([shell("broken", FIRST, "echo what broke; exit 3"),
                 shell("counted", WAITS, "echo 7 passed, 1 skipped; echo SKIP: no disk"),
                 shell("cut", WAITS, "echo 5 passed; exit 2"),
                 shell("half", COMPUTES, "echo 2 passed, 1 failed; exit 1")], tmp_path)
    said = capsys.readouterr().out
    assert total == [14, 3, 1]
    assert "what broke" in said and "SKIP: no disk" in said
    assert "2 passed   1 failed" in lines(said)["half"]


def test_processor_time_is_told_of_each(tmp_path, capsys):
    burn = f"{sys.executable} -c 'import time\nwhile time.process_time() < 1: pass'"
    run([shell("burns", WAITS, burn), shell("waits", COMPUTES, "sleep 1")], tmp_path)
    used = {name: float(re.search(r"([0-9.]+) s CPU$", line).group(1))
            for name, line in lines(capsys.readouterr().out).items()}
    assert used["waits"] < 0.5 and used["burns"] >= 0.9


def test_what_computes_gives_way(tmp_path):
    run([shell("waits", WAITS, f"nice >{tmp_path}/w"),
         shell("has time", BESIDE, f"nice >{tmp_path}/h"),
         shell("burns", COMPUTES, f"nice >{tmp_path}/b")], tmp_path)
    here = os.nice(0)
    assert int((tmp_path / "w").read_text()) == here
    assert int((tmp_path / "h").read_text()) == min(19, here + suites.GIVES_WAY[BESIDE])
    assert int((tmp_path / "b").read_text()) == min(19, here + suites.GIVES_WAY[COMPUTES])


def gone(pid_file):
    """True once nobody has this pid, or only a corpse."""
    end = time.monotonic() + BOUND_S
    while time.monotonic() < end:
        fields = stat_of(pid_file.read_text().strip())
        if not fields or fields[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_bound_ends_a_suite_as_a_whole(tmp_path, capsys):
    hangs = f"sleep 1000 & echo $! >{tmp_path}/pid; wait"
    total = run([shell("hangs", WAITS, hangs, bound=1), shell("next", WAITS, "true")], tmp_path)
    assert total == [1, 1, 0]
    assert "longer than 1 s" in capsys.readouterr().out
    assert gone(tmp_path / "pid")


def test_all_of_them_have_a_bound_together(tmp_path):
    """What runs then is ended and what was not begun is named, so that there is an end to read."""
    hangs = ("echo FAILED tests/t.py::test_t; echo 3 passed; sleep 1000 & "
             f"echo $! >{tmp_path}/pid; wait")
    results = suites.run([shell("short", FIRST, "echo 2 passed"), shell("hangs", WAITS, hangs),
                          shell("later", WAITS, "true")], tmp_path, within=5)
    assert suites.total(results) == [5, 2, 0] and gone(tmp_path / "pid")
    assert suites.again(results) == [
        "hangs: 1 failed", "    ended: all took longer than 5 s", "    tests/t.py::test_t",
        "later: 1 failed", "    not begun: all took longer than 5 s"]


OUTPUTS = {
    "scenarios": ("FAILED tests/scenarios/test_a.py::test_b[c-d] - assert 1 == 2\n"
                  "ERROR tests/scenarios/test_e.py - SyntaxError\nERROR    root:log.py:3 said\n"
                  "2 failed, 7 passed\n",
                  ["tests/scenarios/test_a.py::test_b[c-d] - assert 1 == 2",
                   "tests/scenarios/test_e.py - SyntaxError"]),
    "unit": ("[  FAILED  ] test_busy\n[==========] 1 test(s) run.\n[  PASSED  ] 0 test(s).\n"
             "[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] test_busy\n"
             "build/unit/verify/test_pool: exit 1\n0 passed, 1 failed\n",
             ["test_busy", "build/unit/verify/test_pool: exit 1"]),
    "firmware": ("ok    it boots (9 s)\nFAIL  it serves (3 s): Failure: x\n[ 1.0] systemd: y\n"
                 "1 passed, 1 failed\n", ["it serves (3 s): Failure: x"]),
    "lint": ("a/b.c:3:5: error: x [y]\na/b.c:4:1: note: z\nmake: *** [m.mk:9: lint] Error 1\n",
             ["a/b.c:3:5: error: x [y]"]),
    "house": ("a/b.c:3: left behind\n", ["a/b.c:3: left behind"]),
    "demo": ("one\n\ntwo\nthree\nfour\n", ["two", "three", "four"])}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_what_failed_has_a_name(kind):
    text, names = OUTPUTS[kind]
    assert suites.failures(text) == names


def test_the_last_lines_say_what_failed(tmp_path):
    """Of each suite, however much the others say, and in as many lines as an excerpt has."""
    many = "for i in $(seq 200); do echo FAILED tests/t.py::test_$i; done; echo 200 failed; exit 1"
    (tmp_path / "x").write_text(f"""
import pathlib, sys
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
import suites
suites.SUITES = [suites.Suite(name, ["sh", "-c", script], 60, suites.FIRST) for name, script in (
    ("one", "echo FAILED tests/o.py::test_o; echo 1 failed, 2 passed; exit 1"),
    ("good", "echo 4 passed"), ("many", {many!r}), ("more", {many!r}), ("quiet", "exit 3"))]
sys.argv[1:] = ["--all", "--build", {str(tmp_path)!r}]
sys.exit(suites.main())
""")
    done = subprocess.run([sys.executable, tmp_path / "x"], capture_output=True, text=True,
                          timeout=BOUND_S, check=False)
    said = done.stdout.splitlines()
    assert done.returncode == 1 and said[-1] == "6 passed, 402 failed, 0 skipped"
    last = said[-1 - suites.AGAIN:-1]
    assert last[:3] == ["one: 1 failed", "    tests/o.py::test_o", "many: 200 failed"]
    assert last[3] == "    tests/t.py::test_1" and last[-1] == "quiet: 1 failed"
    assert sum(line.startswith("    and 18") for line in last) == 2


def test_nothing_waits_for_ever():
    """What a suite is after is there, and in another lane, of which none is after one of its own."""
    lane = {suite.name: suite.lane for suite in suites.SUITES}
    for suite in suites.SUITES:
        for other in suite.after:
            assert lane[other] not in (suite.lane, WAITS), (suite.name, other)
    assert {"parts", "firmware-units"} == set(*{suite.after for suite in suites.SUITES
                                                if suite.name in (suites.QUICK, suites.WHOLE)})


def test_a_name_chooses():
    def never():
        raise AssertionError("nobody asked for the appliance")
    assert [suite.name for suite in suites.chosen(["unit", "house"], never)] == ["house", "unit"]
    assert [suite.name for suite in suites.chosen([suites.QUICK], never)] == [suites.QUICK]


def test_what_is_not_proven_of_the_appliance_is_tried(monkeypatch, capsys):
    """As one boot, or as every promise, by what the record says; never as neither."""
    both = {suites.QUICK, suites.WHOLE}

    def of_appliance(whole):
        return both & {suite.name for suite in suites.chosen([], whole)}
    assert of_appliance(lambda: True) == {suites.WHOLE}
    assert of_appliance(lambda: False) == {suites.QUICK}
    assert {suite.name for suite in suites.SUITES} - both < {
        suite.name for suite in suites.chosen([], lambda: False)}
    monkeypatch.setattr(suites, "PYTEST", ["false"])
    assert not suites.proven()
    monkeypatch.setattr(suites, "PYTEST", ["echo"])
    assert suites.proven() and "firmware: firmware/test/proof.py" in capsys.readouterr().out


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_an_interrupt_ends_all_lanes(tmp_path, number):
    code = f"""
import pathlib, signal, sys, time
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
import suites
started = suites.subprocess.Popen
# It comes when one has begun and whoever started it does not know yet.
suites.subprocess.Popen = lambda *a, **k: (started(*a, **k), time.sleep(1))[0]
at = pathlib.Path({str(tmp_path)!r})
script = "trap 'echo tidied; exit 1' INT; touch {{}}/$0; sleep 1000 & echo $! >{{}}/$0.pid; wait"
made = [suites.Suite(n, ["sh", "-c", script.format(at, at), n], 900, lane)
        for n, lane in (("a", suites.WAITS), ("b", suites.COMPUTES), ("c", suites.WAITS))]
for one in suites.ENDS:
    signal.signal(one, suites.interrupt)
print(suites.total(suites.run(made, at)))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE,
                          text=True) as runner:
        end = time.monotonic() + BOUND_S
        while not all((tmp_path / f"{name}.pid").exists() for name in "ab"):
            assert time.monotonic() < end
            time.sleep(0.05)
        runner.send_signal(number)
        said = runner.communicate(timeout=BOUND_S)[0]
    assert "[0, 3, 0]" in said and said.count("ended: interrupted") == 2
    assert gone(tmp_path / "a.pid") and gone(tmp_path / "b.pid")
    assert not (tmp_path / "c").exists()
    assert (tmp_path / "test" / "a.log").read_text().startswith("tidied")

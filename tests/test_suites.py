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
from suites import COMPUTES, FIRST, WAITS, Suite  # noqa: E402

BOUND_S = 300


def shell(name, lane, script, bound=BOUND_S, after=None):
    return Suite(name, ["sh", "-c", script], bound, True, lane, after)


def meets(folder, own, other):
    """A script that ends once both have begun."""
    return f"touch {folder}/{own}; until [ -e {folder}/{other} ]; do sleep 0.05; done; echo 1 passed"


def lines(said):
    return {line.split()[0]: line for line in said.splitlines() if " passed " in line}


def test_lanes_run_side_by_side(tmp_path, capsys):
    total = suites.run([shell("a", WAITS, meets(tmp_path, "a", "b")),
                        shell("b", COMPUTES, meets(tmp_path, "b", "a"))], tmp_path)
    assert total == [2, 0, 0]
    assert set(lines(capsys.readouterr().out)) == {"a", "b"}


def test_order_is_that_of_the_table(tmp_path):
    """What is first runs alone, and each lane in turn, also where another is waited for."""
    log = tmp_path / "log"

    def notes(name, lane, after=None):
        return shell(name, lane, f"echo {name} >>{log}; sleep 0.3; echo {name} >>{log}",
                     after=after)

    suites.run([notes("late", WAITS, "slow"), notes("slow", COMPUTES), notes("last", WAITS),
                notes("one", FIRST), notes("two", FIRST)], tmp_path)
    assert log.read_text().split() == ["one"] * 2 + ["two"] * 2 + ["slow"] * 2 + ["late"] * 2 + \
        ["last"] * 2


def test_a_failure_hides_nothing(tmp_path, capsys):
    total = suites.run([shell("broken", FIRST, "echo what broke; exit 3"),
                        shell("counted", WAITS, "echo 7 passed, 1 skipped; echo SKIP: no disk"),
                        shell("cut", WAITS, "echo 5 passed; exit 2"),
                        shell("half", COMPUTES, "echo 2 passed, 1 failed; exit 1")], tmp_path)
    said = capsys.readouterr().out
    assert total == [14, 3, 1]
    assert "what broke" in said and "SKIP: no disk" in said
    assert "2 passed   1 failed" in lines(said)["half"]


def test_processor_time_is_told_of_each(tmp_path, capsys):
    burn = f"{sys.executable} -c 'import time\nwhile time.process_time() < 1: pass'"
    suites.run([shell("burns", WAITS, burn), shell("waits", COMPUTES, "sleep 1")], tmp_path)
    used = {name: float(re.search(r"([0-9.]+) s CPU$", line).group(1))
            for name, line in lines(capsys.readouterr().out).items()}
    assert used["waits"] < 0.5 and used["burns"] >= 0.9


def test_what_computes_gives_way(tmp_path):
    suites.run([shell("waits", WAITS, f"nice >{tmp_path}/w"),
                shell("burns", COMPUTES, f"nice >{tmp_path}/b")], tmp_path)
    here = os.nice(0)
    assert int((tmp_path / "w").read_text()) == here
    assert int((tmp_path / "b").read_text()) == suites.LOWER


def gone(pid_file):
    """True once nobody has this pid, or only a corpse."""
    end = time.monotonic() + BOUND_S
    while time.monotonic() < end:
        try:
            state = pathlib.Path(f"/proc/{pid_file.read_text().strip()}/stat").read_text()
        except FileNotFoundError:
            return True
        if state.rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_bound_ends_a_suite_as_a_whole(tmp_path, capsys):
    hangs = f"sleep 1000 & echo $! >{tmp_path}/pid; wait"
    total = suites.run([shell("hangs", WAITS, hangs, bound=1), shell("next", WAITS, "true")],
                       tmp_path)
    assert total == [1, 1, 0]
    assert "longer than 1 s" in capsys.readouterr().out
    assert gone(tmp_path / "pid")


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_an_interrupt_ends_both_lanes(tmp_path, number):
    code = f"""
import pathlib, signal, sys
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
import suites
at = pathlib.Path({str(tmp_path)!r})
script = "trap 'echo tidied; exit 1' INT; touch {{}}/$0; sleep 1000 & echo $! >{{}}/$0.pid; wait"
made = [suites.Suite(n, ["sh", "-c", script.format(at, at), n], 900, True, lane, None)
        for n, lane in (("a", suites.WAITS), ("b", suites.COMPUTES), ("c", suites.WAITS))]
for one in suites.ENDS:
    signal.signal(one, suites.interrupt)
print(suites.run(made, at))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE,
                          text=True) as runner:
        end = time.monotonic() + BOUND_S
        while not all((tmp_path / f"{name}.pid").exists() for name in "ab"):
            assert time.monotonic() < end
            time.sleep(0.05)
        runner.send_signal(number)
        said = runner.communicate(timeout=BOUND_S)[0]
    assert "[0, 2, 0]" in said and said.count("ended: interrupted") == 2
    assert gone(tmp_path / "a.pid") and gone(tmp_path / "b.pid")
    assert not (tmp_path / "c").exists()
    assert (tmp_path / "test" / "a.log").read_text().startswith("tidied")

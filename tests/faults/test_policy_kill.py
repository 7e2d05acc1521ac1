# SPDX-License-Identifier: EUPL-1.2
"""A change of the policy in force that is killed at any of its last steps: with the next command
it is in force and written down, or the same bundle can be put in force."""
import re
import shutil
import subprocess

from scenarios.gate import BIN
from scenarios.test_policy import Office, tree

STEPS = 14  # that are synced from when it is written down what is meant


def traced(office, bundle, *options):
    return subprocess.run(
        ["strace", "-qqq", "-e", "trace=fsync", *options, BIN / "sealgate", "--instance",
         office.instance, "policy", "activate", bundle], capture_output=True, text=True, timeout=120)


def settled(office, bundle, before):
    """Any command settles it; the bundle itself is refused, or put in force."""
    after = tree(office.policies)
    done = office.run("activate", bundle)
    if after != before:
        assert done.returncode == 1 and "not newer" in done.stderr, done.stderr
    else:
        assert done.returncode == 0, done.stderr
    state = office.instance / "state" / "policy"
    assert [entry["version"] for entry in office.journal()] == [1]
    assert (state / "active").read_text().split()[0] == "1"
    assert not (state / "changing").exists()
    assert len(list(state.glob("1.bundle.*.p7s"))) == 2
    return after != before


def test_killed_at_each_step(tmp_path):
    office = Office(tmp_path)
    bundle = office.next(1)
    office.sign(bundle, "officer-1", "officer-2")
    before, kept = tree(office.policies), tmp_path / "kept"
    shutil.copytree(office.instance, kept, symlinks=True)
    whole = traced(office, bundle)
    assert whole.returncode == 0, whole.stderr
    count = len(re.findall(r"^fsync\(", whole.stderr, re.M))
    came = []
    for step in range(count - STEPS + 1, count + 1):
        shutil.rmtree(office.instance)
        shutil.copytree(kept, office.instance, symlinks=True)
        killed = traced(office, bundle, "-e", f"inject=fsync:signal=KILL:when={step}")
        assert killed.returncode != 0, step
        came.append(settled(office, bundle, before))
    # Both happened, and in this order.
    assert came == sorted(came) and True in came and False in came, came

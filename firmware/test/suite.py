# SPDX-License-Identifier: EUPL-1.2
"""Boot the appliance and prove what it promises: a line each, then `N passed, N failed`.

  suite.py [--parts|--units|--quick|--all] [NAME ...]    what it promises for each day, then
      --all: what it does on rare days, too; --quick: build and one boot, end to end;
      --parts: make only what the build takes long for, so that it is there;
      --units: start the units by the image's systemd, without a boot, where that can be done

Needs root, the tools of the firmware and a built SEALGATE_BIN for the partner's side. One
virtual machine at a time, each with a bound, in a network of the suite's own. A case goes on
from the state in which the one before it left the machine; one that is named brings along those
that it builds on. When every case held, of a checkout with nothing uncommitted, that is recorded.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import proof  # noqa: E402
from anew import AnewCases  # noqa: E402
from appliance import FIRMWARE  # noqa: E402
from ceremony import CeremonyCases  # noqa: E402
from chain import ChainCases  # noqa: E402
from checks import Failure, Unavailable  # noqa: E402
from configurations import ConfigurationCases  # noqa: E402
from killed import KilledCases  # noqa: E402
from machine import missing_programs  # noqa: E402
from network_hsm import NetworkHsmCases  # noqa: E402
from policies import PolicyCases  # noqa: E402
from released import ReleasedCases  # noqa: E402
from replays import ReplayCases  # noqa: E402
from scene import BESIDE, BROKEN, NEW, OLD, OUT, Scene  # noqa: E402
from serving import ServingCases  # noqa: E402
from site_loss import SiteLossCases  # noqa: E402
from updates import UpdateCases  # noqa: E402

PARTS = (("roots", "keys", "initrd"), ("sealgate",))  # at once
QUICK = ("released_image", "boots_and_serves", "refuses_documents", "remote_administration",
         "asks_for_names", "quote_from_afar", "serves_over_ipv6", "revocation_arrives",
         "backup_from_afar", "unsigned_uki")
FIRST = "boots_and_serves"
# In this order; what each builds on.
CASES = {
    "unsigned_loader": None, "unsigned_uki": None, "altered_command_line": None,
    "foreign_key": None, "released_image": None, FIRST: None,
    "asks_for_names": FIRST, "refuses_documents": FIRST, "remote_administration": FIRST,
    "quote_from_afar": FIRST, "serves_over_ipv6": FIRST,
    "journal_arrives": FIRST, "revocation_arrives": FIRST, "replay_from_afar": FIRST,
    "policy_from_afar": FIRST, "backup_from_afar": FIRST,
    "site_loss": "backup_from_afar",
    "killed_services_return": FIRST, "heads_arrive": FIRST, "support_bundle": FIRST,
    "full_disk": FIRST, "another_tpm": FIRST, "added_command_line": FIRST,
    "power_cut": FIRST, "foreign_medium": "power_cut", "stopped_check": "foreign_medium",
    "unhealthy_configuration": "stopped_check", "refused_rules": "unhealthy_configuration",
    "unreachable_configuration": FIRST,
    "good_update": FIRST, "older_version": "good_update", "recovery_key": FIRST,
    "configuration_from_afar": FIRST,
    "flipped_root": FIRST, "flipped_tree": "flipped_root",
    "older_image": ("power_cut", "unhealthy_configuration", "good_update", "flipped_tree"),
    "firewall_broken": "good_update", "unhealthy_update": "firewall_broken",
    "tpm_lockout": "unhealthy_update",
    "factory_reset": "good_update", "clock_from_sources": "factory_reset",
    "token_from_afar": "clock_from_sources", "killed_clock_returns": "token_from_afar",
    "reset_cut_short": "token_from_afar",
    "network_hsm": None, "keys_in_a_token": None, "identical": None}

# Of rare days, or attacks that others of these show in another way: each takes a start by itself,
# or several.
RARE = ("replay_from_afar", "site_loss", "added_command_line", "unreachable_configuration",
        "configuration_from_afar", "older_image", "factory_reset", "clock_from_sources",
        "token_from_afar", "killed_clock_returns", "reset_cut_short", "network_hsm")

# With the kernel for hardware (FIRMWARE_KERNEL=general) alone, and of no record.
HARDWARE = {"hardware": None}


class Suite(ChainCases, ReleasedCases, ServingCases, ReplayCases, PolicyCases, KilledCases,
            SiteLossCases, ConfigurationCases, UpdateCases, AnewCases, NetworkHsmCases, CeremonyCases, Scene):
    """All cases."""


def with_bases(names):
    """These cases and those that they build on, in order."""
    wanted, found = list(names), set()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            base = CASES.get(name) or ()
            wanted += [base] if isinstance(base, str) else base
    return [name for name in CASES if name in found]


def chosen(quick, every):
    """The cases that are run when none is named."""
    if quick:
        return QUICK
    return [name for name in CASES if every or name not in RARE]


def skip(why):
    print(f"SKIP: {why}\n0 passed, 0 failed, 1 skipped")
    return 0


def build(*steps):
    """Run scripts of the build. Return: why nothing can be built here, or None."""
    for name in steps:
        done = subprocess.run([str(FIRMWARE / name)], capture_output=True, text=True,
                              timeout=1500, check=False,
                              env={**os.environ, "FIRMWARE_VERSION": OLD})
        if done.returncode == 77:
            return done.stderr.strip().splitlines()[-1]
        if done.returncode != 0:
            raise Failure(f"firmware/{name}: {done.stderr[-3000:]}")
    return None


def start_units():
    """Their lines are this suite's. Return: the exit status."""
    signal.signal(signal.SIGINT, lambda *_: None)  # it comes to them, too, who clear away
    done = subprocess.run([str(FIRMWARE / "units")], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        return skip(done.stderr.strip().splitlines()[-1])
    print(done.stderr + done.stdout, end="")
    return done.returncode


def at_once(*jobs):
    """Do all of this, beside each other: much of it waits. Return: what the first says that says
    anything, or None."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        done = [pool.submit(*job) for job in jobs]
    return next((why for why in (job.result() for job in done) if why), None)


def build_parts():
    """Build what several versions share. Return: why nothing can be built here, or None."""
    return at_once(*((build, *steps) for steps in PARTS))


def prepare(suite, names):
    """Build what the cases need. Return: why nothing can be built here, or None."""
    versions = [(build, "tree", "slot", "vars")]
    if {"power_cut", "good_update", "flipped_root"} & set(names):
        versions.append((suite.build, NEW, NEW))
    if "firewall_broken" in names:
        versions.append((suite.build, BROKEN, None, True))
    return build_parts() or at_once(*versions)


def run(suite, names):
    """(passed, failed, skipped)"""
    counts = {"ok": 0, "FAIL": 0, "SKIP": 0}
    for name in names:
        case, started = getattr(suite, name), time.monotonic()
        what, said = "ok", ""
        try:
            case()
        except Unavailable as error:
            what, said = "SKIP", f": {error}"
        except Exception as error:  # noqa: BLE001 - a case that breaks has failed
            what, said = "FAIL", f": {type(error).__name__}: {error}"
            if suite.machine and suite.machine.log.exists():
                shutil.copyfile(suite.machine.log, suite.folder / f"{name}.log")
        counts[what] += 1
        promise = " ".join(case.__doc__.split())
        print(f"{what:5} {promise} ({time.monotonic() - started:.0f} s){said}", flush=True)
        # Compiling would have a part in how long the first start takes.
        if name == FIRST:
            for beside in sorted(BESIDE.keys() & set(names)):
                suite.beside(beside)
    return tuple(counts.values())


def lint(suite):
    """The offline lints of the tree, and of a disk as it would be shipped; their counts."""
    total = [0, 0]
    for command in (["lint-tree"], ["lint-image", suite.shipped(), OUT / "parts.checked"]):
        done = subprocess.run([str(FIRMWARE / command[0]), *map(str, command[1:])],
                              capture_output=True, text=True, timeout=300, check=False,
                              env={**os.environ, "FIRMWARE_VERSION": OLD})
        print(done.stdout.rsplit("\n", 2)[0], flush=True)
        counts = re.findall(r"^(\d+) passed, (\d+) failed", done.stdout, re.M)
        for i, count in enumerate(counts[-1] if counts else (0, 1)):
            total[i] += int(count)
    return tuple(total)


def summary(suite, seconds, cases, linted, said):
    """What it came to, and what is `said` of that. Return: the exit status."""
    passed, failed, skipped = cases
    if suite.boots:
        took, alone = zip(*suite.boots)
        print(f"healthy {min(took):.0f} to {max(took):.0f} s after power-on, {min(alone):.0f} to "
              f"{max(alone):.0f} s without others on the host, {len(took)} boots")
    print(f"{seconds:.0f} s in all; {said}")
    print(f"{passed + linted[0]} passed, {failed + linted[1]} failed" +
          (f", {skipped} skipped" if skipped else ""))
    return 1 if failed + linted[1] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--units", action="store_true")
    parser.add_argument("names", nargs="*", choices=[[], *CASES, *HARDWARE], metavar="NAME")
    options = parser.parse_args()
    if options.units:
        return start_units()
    names = with_bases(options.names or chosen(options.quick, options.all))
    names += [name for name in options.names if name in HARDWARE]
    if os.geteuid() != 0:
        return skip("the firmware needs root")
    if missing := missing_programs():
        return skip(f"not installed: {' '.join(missing)}")
    if subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True,
                      check=False).returncode != 0:
        return skip("no mount or network namespace can be made here")
    if options.parts:
        if why := build_parts():
            return skip(why)
        print("1 passed, 0 failed")
        return 0
    suite = Suite(OUT / "suite")
    before, started = proof.state(), time.monotonic()
    try:
        if why := prepare(suite, names):
            return skip(why)
        print(f"built in {time.monotonic() - started:.0f} s", flush=True)
        linted = lint(suite)
        suite.enter()
        tested = time.monotonic()
        cases = run(suite, names)
        print(f"{time.monotonic() - tested:.0f} s of cases")
    finally:
        suite.close()
    seconds = time.monotonic() - started
    said = proof.keep(before, proof.Outcome(names, CASES, cases, linted, seconds, OLD))
    return summary(suite, seconds, cases, linted, said)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: EUPL-1.2
"""The case of a machine whose token is empty: nothing but commands from afar, to a seal."""
import json
import shutil

from checks import expect

from scenarios.empty_token import (OFFICERS, PHRASES, close_pin, issue, leave_to_people,
                                   make_empty)

BOOT_S = 420.0
SAID_S = 60.0
WAITS = r"appliance\[\d+\]: the token waits for its custodians"
HEALTHY = r"appliance\[\d+\]: the application is healthy"


def without_keys(folder):
    """Make a configuration into one in which nobody has the PIN and the token no key."""
    shutil.rmtree(folder / "state" / "signer")
    for name in ("pin", "so-pin"):
        (folder / "credentials" / name).unlink()
    make_empty(folder)
    leave_to_people(folder)


def set_up_token(suite):
    """On the machine of the suite, which was started with such a configuration."""
    machine = suite.machine
    expect(machine.wait(WAITS, BOOT_S), "waits for its custodians", machine)

    def both(*command):
        done = suite.together("hsm", *map(str, command), people=OFFICERS)
        expect(done.returncode == 0, f"hsm {command}: {done.stderr}", machine)
        return done.stdout

    custody = suite.folder / "custody.json"
    expect(close_pin(custody).returncode == 0, "the PIN is closed")
    denied = suite.remote("viewer", "hsm", "keys")
    expect("403" in denied.stderr, f"a viewer: {denied.stderr}", machine)
    both("custody", custody)
    for name, phrase in PHRASES.items():
        done = suite.remote(OFFICERS[0], "hsm", "activate", name, input=phrase + "\n")
        expect(done.returncode == 0, f"{name}: {done.stderr}", machine)
    both("keys")
    for role in suite.gate.roles:
        both("import", role, issue(suite.gate, role, both("csr", role)))
    said = suite.remote("viewer", "hsm", "list")
    roles = json.loads(said.stdout)["roles"]
    expect(all(role["usable"] and not role["next"] for role in roles), said.stdout, machine)
    expect(machine.wait(HEALTHY, SAID_S), "healthy once it seals", machine)
    suite.submit(700)

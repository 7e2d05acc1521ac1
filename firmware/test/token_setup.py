# SPDX-License-Identifier: EUPL-1.2
"""The case of a machine whose token is empty: nothing but commands from afar, to a seal."""
import json
import shutil

from appliance import script
from checks import expect
from machine import Machine

from scenarios.empty_token import (OFFICERS, PHRASES, close_pin, issue, leave_to_people,
                                   make_empty)

BOOT_S = 420.0
SAID_S = 60.0
WAITS = r"appliance\[\d+\]: the token waits for its custodians"
HEALTHY = r"appliance\[\d+\]: the application is healthy"


def medium(suite):
    """A medium with a configuration in which nobody has the PIN and the token no key."""
    folder, image = suite.folder / "empty", suite.folder / "empty-medium.img"
    machine = folder / "machine"
    suite.serial += 1
    suite.gate.configuration(machine)
    shutil.rmtree(machine / "state" / "signer")
    for name in ("pin", "so-pin"):
        (machine / "credentials" / name).unlink()
    make_empty(machine)
    leave_to_people(machine)
    script("sign-manifest", "machine", suite.serial, machine)
    script("medium", image, folder)
    shutil.rmtree(folder)
    return image


def set_up_token(suite):
    """On a machine of its own, before the one that the other cases share."""
    disk = suite.disk("empty.img")
    with Machine(suite.folder / "empty-machine", disk, suite.variables) as machine:
        suite.power_on(machine, [medium(suite)])
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
        shutil.copyfile(machine.log, suite.folder / "token_from_afar.log")

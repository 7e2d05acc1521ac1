# SPDX-License-Identifier: EUPL-1.2
"""How a case of the suite says that a promise does not hold."""
import time


class Failure(Exception):
    """A case that did not hold."""


class Unavailable(Exception):
    """A case that cannot be tried on this host."""


def expect(condition, what, machine=None):
    if not condition:
        tail = "\n".join(machine.text().splitlines()[-25:]) if machine else ""
        raise Failure(f"{what}\n{tail}")


def retry(ask, bound):
    """Ask again while the gate is not reachable; the last answer."""
    end = time.monotonic() + bound
    while True:
        status, answer = ask()
        if status in (0, 1) and answer.get("status") != 503 or time.monotonic() > end:
            return status, answer
        time.sleep(0.3)


def seen(value, path=""):
    """Paths of all that is not null in a JSON value; members of a list share theirs."""
    if isinstance(value, dict):
        return set().union(*(seen(member, f"{path}.{name}") for name, member in value.items()))
    if isinstance(value, list):
        return set().union(*(seen(member, f"{path}[]") for member in value), {path})
    return set() if value is None else {path}

# SPDX-License-Identifier: EUPL-1.2
"""Looks at processes that others start and end: one may be gone between two looks.

Whoever has ended has no text, no children and no open files, and is sent nothing. What may not be
looked at is an error all the same, and a check of what was found has to have found something.
"""
import contextlib
import os
import pathlib
import signal
import time

from scenarios.gate import GateError

BOUND_S = 30.0
POLL_S = 0.02
ENDED = (FileNotFoundError, ProcessLookupError)  # before it was opened, and since


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def octets_of(pid, name):
    """Of a file below /proc/PID; none of a process that has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except ENDED:
        return b""


def text_of(pid, name):
    return octets_of(pid, name).decode(errors="replace")


def name_of(pid):
    """The program's name, without what it says of its state; "" when it has ended."""
    first = text_of(pid, "cmdline").split("\0", maxsplit=1)[0]
    return os.path.basename(first.split(" ")[0].split(":")[0])


def stat_of(pid):
    """The fields behind the name, the first of them the state; none when it has ended."""
    return text_of(pid, "stat").rpartition(")")[2].split()


def names_in(pid, folder):
    try:
        return os.listdir(f"/proc/{pid}/{folder}")
    except ENDED:
        return []


def children_of(pid):
    """Whichever of its threads has begun them."""
    return [int(child) for thread in names_in(pid, "task")
            for child in text_of(pid, f"task/{thread}/children").split()]


def grandchildren(pid):
    return [one for child in children_of(pid) for one in children_of(child)]


def descendants(pid):
    """All below a process, parents first."""
    return [one for child in children_of(pid) for one in (child, *descendants(child))]


def open_files(pid):
    """What its descriptors name."""
    found = []
    for descriptor in names_in(pid, "fd"):
        with contextlib.suppress(*ENDED):
            found.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    return found


def confined(pid):
    """Is it behind a filter of calls, for good? Not so when it has ended."""
    status = text_of(pid, "status")
    return "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status


def exists(pid):
    """Also when it is only not yet reaped."""
    return os.path.exists(f"/proc/{pid}")


def send(pid, number):
    """Signal a process. Return: whether it was there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def gone(pid, bound=BOUND_S):
    """Whether it ends, and is reaped, in so many seconds."""
    end = time.monotonic() + bound
    while exists(pid):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def pid_now(gate, program):
    """Pid of a program of this instance, started by its supervisor; None while it does not run."""
    return next((pid for pid in children_of(gate.process.pid) if name_of(pid) == program), None)


def pid_of(gate, program, bound=BOUND_S):
    """The same, waited for: the supervisor may be about to start it again."""
    end = time.monotonic() + bound
    while True:
        pid = pid_now(gate, program)
        if pid:
            return pid
        if time.monotonic() > end:
            raise GateError(f"{program} is not running\n{gate.log_tail()}")
        time.sleep(POLL_S)


def killed(gate, program, number=signal.SIGKILL):
    """End a program: it is gone, so that nothing that is asked from now on is answered by it."""
    pid = pid_of(gate, program)
    os.kill(pid, number)
    assert gone(pid), f"{program} did not end"
    return pid

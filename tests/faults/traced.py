# SPDX-License-Identifier: EUPL-1.2
"""A gate whose programs can be started once under strace, by a note left for them."""
import os
import pathlib
import shutil
import signal
import time

from scenarios import gate as gate_module
from scenarios.processes import pid_now, send, text_of

SCRIPT = """#!/bin/sh
if mv '{notes}/{name}' '{notes}/{name}.taken' 2>/dev/null; then
	read -r call fault < '{notes}/{name}.taken'
	exec strace -D -f -qqq -o /dev/null -e trace="$call" -e inject="$call:$fault" \\
		'{real}/{name}' "$@"
fi
exec '{real}/{name}' "$@"
"""


class Programs:
    """A folder of the programs in which some are scripts that look for a note first."""

    def __init__(self, folder, names):
        self.folder, self.real = pathlib.Path(folder) / "bin", pathlib.Path(folder) / "real"
        self.notes = pathlib.Path(folder) / "notes"
        for made in (self.folder, self.real, self.notes):
            made.mkdir()
        self.notes.chmod(0o777)
        for program in gate_module.BIN.iterdir():
            target = self.real if program.name in names else self.folder
            shutil.copy2(program, target / program.name)
        for name in names:
            script = self.folder / name
            script.write_text(SCRIPT.format(name=name, notes=self.notes, real=self.real))
            script.chmod(0o755)

    def leave(self, name, call, fault):
        """The next start of the program is under strace with this injection."""
        note = self.notes / name
        note.with_suffix(".new").write_text(f"{call} {fault}\n")
        note.with_suffix(".new").chmod(0o666)
        os.rename(note.with_suffix(".new"), note)

    def taken(self, name):
        return not (self.notes / name).exists()


def running(gate, name, bound=30.0):
    """Pid of a program, waited for: it may have been killed a moment ago."""
    end = time.monotonic() + bound
    while True:
        pid = pid_now(gate, name)
        if pid and "strace" not in text_of(pid, "cmdline"):
            return pid
        assert time.monotonic() < end, f"{name} does not run\n{gate.log_tail()}"
        time.sleep(0.01)


def restart(gate, programs, name, call, fault):
    """End a program and have it started with a fault; its new pid."""
    old = running(gate, name)
    programs.leave(name, call, fault)
    send(old, signal.SIGTERM)
    end = time.monotonic() + 30
    while True:
        pid = running(gate, name)
        if pid != old and programs.taken(name):
            return pid
        assert time.monotonic() < end, f"{name} did not start again\n{gate.log_tail()}"
        time.sleep(0.01)

# SPDX-License-Identifier: EUPL-1.2
"""What a program took: its answer, its time, its CPU and its memory, by the kernel's word.

A child counts the memory of whoever forked it as its own, so a small process starts it.
"""
import json
import subprocess
import sys
import tempfile
from typing import NamedTuple

PROGRAM = """
import json, os, sys, time
out, *command = sys.argv[1:]
began = time.monotonic()
pid = os.posix_spawnp(command[0], command, os.environ,
                      file_actions=[(os.POSIX_SPAWN_DUP2, int(out), 1)])
_, status, used = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - began,
                  used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


class Measured(NamedTuple):
    out: bytes
    status: int
    seconds: float
    cpu: float
    megabytes: float


def measured(*command):
    """Run a program to its end; what it complains of is dropped."""
    with tempfile.TemporaryFile() as out:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(out.fileno()), *map(str, command)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[out.fileno()], check=True)
        out.seek(0)
        return Measured(out.read(), *json.loads(done.stdout))

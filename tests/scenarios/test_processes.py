# SPDX-License-Identifier: EUPL-1.2
"""Looks at processes of which one ends at any moment."""
import os
import subprocess
import threading

from scenarios import processes

COUNT = 300


def one_after_another():
    for _ in range(COUNT):
        subprocess.run(["sh", "-c", "true & true; wait"], check=True)


def look(pid):
    return (processes.name_of(pid), processes.stat_of(pid), processes.open_files(pid),
            processes.text_of(pid, "status"), processes.confined(pid))


def test_what_ends_meanwhile_is_no_error():
    """Looked at from its start to its end, again and again."""
    seen, starter = 0, threading.Thread(target=one_after_another)
    starter.start()
    while starter.is_alive():
        for pid in processes.descendants(os.getpid()):
            look(pid)
            seen += 1
    starter.join()
    assert seen


def test_who_has_ended_has_nothing():
    with subprocess.Popen(["sleep", "1000"]) as process:
        assert process.pid in processes.children_of(os.getpid())
        assert not processes.gone(process.pid, 0) and processes.send(process.pid, 15)
    assert look(process.pid) == ("", [], [], "", False)
    assert not processes.exists(process.pid) and not processes.children_of(process.pid)
    assert not processes.send(process.pid, 15) and processes.gone(process.pid, 0)

# SPDX-License-Identifier: EUPL-1.2
"""A folder of exported heads that does not answer, as a hard mount whose server is silent: heads go
on being sealed, the log and the figures say so, the end does not wait, and nothing is missing later."""
import os
import time

from faults.rig import FAULTS
from scenarios.test_faults import certificates, until, until_accepted


class Silence:
    """A folder in which nobody who makes a folder gets an answer, when it is told so."""

    def __init__(self, folder, flag):
        self.flag = flag
        self.set(False)
        self.environment = {"LD_PRELOAD": str(FAULTS / "silent_folder.so"),
                            "SILENT_FOLDER": str(folder), "SILENT_WHILE": str(flag)}

    def set(self, silent):
        """In place: the programs have the file mapped."""
        with open(self.flag, "r+b" if self.flag.exists() else "wb") as file:
            file.write(bytes([silent]))

    def up(self, gate):
        os.environ.update(self.environment)
        try:
            gate.up()
        finally:
            for name in self.environment:
                del os.environ[name]


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*.json")}


def line(gate, what):
    lines = gate.run("status").stdout.splitlines()
    return [text for text in lines if text.strip().startswith(what)][0]


def test_a_folder_that_does_not_answer(gate):
    here, there = gate.dir / "state/queue/heads", gate.folder / "elsewhere"
    there.mkdir()
    there.chmod(0o777)
    conf = gate.dir / "sealgate.conf"
    conf.write_text(conf.read_text() + "audit = { seal_s = 1; seal_records = 1; "
                    f'export = "{there}"; }};\n')
    silence = Silence(there, gate.folder / "silent")
    gate.down()
    silence.up(gate)
    until_accepted(gate, certificates(gate, 1, 1)[0])
    until(lambda: names(there))
    begun = len(gate.log.read_text())
    silence.set(True)
    before = len(names(here))
    until_accepted(gate, certificates(gate, 2, 1)[0])
    until(lambda: len(names(here)) > before + 1)
    until(lambda: "the folder has not answered for 30 s" in gate.log.read_text()[begun:], 90)
    assert "; a newer one has waited for " in line(gate, "heads exported")
    assert "queued.head-unsealed" not in gate.log.read_text()
    before = len(names(here))
    until_accepted(gate, certificates(gate, 3, 1)[0])
    until(lambda: len(names(here)) > before)
    began = time.monotonic()
    gate.down()
    assert time.monotonic() - began < 30
    assert "it is killed" not in gate.log.read_text()
    assert names(here) - names(there)
    silence.set(False)
    gate.up()
    until(lambda: names(here) <= names(there))
    until(lambda: "waited" not in line(gate, "heads exported"))  # that it is there is noted next

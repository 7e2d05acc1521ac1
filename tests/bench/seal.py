# SPDX-License-Identifier: EUPL-1.2
"""What a seal costs at level B, at level B with evidence records, and at level T: CPU of each
program in ms, and seals a second.

  seal.py    SEALGATE_BENCH_SEALS the documents of each round

Documents are accepted while sealgate-seal stands still; then it seals them all, while
sealgate-forward stands still: what is read is sealing alone, the validation of each container
by verify included, and no delivery. The time-stamping authority is the simulator, whose speed is no matter of the gate's. Nothing
passes or fails here.
"""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from accept import TICK, tree  # noqa: E402
from scenarios.gate import a_gate  # noqa: E402
from scenarios.processes import name_of, pid_of, stat_of  # noqa: E402

SEALS = int(os.environ.get("SEALGATE_BENCH_SEALS", "300"))
BOUND_S = 600
THREADS = 16
BATCH = f'batch = {{ documents = {THREADS}; wait_ms = 200; seal = "B"; }};\n'
ROUNDS = {"B": None, "B+ER": BATCH, "T": ""}


def cpu(gate):
    """CPU seconds of each program so far, with workers that have ended."""
    used = {}
    for pid in tree(gate.process.pid):
        fields, name = stat_of(pid), name_of(pid)
        if not fields or not name:  # it has ended since it was listed
            continue
        if pid != gate.process.pid:
            used[name] = used.get(name, 0) + sum(map(int, fields[11:15])) / TICK
    return used


def threads(gate):
    """As many documents in a batch as there are threads that can wait for it."""
    conf = gate.dir / "sealgate.conf"
    conf.write_text(conf.read_text().replace("seal = {", f"seal = {{ threads = {THREADS};"))


def rule(gate, batch):
    """Level B alone is what policy has while there are no time-stamps."""
    (gate.dir / "policies" / "signature" / "tsa.cfg").write_text(
        f'authorities = ( {{ name = "one"; url = "{gate.tsa.url}/tsa"; }} );\n' + (batch or ""))
    degraded = gate.dir / "policies" / "degraded" / "tsa.cfg"
    degraded.unlink(missing_ok=True)
    if batch is None:
        degraded.write_text('mode = "grace";\nseconds = 86400;\n')


def sealed(gate):
    return gate.log.read_text().count("seal.sealed")


def seal_one(gate, path):
    """One more, so that everything is warm and, at level B, the authority missed."""
    before = sealed(gate)
    assert gate.submit(path)[0] == 0
    end = time.monotonic() + BOUND_S
    while sealed(gate) == before and time.monotonic() < end:
        time.sleep(0.1)


def measure(gate, paths, away):
    """Seals a second, and CPU of each program a seal in ms."""
    gate.up()
    try:
        gate.tsa.mode("down" if away else "ok")
        seal_one(gate, paths[0])
        pid, courier = pid_of(gate, "sealgate-seal"), pid_of(gate, "sealgate-forward")
        os.kill(pid, signal.SIGSTOP)
        for path in paths[1:]:
            assert gate.submit(path)[0] == 0
        os.kill(courier, signal.SIGSTOP)
        before, start, wall = cpu(gate), sealed(gate), time.monotonic()
        os.kill(pid, signal.SIGCONT)
        while sealed(gate) < start + len(paths) - 1 and time.monotonic() < wall + BOUND_S:
            time.sleep(0.02)
        wall = time.monotonic() - wall
        count, after = sealed(gate) - start, cpu(gate)
        os.kill(courier, signal.SIGCONT)
        return count / wall, {name: 1000 * (value - before.get(name, 0)) / count
                              for name, value in after.items()}
    finally:
        gate.tsa.mode("ok")
        gate.down()


def main():
    with a_gate() as gate:
        threads(gate)
        number = 1
        for name, batch in ROUNDS.items():
            paths = [gate.certificate("phyto", f"PHYTO.NZ.2026.{number + n:07d}")
                     for n in range(SEALS + 1)]
            number += len(paths)
            rule(gate, batch)
            rate, used = measure(gate, paths, batch is None)
            print(f"level {name}: {rate:.0f} seals/s; CPU a seal in ms: " + ", ".join(
                f"{n.removeprefix('sealgate-')} {v:.2f}"
                for n, v in sorted(used.items()) if v > 0) +
                f"; outside the signer {sum(used.values()) - used['sealgate-signer']:.2f}")


if __name__ == "__main__":
    main()

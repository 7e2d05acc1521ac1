# SPDX-License-Identifier: EUPL-1.2
"""Durable accepts: the whole way from TLS to the signed receipt, verification stubbed.

  accept.py FOLDER    FOLDER holds the bench programs

The bench's own program `verify_stub` takes the place of sealgate-verify, and, idle, of seal and
forward; it speaks the same protocol. No program of the product has a way to skip verification.
Clients and stub run on the same cores: what they take is told beside what the gate takes.
Figures side by side in one run; nothing passes or fails here. SEALGATE_BENCH_STORE names a
folder that grow.py has filled: the same is measured with its documents stored.
"""
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bench import run, tree  # noqa: E402
from scenarios import gate as gate_module  # noqa: E402
from scenarios.processes import name_of, stat_of  # noqa: E402

DOCUMENTS = int(os.environ.get("SEALGATE_BENCH_ACCEPTS", "6000"))
OCTETS, CLIENTS, BATCH = 14 * 1024, 64, 16
STUBBED = ("sealgate-verify", "sealgate-seal", "sealgate-forward")
STORE = os.environ.get("SEALGATE_BENCH_STORE")
TICK = os.sysconf("SC_CLK_TCK")


def programs_with_stubs(folder, bench):
    """A folder of the programs with the stub in three places."""
    folder.mkdir()
    for program in gate_module.BIN.iterdir():
        shutil.copy2(bench / "verify_stub" if program.name in STUBBED else program,
                     folder / program.name)
    return folder


def cpu(gate):
    """CPU seconds of each program of the gate so far."""
    used = {}
    for pid in tree(gate.process.pid):
        fields, name = stat_of(pid), name_of(pid)
        if not fields or not name:  # it has ended since it was listed
            continue
        used[name] = used.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICK
    return used


def documents(folder, count):
    """Files of octets that no store has from a run before."""
    folder.mkdir()
    paths, this = [], os.urandom(6).hex()
    for n in range(count):
        path = folder / f"{n}"
        path.write_bytes((f"{this}{n:012d}" * (OCTETS // 24 + 1)).encode()[:OCTETS])
        paths.append(path)
    return paths


def measure(folder, bench):
    engine = folder / "engine"
    engine.mkdir()
    own = run(bench / "bench_engine", "rate", engine, DOCUMENTS, OCTETS, BATCH)
    shutil.rmtree(engine)
    with gate_module.Gate(folder / "gate") as gate:
        gate.make()
        conf = gate.dir / "sealgate.conf"  # room for one partner to have all these clients
        text = conf.read_text().replace("listen = {", "listen = { rate = 100000;", 1)
        conf.write_text(text + f"intake = {{ threads = {6 * CLIENTS}; }};\n")
        gate_module.BIN = programs_with_stubs(folder / "bin", bench)
        gate.up()
        client = (gate.pki.path("transport-ca/root"),
                  gate.pki.path("partners/nz-mpi", ".chain.pem"),
                  gate.pki.path("partners/nz-mpi", ".key"))
        paths = documents(folder / "documents", DOCUMENTS)
        os.sync()
        before = cpu(gate)
        ask = (bench / "bench_load", CLIENTS, *client, gate.listener("partners") + "/v1/documents")
        load = run(*ask, *paths)
        used = {name: value - before.get(name, 0) for name, value in cpu(gate).items()}
        if STORE:
            with_stored(gate, ask, paths, load)
    return own, load, used


def with_stored(gate, ask, paths, load):
    """The same documents once more, behind those of a store, which is given back."""
    gate.down()
    queue = gate.dir / "state" / "queue"
    owner, store = queue.stat(), pathlib.Path(STORE)
    for entry in queue.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for entry in store.iterdir():
        moved = shutil.move(entry, queue / entry.name)
        os.chown(moved, owner.st_uid, owner.st_gid)
    try:
        started = time.monotonic()
        gate.up()
        took = time.monotonic() - started
        again = run(*ask, *paths)
        print(f"with the {(queue / 'documents').read_text().strip()} documents of {STORE}: up and "
              f"serving in {took:.2f} s, {again['per_second']:.0f} accepts/s "
              f"({again['good']} of {again['requests']}); ÷ empty "
              f"{again['per_second'] / load['per_second']:.2f}")
    finally:
        gate.down()
        for entry in [*queue.glob("queue.db*"), queue / "head", queue / "documents"]:
            shutil.move(entry, store / entry.name)


def report(own, load, used):
    print(f"accepts, {CLIENTS} clients, {OCTETS // 1024} kB, verification stubbed: "
          f"{load['per_second']:.0f}/s, p50 {load['p50_ms']:.0f} ms, p99 {load['p99_ms']:.0f} ms "
          f"({load['good']} of {load['requests']} accepted)")
    print(f"the engine alone, the same rows in batches of {BATCH}: {own['per_second']:.0f}/s; "
          f"accepts ÷ engine {load['per_second'] / own['per_second']:.2f}")
    outside = {n: v for n, v in used.items() if n not in STUBBED and v > 0}
    each = {n: 1000 * v / load["good"] for n, v in outside.items()}
    print(f"CPU an accepted document outside verify: {sum(each.values()):.2f} ms ("
          + ", ".join(f"{n.removeprefix('sealgate-')} {v:.2f}" for n, v in sorted(each.items()))
          + ")")
    clients = 1000 * load["cpu"] / load["good"]
    stub = 1000 * used.get("sealgate-verify", 0) / load["good"]
    every = sum(each.values()) + clients + stub
    cores = os.cpu_count()
    print(f"the same machine gives {clients:.2f} ms to the clients and {stub:.2f} to the stub: "
          f"{every:.2f} in all, of which {cores} cores can make {1000 * cores / every:.0f}/s at the "
          f"most; {every * load['per_second'] / 10 / cores:.0f} % of them was used")


def main():
    bench = pathlib.Path(sys.argv[1]).resolve()
    with gate_module.a_folder() as folder:
        report(*measure(folder, bench))


if __name__ == "__main__":
    main()

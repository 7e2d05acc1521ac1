# SPDX-License-Identifier: EUPL-1.2
"""What the replacement of a verify worker costs, beside a document in a worker that is there.

CPU time of the processes themselves, so that the load of the machine matters little. The
document is a signed certificate, and the smallest that there is.
"""
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from scenarios import test_verify as scenario  # noqa: E402
from scenarios.processes import text_of  # noqa: E402

ROUNDS = 60


def cpu_ms(pid):
    return int(text_of(pid, "schedstat").split()[0]) / 1e6


def warm(house, data):
    """Milliseconds of worker and service for one document, the worker being there."""
    house.ask(data)
    worker, = scenario.workers(house)
    service = scenario.service(house)
    before = cpu_ms(worker), cpu_ms(service)
    for _ in range(ROUNDS):
        house.ask(data)
    return ((cpu_ms(worker) - before[0]) / ROUNDS, (cpu_ms(service) - before[1]) / ROUNDS)


def replaced(house, data):
    """The same, every document in a worker of its own that replaces another."""
    service = scenario.service(house)
    workers, before = [], cpu_ms(service)
    for i in range(ROUNDS):
        house.ask(data, f"subject-{i}")
        workers.append(cpu_ms(scenario.workers(house)[-1]))
    return statistics.median(workers), (cpu_ms(service) - before) / ROUNDS


def resident(pid):
    for line in text_of(pid, "status").splitlines():
        if line.startswith("RssAnon:"):
            return line.split(":", 1)[1].strip()
    return "?"


def main():
    with scenario.a_house() as house:
        house.make(with_rsa=False, verify="workers = 1; documents = 10000;").start()
        signed = scenario.signed(house, 1).read_bytes()
        figures = {"warm, signed": warm(house, signed), "warm, <a/>": warm(house, b"<a/>"),
                   "replaced, signed": replaced(house, signed),
                   "replaced, <a/>": replaced(house, b"<a/>")}
        for name, (worker, service) in figures.items():
            print(f"verify, {name}: worker {worker:.2f} ms, service {service:.2f} ms of CPU")
        cost = sum(figures["replaced, <a/>"]) - sum(figures["warm, <a/>"])
        print(f"verify, a replacement: {cost:.2f} ms of CPU; the service has "
              f"{resident(scenario.service(house))} of its own")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: EUPL-1.2
"""What is agreed with a partner for a day, and that a restart does not begin anew.

A day is one of UTC. One that ends in the middle of a test is counted anew by the gate, and the
test is then made once more on the next.
"""
import functools
import itertools
import re
import time

from scenarios.openapi import Specification
from scenarios.test_faults import until

NUMBERS = itertools.count(7100001)


def within_one(seconds):
    """Of a test: it, and once more where it failed and another day or hour of so many seconds had
    begun."""
    def made(test):
        @functools.wraps(test)
        def run(**fixtures):
            begun = time.time() // seconds
            try:
                test(**fixtures)
            except AssertionError:
                if time.time() // seconds == begun:
                    raise
                test(**fixtures)
        return run
    return made


on_one_day = within_one(86400)


def send(gate):
    path = gate.certificate("phyto", f"PHYTO.NZ.2026.{next(NUMBERS)}")
    return gate.request("/v1/documents", method="POST", data=path.read_bytes(),
                        headers={"Content-Type": "application/xml"})


def told(gate):
    """The quotas of today, as the partner is told."""
    return gate.request("/v1/status").json()["quotas"]


def used(gate):
    return {name: row["used"] for name, row in told(gate).items() if row["used"]}


def agree(gate, quotas):
    """Wait until they are in force, for what judges, too."""
    path = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    before = re.sub(r"^quotas = .*\n", "", path.read_text(), flags=re.M)
    items = "".join(f"{name} = {limit}; " for name, limit in quotas.items())
    path.write_text(f"{before}quotas = {{ {items}}};\n")
    until(lambda: {name: row["limit"] for name, row in told(gate).items()} == quotas)
    ready = gate.certificate("phyto", "PHYTO.NZ.2026.7100000")
    until(lambda: "decision" in gate.submit(ready, command="preflight")[1])


def agree_on_documents(gate, more):
    """So many more today. Return: how many those are with what was sent today."""
    agree(gate, {"documents_per_day": 10 ** 6, "concurrent": 9})
    limit = used(gate).get("documents_per_day", 0) + more
    agree(gate, {"documents_per_day": limit, "concurrent": 9})
    return limit


@on_one_day
def test_over_the_quota_of_a_day(gate):
    limit = agree_on_documents(gate, 2)
    assert send(gate).status_code == 202
    assert send(gate).status_code == 202
    status = gate.request("/v1/status").json()
    assert not list(Specification().faults(status, {"$ref": "#/components/schemas/Status"}))
    documents = status["quotas"]["documents_per_day"]
    assert (documents["used"], documents["limit"]) == (limit, limit)
    answer = send(gate)
    assert answer.status_code == 429 and answer.json()["code"] == "quota.documents-day"
    assert 1 <= int(answer.headers["Retry-After"]) <= 86400
    assert gate.request("/v1/outcomes").status_code == 200  # what is there can be read
    french = gate.request("/v1/documents", method="POST", data=b"<a/>", headers={
        "Content-Type": "application/xml", "Accept-Language": "fr"})
    assert french.status_code == 429 and "convenu avec vous" in french.json()["detail"]


@on_one_day
def test_a_restart_does_not_begin_anew(gate):
    limit = agree_on_documents(gate, 1)
    assert send(gate).status_code == 202
    gate.down()
    gate.up()
    answer = send(gate)
    assert answer.status_code == 429, answer.text
    assert used(gate)["documents_per_day"] == limit


@on_one_day
def test_a_restart_on_a_long_day(gate):
    """More than one answer of the queue could list: every one counts, and their octets."""
    agree(gate, {"documents_per_day": 10 ** 6, "octets_per_day": 10 ** 9})
    assert send(gate).status_code == 202
    before = used(gate)
    bodies = [f"<a>{i}</a>".encode() for i in range(1100)]
    wanted = {"documents_per_day": before["documents_per_day"] + len(bodies),
              "octets_per_day": before["octets_per_day"] + sum(map(len, bodies))}
    agree(gate, {"documents_per_day": wanted["documents_per_day"], "octets_per_day": 10 ** 9})
    session = gate.session()
    for body in bodies:
        answer = session.post(gate.listener("partners") + "/v1/documents", data=body,
                              headers={"Content-Type": "application/xml"}, timeout=30)
        assert answer.status_code == 422, answer.text
    assert used(gate) == wanted
    gate.down()
    gate.up()
    assert used(gate) == wanted
    answer = send(gate)
    assert answer.status_code == 429 and answer.json()["code"] == "quota.documents-day"

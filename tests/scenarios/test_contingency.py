# SPDX-License-Identifier: EUPL-1.2
"""A paper that was issued in an outage is made electronic once, and is found by its number."""
import json
import sqlite3

import pytest

from scenarios.gate import a_folder, Gate
from scenarios.openapi import Specification
from scenarios.test_originals import WITHDRAWN, replacing

LAST = 'printed on each carton.</ram:Content>\n  </ram:IncludedSPSNote>'
WHERE = "ram:IncludedSPSNote[ram:SubjectCode='CONTINGENCY_NUMBER']/ram:Content"


def note(code, text):
    return (f"<ram:IncludedSPSNote><ram:Content>{text}</ram:Content>"
            f"<ram:SubjectCode>{code}</ram:SubjectCode></ram:IncludedSPSNote>")


def of_paper(paper, **more):
    """What a document says that makes a paper electronic."""
    notes = (note("CONTINGENCY", "The registry could not be reached from 08:00 to 11:30 UTC.") +
             note("CONTINGENCY_NUMBER", paper) +
             note("CONTINGENCY_ISSUED", "2026-06-01T02:00:00Z"))
    return {LAST: LAST + notes, **more}


def number_of(n):
    return f"PHYTO.NZ.2026.7{n:06d}"


def submit(gate, number, **replacements):
    return gate.submit(gate.certificate("phyto", number, **replacements))


def taken(gate, number, **replacements):
    status, answer = submit(gate, number, **replacements)
    assert status == 0 and answer["status"] == 202, answer
    return answer["id"]


@pytest.fixture(scope="module")
def gate():
    with a_folder() as folder, Gate(folder) as made:
        yield made.make().up()


@pytest.fixture(scope="module")
def first(gate):
    return taken(gate, number_of(1), **of_paper("NZ-PAPER-000417"))


def test_a_second_document_is_refused(gate, first):
    path = gate.certificate("phyto", number_of(2), **of_paper(" nz-paper-000417"))
    status, foreseen = gate.submit(path, command="preflight")
    assert status == 1 and foreseen["decision"] == "refused"
    found = foreseen["findings"][-1]
    assert (found["code"], found["received"]) == ("document.paper", "NZ-PAPER-000417")
    assert found["where"].endswith(WHERE) and "1715" in found["clause"] and found["fix"]
    status, answer = gate.submit(path)
    assert status == 1 and answer["status"] == 409, answer
    assert (answer["code"], answer["first"]) == ("document.paper", first)
    # Nothing of it stays, and the first one is answered as before.
    assert gate.run("explain", number_of(2)).returncode == 1
    again = gate.folder / f"{number_of(1)}.signed.signed.xml"
    assert gate.submit(again)[1]["duplicate"] is True


def test_it_is_found_by_the_number_of_the_paper(gate, first):
    for key in ("NZ-PAPER-000417", "nz-paper-000417", number_of(1), first):
        done = gate.run("explain", key)
        assert done.returncode == 0 and first in done.stdout, done.stderr
        assert "paper          NZ-PAPER-000417" in done.stdout
    told = json.loads(gate.run("explain", "--format", "json", "NZ-PAPER-000417").stdout)
    assert [d["id"] for d in told["documents"]] == [first]
    record = told["documents"][0]["events"][0]["record"]
    assert record["detail"]["paper"] == "NZ-PAPER-000417"
    meta = gate.request(f"/v1/documents/{first}").json()
    assert meta["paper"] == "NZ-PAPER-000417"
    assert not list(Specification().faults(meta, {"$ref": "#/components/schemas/Document"}))
    report = gate.request(f"/v1/documents/{first}/report").json()
    assert report["facts"]["paper"] == "NZ-PAPER-000417"


def test_its_replacement_has_the_same_paper(gate, first):
    second = taken(gate, number_of(3), **of_paper("NZ-PAPER-000417", **replacing(number_of(1))))
    assert gate.request(f"/v1/documents/{first}").json()["state"] == "replaced"
    status, answer = submit(gate, number_of(4), **of_paper("NZ-PAPER-000417"))
    assert status == 1 and (answer["code"], answer["first"]) == ("document.paper", second)
    # In the place of another one it makes the paper a second time, too.
    taken(gate, number_of(5))
    status, answer = submit(
        gate, number_of(6), **of_paper("NZ-PAPER-000417", **replacing(number_of(5))))
    assert status == 1 and answer["code"] == "document.paper"


def test_what_was_withdrawn_is_made_anew(gate):
    taken(gate, number_of(7), **of_paper("NZ-PAPER-000418"))
    taken(gate, number_of(7), **of_paper("NZ-PAPER-000418", **WITHDRAWN))
    taken(gate, number_of(8), **of_paper("NZ-PAPER-000418"))
    status, answer = submit(gate, number_of(9), **of_paper("NZ-PAPER-000418"))
    assert status == 1 and answer["code"] == "document.paper"


def test_what_was_refused_is_found_and_keeps_nothing(gate):
    wrong = of_paper("NZ-PAPER-000419", **{'unitCode="KGM"': 'unitCode="KILO"'})
    status, answer = submit(gate, number_of(10), **wrong)
    assert status == 1 and answer["status"] == 422
    assert answer["id"] in gate.run("explain", "NZ-PAPER-000419").stdout
    taken(gate, number_of(11), **of_paper("NZ-PAPER-000419"))


def test_documents_from_before_are_filled_in(gate):
    """A database of before papers were known: a step that may break off and be taken again
    reads the documents, and what they made electronic is made once from then on."""
    ids = [taken(gate, number_of(n), **of_paper(f"NZ-OLD-{n}")) for n in (81, 82, 83)]
    gate.down()
    path = gate.dir / "state" / "queue" / "queue.db"
    with sqlite3.connect(path) as database:
        kept, = database.execute(
            "SELECT sql FROM sqlite_schema WHERE name='papers_never_deleted'").fetchone()
        database.execute("DROP TRIGGER papers_never_deleted")
        database.execute("DELETE FROM papers")
        database.execute(kept)
    database.close()
    gate.up()
    assert gate.run("explain", "NZ-OLD-81").returncode == 1
    done = gate.run("papers", "--limit", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    since = done.stdout.split("go on with --since ")[1].strip()
    done = gate.run("papers", "--since", since)
    assert done.returncode == 0, done.stdout + done.stderr
    again = gate.run("papers")
    assert again.returncode == 0 and " 0 papers noted" in again.stdout, again.stdout
    for n, identifier in zip((81, 82, 83), ids):
        assert identifier in gate.run("explain", f"NZ-OLD-{n}").stdout
    status, answer = submit(gate, number_of(84), **of_paper("NZ-OLD-82"))
    assert status == 1 and (answer["code"], answer["first"]) == ("document.paper", ids[1])
    assert gate.run("audit", "verify").returncode == 0
    assert gate.run("ledger", "--check").returncode == 0
    assert "NZ-OLD-82" in gate.run("explain", ids[1]).stdout

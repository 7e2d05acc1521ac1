# SPDX-License-Identifier: EUPL-1.2
"""What is not as its audit records say is named, all of it, also where there is much."""
import json
import sqlite3

from scenarios.gate import a_gate


def change(gate, *statements):
    """As somebody does who has the database."""
    database = sqlite3.connect(gate.dir / "state/queue/queue.db")
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def page(gate, *more):
    done = gate.run("ledger", "--mismatches", *more)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_all_mismatches_are_named():
    with a_gate() as gate:
        gate.up()
        identifiers = []
        for n in range(3):
            status, answer = gate.submit(gate.certificate("phyto", f"PHYTO.NZ.2026.000050{n}"))
            assert status == 0, answer
            identifiers.append(answer["id"])
        gate.wait_delivered(identifiers)
        gate.down()
        assert page(gate) == (0, [], "")
        change(gate, "DROP TRIGGER documents_next", "UPDATE documents SET state='cleared'")
        done = gate.run("ledger", "--check")
        check = json.loads(done.stdout)["check"]
        assert done.returncode == 1
        assert (check["found"], check["named"], check["file"]) == (
            3, 3, "state/queue/ledger-found")
        status, lines, told = page(gate)
        assert status == 1 and not told
        assert [(m["line"], m["mismatch"]["id"], m["mismatch"]["found"]) for m in lines] == [
            (n + 1, identifier, "cleared") for n, identifier in enumerate(identifiers)]
        assert [m["line"] for m in page(gate, "--after", "2")[1]] == [3]
        # of more a page at a time
        file = gate.dir / check["file"]
        file.write_text("".join(f'{{"id":"{n}"}}\n' for n in range(1, 1501)))
        status, lines, told = page(gate)
        assert status == 1 and len(lines) == 1000 and "--after 1000" in told
        status, lines, told = page(gate, "--after", "1000")
        assert [m["mismatch"]["id"] for m in lines] == [str(n) for n in range(1001, 1501)]
        assert not told
        assert gate.run("ledger", "--mismatches", "--after", "x").returncode == 2

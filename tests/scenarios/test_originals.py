# SPDX-License-Identifier: EUPL-1.2
"""What a document says of an earlier one is held against what the gate has."""
import time

from scenarios.test_withdrawal import PACKING, STATUS, SUPPORTS, send

WITHDRAWN = {STATUS: '<ram:StatusCode name="Withdrawn">40'}


def replacing(original, **more):
    return {SUPPORTS: SUPPORTS.replace("ZZZ", "AWR"), PACKING: original, **more}


def number_of(n):
    return f"PHYTO.NZ.2026.9{n:06d}"


def codes(answer):
    return [f["code"] for f in answer["findings"] if f["severity"] == "error"]


def judged(gate, number, **replacements):
    """Codes of the errors that preflight and a submission find; they agree."""
    path = gate.certificate("phyto", number, **replacements)
    _, foreseen = gate.submit(path, command="preflight")
    status, answer = gate.submit(path)
    assert status == 1 and foreseen["decision"] == "refused", answer
    assert codes(foreseen) == codes(answer)
    return codes(answer), answer


def test_a_withdrawal_needs_its_original(gate):
    found, answer = judged(gate, number_of(1), **WITHDRAWN)
    assert found == ["document.original-unknown"] and answer["status"] == 422
    assert answer["findings"][-1]["received"] == number_of(1)
    # What was refused is no original either.
    assert judged(gate, number_of(1), **WITHDRAWN)[0] == ["document.original-unknown"]
    send(gate, number_of(1))
    identifier = send(gate, number_of(1), **WITHDRAWN)
    assert gate.request(f"/v1/documents/{identifier}").json()["relation"] == "withdraws"


def test_a_replacement_of_what_is_older_than_the_gate(gate):
    identifier = send(gate, number_of(2), **replacing("PHYTO.NZ.1999.1"))
    report = gate.request(f"/v1/documents/{identifier}/report").json()
    assert [(f["code"], f["received"]) for f in report["findings"]
            if f["severity"] == "warning" and f["code"].startswith("document.")] == [
        ("document.original-unknown", "PHYTO.NZ.1999.1")]


def test_only_once(gate):
    send(gate, number_of(3))
    send(gate, number_of(4), **replacing(number_of(3)))
    assert judged(gate, number_of(5), **replacing(number_of(3)))[0] == ["document.original-ended"]
    # Number and status of a document that is here: the contract's answer comes first.
    path = gate.certificate("phyto", number_of(4), **replacing(number_of(3)))
    path.write_text(path.read_text() + "\n")
    status, answer = gate.submit(path)
    assert status == 1 and answer["status"] == 409 and answer["code"] == "document.conflict"


def test_what_was_withdrawn_has_ended(gate):
    """The withdrawal has the same number, and is no original of anything."""
    send(gate, number_of(20))
    send(gate, number_of(20), **WITHDRAWN)
    assert judged(gate, number_of(21), **replacing(number_of(20)))[0] == [
        "document.original-ended"]


def test_no_cycle(gate):
    send(gate, number_of(6))
    send(gate, number_of(7), **replacing(number_of(6)))
    found, answer = judged(gate, number_of(6), **replacing(
        number_of(7), **{STATUS: '<ram:StatusCode name="Approved">39'}))
    assert found == ["document.cycle"] and answer["status"] == 422
    send(gate, number_of(8), **replacing(number_of(7)))


def test_a_partner_that_may_name_anything(gate):
    path = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    text = path.read_text()

    def wait_for(word, decision, **replacements):
        path.write_text(text + f'originals = "{word}";\n')
        document = gate.certificate("phyto", number_of(9), **replacements)
        until = time.monotonic() + 30
        while True:
            answer = gate.submit(document, command="preflight")[1]
            if answer.get("decision") == decision or time.monotonic() > until:
                assert answer.get("decision") == decision, answer
                return
            time.sleep(0.2)

    try:
        wait_for("any", "accepted", **WITHDRAWN)
        wait_for("known", "refused", **replacing("PHYTO.NZ.1999.2"))
    finally:
        path.write_text(text)

# SPDX-License-Identifier: EUPL-1.2
"""A partner's sandbox: the whole pipeline, marked receipts, and not one octet to anybody.

Brazil's authority plays the test authority here: its anchor is one of the sandbox alone.
"""
import json
import pathlib
import shutil
import tempfile

import pytest

from scenarios.demo import claims
from scenarios.gate import Gate, fingerprint
from scenarios.openapi import Specification
from scenarios.test_callback import Partner
from scenarios.test_contingency import of_paper
from scenarios.test_faults import until
from scenarios.test_operators import queue
from scenarios.test_originals import WITHDRAWN, replacing
from scenarios.test_withdrawal import wait_state
from sim import callback

SANDBOX = "partners/not-enrolled"  # the transport certificate of the lane
APPROVED = {'<ram:StatusCode name="Issued">70': '<ram:StatusCode name="Approved">39'}


def partner_file(gate, name, more):
    rows = ", ".join(
        f'{{ sha256 = "{fingerprint(gate.pki.path(f"authority-br/{who}"))}"; '
        f'role = "{who}"; name = "{who}"; }}' for who in ("officer", "seal"))
    (gate.dir / "policies" / "partners" / f"{name}.cfg").write_text(
        f'name = "{name}";\ncountry = "NZ";\n'
        f'transport = ( "{fingerprint(gate.pki.path(SANDBOX))}" );\n'
        f'signers = ( {rows} );\ntypes = ( "PHYTO" );\n{more}')


@pytest.fixture(scope="module")
def gate():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    folder.chmod(0o755)
    try:
        with Gate(folder) as made:
            made.make()
            policies = made.dir / "policies"
            (policies / "partners" / "br-mapa.cfg").unlink()
            (policies / "anchors" / "sandbox").mkdir()
            (policies / "anchors" / "signers" / "authority-br.pem").rename(
                policies / "anchors" / "sandbox" / "authority-br.pem")
            partner_file(made, "nz-sandbox", "sandbox = true;\n")
            made.up()
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rehearsal(gate, number, **replacements):
    signed = gate.sign(gate.document("phyto", number, **replacements), "authority-br/officer")
    return gate.sign(signed, "authority-br/seal", place=("--counter",), tsa=False)


def seen(gate, text):
    """What a counterpart wrote down about a text, in any of its files."""
    return [path for sim in (gate.traces, gate.customs)
            for path in pathlib.Path(sim.ledger_path).parent.rglob("*")
            if path.is_file() and text.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def rehearsed(gate):
    status, answer = gate.submit(rehearsal(gate, "PHYTO.NZ.2026.8000001"), SANDBOX)
    assert status == 0 and answer["status"] == 202, answer
    return answer


def test_the_receipt_says_what_it_is(gate, rehearsed):
    assert rehearsed["state"] == "sandbox" and rehearsed["sandbox"] is True
    assert rehearsed["decision"] == "accepted"
    said = claims(rehearsed["receipt"])
    assert said["sandbox"] is True and said["state"] == "sandbox"
    assert said["type"] == "sandbox/PHYTO" and said["notice"].startswith("SANDBOX:")
    body = {k: v for k, v in rehearsed.items() if k != "status"}
    specification = Specification()
    assert not list(specification.faults(body, {"$ref": "#/components/schemas/Acknowledgement"}))
    assert not list(specification.faults(said, {"$ref": "#/components/schemas/ReceiptClaims"}))
    base = f"/v1/documents/{rehearsed['id']}"
    xml = gate.request(f"{base}/receipt", SANDBOX, headers={"Accept": "application/xml"}).text
    assert 'name="SANDBOX, not real: Approved"' in xml and "accepted by nobody" in xml
    meta = gate.request(base, SANDBOX).json()
    assert meta["state"] == "sandbox" and meta["deliveries"] == []
    assert not list(specification.faults(meta, {"$ref": "#/components/schemas/Document"}))
    status = gate.request("/v1/status", SANDBOX).json()
    assert status["sandbox"] is True
    assert gate.request("/v1/status").json()["sandbox"] is False


def test_it_is_the_real_pipeline(gate):
    path = rehearsal(gate, "PHYTO.NZ.2026.8000002", **{">1<": ">7<"})
    status, answer = gate.submit(path, SANDBOX)
    assert status == 1 and answer["status"] == 422
    assert answer["findings"]
    path = rehearsal(gate, "PHYTO.NZ.2026.8000001", **{"Kiwifruit": "Kiwi"})
    status, answer = gate.submit(path, SANDBOX)
    assert status == 1 and answer["status"] == 409, answer
    path = rehearsal(gate, "PHYTO.NZ.2026.8000003")
    answer = gate.submit(path, SANDBOX, command="preflight")[1]
    assert answer["decision"] == "accepted" and answer["sandbox"] is True
    # The partner's real certificates are no test authority's.
    path = gate.certificate("phyto", "PHYTO.NZ.2026.8000004")
    status, answer = gate.submit(path, SANDBOX)
    assert status == 1 and "sig.path" in {f["code"] for f in answer["findings"]}


def test_nobody_ever_sees_it(gate, rehearsed):
    """A real document of the same key passes it by, and only that one arrives."""
    ledger = json.loads(gate.run("ledger").stdout)
    seals = ledger["signer"]["seals"]
    path = gate.certificate("phyto", "PHYTO.NZ.2026.8000001")
    status, real = gate.submit(path)
    assert status == 0 and real["status"] == 202, real
    gate.wait_delivered([real["id"]])
    for name in ("traces", "customs"):
        assert gate.arrived(name) == {real["id"]}
    assert seen(gate, real["id"]) and not seen(gate, rehearsed["id"])
    assert gate.request(f"/v1/documents/{rehearsed['id']}/evidence", SANDBOX).status_code == 404
    until(lambda: gate.run("ledger", "--check").returncode == 0)
    ledger = json.loads(gate.run("ledger").stdout)
    assert ledger["signer"]["seals"] == seals + 1
    assert {row["partner"] for row in ledger["destinations"]} == {"nz-mpi"}


def rehearse(gate, n, **replacements):
    return gate.submit(rehearsal(gate, number_of(n), **replacements), SANDBOX)


def number_of(n):
    return f"PHYTO.NZ.2026.81{n:05d}"


def state_of(gate, answer, *who):
    meta = gate.request(f"/v1/documents/{answer['id']}", *who).json()
    assert not list(Specification().faults(meta, {"$ref": "#/components/schemas/Document"}))
    return meta["state"], meta.get("rehearsed")


def errors(answer):
    return [f["code"] for f in answer["findings"] if f["severity"] == "error"]


def test_withdrawals_and_replacements_are_rehearsed(gate):
    """As with real documents: originals must be known, must not have ended, and no number
    comes back; each is noted, and nothing of it is sent."""
    status, answer = rehearse(gate, 1, **WITHDRAWN)
    assert status == 1 and errors(answer) == ["document.original-unknown"]
    first = rehearse(gate, 1)[1]
    second = rehearse(gate, 2, **replacing(number_of(1)))[1]
    assert first["state"] == second["state"] == "sandbox"
    assert state_of(gate, first, SANDBOX) == ("sandbox", "replaced")
    assert "rehearsed      replaced" in gate.run("explain", first["id"]).stdout
    for n, more, code in ((3, replacing(number_of(1)), "document.original-ended"),
                          (1, {**WITHDRAWN, **replacing(number_of(1))},
                           "document.original-ended"),
                          (1, replacing(number_of(2), **APPROVED), "document.cycle")):
        status, answer = rehearse(gate, n, **more)
        assert status == 1 and errors(answer) == [code], answer
    taken = rehearse(gate, 2, **WITHDRAWN)[1]
    assert taken["state"] == "sandbox" and taken["decision"] == "accepted"
    assert state_of(gate, second, SANDBOX) == ("sandbox", "withdrawn")
    status, answer = rehearse(gate, 4, **replacing(number_of(2)))
    assert status == 1 and errors(answer) == ["document.original-ended"]
    for one in (first, second, taken):
        assert not seen(gate, one["id"])


def test_neither_lane_ends_anything_of_the_other(gate):
    real = gate.submit(gate.certificate("phyto", number_of(10)))[1]
    gate.wait_delivered([real["id"]])
    # A rehearsal about a real document: unknown, and it stays as it is.
    for n, more in ((10, WITHDRAWN), (11, replacing(number_of(10)))):
        status, answer = rehearse(gate, n, **more)
        codes = errors(answer) if status else [
            f["code"] for f in gate.request(
                f"/v1/documents/{answer['id']}/report", SANDBOX).json()["findings"]]
        assert "document.original-unknown" in codes
    shadow = rehearse(gate, 10, **{"Kiwifruit": "Kiwi"})[1]
    assert shadow["state"] == "sandbox"
    assert rehearse(gate, 10, **WITHDRAWN)[0] == 0
    assert state_of(gate, shadow, SANDBOX) == ("sandbox", "withdrawn")
    assert state_of(gate, real) == ("sealed", None)
    # And a real one about a rehearsal.
    other = rehearse(gate, 12)[1]
    status, answer = gate.submit(gate.certificate("phyto", number_of(12), **WITHDRAWN))
    assert status == 1 and errors(answer) == ["document.original-unknown"]
    withdrawn = gate.submit(gate.certificate("phyto", number_of(10), **WITHDRAWN))[1]
    wait_state(gate, withdrawn["id"], "traces", "delivered")
    assert state_of(gate, real)[0] == "withdrawn"
    assert state_of(gate, other, SANDBOX) == ("sandbox", None)
    for one in (shadow, other):
        assert not seen(gate, one["id"])


def feed(gate, *who, **query):
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = gate.request(f"/v1/outcomes?{text}", *who)
    Specification().check("get", "/v1/outcomes", answer)
    return answer.json()


def test_outcomes_are_rehearsed_and_never_mixed(gate):
    """Read, acknowledge, go on: as with the real feed, of which neither has a line."""
    real = gate.submit(gate.certificate("phyto", number_of(30)))[1]
    wait_state(gate, real["id"], "traces", "delivered")
    start = feed(gate, SANDBOX, after=0, limit=500)["next"]
    first = rehearse(gate, 30)[1]["id"]
    second = rehearse(gate, 31, **replacing(number_of(30)))[1]["id"]
    taken = rehearse(gate, 31, **WITHDRAWN)[1]["id"]
    told = feed(gate, SANDBOX, after=start)
    assert [(o["id"], o["event"], o["destination"], o["state"]) for o in told["outcomes"]] == [
        (first, "document.sealed", "", "sealed"),
        (first, "delivery.delivered", "sandbox", "delivered"),
        (first, "document.replaced", "", "replaced"),
        (second, "document.sealed", "", "sealed"),
        (second, "delivery.delivered", "sandbox", "delivered"),
        (second, "document.withdrawn", "", "withdrawn"),
        (taken, "document.sealed", "", "sealed"),
        (taken, "delivery.delivered", "sandbox", "delivered")]
    assert told["more"] is False and all(o["sandbox"] is True for o in told["outcomes"])
    assert told["outcomes"][1]["reply_id"] == f"SANDBOX-{first}"
    assert told["outcomes"][2]["detail"] == second and told["outcomes"][0]["number"] == number_of(30)
    done = gate.request("/v1/outcomes/acknowledgement", SANDBOX, method="POST",
                        data=json.dumps({"cursor": told["next"]}),
                        headers={"Content-Type": "application/json"})
    assert done.status_code == 200 and done.json()["acknowledged"] == told["next"]
    assert feed(gate, SANDBOX)["outcomes"] == []
    mine = feed(gate, after=0, limit=500)
    assert real["id"] in {o["id"] for o in mine["outcomes"]} and mine["acknowledged"] == "0"
    assert not any("sandbox" in o or o["type"].startswith("sandbox") for o in mine["outcomes"])
    assert {first, second, taken}.isdisjoint(o["id"] for o in mine["outcomes"])
    # The lane becomes a real one: its feed begins empty.
    partner_file(gate, "nz-sandbox", "")
    try:
        until(lambda: gate.request("/v1/status", SANDBOX).json()["sandbox"] is False)
        real_lane = feed(gate, SANDBOX, after=0)
        assert real_lane["outcomes"] == [] and real_lane["next"] == "0"
    finally:
        partner_file(gate, "nz-sandbox", "sandbox = true;\n")
    until(lambda: gate.request("/v1/status", SANDBOX).json()["sandbox"] is True)


def test_papers_of_the_lanes_are_apart(gate):
    """A paper that was rehearsed with is made electronic all the same, once."""
    paper = of_paper("NZ-PAPER-777")
    assert rehearse(gate, 20, **paper)[0] == 0
    assert gate.submit(gate.certificate("phyto", number_of(21), **paper))[0] == 0
    for answer in (rehearse(gate, 22, **paper)[1],
                   gate.submit(gate.certificate("phyto", number_of(23), **paper))[1]):
        assert answer["status"] == 409 and answer["code"] == "document.paper"


@pytest.mark.parametrize("verb", ("release", "redrive", "hold"))
def test_no_operator_can_send_it(gate, rehearsed, verb):
    done = queue(gate, "operator", verb, rehearsed["id"])
    assert done.returncode == 1 and "409" in done.stdout + done.stderr
    assert not seen(gate, rehearsed["id"])


def test_operators_see_what_it_is(gate, rehearsed):
    assert "sandbox" in gate.run("explain", rehearsed["id"]).stdout
    text = gate.run("explain", "PHYTO.NZ.2026.8000001").stdout
    assert "sandbox/PHYTO" in text


def test_a_test_anchor_makes_nothing_real(gate):
    """The attack: what the test authority signed is sent as a real document, by the partner
    and with its signers enrolled by a slip."""
    path = rehearsal(gate, "PHYTO.NZ.2026.8000009")
    found = {f["code"] for f in gate.submit(path)[1]["findings"] if f["severity"] == "error"}
    assert {"sig.path", "partner.signer-unknown"} <= found
    partner_file(gate, "nz-sandbox", "")

    def in_force():
        answer = gate.submit(path, SANDBOX, command="preflight")[1]
        return "decision" in answer and "sandbox" not in answer

    try:
        until(in_force)
        answer = gate.submit(path, SANDBOX, command="preflight")[1]
        assert answer["decision"] == "refused"
        codes = {f["code"] for f in answer["findings"] if f["severity"] == "error"}
        assert "sig.path" in codes and "partner.signer-unknown" not in codes
        status, answer = gate.submit(path, SANDBOX)
        assert status == 1 and answer["status"] == 422
    finally:
        partner_file(gate, "nz-sandbox", "sandbox = true;\n")


def test_call_backs_are_rehearsed(gate):
    """Signed as real ones are, under ids that no real one has."""
    known = callback.certificates(gate.request("/v1/certificates").json())
    receiver = Partner(gate.pki)
    receiver.called_by(gate, "nz-sandbox")
    try:
        until(lambda: gate.request("/v1/status", SANDBOX).json()["sandbox"] is True)
        status, answer = gate.submit(rehearsal(gate, "PHYTO.NZ.2026.8000090"), SANDBOX)
        assert status == 0, answer
        until(lambda: answer["id"] in str(receiver.signed))
        last = gate.request("/v1/outcomes?after=0&limit=500", SANDBOX).json()["next"]
        until(lambda: gate.request("/v1/outcomes", SANDBOX).json()["acknowledged"] == last)
        for signature, body, key in receiver.signed:
            said = callback.verified(signature, body, known, "nz-sandbox")
            assert said["sandbox"] is True and said["notice"].startswith("SANDBOX:")
            assert said["jti"] == key == f"sandbox:nz-sandbox-{said['cursor']}"
            assert all(o["sandbox"] is True for o in json.loads(body)["outcomes"])
    finally:
        partner_file(gate, "nz-sandbox", "sandbox = true;\n")
        receiver.server.shutdown()

# SPDX-License-Identifier: EUPL-1.2
"""Client certificates that are not accepted: what the client is told, who else can read it, and
that nothing of it gets in."""
import contextlib
import http.client
import json
import os
import signal
import ssl
import time

import pytest

from scenarios.gate import fingerprint, sealgate
from scenarios.handshakes import (INTERMEDIATE, a_gate_of_refusals, ask, codes, explained,
                                  in_place_of_the_program, of_all, of_partner, write_large)
from scenarios.openapi import Specification
from scenarios.processes import killed, pid_of


@pytest.fixture(scope="module")
def gate():
    with a_gate_of_refusals() as made:
        yield made


@pytest.fixture(scope="module")
def specification():
    return Specification()


# what the client is told -----------------------------------------------------------------------

CASES = {
    "leaf-only": (["handshake.intermediate"], "nz-mpi"),
    "expired": (["handshake.expired"], "nz-mpi"),
    "tomorrow": (["handshake.not-yet"], "nz-mpi"),
    "rogue": (["handshake.intermediate", "partner.unknown"], None),
    "rogue-whole": (["handshake.issuer", "partner.unknown"], None),
    "self-signed": (["handshake.self-signed", "handshake.purpose", "partner.unknown"], None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_client_reads_why(gate, specification, name):
    wanted, partner = CASES[name]
    answer = explained(gate, f"partners/{name}")
    assert answer.status_code == 403
    specification.check("get", "/v1/status", answer)
    problem = answer.json()
    assert problem["code"] == "partner.certificate" and codes(problem) == wanted
    assert problem["correlation"] == answer.headers["X-Correlation-Id"]
    assert problem["detail"] == problem["findings"][0]["message"]
    sent = gate.pki.certificate(f"partners/{name}")
    assert problem["certificate"]["sha256"] == fingerprint(gate.pki.path(f"partners/{name}"))
    assert int(problem["certificate"]["serial"], 16) == sent.serial_number
    assert problem["certificate"]["subject"] == sent.subject.rfc4514_string()
    assert any("Transport CA (TEST)" in a for a in problem["authorities"])
    record = next(r for r in of_all(gate) if r["correlation"] == problem["correlation"])
    assert record["partner"] == partner and record["findings"] == problem["findings"]


def test_leaf_only_says_which_one_is_missing(gate):
    problem = explained(gate, "partners/leaf-only").json()
    assert "Leaf only" in problem["detail"] and INTERMEDIATE in problem["detail"]
    assert INTERMEDIATE in problem["findings"][0]["received"]


def test_no_certificate(gate, specification):
    answer = explained(gate, None)
    specification.check("get", "/v1/status", answer)
    assert codes(answer.json()) == ["handshake.none"] and answer.json()["certificate"] is None


@pytest.mark.parametrize("name", ["large", "huge"])
def test_too_large_to_be_looked_at(gate, specification, name):
    """More than is parsed, and more than an SCGI header of intake: on record with its address."""
    write_large(gate, f"partners/{name}", {"large": 34_000, "huge": 70_000}[name])
    answer = explained(gate, f"partners/{name}", address="127.0.9.77")
    specification.check("get", "/v1/status", answer)
    problem = answer.json()
    assert codes(problem) == ["handshake.too-large"] and problem["certificate"] is None
    record = next(r for r in of_all(gate) if r["correlation"] == problem["correlation"])
    assert (record["address"], record["partner"]) == ("127.0.9.77", None)
    assert record["findings"] == problem["findings"]
    log = [line for line in gate.log.read_text().splitlines() if problem["correlation"] in line]
    assert len(log) == 1 and "from 127.0.9.77" in log[0], log


@pytest.mark.parametrize("headers", [{"X-Token": "a" * 9_000},
                                     {f"X-{n}": "a" * 7_000 for n in range(6)}])
def test_a_header_that_is_too_long(gate, specification, headers):
    for listener in ("partners", "customs", "operators"):
        answer = ask(gate, "partners/nz-mpi", headers=headers, listener=listener)
        assert (answer.status_code, answer.json()["code"]) == (431, "http.header-size")
        assert "8190 octets" in answer.json()["fix"]
        assert answer.json()["correlation"] == answer.headers["X-Correlation-Id"]
    specification.check("get", "/v1/status", answer)


def test_without_tls(gate):
    for listener in ("partners", "customs", "operators"):
        host, port = gate.listener(listener).removeprefix("https://").split(":")
        with contextlib.closing(http.client.HTTPConnection(host, int(port))) as connection:
            connection.request("GET", "/v1/status")
            answer = connection.getresponse()
            problem = json.loads(answer.read())
        assert (answer.status, problem["code"]) == (400, "http.plain")
        assert "https://" in problem["fix"]


def test_a_servers_certificate(gate):
    problem = explained(gate, "servers/partners").json()
    assert codes(problem) == ["handshake.purpose", "partner.unknown"]


def test_who_is_right_is_let_through(gate):
    assert ask(gate, "partners/nz-mpi").status_code == 200


def test_a_document_is_answered_and_not_read(gate):
    """The whole explanation comes although 5 MB wait to be sent; intake sees nothing of it."""
    answer = explained(gate, "partners/leaf-only", path="/v1/documents", method="POST",
                       body=b"x" * 5_000_000, headers={"Content-Type": "application/xml"})
    assert codes(answer.json()) == ["handshake.intermediate"]
    log = gate.log.read_text()
    lines = [line for line in log.splitlines() if answer.json()["correlation"] in line]
    assert len(lines) == 1 and " handshake notice handshake.failed: nz-mpi" in lines[0], lines


@pytest.mark.parametrize("holder", ["leaf-only", "whole"])
def test_in_the_clients_language(gate, holder):
    answer = explained(gate, f"partners/{holder}", headers={"Accept-Language": "fr, en;q=0.5"})
    problem = answer.json()
    assert answer.headers["Content-Language"] == "fr"
    assert codes(problem)[0].startswith("handshake.intermediate")
    assert "émetteur" in problem["findings"][0]["message"]
    assert INTERMEDIATE in problem["findings"][0]["message"]
    assert "passerelle" in problem["findings"][0]["fix"]
    record = next(r for r in of_partner(gate) if r["correlation"] == problem["correlation"])
    assert "the certificate of" in record["findings"][0]["message"].lower()
    other = explained(gate, f"partners/{holder}", headers={"Accept-Language": "xx"})
    assert other.headers.get("Content-Language") in (None, "en")
    assert "issuer" in other.json()["findings"][0]["message"]


# what nginx lets pass and intake does not ------------------------------------------------------

REFUSED = {
    "whole": ("partner.certificate", ["handshake.intermediate-here"], "nz-mpi"),
    "not-enrolled": ("partner.unknown", ["partner.unknown"], None),
    "revoked": ("partner.certificate", ["handshake.other", "partner.unknown"], None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_intake_refuses_is_explained_and_kept(gate, specification, name):
    code, wanted, partner = REFUSED[name]
    answer = explained(gate, f"partners/{name}", path="/v1/documents", method="POST",
                       body=b"x" * 100_000, headers={"Content-Type": "application/xml"})
    specification.check("post", "/v1/documents", answer)
    problem = answer.json()
    assert answer.status_code == 403 and problem["code"] == code
    assert codes(problem) == wanted
    assert problem["certificate"]["sha256"] == fingerprint(gate.pki.path(f"partners/{name}"))
    record = next(r for r in of_all(gate) if r["correlation"] == problem["correlation"])
    assert record["verify"] == f"REFUSED:{code}" and record["partner"] == partner
    assert record["findings"] == problem["findings"]


def test_an_intermediate_that_only_the_client_has(gate):
    """Sending it is half of the way: nginx hands on the leaf alone."""
    problem = explained(gate, "partners/whole").json()
    assert INTERMEDIATE in problem["findings"][0]["message"]
    assert "tls.partner_ca" in problem["findings"][0]["fix"]


def test_an_agreed_partner_with_an_old_tls(gate):
    host, port = gate.listener("partners").removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=gate.pki.path("transport-ca/root"))
    context.load_cert_chain(gate.pki.path("partners/nz-mpi", ".chain.pem"),
                            gate.pki.path("partners/nz-mpi", ".key"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with contextlib.closing(http.client.HTTPSConnection(host, int(port), context=context,
                                                        timeout=30)) as connection:
        connection.request("GET", "/v1/status")
        problem = json.loads(connection.getresponse().read())
    assert problem["code"] == "partner.tls" and codes(problem) == ["partner.tls"]
    newest = of_partner(gate)[0]
    assert (newest["protocol"], newest["verify"]) == ("TLSv1.2", "REFUSED:partner.tls")


# who else reads it ----------------------------------------------------------------------------


def test_the_contact_reads_it_with_another_certificate(gate, specification):
    problem = explained(gate, "partners/leaf-only").json()
    answer = gate.request("/v1/handshakes")
    specification.check("get", "/v1/handshakes", answer)
    newest = answer.json()["handshakes"][0]
    assert newest["correlation"] == problem["correlation"]
    assert newest["partner"] == "nz-mpi" and newest["protocol"] == "TLSv1.3"
    assert INTERMEDIATE in newest["findings"][0]["message"]
    assert newest["verify"] == "FAILED:unable to verify the first certificate"
    assert newest["address"].startswith("127.0.")


def test_nobody_reads_anothers(gate):
    explained(gate, "partners/leaf-only")
    explained(gate, "partners/rogue")
    assert of_partner(gate, "partners/br-mapa") == []
    mine = of_partner(gate)
    assert mine and all(r["partner"] == "nz-mpi" for r in mine)
    assert fingerprint(gate.pki.path("partners/rogue")) not in json.dumps(mine)
    assert ask(gate, "partners/leaf-only", "/v1/handshakes").status_code == 403
    assert ask(gate, "partners/not-enrolled", "/v1/handshakes").status_code == 403


def test_the_same_again_is_one_record(gate):
    before = len(of_partner(gate))
    for _ in range(3):
        explained(gate, "partners/expired", address="127.0.9.9")
    mine = of_partner(gate)
    same = [r for r in mine if r["address"] == "127.0.9.9"]
    assert len(same) == 1 and same[0]["count"] == 3 and len(mine) == before + 1


def test_operators_read_all_of_it(gate):
    explained(gate, "partners/leaf-only")
    explained(gate, "partners/rogue")
    remote = ("--remote", gate.listener("operators"), *gate.transport("operators/viewer"))
    for done in (gate.run("handshakes"), sealgate(*remote, "handshakes")):
        assert done.returncode == 0, done.stderr
        assert f"the certificate of its issuer, CN={INTERMEDIATE}" in done.stdout
        assert "partner nz-mpi, from 127.0." in done.stdout
        assert "a stranger (of the country of nz-mpi by its own word, unproven)" in done.stdout
    done = sealgate(*remote, "handshakes", "--partner", "nz-mpi", "--format", "json")
    assert json.loads(done.stdout)["handshakes"] == of_partner(gate)
    assert of_all(gate, "--partner", "br-mapa") == []
    assert "no client certificate" in gate.run("handshakes", "--partner", "br-mapa").stdout
    assert gate.run("handshakes", "--partner", "../strangers").returncode == 2
    times = [r["last"] for r in of_all(gate)]
    assert times == sorted(times, reverse=True)
    refused = sealgate("--remote", gate.listener("operators"),
                       *gate.transport("partners/nz-mpi"), "handshakes")
    assert refused.returncode == 1 and "403" in refused.stderr


# nothing of it gets in ------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/.handshake", "/.post-mortem", "/.explained", "/.problem"])
def test_the_steps_of_the_answer_are_no_addresses(gate, path):
    assert ask(gate, "partners/nz-mpi", path).status_code == 404
    assert ask(gate, "partners/rogue", path).status_code == 403


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "401 Unauthorized",
                                    "404 Not Found", "500 Internal Server Error"])
def test_no_answer_of_the_program_lets_anybody_in(gate, status):
    head = f"Status: {status}\r\nLocation: /v1/status\r\nX-Accel-Redirect: /v1/status\r\n"
    begun, asked_with = len(gate.log.read_text()), set()
    with in_place_of_the_program(gate, f"{head}Content-Length: 0\r\n\r\n".encode()) as asked:
        end = time.monotonic() + 30
        while not asked:
            answer = ask(gate, "partners/rogue", method="POST", body=b"<a/>")
            assert answer.status_code == 403, answer.text
            assert answer.json()["code"] == "partner.certificate"
            asked_with.add(answer.json()["correlation"])
            assert time.monotonic() < end
    assert b"CONTENT_LENGTH\0000\0" in asked[0] and b"<a/>" not in asked[0]
    # Of what was asked before, no POST, intake may say only now that it has answered it.
    assert not [line for line in gate.log.read_text()[begun:].splitlines()
                if "intake.answered" in line and
                (" POST " in line or any(name in line for name in asked_with))]


LIES = {
    "nothing": b"",
    "not JSON": b"Status: 200 OK\r\nX-Explained: {\r\n\r\n",
    "no object": b"Status: 200 OK\r\nX-Explained: []\r\n\r\n",
    "other members": b'Status: 200 OK\r\nX-Explained: {"status":200,"code":"x"}\r\n\r\n',
    "other forms": b'A: b\r\nX-Explained: {"certificate":1,"findings":1,"authorities":1}\r\n\r\n',
    "far too long": b"Status: 200 OK\r\nX-Explained: {" + b" " * 200_000,
}


@pytest.mark.parametrize("name", LIES)
def test_intake_believes_nothing_of_it(gate, specification, name):
    with in_place_of_the_program(gate, LIES[name]) as asked:
        answer = ask(gate, "partners/not-enrolled")
        assert ask(gate, "partners/nz-mpi").status_code == 200
    specification.check("get", "/v1/status", answer)
    assert answer.status_code == 403 and answer.json()["code"] == "partner.unknown"
    assert "findings" not in answer.json() and len(asked) == 1


def test_a_header_cannot_speak_for_the_program(gate):
    answer = explained(gate, "partners/rogue", headers={
        "X-Explained": "{}", "Client-Verify": "SUCCESS", "Client-Certificate": "x"})
    assert codes(answer.json())[0] == "handshake.intermediate"


def test_without_the_program_the_answer_is_short(gate, specification):
    pid = pid_of(gate, "sealgate-handshake")
    os.kill(pid, signal.SIGSTOP)
    try:
        began, end = 0, time.monotonic() + 60
        while time.monotonic() - began < 4:  # until nginx has asked it in vain
            began = time.monotonic()
            answer = ask(gate, "partners/rogue")
            specification.check("get", "/v1/status", answer)
            assert answer.status_code == 403 and "findings" not in answer.json()
            assert "unable to verify" in answer.json()["received"], answer.text
            assert answer.json()["status"] == 403
            assert time.monotonic() < end
        assert ask(gate, "partners/nz-mpi").status_code == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    killed(gate, "sealgate-handshake")
    explained(gate, "partners/rogue")
    assert pid_of(gate, "sealgate-handshake") != pid


# the listeners of customs and operators ---------------------------------------------------------


@pytest.fixture(scope="module")
def elsewhere(gate):
    """An expired certificate for an office of customs, and one for a person."""
    office, person = (fingerprint(gate.pki.path(f"partners/{name}"))
                      for name in ("expired", "leaf-only"))
    folder = gate.dir / "policies"
    (folder / "customs").mkdir(exist_ok=True)
    (folder / "customs" / "be-office.cfg").write_text(
        f'name = "be-office";\ndestination = "customs";\ntransport = ( "{office}" );\n')
    file = folder / "operators.cfg"
    text = file.read_text()
    assert "\npeople = (" in text
    file.write_text(text.replace("\npeople = (", "\npeople = (\n\t{ name = \"Ada Stranded\"; "
                                 f'sha256 = "{person}"; role = "viewer"; }},'))
    return gate


WHO = {"customs": ("expired", "handshake.expired", "be-office"),
       "operators": ("leaf-only", "handshake.intermediate", "Ada Stranded")}


@pytest.mark.parametrize("listener", WHO)
def test_customs_and_operators_are_told_as_well(elsewhere, specification, listener):
    """The client reads why; operators alone read the record, which names the holder of a proven
    key; no partner's record is made of it, and its own authorities are told."""
    gate = elsewhere
    name, code, holder = WHO[listener]
    before = of_partner(gate)

    def told():
        answer = explained(gate, f"partners/{name}", listener=listener)
        return answer if codes(answer.json()) == [code] else None

    end = time.monotonic() + 30
    while not (answer := told()):
        assert time.monotonic() < end
        time.sleep(0.2)
    specification.check("get", "/v1/status", answer)
    problem = answer.json()
    assert problem["code"] == f"{'operator' if listener == 'operators' else 'partner'}.certificate"
    record = next(r for r in of_all(gate) if r["correlation"] == problem["correlation"])
    assert (record["listener"], record["holder"], record["partner"]) == (listener, holder, None)
    assert record["findings"] == problem["findings"]
    assert holder not in answer.text
    assert of_partner(gate) == before
    text = gate.run("handshakes").stdout
    assert f"{holder} at the listener of {listener}" in text


@pytest.mark.parametrize("listener, code", [("customs", "partner.unknown"),
                                            ("operators", "operator.unknown")])
def test_who_passes_nginx_elsewhere_is_told(gate, listener, code):
    answer = explained(gate, "partners/not-enrolled", listener=listener)
    problem = answer.json()
    assert problem["code"] == code and codes(problem) == [code]
    record = next(r for r in of_all(gate) if r["correlation"] == problem["correlation"])
    assert (record["listener"], record["holder"]) == (listener, None)


@pytest.mark.parametrize("listener", WHO)
def test_strangers_of_the_other_listeners(gate, listener):
    problem = explained(gate, "partners/rogue", listener=listener).json()
    assert codes(problem) == ["handshake.intermediate",
                              "operator.unknown" if listener == "operators" else "partner.unknown"]
    problem = explained(gate, None, listener=listener).json()
    assert codes(problem) == ["handshake.none"]


@pytest.mark.parametrize("listener", WHO)
def test_without_the_program_the_others_answer(gate, listener):
    pid = pid_of(gate, "sealgate-handshake")
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        for holder in ("rogue", "not-enrolled"):
            answer = ask(gate, f"partners/{holder}", listener=listener)
            assert answer.status_code == 403 and "findings" not in answer.json()
        assert time.monotonic() - began < 25  # five seconds each, and a busy machine
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("octets", [13_000, 95_000])
@pytest.mark.parametrize("listener", ["partners", "customs", "operators"])
def test_accepted_by_nginx_and_too_large(gate, specification, listener, octets):
    """Of the right authority, and longer than what any program reads of a request: said by
    name at every listener, with a body on the way as well, and not taken for a gate that is
    away."""
    write_large(gate, "partners/fat", octets, gate.pki.authority("transport-ca/root"))
    for more in ({}, {"method": "POST", "path": "/v1/documents", "body": b"x" * 3_000_000,
                      "headers": {"Content-Type": "application/xml"}}):
        answer = ask(gate, "partners/fat", listener=listener, **more)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (403, "handshake.too-large"), problem
        assert int(problem["received"].split()[0]) > 49_152
        assert "2 KB is usual" in problem["fix"]
        assert problem["correlation"] == answer.headers["X-Correlation-Id"]
        assert "Retry-After" not in answer.headers
    if listener == "partners":
        specification.check("post", "/v1/documents", answer)
        problem = explained(gate, "partners/fat").json()
        assert codes(problem) == ["handshake.too-large"]
        assert any(r["correlation"] == problem["correlation"] for r in of_all(gate))

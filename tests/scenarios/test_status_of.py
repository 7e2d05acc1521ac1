# SPDX-License-Identifier: EUPL-1.2
"""GET /v1/status-of: a sealed answer to who may ask, and nothing to learn for who may not."""
import base64
import json
import subprocess
import time
import urllib.parse

import pytest

from scenarios.gate import BIN
from scenarios.openapi import Specification

SPECIFICATION = Specification()
NUMBER = "PHYTO.NZ + 2026 0000001"


def statement(gate, query, partner="partners/nz-mpi"):
    """The claims of a statement, and its text."""
    response = gate.request("/v1/status-of?" + urllib.parse.urlencode(
        query, quote_via=urllib.parse.quote), partner)
    SPECIFICATION.check("GET", "/v1/status-of", response)
    payload = response.json()["payload"]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    schema = SPECIFICATION.root["components"]["schemas"]["StatementClaims"]
    assert not (found := list(SPECIFICATION.faults(claims, schema))), found
    return claims, response.text


@pytest.fixture(scope="module")
def sealed(gate):
    """A document at both destinations: its id."""
    status, answer = gate.submit(gate.certificate("phyto", NUMBER))
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    return answer["id"]


def test_what_was_held(gate, sealed, tmp_path):
    end = time.monotonic() + 30
    while True:
        claims, text = statement(gate, {"number": NUMBER})
        assert claims["held"] and claims["authority"] == "TRACES"
        states = {d["state"] for d in claims["documents"][0]["deliveries"]}
        if claims["documents"][0]["state"] == "sealed" and states == {"delivered"}:
            break
        assert time.monotonic() < end, claims
        time.sleep(0.1)
    assert claims["documents"][0]["id"] == sealed
    before, _ = statement(gate, {"number": NUMBER, "at": "2020-01-01T00:00:00Z"})
    assert not before["held"] and before["documents"] == []
    # Whoever is given it needs nothing of the gate but the anchor.
    file = tmp_path / "statement.json"
    file.write_text(text)
    command = [BIN / "sealgate-verify-evidence", "--store", gate.dir / "policies" / "anchors",
               "--revocation", gate.dir / "state" / "trust" / "revocation", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["evidence"]["claims"] == claims
    payload = json.loads(text)
    payload["payload"] = payload["payload"][:-4] + "AAAA"
    file.write_text(json.dumps(payload))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "TOTAL-FAILED" in done.stdout


def test_no_oracle_for_another_partner(gate, sealed):
    assert sealed
    told, unknown = (statement(gate, {"number": n}, "partners/br-mapa")[0]
                     for n in (NUMBER, "PHYTO.NZ + 2026 0000002"))
    for claims in (told, unknown):
        for name in ("id", "issued", "at", "number", "head"):
            claims.pop(name)
    assert told == unknown and not told["held"]


def test_policy_says_who_may_ask(gate, sealed):
    path = gate.dir / "policies" / "partners" / "br-mapa.cfg"
    text = path.read_text()
    path.write_text(text + 'status_of = { issued_by = ( "NZ" ); bound_for = ( "*" ); };\n')
    try:
        end = time.monotonic() + 30
        while not (claims := statement(gate, {"number": NUMBER}, "partners/br-mapa")[0])["held"]:
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        path.write_text(text)
    assert claims["documents"][0]["id"] == sealed
    assert "deliveries" not in claims["documents"][0]
    assert claims["scope"]["issued_by"] == ["NZ"]


def test_what_cannot_be_asked(gate):
    for query in ("", "?number=", "?number=a&at=tomorrow", "?number=a&at=9999-01-01T00:00:00Z"):
        response = gate.request("/v1/status-of" + query)
        SPECIFICATION.check("GET", "/v1/status-of", response)
        assert response.status_code == 400
        assert response.json()["code"] == "status-of.query"

# SPDX-License-Identifier: EUPL-1.2
"""The gate publishes its certificates and what takes their place."""
import base64
import hashlib
import json

import pytest

from scenarios.openapi import Specification

SPECIFICATION = Specification()


def published(gate, status=200):
    response = gate.request("/v1/certificates")
    assert response.status_code == status
    if status == 200:
        SPECIFICATION.check("GET", "/v1/certificates", response)
    return response.json()


def test_certificates_in_use(gate):
    answer = published(gate)
    assert [c["role"] for c in answer["certificates"]] == ["seal", "receipt", "audit-head"]
    for certificate in answer["certificates"]:
        own = base64.b64decode(certificate["chain"][0])
        assert hashlib.sha256(own).hexdigest() == certificate["sha256"]
        assert certificate["not_before"] < certificate["not_after"]
    assert answer["notices"] == []
    lines = gate.run("certificates", check=True).stdout.splitlines()
    assert [json.loads(line) for line in lines] == answer["certificates"]


def test_notice_of_a_roll_over(gate):
    path = gate.dir / "policies" / "signature" / "rollover.cfg"
    coming = published(gate)["certificates"][1]["chain"][0]
    path.write_text(f'notices = ( {{ role = "seal"; from = "2027-01-01T00:00:00Z";\n'
                    f'\tcertificate = "{coming}"; text = "The key of 2027."; }} );\n')
    try:
        notice, = published(gate)["notices"]
        assert (notice["role"], notice["from"]) == ("seal", "2027-01-01T00:00:00Z")
        assert notice["certificate"] == coming and notice["text"] == "The key of 2027."
        line = gate.run("certificates", check=True).stdout.splitlines()[-1]
        assert json.loads(line) == notice
        # What cannot be read is not left out in silence.
        for bad in ("MIIB", "@"):
            path.write_text(path.read_text().replace(coming, bad))
            assert published(gate, 500)["code"] == "internal.error"
            assert gate.run("certificates").returncode == 3
            path.write_text(path.read_text().replace(bad, coming))
    finally:
        path.unlink()


@pytest.mark.parametrize("left, said", [(100, None), (80, 90), (20, 30), (5, 7)])
def test_health_says_that_a_certificate_ends(gate, left, said):
    gate.down()
    request = gate.run("hsm", "csr", "audit-head", check=True).stdout
    issued = gate.folder / "ends.pem"
    issued.write_bytes(gate.pki.issue("audit-head", request.encode(), left=left) +
                       gate.pki.issue_chain("audit-head"))
    gate.run("hsm", "import", "audit-head", issued, check=True)
    gate.up()
    answer = gate.request("/health", "operators/viewer", listener="operators")
    check = answer.json()["checks"]["signer"]
    assert check.get("warning_days") == said
    assert check["ok"] is (said != 7)
    assert f"within {said} days" in check["message"] or said is None

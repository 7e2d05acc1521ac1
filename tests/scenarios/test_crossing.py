# SPDX-License-Identifier: EUPL-1.2
"""A certificate crosses the gate, and what does not: the partners' contract end to end."""
import base64
import hashlib
import json
import subprocess
import time
import zipfile

import pytest

from scenarios.gate import BIN, sealgate

NUMBER = "PHYTO.NZ.2026.{:07d}"


@pytest.fixture(scope="module")
def accepted(gate):
    """One accepted document: (path, answer)."""
    path = gate.certificate("phyto", NUMBER.format(1))
    status, answer = gate.submit(path)
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    return path, answer


def claims(receipt):
    payload = receipt["payload"]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_accepted_answer(accepted):
    path, answer = accepted
    assert answer["status"] == 202
    assert answer["state"] == "accepted"
    assert answer["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    claim = claims(answer["receipt"])
    assert claim["sha256"] == answer["sha256"]
    assert claim["partner"] == "nz-mpi"
    assert claim["test"] is True
    assert len(claim["policy_digest"]) == 64
    assert len(claim["audit_record_sha256"]) == 64


def test_receipt_is_bound_to_the_audit_chain(gate, accepted):
    _, answer = accepted
    events = gate.request(f"/v1/documents/{answer['id']}/events").json()
    text = json.dumps(events)
    assert claims(answer["receipt"])["audit_record_sha256"] in text


def test_both_destinations_have_it_once(gate, accepted):
    _, answer = accepted
    for simulator, key in ((gate.traces, "reference"), (gate.customs, "key")):
        rows = [r for r in simulator.accepted() if r[key].startswith(answer["id"])]
        assert len(rows) == 1
    customs = [r for r in gate.customs.accepted() if r["key"].startswith(answer["id"])]
    assert customs[0]["information_status"] == "advance"


def test_container(gate, accepted, tmp_path):
    path, answer = accepted
    response = gate.request(f"/v1/documents/{answer['id']}/evidence")
    assert response.headers["Content-Type"] == "application/vnd.etsi.asic-e+zip"
    container = tmp_path / "c.asice"
    container.write_bytes(response.content)
    with zipfile.ZipFile(container) as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.read("document.xml") == path.read_bytes()
    anchors = ("--anchors", gate.pki.path("ec/root"), "--anchors", gate.pki.path("tsa/root"),
               "--revocation", gate.dir / "state" / "trust" / "revocation")
    good = sealgate("evidence", "verify", *anchors, container)
    assert good.returncode == 0, good.stdout + good.stderr
    assert json.loads(good.stdout)["indication"] == "TOTAL-PASSED"
    bare = sealgate("evidence", "verify", container)
    assert bare.returncode == 1
    verdict = json.loads(bare.stdout)
    assert (verdict["indication"], verdict["sub_indication"]) == (
        "INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND")
    data = bytearray(response.content)
    data[len(data) // 2] ^= 1
    container.write_bytes(data)
    assert sealgate("evidence", "verify", *anchors, container).returncode == 1


def test_explain_finds_it_by_id_number_and_hash(gate, accepted):
    _, answer = accepted
    for key in (answer["id"], NUMBER.format(1), answer["sha256"]):
        done = gate.run("explain", key)
        assert done.returncode == 0, done.stderr
        for word in (answer["id"], "accepted", "sealed", "delivered", "traces"):
            assert word in done.stdout


def test_same_bytes_give_the_original_receipt(gate, accepted):
    path, answer = accepted
    status, again = gate.submit(path)
    assert status == 0
    assert again["status"] == 200
    assert again["receipt"] == answer["receipt"]


def test_same_number_with_other_bytes_is_a_conflict(gate, accepted):
    _, answer = accepted
    other = gate.certificate("phyto", NUMBER.format(1))
    status, conflict = gate.submit(other)
    assert status == 1
    assert conflict["status"] == 409
    assert answer["id"] in json.dumps(conflict)


def test_parallel_seal_of_a_veterinary_document(gate):
    path = gate.certificate("veterinary", "IMPORT.NZ.2026.0000002", seal="parallel")
    status, answer = gate.submit(path)
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    report = gate.request(f"/v1/documents/{answer['id']}/report").json()
    assert [s["indication"] for s in report["signatures"]] == ["TOTAL-PASSED"] * 2
    assert report["signatures"][0]["level"] == "XAdES-BASELINE-T"


def refused(gate, path, code, partner="partners/nz-mpi"):
    status, answer = gate.submit(path, partner)
    assert status == 1, answer
    assert answer["status"] == 422
    errors = [f for f in answer["findings"] if f["severity"] == "error"]
    assert any(f["code"].startswith(code) for f in errors), errors
    for finding in errors:
        assert finding["message"] and finding["fix"]
    return errors


def test_one_byte_changed(gate, accepted):
    path = gate.folder / "changed.xml"
    text = accepted[0].read_text()
    start = text.index("<ram:Description")
    at = text.index(">", start) + 1
    path.write_text(text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1:])
    refused(gate, path, "sig.")


def test_no_signature(gate):
    refused(gate, gate.document("phyto", NUMBER.format(2)), "sig.")


def sealed(gate, number, officer):
    signed = gate.sign(gate.document("phyto", number), officer)
    return gate.sign(signed, "authority-nz/seal", place=("--counter",), tsa=False)


def test_signer_not_enrolled(gate):
    refused(gate, sealed(gate, NUMBER.format(3), "authority-nz/officer-not-enrolled"),
            "partner.signer")


def test_signer_revoked(gate):
    errors = refused(gate, sealed(gate, NUMBER.format(4), "authority-nz/officer-revoked"),
                     "sig.")
    assert "revoked" in json.dumps(errors).lower()


def test_signer_of_another_authority(gate):
    refused(gate, sealed(gate, NUMBER.format(5), "rogue/officer"), "sig.")


def test_no_seal(gate):
    refused(gate, gate.sign(gate.document("phyto", NUMBER.format(6))), "partner.")


def test_another_country(gate):
    refused(gate, gate.certificate("phyto", NUMBER.format(7)), "document.country",
            "partners/br-mapa")


def test_doctype(gate, accepted):
    path = gate.folder / "doctype.xml"
    text = accepted[0].read_text()
    at = text.index("?>") + 2
    path.write_text(text[:at] + "<!DOCTYPE rsm:SPSCertificate>" + text[at:])
    refused(gate, path, "xml.doctype")


def test_unknown_type(gate):
    path = gate.sign(gate.document("phyto", NUMBER.format(8), **{">851<": ">861<"}))
    refused(gate, path, "doc.type")


def test_every_finding_at_once(gate):
    """A document that is wrong in three ways hears of all three."""
    path = gate.document("phyto", NUMBER.format(9), **{'unitCode="KGM"': 'unitCode="QQQ"',
                                                      ">NL<": ">QQ<"})
    errors = refused(gate, path, "sig.")
    assert {e["code"].split(".")[0] for e in errors} >= {"sig", "doc"}
    assert len(errors) >= 3


def test_preflight_commits_nothing(gate):
    path = gate.certificate("phyto", NUMBER.format(10))
    status, answer = gate.submit(path, command="preflight")
    assert status == 0, answer
    assert answer["decision"] == "accepted"
    assert gate.run("explain", NUMBER.format(10)).returncode == 1


def test_documents_of_others_are_not_found(gate, accepted):
    _, answer = accepted
    for part in ("", "/receipt", "/report", "/evidence", "/events"):
        path = f"/v1/documents/{answer['id']}{part}"
        assert gate.request(path).status_code == 200
        assert gate.request(path, "partners/br-mapa").status_code == 404


def test_receipt_as_xml(gate, accepted):
    _, answer = accepted
    response = gate.request(f"/v1/documents/{answer['id']}/receipt",
                            headers={"Accept": "application/xml"})
    assert response.headers["Content-Type"].startswith("application/xml")
    assert "SPSAcknowledgement" in response.text


@pytest.mark.parametrize("headers, status", [
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/xml", "Content-Encoding": "gzip"}, 415),
    ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
])
def test_media_types(gate, headers, status):
    response = gate.request("/v1/documents", method="POST", data=b"<a/>", headers=headers)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] and problem["fix"]


def test_http_edges(gate):
    xml = {"Content-Type": "application/xml"}
    assert gate.request("/v1/documents", method="POST", data=b"",
                        headers=xml).status_code == 400
    assert gate.request("/v1/documents", method="DELETE").status_code == 405
    assert gate.request("/v1/nothing").status_code == 404
    too_large = gate.request("/v1/documents", method="POST", data=b"x" * (10 << 20 | 1),
                             headers=xml)
    assert too_large.status_code == 413


def test_every_response_has_one_correlation_id(gate, accepted):
    seen = set()
    for path in ("/v1/status", "/v1/nothing", f"/v1/documents/{accepted[1]['id']}"):
        value = gate.request(path).headers["X-Correlation-Id"]
        assert value and "," not in value
        seen.add(value)
    assert len(seen) == 3


def test_status_tells_days_left(gate):
    status = gate.request("/v1/status").json()
    assert any("days" in key for key in json.dumps(status).split('"'))


@pytest.mark.parametrize("holder", ["partners/rogue", "partners/expired"])
def test_refused_at_the_door(gate, holder):
    answer = gate.request("/v1/status", holder)
    assert answer.status_code == 403 and answer.json()["code"] == "partner.certificate"
    assert answer.json()["status"] == 403 and "Retry-After" not in answer.headers


def test_not_enrolled_is_told_so(gate):
    response = gate.request("/v1/status", "partners/not-enrolled")
    assert response.status_code == 403
    assert response.json()["code"] == "partner.unknown"


def test_headers_cannot_name_a_client(gate):
    """Identity comes from the certificate; request headers of those names change nothing."""
    forged = {name: "x" for name in ("CLIENT_CERTIFICATE", "Client-Certificate",
                                     "SSL-Client-Cert", "X-Client-Cert", "SCGI")}
    response = gate.request("/v1/status", "partners/not-enrolled", headers=forged)
    assert response.status_code == 403


def test_customs_that_are_not_enrolled(gate):
    response = gate.request("/v1/outcomes", "customs/nl-customs", listener="customs")
    assert (response.status_code, response.json()["code"]) == (403, "partner.unknown")


def test_audit_chain_verifies(gate):
    done = gate.run("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr


def test_audit_chain_without_its_head(tmp_path):
    """Whoever cuts off the last records takes the head away, too: that is seen, offline."""
    for name in ("state", "run"):
        (tmp_path / name).mkdir()
    (tmp_path / "sealgate.conf").write_text('instance = { name = "q"; test = true; };\n')
    head = tmp_path / "state/queue/head"

    def verify(*options):
        return sealgate("--instance", tmp_path, "audit", "verify", *options)

    with subprocess.Popen([BIN / "sealgate-queued", "--instance", tmp_path]) as queued:
        try:
            end = time.monotonic() + 30
            while verify().returncode != 0 or "intact: 1 " not in verify().stdout:
                assert queued.poll() is None and time.monotonic() < end
        finally:
            queued.terminate()
    assert verify().stdout.split()[-1] == head.read_text().strip()
    kept = head.read_text()
    head.unlink()
    done = verify()
    assert done.returncode == 1 and "no head" in done.stdout
    assert verify("--no-head").stdout.split()[-1] == kept.strip()
    assert verify("--head", kept.strip()).returncode == 0
    assert verify("--no-head", "--head", kept.strip()).returncode == 2

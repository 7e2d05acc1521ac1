# SPDX-License-Identifier: EUPL-1.2
"""The certificate of receipts ends, or is revoked, while documents are held: they are sealed when
they are released, the log says so, and whoever verifies them offline is told. Where the list of the
receipts' authority is missing, they wait for it."""
import base64
import datetime
import json
import shutil
import subprocess
import time

import pytest
from cryptography import x509

from scenarios.degraded import Crl, rule
from scenarios.gate import BIN, a_gate

BOUND = 60
LEAST_S = 10  # of a certificate within whose life a start and a submission have to be
AUTHORITY = "ec/issuing"


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        yield made.up()


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def until(gate, condition, bound=BOUND):
    end = time.monotonic() + bound
    while not (value := condition()):
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.2)
    return value


def certified(gate, left=None, again=True):
    """The receipts' key gets a new certificate; left: that lives so long from now; again: the gate
    is started anew, or it would take the certificate within half a minute."""
    request = gate.run("hsm", "csr", "receipt", check=True).stdout.encode()
    days = None if left is None else (now() + left - gate.pki.now) / datetime.timedelta(days=1)
    pem = gate.pki.issue("receipt", request, left=days)
    issued = gate.folder / "receipt.pem"
    issued.write_bytes(pem + gate.pki.issue_chain("receipt"))
    gate.run("hsm", "import", "receipt", issued, check=True)
    if again:
        gate.down()
        gate.up()
    return x509.load_pem_x509_certificate(pem)


def signer_of(receipt):
    header = receipt["protected"]
    head = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    return x509.load_der_x509_certificate(base64.b64decode(head["x5c"][0]))


def submitted(gate, certificate, number, state):
    """A document with a receipt by this certificate."""
    answer = gate.submit(gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07}"))[1]
    assert answer["state"] == state, answer
    assert signer_of(answer["receipt"]) == certificate
    return answer["id"]


def publish(gate):
    """The newest lists, younger than all there is."""
    time.sleep(1.1)  # CRLs have whole seconds
    gate.pki.renew_crls(now())
    name = gate.pki.crl_path(AUTHORITY).name
    shutil.copy(gate.pki.crl_path(AUTHORITY), gate.dir / "state/trust/revocation" / name)


def said(gate, code, identifier):
    return [line for line in gate.log.read_text().splitlines()
            if code in line and identifier in line]


def verified(gate, identifier, *more):
    """Exit status and report of who holds the container and the anchors."""
    file = gate.folder / f"{identifier}.asice"
    file.write_bytes(gate.request(f"/v1/documents/{identifier}/evidence").content)
    done = subprocess.run(
        [BIN / "sealgate-verify-evidence", "--store", gate.dir / "policies/anchors", *more, file],
        capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def warnings(report):
    return " ".join(f["message"] for f in report["findings"]
                    if f["code"] == "evidence.receipt-signature" and f["severity"] == "warning")


def test_ended_or_revoked_while_held(gate, tmp_path):
    rule(gate, "crl", "hold", 3600)
    signers = Crl(gate, tmp_path)
    signers.break_it()
    probe = gate.certificate("phyto", "PHYTO.NZ.2026.0009999")
    until(gate, lambda: gate.submit(probe, command="preflight")[1].get("decision") == "held")
    began = time.monotonic()
    lost = certified(gate)
    revoked = submitted(gate, lost, 1, "held")
    life = LEAST_S + 4 * (time.monotonic() - began)
    brief = certified(gate, datetime.timedelta(seconds=life))
    ended = submitted(gate, brief, 2, "held")
    until(gate, lambda: now().replace(tzinfo=None) > brief.not_valid_after, life + BOUND)
    gate.pki.authority(AUTHORITY).revoke(lost.serial_number, now())
    certified(gate)
    publish(gate)
    signers.mend()
    gate.wait_delivered([revoked, ended])
    # What became of the receipt is told, and is no fault of the document.
    for identifier, word in ((revoked, "was revoked on"), (ended, "ended on")):
        assert word in said(gate, "seal.receipt-ended", identifier)[0]
        status, report = verified(gate, identifier, "--revocation",
                                  gate.dir / "state/trust/revocation")
        assert (status, report["indication"]) == (0, "TOTAL-PASSED"), report
        assert report["evidence"]["receipt_signature"] == "INDETERMINATE"
        assert word in warnings(report)
    assert "it was in order" in warnings(verified(
        gate, revoked, "--revocation", gate.dir / "state/trust/revocation")[1])
    # Without lists nothing is proven of the seal, either.
    status, report = verified(gate, ended)
    assert (status, report["indication"]) == (1, "INDETERMINATE")
    assert report["evidence"]["receipt_signature"] == "INDETERMINATE"


def test_revoked_since_it_was_sealed(gate):
    certificate = certified(gate)
    identifier = submitted(gate, certificate, 3, "accepted")
    gate.wait_delivered([identifier])
    time.sleep(1.1)  # later than the seal's time-stamp, in whole seconds
    gate.pki.authority(AUTHORITY).revoke(certificate.serial_number, now())
    publish(gate)
    status, report = verified(gate, identifier, "--revocation",
                              gate.dir / "state/trust/revocation")
    assert (status, report["indication"]) == (0, "TOTAL-PASSED"), report
    assert report["evidence"]["receipt_signature"] == "PASSED" and not warnings(report)


def health(gate):
    return gate.request("/health", "operators/viewer", listener="operators").json()


def test_the_operator_is_told_of_one_in_use(gate):
    """By the list that is there, before a partner finds out; and no longer once there is another."""
    check = health(gate)["checks"]["certificates"]
    assert not check["ok"] and "role receipt: " in check["message"], check
    assert "revoked" in check["message"] and "hsm csr" in check["fix"], check
    standings = {one["role"]: one["standing"] for one in check["roles"]}
    assert (standings["seal"], standings["receipt"]) == ("good", "bad"), check
    metrics = gate.request("/metrics", "operators/viewer", listener="operators").text
    for line in ('sealgate_check{check="certificates"} 0',
                 'sealgate_certificate_good{role="receipt"} 0',
                 'sealgate_certificate_good{role="seal"} 1'):
        assert line in metrics, metrics
    assert "WARNING: the certificate of the role receipt: " in gate.run("status").stdout
    certified(gate)
    check = health(gate)["checks"]["certificates"]
    assert check["ok"], check
    assert "of the role" not in gate.run("status").stdout


def test_nothing_is_set_aside(gate):
    assert "seal.not-valid" not in gate.log.read_text()
    assert gate.run("audit", "verify").returncode == 0


def test_a_new_certificate_is_used_by_a_gate_that_runs(gate):
    """Of the same key: nothing else would show it to whoever makes receipts."""
    certificate = certified(gate, again=False)
    number = iter(range(900, 1200))

    def used():
        path = gate.certificate("phyto", f"PHYTO.NZ.2026.{next(number):07}")
        return signer_of(gate.submit(path)[1]["receipt"]) == certificate
    until(gate, used)

# SPDX-License-Identifier: EUPL-1.2
"""Another PKCS#11 module than SoftHSM: keys, requests, ceremony, signatures, loss and return, and a
document's whole way under seals of its token."""
import contextlib
import hashlib
import json
import os
import signal
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from scenarios import soft_token
from scenarios.gate import a_gate, sealgate
from scenarios.signer import AWAY, BOUND, SIGNED, Signer
from sim import pki as pki_module

# The soft token of Debian 12 has no elliptic curves.
ROLES = """
seal: { label = "seal"; mechanism = "rsa-pss-sha256"; key = "RSA-3072"; peer = "seal"; };
receipt: { label = "receipt"; mechanism = "rsa-sha256"; key = "RSA-3072"; peer = "intake"; };
"""
MODULE = f'signer = {{ module = "{soft_token.MODULE}"; trial_s = 1; }};'


@pytest.fixture(autouse=True)
def possible():
    why = soft_token.missing()
    if why:
        pytest.skip(why)


@pytest.fixture
def token(tmp_path):
    with contextlib.closing(soft_token.SoftToken(tmp_path)) as made:
        yield made


def write_pin(path, uid):
    path.write_text(soft_token.USER_PIN + "\n")
    path.chmod(0o600)
    os.chown(path, uid, -1)


class OtherSigner(Signer):
    """A signer on the soft token."""

    def configure(self, extra="", test="true"):
        (self.dir / "sealgate.conf").write_text(
            f'instance = {{ name = "s"; test = {test}; }};\n{MODULE}\n' + extra)
        write_pin(self.dir / "credentials/pin", os.geteuid())


@pytest.fixture
def signer(token, tmp_path):
    pki = pki_module.Pki.create(tmp_path / "pki", with_rsa=False)
    made = OtherSigner(tmp_path / "i", roles=ROLES)
    made.wrapper = token.wrapper
    yield made.make(pki)
    made.stop(signal.SIGKILL)


def signed(signer, client, role):
    """A signature that another library verifies."""
    message = f"for {role}".encode()
    answer, value, _, _, reason, _ = client.sign(role, hashlib.sha256(message).digest())
    if answer == SIGNED:
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if role == "seal" else \
            padding.PKCS1v15()
        signer.certificate(role).public_key().verify(value, message, scheme, hashes.SHA256())
    return answer, reason


def test_signatures_and_ceremony(signer, tmp_path):
    _, client = signer.up()
    assert signed(signer, client, "seal")[0] == signed(signer, client, "receipt")[0] == SIGNED
    status = json.loads(signer.run("status").stdout)
    assert status["software"] and all(role["usable"] for role in status["roles"])
    assert signer.stop() == 0
    assert json.loads(signer.run("log", "verify").stdout)["ok"]
    protocol = tmp_path / "protocol.txt"
    for step in (("begin", "A. Witness", "B. Witness"), ("keys",),
                 ("request", "seal", "C=EU,organizationIdentifier=VATBE-1,CN=Seal"),
                 ("end", "seal"), ("verify", signer.dir / "seal.pem")):
        assert signer.run("ceremony", protocol, *step).returncode == 0
    text = protocol.read_text()
    assert "IBM SoftTok" in text and "made on the token, sensitive" in text
    signer.configure(test="false")
    assert signer.ends() == 1
    assert "software token in a production instance" in signer.log.read_text()


def test_away_and_back(signer, token):
    """The daemon and the token's objects gone: no signature and a reason; it comes back alone."""
    signer.up()[1].close()
    signer.stop(signal.SIGKILL)
    token.away()
    _, client = signer.up()
    answer, reason = signed(signer, client, "seal")
    assert answer == AWAY and reason
    token.back()
    end = time.monotonic() + BOUND
    while signed(signer, client, "seal")[0] != SIGNED:
        assert time.monotonic() < end, signer.log.read_text()
        time.sleep(0.05)
    assert signed(signer, client, "receipt")[0] == SIGNED
    assert "signer.token-away" in signer.log.read_text()
    assert json.loads(signer.run("log", "verify").stdout)["ok"]


def change_device(gate, token):
    """The gate's signer gets the soft token, with a key for seals alone: receipts are P-256."""
    conf = gate.dir / "sealgate.conf"
    lines = [line for line in conf.read_text().splitlines() if not line.startswith("signer ")]
    conf.write_text("\n".join([*lines, MODULE]) + "\n")
    (gate.dir / "policies/signature/roles.cfg").write_text(ROLES.replace("receipt:", "other:"))
    write_pin(gate.dir / "credentials/pin", gate.uid("signer"))
    gate.wrapper = token.wrapper
    gate.run("hsm", "keys", check=True)
    request = gate.run("hsm", "csr", "seal", check=True).stdout
    issued = gate.folder / "seal.pem"
    issued.write_bytes(gate.pki.issue("seal", request.encode()) + gate.pki.issue_chain("seal"))
    gate.run("hsm", "import", "seal", issued, check=True)


def test_document_under_its_seal():
    """Accepted by a gate whose device is then another: sealed by that, once, and delivered."""
    with a_gate() as gate, contextlib.ExitStack() as rest:
        gate.up()
        path = gate.certificate("phyto", "PHYTO.NZ.2026.0000801")
        gate.tsa.mode("down")
        status, answer = gate.submit(path)
        assert status == 0, answer
        gate.down()
        token = soft_token.SoftToken(gate.folder, gate.uid("signer"))
        rest.callback(token.close)
        rest.callback(gate.down)
        change_device(gate, token)
        gate.tsa.mode("ok")
        gate.up()
        gate.wait_delivered([answer["id"]])
        container = gate.folder / "evidence.asice"
        container.write_bytes(gate.request(f"/v1/documents/{answer['id']}/evidence").content)
        found = sealgate("evidence", "verify", "--anchors", gate.pki.path("ec/root"),
                         "--anchors", gate.pki.path("tsa/root"),
                         *(x for crl in (gate.folder / "pki/crl").iterdir()
                           for x in ("--revocation", crl)), container)
        assert found.returncode == 0, found.stdout
        seal = json.loads(found.stdout)["signatures"][0]
        assert seal["level"] == "XAdES-BASELINE-T"
        own = x509.load_pem_x509_certificate((gate.folder / "seal.pem").read_bytes())
        assert seal["signer"]["sha256"] == own.fingerprint(hashes.SHA256()).hex()
        assert gate.run("audit", "reconcile").returncode == 0

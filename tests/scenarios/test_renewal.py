# SPDX-License-Identifier: EUPL-1.2
"""The certificate of the time-stamping authority ends in five days, that of the seal in twenty: before
they do, containers get an archive time-stamp of an authority that lasts, and convince later."""
import datetime
import json
import shutil
import subprocess
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scenarios.gate import BIN, a_gate
from scenarios.test_level_b import now, submitted, until

AUTHORITY_DAYS, SEAL_DAYS, LATER = 5, 20, datetime.timedelta(days=30)


def short_lived(gate):
    """Certificate and key of an authority whose end is near."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM,
                                           serialization.PublicFormat.SubjectPublicKeyInfo)
    certificate, path = gate.folder / "tsa-old.pem", gate.folder / "tsa-old.key"
    certificate.write_bytes(gate.pki.issue("tsa", public, left=AUTHORITY_DAYS))
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                       serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))
    return certificate, path


def short_seal(gate):
    request = gate.run("hsm", "csr", "seal", check=True).stdout.encode()
    issued = gate.folder / "seal-short.pem"
    issued.write_bytes(gate.pki.issue("seal", request, left=SEAL_DAYS) +
                       gate.pki.issue_chain("seal"))
    gate.run("hsm", "import", "seal", issued, check=True)


def authority(gate, certificate, key):
    """The authority stamps with these from now on."""
    gate.tsa.stop()
    gate.tsa.options.update(cert=certificate, key=key)
    gate.tsa.start()
    conf = gate.dir / "sealgate.conf"
    lines = [line for line in conf.read_text().splitlines() if not line.startswith("seal = ")]
    conf.write_text("\n".join(lines) + f'\nseal = {{ tsa_url = "{gate.tsa.url}/tsa"; }};\n')


def fresh_revocation(gate):
    time.sleep(1.1)  # CRLs have whole seconds and must be younger than what they are about
    gate.pki.renew_crls(now())
    for crl in (gate.folder / "pki" / "crl").iterdir():
        shutil.copy(crl, gate.dir / "state" / "trust" / "revocation" / crl.name)


def newest(gate, identifier, name):
    path = gate.folder / f"{name}.asice"
    path.write_bytes(gate.request(f"/v1/documents/{identifier}/evidence").content)
    return path


def verified(gate, path, at):
    """The seal as whoever holds the anchors alone finds it at a time."""
    done = subprocess.run(
        [BIN / "sealgate-verify-evidence", "--anchors", gate.pki.path("ec/root"), "--anchors",
         gate.pki.path("tsa/root"), "--at", at.strftime("%Y-%m-%dT%H:%M:%SZ"), path],
        capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["signatures"][0]


def stamps(gate, identifier):
    """How often the container got more at the last level."""
    events = gate.request(f"/v1/documents/{identifier}/events").json()
    return [e["record"]["detail"]["level"] for e in events
            if e["record"]["event"] == "document.augmented"].count("LTA")


def test_before_the_authority_ends():
    with a_gate() as gate:
        short_seal(gate)
        authority(gate, *short_lived(gate))
        (gate.dir / "policies" / "signature" / "renewal.cfg").write_text(
            'to = "LTA";\nlt_after_s = 1;\nretry_s = 5;\nbefore_days = 10;\n')
        gate.up()
        identifier = submitted(gate, gate.certificate("phyto", "PHYTO.NZ.2026.0000021"))
        gate.wait_delivered([identifier])
        fresh_revocation(gate)
        until(lambda: stamps(gate, identifier), 90)
        old = newest(gate, identifier, "old")
        assert verified(gate, old, now())["indication"] == "TOTAL-PASSED"
        assert verified(gate, old, now() + LATER)["indication"] != "TOTAL-PASSED"
        gate.down()
        authority(gate, gate.pki.path("tsa/tsa"), gate.pki.path("tsa/tsa", ".key"))
        gate.up()
        fresh_revocation(gate)
        until(lambda: verified(gate, newest(gate, identifier, "new"), now() + LATER)
              ["indication"] == "TOTAL-PASSED", 90)
        # It lasts, so nothing more is done; what was before is in it, and the seal is the same.
        done = stamps(gate, identifier)
        seal = verified(gate, gate.folder / "new.asice", now())
        assert seal["level"] == "XAdES-BASELINE-LTA" and seal["indication"] == "TOTAL-PASSED"
        assert [t["type"] for t in seal["timestamps"]].count("ARCHIVE_TIMESTAMP") == done
        before = verified(gate, old, now())
        assert seal["signer"] == before["signer"]
        assert seal["timestamps"][0] == before["timestamps"][0]
        assert gate.run("audit", "reconcile").returncode == 0

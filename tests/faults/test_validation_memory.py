# SPDX-License-Identifier: EUPL-1.2
"""Memory of one process that validates signatures for a long time stays what it is.

`make soak` validates 100,000 times and prints resident memory at the start, in the middle and at
the end; `make faults` a fiftieth of that.
"""
import datetime
import json
import os
import pathlib
import subprocess
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BIN, FAULTS = os.environ.get("SEALGATE_BIN"), os.environ.get("SEALGATE_FAULTS")
SOAK = bool(os.environ.get("SEALGATE_SOAK"))
COUNT = 100_000 if SOAK else 2_000
GROWTH_KIB = 1024
SIGNERS = 16
SAMPLE = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "documents" / "phyto.xml"
START = datetime.datetime(2026, 1, 1)

pytestmark = pytest.mark.skipif(not BIN or not FAULTS,
                                reason="SEALGATE_BIN and SEALGATE_FAULTS are not set")


def signed(folder, anchors, number):
    """The sample, signed by a signer of its own, who becomes an anchor."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Officer {number}")])
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(START).not_valid_after(START + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256()))
    private, public = folder / "key.pem", anchors / f"{number}.pem"
    private.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    out = folder / f"{number}.xml"
    subprocess.run([pathlib.Path(BIN) / "sealgate", "sign", "--key", private, "--cert", public,
                    "--at", "2026-06-01T10:00:00Z", "-o", out, SAMPLE], check=True, timeout=60)
    return out


def wrong_ones(folder, good):
    """What is refused must be forgotten, too: changed, cut off, hostile, containers."""
    text = good.read_text()
    changed, cut, doctype = (folder / name for name in ("changed.xml", "cut.xml", "doctype.xml"))
    changed.write_text(text.replace("2026-06-01T10:00:00Z", "2026-06-01T10:00:01Z"))
    cut.write_text(text[:len(text) // 2])
    doctype.write_text("<!DOCTYPE a>" + text)
    container, broken = folder / "container.asice", folder / "broken.asice"
    with zipfile.ZipFile(container, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("mimetype", "application/vnd.etsi.asic-e+zip", zipfile.ZIP_STORED)
        z.writestr("document.xml", text)
        z.writestr("META-INF/signatures.xml", text)
    broken.write_bytes(container.read_bytes()[:-30])
    return [changed, cut, doctype, container, broken]


def test_memory_stays_flat(tmp_path, capsys):
    anchors = tmp_path / "anchors"
    anchors.mkdir()
    good = [signed(tmp_path, anchors, n) for n in range(SIGNERS)]
    files = good + wrong_ones(tmp_path, good[0])
    done = subprocess.run([pathlib.Path(FAULTS) / "validate_soak", str(COUNT), anchors, *files],
                          capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\n{seen['validations']} validations, {seen['passed']} passed, resident KiB: start "
              f"{seen['start_kib']}, middle {seen['middle_kib']}, end {seen['end_kib']}")
    assert seen["passed"] >= COUNT * SIGNERS // len(files)
    assert seen["end_kib"] - seen["start_kib"] <= GROWTH_KIB

# SPDX-License-Identifier: EUPL-1.2
"""The core of signature validation (octets to core_valid) side by side with a floor of bare
libraries and with libxml2 plus xmlsec, for each kind of key.

  core.py FOLDER     FOLDER holds the bench programs
"""
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

SIGNERS, ROUNDS = 20, 20
START = datetime.datetime(2026, 1, 1)
SAMPLE = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "documents" / "phyto.xml"
SEALGATE = pathlib.Path(os.environ.get("SEALGATE_BIN", "build/bin")) / "sealgate"
KEYS = {
    "RSA-2048": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "RSA-3072": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
}


def signed(folder, name, key):
    """The sample, signed with a key of its own."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(START).not_valid_after(START + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256()))
    (folder / "key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    (folder / "cert").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    out = folder / (name + ".xml")
    subprocess.run([SEALGATE, "sign", "--key", folder / "key", "--cert", folder / "cert",
                    "--at", "2026-06-01T10:00:00Z", "-o", out, SAMPLE], check=True, timeout=60)
    return out


def main(programs):
    with tempfile.TemporaryDirectory(prefix="sealgate-") as name:
        folder = pathlib.Path(name)
        for kind, make in KEYS.items():
            files = [signed(folder, f"{kind}-{n}", make()) for n in range(SIGNERS)]
            done = subprocess.run([pathlib.Path(programs) / "bench_core", str(ROUNDS), *files],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SystemExit(done.stderr)
            f = json.loads(done.stdout)
            print(f"core validation, {kind}, CPU a document: {f['ours_us']:.0f} us; floor of "
                  f"bare libraries {f['floor_us']:.0f} us, ratio "
                  f"{f['ours_us'] / f['floor_us']:.2f} (bar 1.5); libxml2 and xmlsec "
                  f"{f['xmlsec_us']:.0f} us, ratio {f['ours_us'] / f['xmlsec_us']:.2f} (bar 1); "
                  f"certificates decoded, found and missed: {f['certificates']}")


if __name__ == "__main__":
    main(sys.argv[1])

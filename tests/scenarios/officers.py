# SPDX-License-Identifier: EUPL-1.2
"""Policy officers of the tests, and a policy of theirs."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scenarios.gate import fingerprint, sealgate

OFFICERS = ("officer-1", "officer-2")

def make_officer(folder, name, key=None):
    """A key and a certificate of its own; the key, so that another can share it."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} (TEST)")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=30))
                   .sign(key, hashes.SHA256()))
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return key


def enrol(policies, folder, names, role="policy-officer"):
    path = policies / "operators.cfg"
    people = ",\n".join(f'\t{{ name = "{n} (TEST)"; role = "{role}"; '
                        f'sha256 = "{fingerprint(folder / f"{n}.pem")}"; }}' for n in names)
    text = path.read_text()
    if "people = ( );" in text:
        text = text.replace("people = ( );", f"people = (\n{people}\n);")
    else:
        text = text.replace("people = (\n", f"people = (\n{people},\n")
    path.write_text(text)


def enrolled(policies, folder):
    """OFFICERS, who are in these policies then; their keys are in the folder, which is returned."""
    for name in OFFICERS:
        make_officer(folder, name)
    enrol(policies, folder, OFFICERS)
    return folder


def signed_bundle(policies, folder, version, *signers):
    """A bundle of these policies in the folder where the officers' keys are, signed by these."""
    bundle = folder / f"{version}.bundle"
    done = sealgate("policy", "build", "--policies", policies, "--version", version, "-o", bundle)
    assert done.returncode == 0, done.stderr
    for name in signers:
        done = sealgate("policy", "sign", "--key", folder / f"{name}.key",
                        "--cert", folder / f"{name}.pem", bundle)
        assert done.returncode == 0, done.stderr
    return bundle

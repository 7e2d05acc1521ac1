# SPDX-License-Identifier: EUPL-1.2
"""The throw-away PKI: complete, lint-clean, and judged by openssl."""
import datetime
import json
import stat
import subprocess
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from . import authority, pki as pki_module, process

NAMES = [row[0] for row in pki_module.AUTHORITIES + pki_module.HOLDERS]


def verify(pki, name, *options, crl=True):
    """(passed, text) of openssl's strict judgement on NAME with CRLs of its CAs."""
    family = pki._index[name]["issuer"].split("/")[0]
    files = ["-CAfile", pki.path(f"anchors/{family}")]
    if pki.path(f"{family}/issuing").exists():
        files += ["-untrusted", pki.path(f"{family}/issuing")]
    if crl:
        files.append("-crl_check_all")
        for ca, _, _ in pki_module.AUTHORITIES:
            if ca.startswith(family + "/"):
                path = pki.directory / "crl-pem" / (pki.crl_path(ca).stem + ".pem")
                files += ["-CRLfile", path]
    result = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-auth_level", "2", *map(str, files),
         *options, str(pki.path(name))], capture_output=True, text=True, timeout=30,
        check=False)
    return result.returncode == 0, result.stdout + result.stderr


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


@pytest.mark.parametrize("name", NAMES)
def test_profile(pki, name):
    certificate = pki.certificate(name)
    profile = authority.PROFILES[pki._index[name]["profile"]]
    assert 0 < certificate.serial_number < 1 << 159
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    basic = extension(certificate, x509.BasicConstraints)
    assert basic.critical and basic.value.ca == profile.ca
    usage = extension(certificate, x509.KeyUsage)
    assert usage.critical
    assert {item for item in authority.USAGES[:7] if getattr(usage.value, item)} == \
        set(profile.usage)
    extension(certificate, x509.SubjectKeyIdentifier)
    extension(certificate, x509.AuthorityKeyIdentifier)
    key = certificate.public_key()
    assert key.key_size >= 3072 if isinstance(key, rsa.RSAPublicKey) else \
        isinstance(key.curve, ec.SECP256R1)
    fetched = {"cRLDistributionPoints", "authorityInfoAccess", "qcStatements"}
    assert not fetched & {item.oid._name for item in certificate.extensions}
    private = serialization.load_pem_private_key(pki.path(name, ".key").read_bytes(),
                                                 None)
    assert private.public_key().public_numbers() == key.public_numbers()
    assert stat.S_IMODE(pki.path(name, ".key").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", [row[0] for row in pki_module.HOLDERS])
def test_openssl_agrees(pki, name):
    passed, text = verify(pki, name)
    if name.endswith("revoked"):
        assert not passed and "certificate revoked" in text
    elif name.endswith("expired"):
        assert not passed and "certificate has expired" in text
    else:
        assert passed, text


@pytest.mark.parametrize("name,purpose", [
    ("tsa/tsa", "timestampsign"), ("partners/nz-mpi", "sslclient"),
    ("servers/partners", "sslserver"), ("operators/auditor", "sslclient")])
def test_purposes(pki, name, purpose):
    assert verify(pki, name, "-purpose", purpose)[0]


def test_tsa_usage_is_critical_and_sole(pki):
    usage = extension(pki.certificate("tsa/tsa"), x509.ExtendedKeyUsage)
    assert usage.critical
    assert [item.dotted_string for item in usage.value] == [authority.EKU_TIME_STAMPING]


def test_serials_differ_and_index_is_complete(pki):
    index = json.loads((pki.directory / "index.json").read_text())
    assert sorted(entry["name"] for entry in index) == sorted(NAMES)
    assert len({entry["serial"] for entry in index}) == len(NAMES)


def test_rogue_does_not_chain_to_the_authority(pki):
    result = subprocess.run(
        ["openssl", "verify", "-CAfile", pki.path("anchors/authority-nz"), "-untrusted",
         pki.path("authority-nz/issuing"), pki.path("rogue/officer")], timeout=30,
        capture_output=True, check=False)
    assert result.returncode != 0
    assert pki.certificate("rogue/officer").subject == \
        pki.certificate("authority-nz/officer").subject


def _public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def test_seal_for_a_key_from_outside(pki):
    key = authority.new_key("P-256")
    seal = x509.load_pem_x509_certificate(pki_module.issue_seal(pki.directory,
                                                                _public_pem(key)))
    assert seal.public_key().public_numbers() == key.public_key().public_numbers()
    values = {item.oid.dotted_string: item.value for item in seal.subject}
    assert values["2.5.4.10"] == "European Commission (TEST)"
    assert values["2.5.4.97"] == "NTRBE-TEST0000001"
    assert extension(seal, x509.KeyUsage).value.content_commitment


def test_seal_from_the_command_line(pki, tmp_path):
    key = authority.new_key("P-384")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "ignored")])).sign(key, hashes.SHA256())
    (tmp_path / "csr").write_bytes(request.public_bytes(serialization.Encoding.PEM))
    subprocess.run([sys.executable, "-m", "sim.pki", pki.directory, "--issue", "seal",
                    "--public", tmp_path / "csr", "--out", tmp_path / "seal.pem"],
                   check=True, timeout=30, env={"PYTHONPATH": str(process.TESTS)})
    result = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", pki.path("anchors/ec"),
         "-untrusted", tmp_path / "seal.pem", tmp_path / "seal.pem"], timeout=30,
        capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("key", [
    ec.generate_private_key(ec.SECP224R1()), rsa.generate_private_key(65537, 2048)])
def test_weak_outside_keys_are_refused(pki, key):
    with pytest.raises(ValueError):
        pki.issue_seal(_public_pem(key))


def test_altered_request_is_refused(pki):
    key = authority.new_key("P-256")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "n")])).sign(key, hashes.SHA256())
    data = bytearray(request.public_bytes(serialization.Encoding.DER))
    data[-1] ^= 1
    altered = x509.load_der_x509_csr(bytes(data))
    with pytest.raises(ValueError):
        pki.issue_seal(altered.public_bytes(serialization.Encoding.PEM))


def test_revocation_after_the_fact(tmp_path):
    made = pki_module.Pki.create(tmp_path / "p", with_rsa=False)
    assert verify(made, "authority-nz/seal")[0]
    loaded = pki_module.Pki.load(tmp_path / "p")
    loaded.revoke("authority-nz/seal")
    assert "certificate revoked" in verify(made, "authority-nz/seal")[1]
    assert "certificate revoked" in verify(made, "authority-nz/officer-revoked")[1]
    assert verify(made, "authority-nz/officer")[0]
    crl = x509.load_der_x509_crl(made.crl_path("authority-nz/issuing").read_bytes())
    assert extension(crl, x509.CRLNumber).value.crl_number == 2
    with pytest.raises(ValueError):
        loaded.revoke("ec/root")


def test_now_moves_every_date(tmp_path):
    subprocess.run([sys.executable, "-m", "sim.pki", tmp_path / "p", "--no-rsa", "--now",
                    "2031-05-06T07:08:09Z"], check=True, timeout=30,
                   env={"PYTHONPATH": str(process.TESTS)})
    then = int(datetime.datetime(2031, 5, 6, 7, 8, 9,
                                 tzinfo=datetime.timezone.utc).timestamp())
    made = pki_module.Pki.load(tmp_path / "p", then)
    assert verify(made, "authority-nz/officer", "-attime", str(then))[0]
    assert not verify(made, "authority-nz/officer", "-attime",
                      str(then + 3 * 366 * 86400))[0]
    assert not made.path("authority-nz/officer-rsa").exists()
    with pytest.raises(ValueError):
        pki_module.Pki.create(tmp_path / "p")


def test_it_is_quick(tmp_path):
    begun = time.process_time()
    pki_module.Pki.create(tmp_path / "p", with_rsa=False)
    assert time.process_time() - begun < 2

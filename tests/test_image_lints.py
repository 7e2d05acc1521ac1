# SPDX-License-Identifier: EUPL-1.2
"""What the lints of an image find in files, without an image."""
import base64
import hashlib
import json
import lzma
import pathlib
import subprocess

import pytest

FIRMWARE = pathlib.Path(__file__).resolve().parent.parent / "firmware"
PREFIX = b"\x7fELF no key " * 40


def run(name, *arguments, environment=None, code=0):
    done = subprocess.run([str(FIRMWARE / name), *map(str, arguments)], capture_output=True,
                          text=True, timeout=60, check=False, env=environment)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True,
                          timeout=60).stdout


# search-keys -------------------------------------------------------------------

@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder with a key and its certificate, and an empty one to search in."""
    folder = tmp_path_factory.mktemp("keys")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=sealgate TEST db",
            "-keyout", folder / "db.key", "-out", folder / "db.crt")
    return folder


def forms(key):
    """A key of RSA in every form in which it may lie about."""
    old = openssl("rsa", "-in", key, "-traditional", "-outform", "DER")
    new = openssl("pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "DER")
    return {"pkcs1.der": old, "pkcs8.der": new,
            "pkcs1.pem": openssl("rsa", "-in", key, "-traditional"),
            "pkcs8.pem": pathlib.Path(key).read_bytes(),
            "one-line": base64.b64encode(new), "without-a-header": new[400:]}


@pytest.mark.parametrize("form", ["pkcs1.der", "pkcs8.der", "pkcs1.pem", "pkcs8.pem", "one-line",
                                  "without-a-header"])
def test_a_known_key_is_found_in_any_form(keys, tmp_path, form):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(PREFIX + forms(keys / "db.key")[form] + PREFIX)
    said = run("search-keys", keys, tmp_path)
    assert said.count("\n") == 1 and "deep/file: " in said and "db.key" in said, said


@pytest.mark.parametrize("kind", [
    ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], ["-algorithm", "ED25519"]])
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_any_other_key_is_found_by_how_it_begins(keys, tmp_path, kind, form):
    made = tmp_path / "made.key"
    openssl("genpkey", *kind, "-outform", form, "-out", made)
    found = [made]
    if kind[1] != "ED25519":
        found.append(tmp_path / "own")
        openssl("rsa" if kind[1] == "RSA" else "ec", "-in", made, "-inform", form, "-outform", form,
                *(["-traditional"] if kind[1] == "RSA" else []), "-out", found[-1])
    said = run("search-keys", keys, tmp_path)
    assert said == "".join(f"{path}: a key in {form}\n" for path in found), said


@pytest.mark.parametrize("exponent", [255, 256])
def test_a_key_is_found_however_long_its_exponent_is(keys, tmp_path, exponent):
    """One in twenty has a private exponent that is an octet shorter, and so is its length."""
    length = b"\x81\xff" if exponent == 255 else b"\x82\x01\x00"
    octets = (b"\x30\x82\x04\xa1\x02\x01\x00\x02\x82\x01\x01\x00" + b"\xd8" * 256 +
              b"\x02\x03\x01\x00\x01\x02" + length + b"\x5a" * exponent)
    (tmp_path / "own").write_bytes(octets)
    assert run("search-keys", keys, tmp_path) == f"{tmp_path / 'own'}: a key in DER\n"


def test_what_is_no_key_is_not_found(keys, tmp_path):
    (tmp_path / "certificate.pem").write_bytes((keys / "db.crt").read_bytes())
    (tmp_path / "certificate.der").write_bytes(openssl("x509", "-in", keys / "db.crt",
                                                       "-outform", "DER"))
    (tmp_path / "public").write_bytes(openssl("rsa", "-in", keys / "db.key", "-pubout"))
    (tmp_path / "reader").write_bytes(b"-----BEGIN RSA PRIVATE KEY-----\0-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "broken").symlink_to("nowhere")
    assert run("search-keys", keys, tmp_path) == ""


@pytest.mark.parametrize("form", ["pkcs8.der", "pkcs8.pem"])
def test_a_key_is_found_in_a_kernel_module(keys, tmp_path, form):
    module = tmp_path / "module.ko.xz"
    module.write_bytes(lzma.compress(PREFIX + forms(keys / "db.key")[form] + PREFIX))
    said = run("search-keys", keys, tmp_path)
    assert said.count("\n") == 1 and "module.ko.xz: " in said and "db.key" in said, said
    module.write_bytes(lzma.compress(PREFIX))
    assert run("search-keys", keys, tmp_path) == ""


def test_a_module_that_cannot_be_unpacked_is_told(keys, tmp_path):
    (tmp_path / "half.ko.xz").write_bytes(lzma.compress(PREFIX * 100)[:-20])
    said = run("search-keys", keys, tmp_path)
    assert said.startswith(f"{tmp_path / 'half.ko.xz'}: what cannot be searched"), said


# unlisted ----------------------------------------------------------------------

@pytest.fixture(name="parts")
def listed_parts(tmp_path):
    """(list of parts, folder, root): a package with a program and settings, one file of ours."""
    root, folder = tmp_path / "root", tmp_path / "folder"
    texts = {"usr/bin/daemon": "program", "etc/daemon.conf": "settings"}
    for place in (root, folder):
        for name, text in texts.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "daemon:amd64.list").write_text("/.\n/usr\n/usr/bin\n/usr/bin/daemon\n"
                                            "/etc/daemon.conf\n")
    (folder / "usr/lib").mkdir()
    (folder / "usr/lib/ours.so").write_text("ours")
    sbom = tmp_path / "sbom.json"
    package = {"name": "daemon", "purl": "pkg:deb/debian/daemon", "scope": "required",
               "hashes": [{"content": "0"}]}
    ours = {"name": "ours.so", "scope": "required",
            "hashes": [{"content": hashlib.sha256(b"ours").hexdigest()}]}
    sbom.write_text(json.dumps({"components": [package, ours]}))
    return sbom, folder, root


def test_what_is_listed_is_listed(parts):
    assert run("unlisted", *parts) == ""


@pytest.mark.parametrize("name, text", [
    ("usr/lib/ours.so", "altered"), ("usr/bin/daemon", "altered"), ("etc/daemon.conf", "altered"),
    ("usr/lib/more.so", "more")])
def test_what_is_not_as_it_is_listed_is_told(parts, name, text):
    (parts[1] / name).write_text(text)
    assert run("unlisted", *parts) == f"{name}\n"


def test_a_program_of_a_package_that_is_said_to_be_gone_is_told(parts):
    sbom = json.loads(parts[0].read_text())
    sbom["components"][0]["scope"] = "excluded"
    parts[0].write_text(json.dumps(sbom))
    assert run("unlisted", *parts) == "usr/bin/daemon of daemon\n"


# keys --------------------------------------------------------------------------

def production(keys, tmp_path, **changes):
    """What `keys` is run with for a folder of production keys."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "FIRMWARE_OUT": str(tmp_path / "out"),
            "FIRMWARE_KEYS": str(keys), **changes}


def test_keys_of_test_are_refused_wherever_they_were_copied(keys, tmp_path):
    (keys / "done").touch()
    said = run("keys", environment=production(keys, tmp_path), code=1)
    assert "db.crt is of a TEST build" in said


def test_production_keys_are_none_to_throw_away(keys, tmp_path):
    mine = tmp_path / "out" / "keys"
    mine.mkdir(parents=True)
    (mine / "done").touch()
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=ORGANISATION/CN=sealgate db",
            "-keyout", mine / "db.key", "-out", mine / "db.crt")
    said = run("keys", environment=production(mine, tmp_path), code=1)
    assert "db.crt is not of a TEST build" in said
    elsewhere = production(mine, tmp_path, FIRMWARE_OUT=str(tmp_path / "other"))
    assert run("keys", environment=elsewhere) == ""

# SPDX-License-Identifier: EUPL-1.2
"""`sealgate sign` with a key on a token, as a partner with a smart card has it."""
import http.server
import os
import pathlib
import subprocess
import threading

import pytest

from scenarios.gate import sealgate

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "documents"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "partner-1234"


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """A software token with two keys: (folder, environment)."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n")
    (folder / "pin").write_text(PIN + "\n")
    environment = {**os.environ, "SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
    util = ["softhsm2-util", "--module", MODULE]
    subprocess.run([*util, "--init-token", "--free", "--label", "partner", "--so-pin", "12345678",
                    "--pin", PIN], env=environment, check=True, capture_output=True)
    for number, (name, algorithm) in enumerate((("rsa", ("rsa:3072",)),
                                                ("ec", ("ec", "-pkeyopt",
                                                        "ec_paramgen_curve:P-256"))), 1):
        key, pem = folder / f"{name}.key", folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-keyout", key,
                        "-out", pem, "-days", "30", "-subj", f"/CN=Officer {name}", "-addext",
                        "keyUsage=critical,digitalSignature,nonRepudiation"],
                       check=True, capture_output=True)
        subprocess.run([*util, "--import", key, "--token", "partner", "--label", name, "--id",
                        f"0{number}", "--pin", PIN], env=environment, check=True,
                       capture_output=True)
        key.unlink()
    return folder, environment


def sign(token, uri, certificate, out, *more):
    folder, environment = token
    return sealgate(
        "sign", "--key", f"{uri}?module-path={MODULE}&pin-source=file:{folder}/pin",
         "--cert", folder / f"{certificate}.pem", *more, "-o", out, VECTORS / "phyto.xml", env=environment)


@pytest.mark.parametrize("name, more", [("rsa", ()), ("rsa", ("--method", "rsa-pss-sha256")),
                                        ("ec", ())])
def test_key_on_a_token(token, tmp_path, name, more):
    out = tmp_path / "signed.xml"
    done = sign(token, f"pkcs11:token=partner;object={name}", name, out, *more)
    assert done.returncode == 0, done.stderr
    anchor = token[0] / f"{name}.pem"
    assert sealgate("verify", "--anchors", anchor, out).returncode == 0


@pytest.mark.parametrize("uri, certificate, says", [
    ("pkcs11:token=other;object=rsa", "rsa", "no token"),
    ("pkcs11:token=partner;object=nobody", "rsa", "no key is named nobody"),
    ("pkcs11:token=partner;object=rsa", "ec", "not that of the certificate"),
    ("pkcs11:token=partner", "rsa", "several keys"),
    ("pkcs11:token=%zz", "rsa", "not a PKCS#11 URI"),
])
def test_what_does_not_fit_is_named(token, tmp_path, uri, certificate, says):
    done = sign(token, uri, certificate, tmp_path / "out.xml", "--method", "rsa-sha256")
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "out.xml").exists()


def test_a_wrong_pin_is_tried_once(token, tmp_path):
    folder, environment = token
    done = sealgate(
        "sign", "--key", f"pkcs11:token=partner;object=ec?module-path={MODULE}&pin-value=wrong",
        "--cert", folder / "ec.pem", "-o", tmp_path / "out.xml", VECTORS / "phyto.xml",
        env=environment)
    assert done.returncode not in (0, 1)
    assert done.stderr.count("the token refuses the PIN") == 1
    assert "wrong" not in done.stderr


class NoAuthority(http.server.BaseHTTPRequestHandler):
    """Answers what no time-stamping authority would."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers = {"/type": (200, {"Content-Type": "text/html"}),
                           "/away": (302, {"Location": "/type"}),
                           "/none": (404, {})}[self.path]
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("path, says", [
    ("/type", "HTTP status 200, content type text/html"), ("/away", "HTTP status 302"),
    ("/none", "HTTP status 404")])
def test_no_proxy_no_redirect_and_only_a_time_stamp(token, tmp_path, path, says):
    folder, environment = token
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), NoAuthority) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = sign((folder, {**environment, "http_proxy": "http://127.0.0.1:1"}),
                    "pkcs11:token=partner;object=ec", "ec", tmp_path / "out.xml", "--tsa",
                    f"http://127.0.0.1:{server.server_address[1]}{path}")
        server.shutdown()
    assert done.returncode == 3 and says in done.stderr
    assert not (tmp_path / "out.xml").exists()

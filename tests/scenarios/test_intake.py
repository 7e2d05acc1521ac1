# SPDX-License-Identifier: EUPL-1.2
"""What partners and those who pretend to be send to the front door, octet by octet, and the
description of the interface held against what it does."""
import base64
import collections
import concurrent.futures
import contextlib
import json
import re
import socket
import ssl
import threading
import time

import pytest
import requests

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from scenarios.gate import ROOT, sealgate
from scenarios.openapi import Specification
from scenarios.processes import pid_of, text_of

NUMBER = "PHYTO.NZ.2026.{:07d}"
XML = {"Content-Type": "application/xml"}


@pytest.fixture(scope="module")
def specification():
    return Specification()


@pytest.fixture(scope="module")
def accepted(gate):
    """One document that was delivered: (path, answer)."""
    path = gate.certificate("phyto", NUMBER.format(701))
    status, answer = gate.submit(path)
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    return path, answer


def post(gate, data, path="/v1/documents", **headers):
    return gate.request(path, method="POST", data=data, headers={**XML, **headers})


# the description ------------------------------------------------------------------------------


def test_description_of_submissions(gate, specification):
    good = gate.certificate("phyto", NUMBER.format(702)).read_bytes()
    for path in ("/v1/preflight", "/v1/documents", "/v1/documents", "/v1/preflight"):
        specification.check("post", path, post(gate, good, path))
    other = gate.certificate("phyto", NUMBER.format(702)).read_bytes()
    conflict = post(gate, other)
    assert conflict.status_code == 409
    specification.check("post", "/v1/documents", conflict)
    for data, status in ((b"<a/>", 422), (b"", 400), (b"x" * (10 * 2**20 + 1), 413)):
        refused = post(gate, data)
        assert refused.status_code == status
        specification.check("post", "/v1/documents", refused)
    specification.check("post", "/v1/preflight", post(gate, b"<a/>", "/v1/preflight"))
    packed = post(gate, good, **{"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    specification.check("post", "/v1/documents", packed)


@pytest.mark.parametrize("part", ["", "/receipt", "/report", "/evidence", "/events"])
def test_description_of_documents(gate, accepted, specification, part):
    path, real = f"/v1/documents/{{id}}{part}", f"/v1/documents/{accepted[1]['id']}{part}"
    answer = gate.request(real)
    assert answer.status_code == 200
    specification.check("get", path, answer)
    others = gate.request(real, "partners/br-mapa")
    assert others.status_code == 404
    specification.check("get", path, others)
    stranger = gate.request(real, "partners/not-enrolled")
    assert stranger.status_code == 403
    specification.check("get", path, stranger)


def test_description_of_the_status(gate, specification):
    answer = gate.request("/v1/status", headers={"Date": "Sun, 06 Nov 1994 08:49:37 GMT"})
    specification.check("get", "/v1/status", answer)
    assert answer.json()["clock"]["skew_seconds"] < -10**9
    assert "skew_seconds" not in gate.request("/v1/status").json()["clock"]


def test_refused_document_has_a_report_and_nothing_else(gate, specification):
    refused = post(gate, b"<a/>").json()
    for part, status in (("", 200), ("/report", 200), ("/receipt", 404), ("/evidence", 404)):
        answer = gate.request(f"/v1/documents/{refused['id']}{part}")
        assert answer.status_code == status
        specification.check("get", f"/v1/documents/{{id}}{part}", answer)
    report = gate.request(f"/v1/documents/{refused['id']}/report").json()
    assert report["findings"] == refused["findings"]


# the receipt, by another implementation -------------------------------------------------------


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_receipt_is_an_es256_signature(accepted):
    receipt = accepted[1]["receipt"]
    header = json.loads(decode(receipt["protected"]))
    assert header["alg"] == "ES256"
    signer = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
    raw = decode(receipt["signature"])
    assert len(raw) == 64
    signature = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"),
                                           int.from_bytes(raw[32:], "big"))
    signer.public_key().verify(signature, f"{receipt['protected']}.{receipt['payload']}".encode(),
                               ec.ECDSA(hashes.SHA256()))


# the front door, octet by octet ---------------------------------------------------------------


@contextlib.contextmanager
def connect(gate, partner="partners/nz-mpi"):
    """A TLS connection to the partners' listener."""
    context = ssl.create_default_context(cafile=gate.pki.path("transport-ca/root"))
    context.load_cert_chain(gate.pki.path(partner, ".chain.pem"), gate.pki.path(partner, ".key"))
    host, _, port = gate.listener("partners").removeprefix("https://").rpartition(":")
    with socket.create_connection((host, int(port)), 20) as plain, \
            context.wrap_socket(plain, server_hostname=host) as tls:
        yield tls


def raw(gate, octets, partner="partners/nz-mpi"):
    """Everything that comes back for raw octets inside TLS: (status lines, text)."""
    answer = b""
    with connect(gate, partner) as tls:
        tls.sendall(octets)
        try:
            while piece := tls.recv(65536):
                answer += piece
        except (ConnectionResetError, ssl.SSLEOFError):
            pass
    text = answer.decode("latin-1")
    return re.findall(r"HTTP/1\.1 \d{3} .*(?=\r\nServer: )", text), text


HEAD = b" HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n"
SMUGGLED = b"GET /v1/status HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"

REFUSED = {
    "no HTTP": b"\x00\x01\x02\r\n\r\n",
    "unreadable first line": b"GARBAGE\r\n\r\n",
    "two lengths": b"POST /v1/documents" + HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n"
                   b"<a/>" + SMUGGLED,
    "length and chunks": b"POST /v1/documents" + HEAD + b"Content-Length: 4\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "unknown transfer encoding": b"POST /v1/documents" + HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunked twice": b"POST /v1/documents" + HEAD + b"Transfer-Encoding: chunked\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "negative length": b"POST /v1/documents" + HEAD + b"Content-Length: -4\r\n\r\n<a/>",
    "length with a plus": b"POST /v1/documents" + HEAD + b"Content-Length: +4\r\n\r\n<a/>",
    "length in hexadecimal": b"POST /v1/documents" + HEAD + b"Content-Length: 0x4\r\n\r\n<a/>",
    "huge length": b"POST /v1/documents" + HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    "bad chunk size": b"POST /v1/documents" + HEAD + b"Content-Type: application/xml\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<a/>\r\n0\r\n\r\n",
    "method in lower case": b"get /v1/status" + HEAD + b"\r\n",
    "TRACE": b"TRACE /v1/status" + HEAD + b"\r\n",
    "CONNECT": b"CONNECT gate:443" + HEAD + b"\r\n",
    "HTTP/9.1": b"GET /v1/status HTTP/9.1\r\nHost: gate\r\nConnection: close\r\n\r\n",
    "no Host": b"GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two Hosts": b"GET /v1/status" + HEAD + b"Host: other\r\n\r\n",
    "NUL in a header": b"GET /v1/status" + HEAD + b"A: b\x00c\r\n\r\n",
    "header of 70,000 octets": b"GET /v1/status" + HEAD + b"A: " + b"a" * 70000 + b"\r\n\r\n",
    "address of 9,000 octets": b"GET /v1/" + b"x" * 9000 + HEAD + b"\r\n",
    "dots": b"GET /v1/documents/../status" + HEAD + b"\r\n",
    "escaped letter": b"GET /v1/%73tatus" + HEAD + b"\r\n",
    "two slashes": b"GET //v1/status" + HEAD + b"\r\n",
    "our own error page": b"GET /.problem" + HEAD + b"\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_at_the_front_door(gate, name):
    lines, text = raw(gate, REFUSED[name])
    assert len(lines) == 1, text
    assert lines[0].split()[1] in ("400", "404", "405", "413", "414", "431", "501", "505"), text
    head, _, body = text.partition("\r\n\r\n")
    assert "application/problem+json" in head
    assert head.lower().count("x-correlation-id:") == 1
    problem = json.loads(body)
    assert {"code", "received", "fix", "clause", "correlation"} <= set(problem)
    assert problem["correlation"] in head
    assert str(problem["status"]) == lines[0].split()[1]
    assert "retry-after" not in head.lower()


def test_no_certificate_is_the_same_status_as_a_bad_one(gate):
    answer = requests.get(gate.listener("partners") + "/v1/status", timeout=30,
                          verify=str(gate.pki.path("transport-ca/root")))
    assert answer.status_code == 403 and answer.json()["code"] == "partner.certificate"


@pytest.mark.parametrize("method,path,status", [
    ("DELETE", "/v1/documents", 405), ("POST", "/v1/status", 405), ("GET", "/v1/preflight", 405)])
def test_description_of_methods(gate, specification, method, path, status):
    answer = gate.request(path, method=method)
    assert answer.status_code == status and answer.headers["Allow"]
    specification.check("get" if path == "/v1/status" else "post", path, answer)


def test_only_what_may_be_sent_again_says_when(gate, specification):
    large = post(gate, b"x" * (10 * 2**20 + 1))
    assert large.status_code == 413 and "Retry-After" not in large.headers
    specification.check("post", "/v1/documents", large)
    with contextlib.ExitStack() as held:
        for _ in range(64):  # more than nginx lets one certificate have
            held.enter_context(connect(gate)).sendall(
                b"POST /v1/documents" + HEAD + b"Content-Length: 4\r\n\r\n")
        end = time.monotonic() + 10
        while (busy := gate.request("/v1/status")).status_code != 503:
            assert time.monotonic() < end
    assert busy.json()["code"] == "http.partner-busy" and busy.headers["Retry-After"] == "2"
    specification.check("get", "/v1/status", busy)


WANTS_XML = "application/xml", "text/*", "application/json;q=0, */*"


def test_what_is_signed_when_it_is_asked_for_is_limited(gate, accepted):
    """Each is a line of the signer's count for ever; what is signed already is not concerned."""
    path = f"/v1/documents/{accepted[1]['id']}/receipt"

    def ask(_):
        """Until it is refused, over one connection: on a busy machine, too, faster than allowed."""
        with gate.session() as session:
            for n in range(250):
                answer = session.get(gate.listener("partners") + path, timeout=30,
                                     headers={"Accept": WANTS_XML[n % len(WANTS_XML)]})
                if answer.status_code != 200:
                    break
        return answer

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        busy = [answer for answer in pool.map(ask, range(4)) if answer.status_code != 200]
    assert busy
    for answer in busy:
        assert answer.status_code == 503 and answer.json()["code"] == "http.partner-busy"
        assert answer.headers["Retry-After"] == "2"
    assert gate.request(path).status_code == 200


ALLOWED = {
    "chunks": b"POST /v1/preflight" + HEAD + b"Content-Type: application/xml\r\n"
              b"Transfer-Encoding: chunked\r\n\r\n2\r\n<a\r\n2\r\n/>\r\n0\r\n\r\n",
    "headers that name a client": b"GET /v1/status" + HEAD + b"Client-Certificate: x\r\n"
        b"CLIENT_CERTIFICATE: x\r\nClient-Verify: NONE\r\nX-Correlation-Id: mine\r\n"
        b"SCGI: 0\r\nProxy: http://127.0.0.1:1/\r\n\r\n",
    "upgrade to h2c": b"GET /v1/status" + HEAD + b"Upgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
    "a query": b"GET /v1/status?partner=br-mapa" + HEAD + b"\r\n",
    "absolute form": b"GET https://gate/v1/status" + HEAD + b"\r\n",
}


@pytest.mark.parametrize("name", ALLOWED)
def test_harmless_at_the_front_door(gate, name):
    lines, text = raw(gate, ALLOWED[name])
    assert [line.split()[1] for line in lines] == ["200"], text
    assert "mine" not in text
    if "partner" in text:
        assert '"partner":"nz-mpi"' in text


def test_pipelined_requests_are_answered_in_order(gate):
    lines, text = raw(gate, b"GET /v1/status HTTP/1.1\r\nHost: gate\r\n\r\n" * 3 + SMUGGLED)
    assert len(lines) == 4, text


# the command line -----------------------------------------------------------------------------


def test_connection_errors_name_the_certificate(gate, accepted):
    url, path = gate.listener("partners"), accepted[0]
    good = gate.pki.path("partners/nz-mpi", ".chain.pem"), gate.pki.path("partners/nz-mpi",
                                                                         ".key")
    root = gate.pki.path("transport-ca/root")
    cases = (
        (url, gate.pki.path("ec/root"), *good, "CN=partners.test", 3),
        (url, root, gate.pki.path("partners/expired", ".chain.pem"),
         gate.pki.path("partners/expired", ".key"), "expired at", 2),
        (url, root, good[0], gate.pki.path("partners/br-mapa", ".key"), "does not belong", 2),
        ("https://127.0.0.1:1", root, *good, "127.0.0.1", 3),
        (url.replace("https:", "http:"), root, *good, "http", 2),
        (url, path, *good, "", 2),
    )
    missing = sealgate("submit", "--url", url, "--ca", root, "--cert",
                       root.with_name("none.pem"), "--key", good[1], path)
    assert missing.returncode == 2 and "none.pem" in missing.stderr
    for address, authority, certificate, key, word, expected in cases:
        done = sealgate("submit", "--url", address, "--ca", authority, "--cert", certificate,
                        "--key", key, path)
        assert done.returncode == expected, (word, done.stdout, done.stderr)
        assert word in done.stderr
        assert not done.stdout


@pytest.mark.parametrize("program", ("intake", "queued", "signer"))
def test_programs_are_given_what_their_units_say_of_memory(gate, program):
    unit = (ROOT / "systemd" / "units" / f"sealgate-{program}.service.in").read_text()
    setting = re.search(r"^Environment=(GLIBC_TUNABLES=\S+)$", unit, re.M)[1]
    environment = text_of(pid_of(gate, f"sealgate-{program}"), "environ")
    assert setting in environment.split("\0")


def test_usage_of_the_command_line(gate, accepted):
    assert sealgate("submit").returncode == 2
    assert sealgate("preflight", "--url", "https://127.0.0.1:1", accepted[0]).returncode == 2
    assert sealgate("submit", "--url", gate.listener("partners"),
                    *gate.transport("partners/nz-mpi"), "/nonexistent").returncode == 2


def test_exit_statuses(gate, accepted):
    path, _ = accepted
    assert gate.submit(path, command="preflight")[0] == 0
    assert gate.submit(path, "partners/br-mapa", command="preflight")[0] == 1
    assert gate.submit(path, "partners/not-enrolled")[0] == 1


# many at once ---------------------------------------------------------------------------------


def test_same_document_from_many_threads_is_accepted_once(gate):
    data = gate.certificate("phyto", NUMBER.format(703)).read_bytes()
    seen = collections.Counter()
    ids = set()

    def submit():
        while (answer := post(gate, data)).status_code == 503:
            seen[503] += 1
        seen[answer.status_code] += 1
        ids.add(answer.json()["id"])

    threads = [threading.Thread(target=submit) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ids) == 1
    assert seen[202] == 1 and seen[200] == 11, seen


def test_one_partner_does_not_starve_another(gate):
    """A partner floods with large documents that are refused; another one is served."""
    flood = b"<a>" + b"<b/>" * 375_000 + b"</a>"
    stop = threading.Event()
    seen = collections.Counter()

    def send():
        while not stop.is_set():
            answer = post(gate, flood, "/v1/preflight")
            seen[answer.json().get("code") or answer.status_code] += 1

    threads = [threading.Thread(target=send) for _ in range(60)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 60
    try:
        while seen["http.partner-busy"] < 10:  # until the flood is there
            assert time.monotonic() < end, seen
            stop.wait(0.05)
        answers = [gate.request("/v1/status", "partners/br-mapa").status_code
                   for _ in range(30)]
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert answers == [200] * 30, seen

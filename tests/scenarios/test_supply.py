# SPDX-License-Identifier: EUPL-1.2
"""sealgate-trustd: what is fetched, what is put in force, what never is."""
import contextlib
import http.server
import json
import shutil
import signal
import ssl
import subprocess
import threading
import time

import pytest

from scenarios.gate import BIN, a_folder, sealgate
from sim import pki as pki_module

CA = "authority-nz/issuing"
BOUND = 60


class Server:
    """An authority's HTTP server that a test can make lie; tls: certificate and key, by https."""

    def __init__(self, tls=None):
        self.scheme = "https" if tls else "http"
        self.answers, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("If-None-Match")))
                outer.answers[self.path](self)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def url(self, path):
        return f"{self.scheme}://{self.host}{path}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(BOUND)


def octets(data, etag=None):
    def answer(handler):
        if etag and handler.headers.get("If-None-Match") == etag:
            handler.send_response(304)
            handler.end_headers()
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        if etag:
            handler.send_header("ETag", etag)
        handler.end_headers()
        handler.wfile.write(data)
    return answer


def status(code, **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
    return answer


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"x" * 65536)


def silent(released):
    def answer(_handler):
        released.wait(60)
    return answer


class House:
    """An instance of which only trustd runs, and an authority."""

    def __init__(self, folder):
        self.folder, self.dir = folder, folder / "instance"
        self.pki = pki_module.Pki.create(folder / "pki", with_rsa=False)
        sealgate("init", "--test", "--shared-uid", self.dir, check=True)
        self.server, self.process = Server(), None
        self.log = folder / "trustd.log"
        issuers = self.dir / "policies" / "anchors" / "issuers"
        issuers.mkdir(parents=True)
        shutil.copy(self.pki.path(CA), issuers / "nz.pem")
        self.published = self.dir / "state" / "trust" / "revocation" / "nz.crl"

    def sources(self, *paths, hosts=None, addresses="any", more="", every=60):
        rows = ", ".join(
            f'{{ name = "{"nz" if n == 0 else f"nz-{n}"}"; url = "{self.server.url(p)}"; '
            f'issuer = "anchors/issuers/nz.pem"; every_s = {every}; }}'
            for n, p in enumerate(paths))
        file = self.dir / "policies" / "trust" / "sources.cfg"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'hosts = ( "{hosts or self.server.host}" );\n'
                        f'addresses = "{addresses}";\n{more}\nrevocation = ( {rows} );\n')

    def crl(self):
        """A new CRL of the authority, with the next number."""
        self.pki.revoke("authority-nz/officer-not-enrolled")
        return self.pki.crl_path(CA).read_bytes()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "sealgate-trustd"), "--instance", str(self.dir)], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)
        return self

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(BOUND) == 0, self.log.read_text()
            self.process = None

    def supply(self):
        done = sealgate("--instance", self.dir, "trust", "supply")
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def until(self, condition):
        end = time.monotonic() + BOUND
        while True:
            code, rows = self.supply()
            if rows and condition(rows):
                return code, rows
            assert time.monotonic() < end, (rows, self.log.read_text())
            time.sleep(0.05)

    def outcome(self, answer, more=""):
        """What becomes of one answer."""
        self.server.answers["/crl"] = answer
        self.sources("/crl", more=more)
        self.start()
        code, rows = self.until(lambda r: r[0]["tried"])
        self.stop()
        return code, rows[0]

    def publish(self, data, name="nz"):
        file = self.folder / "by-hand.crl"
        file.write_bytes(data)
        done = sealgate("--instance", self.dir, "trust", "publish", "--issuer",
                        self.pki.path(CA), name, file)
        return done.returncode, json.loads(done.stdout)


@contextlib.contextmanager
def a_house(kind):
    """A house of some kind, and its end whatever happens."""
    with a_folder() as folder:
        made = kind(folder)
        try:
            yield made
        finally:
            if made.process:
                made.process.kill()
                made.process.wait()
            made.server.close()


@pytest.fixture
def house():
    with a_house(House) as made:
        yield made


def test_published(house):
    crl = house.pki.crl_path(CA).read_bytes()
    code, row = house.outcome(octets(crl))
    assert (code, row["result"], row["failures"]) == (0, "published", 0), row
    assert house.published.read_bytes() == crl


def test_only_what_is_new_is_brought(house):
    crl = house.pki.crl_path(CA).read_bytes()
    house.server.answers = {"/crl": octets(crl, '"one"')}
    house.sources("/crl", every=1)
    house.start()
    house.until(lambda r: r[0]["result"] == "unchanged")
    newer = house.crl()
    house.server.answers = {"/crl": octets(newer, '"two"')}
    house.until(lambda r: r[0]["result"] == "published" and
                house.published.read_bytes() == newer)
    house.stop()
    assert house.server.asked[:2] == [("/crl", None), ("/crl", '"one"')]


def test_a_validator_that_is_none(house):
    """What a server calls its ETag goes back to it, and must not write our request."""
    crl = house.pki.crl_path(CA).read_bytes()
    house.server.answers = {"/crl": octets(crl, '"a\x01b"')}
    house.sources("/crl", every=1)
    house.start()
    house.until(lambda r: r[0]["result"] == "unchanged")
    house.stop()
    assert {etag for _, etag in house.server.asked} == {None}


def test_sources_change_while_it_runs(house):
    house.server.answers = {"/crl": octets(house.pki.crl_path(CA).read_bytes())}
    house.start()
    house.sources("/crl")
    house.until(lambda r: r[0]["result"] == "published")
    house.sources("/crl", hosts="elsewhere.example")
    end = time.monotonic() + BOUND
    while "hosts" not in house.log.read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    house.stop()


@pytest.mark.parametrize("case", ["moved", "missing", "garbage", "long", "other"])
def test_refused(house, case):
    answers = {
        "moved": (status(302, Location="/elsewhere"), "redirects are not followed"),
        "missing": (status(404), "HTTP status 404"),
        "garbage": (octets(b"no CRL at all"), "it is not a CRL"),
        "long": (endless, "longer than max_octets"),
        "other": (octets(house.pki.crl_path("authority-br/issuing").read_bytes()), ""),
    }
    answer, reason = answers[case]
    before = house.pki.crl_path(CA).read_bytes()
    house.publish(before)
    code, row = house.outcome(answer, "max_octets = 1048576;")
    assert code == 1 and row["failures"] == 1
    assert row["result"] == ("refused" if case in ("garbage", "other") else "failed"), row
    assert reason in row["reason"] and row["reason"]
    assert house.published.read_bytes() == before
    assert [path for path, _ in house.server.asked] == ["/crl"]


def test_slow(house):
    released = threading.Event()
    try:
        _, row = house.outcome(silent(released), "timeout_s = 1;")
    finally:
        released.set()
    assert row["result"] == "failed" and "imeout" in row["reason"], row


def test_private_address(house):
    """A production instance asks no address that is not public."""
    conf = house.dir / "sealgate.conf"
    conf.write_text(conf.read_text().replace("test = true", "test = false"))
    house.server.answers["/crl"] = octets(b"")
    house.sources("/crl", addresses="any")
    done = subprocess.run([str(BIN / "sealgate-trustd"), "--instance", str(house.dir)],
                          capture_output=True, text=True, timeout=BOUND, check=False)
    assert done.returncode == 1 and "TEST instance" in done.stderr, done.stderr
    house.sources("/crl", addresses="public")
    house.start()
    _, rows = house.until(lambda r: r[0]["tried"])
    house.stop()
    assert "public Internet" in rows[0]["reason"], rows
    assert not house.server.asked


def test_through_the_proxy_of_an_institution(house):
    """It is asked for whole addresses, resolves the names, and decides about addresses; hosts are
    allowed by name all the same."""
    crl = house.pki.crl_path(CA).read_bytes()
    there, elsewhere = "http://crl.example/crl", "http://elsewhere.example/crl"
    house.server.answers = {there: octets(crl, '"one"')}
    proxy = f'proxy = "http://{house.server.host}";'
    house.sources("/crl", hosts="crl.example", addresses="public", more=proxy, every=1)
    file = house.dir / "policies" / "trust" / "sources.cfg"
    file.write_text(file.read_text().replace(house.server.url("/crl"), there))
    house.start()
    house.until(lambda r: r[0]["result"] == "unchanged")
    assert house.published.read_bytes() == crl
    # What it says is as hostile as what anybody says.
    house.server.answers = {there: status(302, Location=elsewhere)}
    _, rows = house.until(lambda r: r[0]["failures"] > 0)
    assert "redirects are not followed" in rows[0]["reason"]
    house.stop()
    assert house.server.asked[:2] == [(there, None), (there, '"one"')]
    assert {path for path, _ in house.server.asked} == {there}


def test_by_https(house):
    """Only from a server that the authorities named in the configuration vouch for."""
    house.server.close()
    house.server = Server((house.pki.path("servers/partners", ".chain.pem"),
                           house.pki.path("servers/partners", ".key")))
    crl, conf = house.pki.crl_path(CA).read_bytes(), house.dir / "sealgate.conf"
    before = conf.read_text()
    for authority, result in (("ec/root", "failed"), ("transport-ca/root", "published")):
        shutil.copy(house.pki.path(authority), house.dir / "ca.pem")
        conf.write_text(before + 'trustd = { ca = "ca.pem"; };\n')
        _, row = house.outcome(octets(crl))
        assert row["result"] == result, row
        assert house.published.exists() == (result == "published")
        (house.dir / "state" / "trust" / "supply.json").unlink()


def test_no_proxy_from_the_environment(house, monkeypatch):
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    _, row = house.outcome(octets(house.pki.crl_path(CA).read_bytes()))
    assert row["result"] == "published", row


def test_nothing_older(house):
    """Neither after a newer one nor after the newer one was taken away."""
    old = house.pki.crl_path(CA).read_bytes()
    new = house.crl()
    assert house.publish(new)[1]["result"] == "published"
    assert house.publish(new)[1]["result"] == "unchanged"
    code, answer = house.publish(old)
    assert code == 1 and answer["result"] == "refused"
    house.published.unlink()
    code, answer = house.publish(old)
    assert (code, answer["result"]) == (1, "refused")
    assert not house.published.exists()
    assert house.publish(old, "another-name")[1]["result"] == "refused"
    assert house.publish(new)[1]["result"] == "published"
    assert house.outcome(octets(old))[1]["result"] == "refused"


def test_marks_that_cannot_be_read(house):
    marks = house.dir / "state" / "trust" / "marks.json"
    marks.write_text("[1")
    done = sealgate("--instance", house.dir, "trust", "publish", "--issuer",
                    house.pki.path(CA), "nz", house.pki.crl_path(CA))
    assert done.returncode == 3 and not house.published.exists()

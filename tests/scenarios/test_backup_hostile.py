# SPDX-License-Identifier: EUPL-1.2
"""`backup fetch` at a gate that lies: nothing is kept that the list does not stand for."""
import base64
import contextlib
import hashlib
import http.server
import json
import threading

import pytest

from scenarios.gate import a_gate, sealgate
from sim.listener import tls_context

PIECE = b"a piece"
LIST = ("sealgate-backup-list 1\nmark 1:ab\nat 2026-11-28T00:00:00Z\n"
        f"{hashlib.sha256(PIECE).hexdigest()} {len(PIECE)} 000000.p7m\n").encode()


def name_of(octets):
    return "sha256:" + hashlib.sha256(octets).hexdigest()


class Liar:
    """Answers the commands of one fetch; what it says is set by the test."""

    def __init__(self, pki):
        self.name, self.fetched, self.asked = name_of(LIST), {"output": LIST.decode()}, []
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                arguments = json.loads(body)["arguments"]
                liar.asked.append(arguments[1])
                answer = json.dumps({"status": 0, "errors": "",
                                     **liar.answer(arguments[1])}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = tls_context(pki.path("servers/partners", ".chain.pem"),
                              pki.path("servers/partners", ".key"),
                              pki.path("transport-ca/root"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, verb):
        if verb == "status":
            return {"output": json.dumps({"sealed": {"name": self.name}})}
        if verb == "fetch":
            return self.fetched
        return {"octets": base64.b64encode(PIECE).decode()} if verb == "piece" else {"output": ""}

    def url(self):
        return f"https://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture(scope="module")
def made():
    with a_gate() as gate:
        yield gate


@pytest.fixture
def liar(made):
    server = Liar(made.pki)
    yield server
    server.server.shutdown()
    with contextlib.suppress(OSError):
        server.server.server_close()


def fetch(gate, liar, target):
    return sealgate("--remote", liar.url(), *gate.transport("operators/operator"), "backup",
                    "fetch", target)


def test_an_honest_one(made, liar, tmp_path):
    done = fetch(made, liar, tmp_path / "to")
    assert done.returncode == 0 and "fetched: 1 pieces" in done.stdout, done.stderr
    assert (tmp_path / "to" / "000000.p7m").read_bytes() == PIECE
    assert liar.asked == ["status", "fetch", "piece", "discard"]


def test_a_list_that_is_no_text(made, liar, tmp_path):
    """Its digest is right: what it says is looked for up to its end and no further."""
    for octets in (LIST[:-1], LIST, LIST + b"\0" + LIST):
        liar.name = name_of(octets)
        liar.fetched = {"octets": base64.b64encode(octets).decode()}
        done = fetch(made, liar, tmp_path / "to")
        assert done.returncode == 1 and "list is another one" in done.stderr, done.stderr
        assert not (tmp_path / "to").exists()
    liar.fetched = {"octets": "", "output": LIST.decode()}
    assert fetch(made, liar, tmp_path / "to").returncode == 3


@pytest.mark.parametrize("name", [
    "sha256:" + "\x1b[2J".ljust(64, "0"), "sha256:" + "../" * 21 + "x", "sha256:" + "A" * 64,
    "sha256:" + "0" * 63, "sha1:" + "0" * 64, ""])
def test_a_name_that_is_none(made, liar, tmp_path, name):
    liar.name = name
    done = fetch(made, liar, tmp_path / "to")
    assert done.returncode == 1 and "no backup is ready" in done.stderr, done.stderr
    assert liar.asked == ["status"] and "\x1b" not in done.stderr

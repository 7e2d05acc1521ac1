# SPDX-License-Identifier: EUPL-1.2
"""What is brought to a gate goes there in pieces, as it is: by role, on record, on from where it
broke off; and a client and a gate of two versions understand each other."""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import random
import socket
import ssl
import threading

import pytest

from scenarios.gate import sealgate
from scenarios.test_remote import recorded, remote
from scenarios.test_remote_policy import ask, coming
from sim.listener import tls_context

MOST = 8 << 20
OCTETS = "application/octet-stream"


def send(gate, name, octets, offset=0, role="policy-officer", to="policy/piece", **headers):
    return gate.request(f"/v1/pieces/{to}?name={name}&offset={offset}", f"operators/{role}", "POST",
                        "operators", data=octets, headers={"Content-Type": OCTETS, **headers})


def announce(gate, octets):
    """The list of a bundle of these octets goes first."""
    text = f"sealgate-bundle 1\n{hashlib.sha256(octets).hexdigest()} {len(octets)} bundle\n"
    answer = send(gate, "manifest", text.encode())
    assert answer.status_code == 200 and answer.json()["status"] == 0, answer.text
    return hashlib.sha256(text.encode()).hexdigest()


def have(answer):
    assert answer.status_code == 200, answer.text
    return json.loads(answer.json()["output"])["have"]


def test_by_role_and_on_record(gate):
    digest = announce(gate, b"octets")
    assert recorded(gate)[-1] == ("policy-officer (TEST)", {
        "command": f"policy piece manifest 0 sha256:{digest}"})
    assert have(send(gate, "bundle", b"oct")) == 3
    # One way or the other, it is the same command.
    assert json.loads(ask(gate, ["policy", "piece", "bundle", "3"], b"e").json()["output"]) == {
        "have": 4}
    assert have(send(gate, "bundle", b"", 0)) == 4
    assert have(send(gate, "bundle", b"ts", 4)) == 6
    before = len(recorded(gate))
    for role, to in (("viewer", "policy/piece"), ("policy-officer", "appliance/parcel")):
        answer = send(gate, "manifest", b"x", role=role, to=to)
        assert answer.status_code == 403 and answer.json()["code"] == "operator.role", answer.text
    assert len(recorded(gate)) == before


def test_what_is_no_piece(gate):
    announce(gate, b"others")
    for options in ({"to": "policy/lint"}, {"to": "appliance/update"}, {"to": "policy"},
                    {"to": "policy/piece/more"}, {"name": "/etc/passwd"}, {"name": "..%2Fx"},
                    {"name": ""}, {"name": "-p"}, {"Content-Type": "application/json"},
                    {"Content-Encoding": "gzip"}, {"name": "x" * 300}):
        answer = send(gate, **{"name": "bundle", "octets": b"oct", **options})
        assert answer.status_code == 400 and answer.json()["code"] == "operator.command", options
    answer = gate.request("/v1/pieces/policy/piece?name=bundle", "operators/policy-officer", "POST",
                          "operators", data=b"oct", headers={"Content-Type": OCTETS})
    assert answer.status_code == 400, answer.text
    answer = send(gate, "bundle", bytes(MOST + 1))
    assert answer.status_code == 413 and answer.json()["code"] == "limit.size", answer.text
    answer = gate.request("/v1/pieces/policy/piece", "operators/policy-officer", "GET", "operators")
    assert answer.status_code == 405 and answer.headers["Allow"] == "POST", answer.text
    assert have(send(gate, "bundle", b"", 0)) == 0


def test_the_largest_piece(gate):
    octets = random.Random(1).randbytes(MOST + 1)
    announce(gate, octets)
    assert have(send(gate, "bundle", octets[:MOST])) == MOST
    answer = send(gate, "bundle", b"and more", MOST).json()
    assert answer["status"] == 1 and "too large" in answer["errors"], answer
    assert have(send(gate, "bundle", octets[MOST:], MOST)) == MOST + 1


def test_two_who_send_at_once(gate):
    octets = random.Random(2).randbytes(3 << 20)
    announce(gate, octets)
    step = 64 << 10
    failed = []

    def go():
        at = 0
        while at < len(octets):
            answer = send(gate, "bundle", octets[at:at + step], at)
            if answer.status_code == 503:  # a person has so many places
                continue
            if answer.json()["status"] != 0 or have(answer) < at:
                failed.append((at, answer.text))
                return
            at = have(answer)
    senders = [threading.Thread(target=go) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(120)
    assert not failed, failed
    whose = [path for path in coming(gate).rglob("bundle") if path.is_file()]
    assert [path.read_bytes() for path in whose] == [octets]


class Cutting:
    """A way to a gate on which nothing goes any more once so many octets have."""

    def __init__(self, url):
        host, port = url.removeprefix("https://").split(":")
        self.gate, self.left, self.passed = (host, int(port)), 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.gate)
            for source, target, bounded in ((near, far, True), (far, near, False)):
                threading.Thread(target=self.pump, args=(source, target, bounded),
                                 daemon=True).start()

    def pump(self, source, target, bounded):
        try:
            while octets := source.recv(65536):
                if bounded:
                    octets = octets[:max(self.left, 0)]
                    self.left -= len(octets)
                    self.passed += len(octets)
                target.sendall(octets)
                if bounded and self.left <= 0:
                    break
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # the other thread waits for it
            end.close()

    def close(self):
        self.listener.close()


def test_it_goes_on_from_where_it_broke_off(gate, tmp_path):
    seed = int(os.environ.get("SEALGATE_SEED", "3"))
    print(f"seed {seed}")
    chance, bundle = random.Random(seed), tmp_path / "junk.bundle"
    bundle.write_bytes(chance.randbytes((40 << 20) + 12345))
    size = bundle.stat().st_size
    way = Cutting(gate.listener("operators"))

    def whole():
        return max((path.stat().st_size for path in coming(gate).rglob("bundle")
                    if path.is_file()), default=0)

    def go(octets):
        way.left = octets
        return sealgate("--remote", way.url, *gate.transport("operators/policy-officer"),
                        "policy", "activate", bundle)
    try:
        announce(gate, b"another")
        before, cuts = 0, 0
        for octets in (1, 517, 3000, 20000, *(chance.randrange(1, 30 << 20) for _ in range(99))):
            done = go(octets)
            if way.left > 0:
                break
            cuts += 1
            assert done.returncode != 0, done.stdout
            now = whole()
            assert now >= before and now % MOST in (0, size % MOST), (before, now, octets)
            before = now
        # All of it came, and it is what its list says: a bundle it is not.
        assert done.returncode == 1 and "stays" in done.stderr, done.stderr
    finally:
        way.close()
    assert cuts >= 4 and way.passed < size + (cuts + 1) * (MOST + (1 << 20)), (cuts, way.passed)


class StandIn(http.server.BaseHTTPRequestHandler):
    """Who stands in for a gate of another version."""

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def say(self, status, answer):
        octets = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def printed(self, text):
        """What a command printed that ended well."""
        self.say(200, {"status": 0, "output": text, "errors": ""})

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def standing_in(gate, handler):
    """The address of one that answers with the certificate of the gate."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = tls_context(*(gate.dir / "tls" / name for name in ("server.pem", "server.key")))
    context.verify_mode = ssl.CERT_NONE
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def old_gate(gate):
    """A gate of a version that knows pieces in base64 alone."""
    files = {}

    class Handler(StandIn):
        def do_POST(self):
            body = self.body()
            if self.path != "/v1/commands":
                return self.say(404, {"status": 404, "code": "http.path", "detail": "no such path"})
            request = json.loads(body)
            if request["arguments"][1] != "piece":
                return self.printed("")
            name, at = request["arguments"][2:]
            octets = base64.b64decode(request["octets"])
            assert len(body) <= 4 << 20
            if int(at) == len(files.setdefault(name, b"")):
                files[name] += octets
            return self.printed(json.dumps({"have": len(files[name])}))

    with standing_in(gate, Handler) as url:
        yield url, files


def test_a_gate_of_the_version_before_gets_base64(gate, old_gate, tmp_path):
    url, files = old_gate
    bundle = tmp_path / "junk.bundle"
    bundle.write_bytes(random.Random(4).randbytes((6 << 20) + 1))
    done = sealgate("--remote", url, *gate.transport("operators/policy-officer"), "policy",
                    "activate", bundle)
    assert done.returncode == 0, done.stderr
    assert files["bundle"] == bundle.read_bytes()
    assert files["manifest"].startswith(b"sealgate-bundle 1\n")


def test_a_folder_goes_so_too(gate, tmp_path):
    (tmp_path / "manifest").write_text(f"sealgate-manifest 1 update 9.9.9\n{'0' * 64} 1 octet\n")
    (tmp_path / "manifest.p7s").write_bytes(b"nobody's")
    done = remote(gate, "operator", "appliance", "update", tmp_path)
    assert done.returncode == 1 and "not by who may sign this" in done.stderr, done.stderr

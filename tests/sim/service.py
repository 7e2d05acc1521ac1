# SPDX-License-Identifier: EUPL-1.2
"""What every simulator shares: options, HTTP, faults, ledger, control and life cycle.

A simulator subclasses Service and says what a request means; this module decides which
fault applies, and nothing here ever judges a message.

Control, on the service's own port and on a plain-HTTP port of its own (which answers
also in mode down and needs no client certificate):
  GET  /_sim/ledger[?after=N]   the ledger's lines
  GET  /_sim/exchanges          begun, ended (seconds of a clock that never jumps) and status
                                of the newest requests; 0: dropped
  GET  /_sim/mode               current mode
  POST /_sim/mode               new mode, see faults.py
  POST /_sim/clock              {"offset": seconds} added to this simulator's clock
"""
import argparse
import collections
import contextlib
import dataclasses
import http.server
import io
import json
import logging
import os
import signal
import socket
import struct
import sys
import threading
import time
import urllib.parse

from . import faults, ledger, listener

LOG = logging.getLogger("sim")
IDLE_TIMEOUT = 30.0
LINGER_TIMEOUT = 2.0
MAX_CONTROL_BYTES = 65536
MAX_EXCHANGES = 1000
MAX_OFFSET = 10 * 366 * 86400
DROP = object()


@dataclasses.dataclass
class Request:
    """One HTTP request with its whole body. `headers` ignores case in names."""
    method: str
    path: str
    query: dict
    headers: object
    body: bytes

    def header(self, name):
        """The value of a header that occurs exactly once, else None."""
        values = self.headers.get_all(name) or []
        return values[0].strip() if len(values) == 1 else None

    def media_type(self):
        """Content-Type without parameters, lower case."""
        return (self.header("Content-Type") or "").split(";")[0].strip().lower()


@dataclasses.dataclass
class Reply:
    """One HTTP response."""
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict = dataclasses.field(default_factory=dict)
    lie: str = ""  # how it is written: "half", "drip" or "reset"
    pause: float = 0.0  # seconds between the octets of a drip


def json_reply(status, value, content_type="application/json", **headers):
    """A Reply with a JSON body."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode("ascii") + b"\n", content_type, named)


class Service:
    """Base of the simulators. Subclasses set attributes and the methods below."""

    name = "service"
    description = ""
    modes = ()
    tls = True

    @classmethod
    def add_options(cls, parser):
        """Add the simulator's own command line options."""

    def __init__(self, options):
        self.options = options
        self.offset = float(options.clock_offset)
        self.faults = faults.Faults(self.modes)
        self.ledger = ledger.Ledger(options.ledger, self.now)
        self.stopping = threading.Event()
        self.exchanges = collections.deque(maxlen=MAX_EXCHANGES)

    def now(self):
        """Seconds since the epoch on this simulator's own clock."""
        return time.time() + self.offset

    def operation(self, request):
        """What a request asks for: "submit", "find", or None for anything else."""
        raise NotImplementedError

    def serve(self, request, fault):
        """The reply of a working service; it writes the ledger before it returns."""
        raise NotImplementedError

    def broken(self, mode, request, fault):
        """The reply for mode fault-temp, fault-perm, busy, auth-fail or garbage."""
        raise NotImplementedError

    def control(self, request):
        """The reply of a control path of this simulator's own, or None."""
        return None

    def exchange(self, request):
        """One request under the fault of the moment. Return: a Reply, or DROP."""
        operation = self.operation(request)
        fault = self.faults.take(operation) if operation else faults.Fault()
        mode, early = fault.mode, fault.when == "before"
        if mode == "slow" and early:
            self.stopping.wait(fault.delay)
        if mode in ("fault-perm", "busy", "auth-fail"):
            return self.broken(mode, request, fault)
        if mode in ("fault-temp", "garbage", "fault-200") and early:
            return self.lying(mode, request, fault)
        reply = self.serve(request, fault)
        if mode == "slow" and not early:
            self.stopping.wait(fault.delay)
        if mode in ("fault-temp", "garbage", "fault-200"):
            return self.lying(mode, request, fault)
        if mode in ("half", "drip", "reset"):
            return dataclasses.replace(reply, lie=mode, pause=fault.delay)
        return DROP if mode == "drop-after-accept" else reply

    def lying(self, mode, request, fault):
        """A broken reply; fault-200 is a fault under the status of success."""
        if mode != "fault-200":
            return self.broken(mode, request, fault)
        return dataclasses.replace(self.broken("fault-temp", request, fault), status=200)

    def keep(self, digest, data, suffix):
        """Keep accepted octets in the folder of --store, durably, named by digest."""
        if not self.options.store:
            return
        path = os.path.join(self.options.store, digest + suffix)
        part = f"{path}.{threading.get_ident()}"
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)


def control_reply(service, shift, request):
    """Answer a /_sim/ request; `shift` applies a changed mode to the listener."""
    name = (request.method, request.path)
    try:
        if name == ("GET", "/_sim/ledger"):
            after = int(request.query.get("after", ["0"])[0])
            return Reply(200, service.ledger.text(max(after, 0)), "application/x-ndjson")
        if name == ("GET", "/_sim/exchanges"):
            return json_reply(200, list(service.exchanges))
        if name == ("GET", "/_sim/mode"):
            return json_reply(200, service.faults.state())
        if name == ("POST", "/_sim/mode"):
            service.faults.set(json.loads(request.body))
            shift()
            LOG.info("mode %s", service.faults.state())
            return json_reply(200, service.faults.state())
        if name == ("POST", "/_sim/clock"):
            offset = float(json.loads(request.body)["offset"])
            if not abs(offset) <= MAX_OFFSET:
                raise ValueError("offset out of range")
            service.offset = offset
            return json_reply(200, {"offset": offset})
        reply = service.control(request)
    except (ValueError, KeyError, TypeError) as error:
        return json_reply(400, {"error": str(error)})
    return reply or json_reply(404, {"error": "no such control path"})


def handler_class(service, shift, control_only):
    """The HTTP handler of one listener."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Reads one bounded request at a time and writes one response at once."""
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "sealgate-sim", ""
        timeout = IDLE_TIMEOUT
        wbufsize = -1
        linger = False

        def handle_expect_100(self):
            answer = super().handle_expect_100()
            self.wfile.flush()
            return answer

        def finish(self):
            """Read on for a while after a refusal, or the client never sees it."""
            if self.linger:
                with contextlib.suppress(OSError):
                    self.wfile.flush()
                    self.connection.settimeout(LINGER_TIMEOUT)
                    end = time.monotonic() + LINGER_TIMEOUT
                    while time.monotonic() < end and self.connection.recv(65536):
                        pass
            super().finish()

        def log_message(self, format, *args):
            LOG.debug(format, *args)

        def _body(self, limit):
            """The request's body, or the Reply that refuses it."""
            if self.headers.get("Transfer-Encoding") is not None:
                return Reply(501, b"no transfer codings here\n")
            if self.headers.get("Content-Encoding") is not None:
                return Reply(415, b"no content codings here\n")
            length = self.headers.get("Content-Length")
            if length is None:
                return b"" if self.command == "GET" else Reply(411, b"length required\n")
            if not (length.isascii() and length.isdigit() and len(length) < 12):
                return Reply(400, b"bad length\n")
            if int(length) > limit:
                return Reply(413, b"too large\n")
            body = self.rfile.read(int(length))
            return body if len(body) == int(length) else Reply(400, b"truncated\n")

        def _answer(self):
            url = urllib.parse.urlsplit(self.path)
            control = url.path.startswith("/_sim/")
            body = self._body(MAX_CONTROL_BYTES if control else service.options.max_bytes)
            if isinstance(body, Reply):
                self.close_connection = self.linger = True
                return body
            request = Request(self.command, url.path, urllib.parse.parse_qs(url.query),
                              self.headers, body)
            if control:
                return control_reply(service, shift, request)
            if control_only:
                return json_reply(404, {"error": "control port"})
            return service.exchange(request)

        def _exchange(self):
            begun = time.monotonic()
            try:
                reply = self._answer()
            except OSError:
                raise
            except Exception:
                LOG.exception("defect in the simulator")
                reply = Reply(500, b"defect in the simulator\n")
            if not self.path.startswith("/_sim/"):
                service.exchanges.append({"begun": begun, "ended": time.monotonic(),
                                          "status": 0 if reply is DROP else reply.status})
            LOG.info("%s %s -> %s in %.1f ms", self.command, self.path,
                     "dropped" if reply is DROP else reply.status,
                     1000 * (time.monotonic() - begun))
            if reply is DROP:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self._write(reply)

        def _write(self, reply):
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if reply.lie:
                self._lie(reply)
            else:
                self.wfile.write(reply.body)

        def _lie(self, reply):
            """Less than was announced, or slower than anybody waits, or a reset."""
            self.close_connection = True
            half = reply.body[:len(reply.body) // 2]
            with contextlib.suppress(OSError):
                if reply.lie == "drip":
                    for octet in reply.body:
                        self.wfile.write(bytes([octet]))
                        self.wfile.flush()
                        if service.stopping.wait(reply.pause):
                            return
                    return
                self.wfile.write(half)
                self.wfile.flush()
                if reply.lie == "half":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                           struct.pack("ii", 1, 0))
                self.wfile = io.BytesIO()
                os.close(self.connection.detach())

        do_GET = do_POST = do_PUT = do_DELETE = _exchange

    return Handler


def _parser(cls):
    parser = argparse.ArgumentParser(prog=f"sim.{cls.name}", description=cls.description)
    parser.add_argument("--ledger", required=True, metavar="FILE",
                        help="JSON lines, one fsynced line for each event")
    parser.add_argument("--log", metavar="FILE", help="log file (default standard error)")
    parser.add_argument("--store", metavar="DIR",
                        help="keep accepted octets there, named by SHA-256")
    parser.add_argument("--port", type=int, default=0, help="default: any free port")
    parser.add_argument("--ready-fd", type=int, default=1, metavar="N",
                        help='descriptor for the line "READY <url>" (default 1)')
    parser.add_argument("--info", metavar="FILE",
                        help="write url, control url, pid and ledger there as JSON")
    parser.add_argument("--max-bytes", type=int, default=32 << 20,
                        help="largest request body")
    parser.add_argument("--max-connections", type=int, default=64)
    parser.add_argument("--max-seconds", type=float, default=0,
                        help="end after that time (default: never)")
    parser.add_argument("--clock-offset", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--while-stdin", action="store_true",
                        help="end when standard input ends (with the program that "
                             "started this one)")
    if cls.tls:
        parser.add_argument("--tls-cert", required=True, metavar="PEM")
        parser.add_argument("--tls-key", required=True, metavar="PEM")
        parser.add_argument("--client-ca", metavar="PEM",
                            help="require a client certificate issued by one of these")
    cls.add_options(parser)
    return parser


def _watch_stdin():
    """End this process when standard input does."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(options, url, control):
    if options.info:
        part = options.info + ".part"
        with open(part, "w", encoding="ascii") as file:
            json.dump({"url": url, "control": control, "pid": os.getpid(),
                       "ledger": os.path.abspath(options.ledger)}, file)
        os.replace(part, options.info)
    os.write(options.ready_fd, f"READY {url}\n".encode("ascii"))
    if options.ready_fd > 2:
        os.close(options.ready_fd)


def _wait(options):
    """Sleep until told to end. The signals are blocked in every thread."""
    ends = {signal.SIGTERM, signal.SIGINT}
    if options.while_stdin:
        threading.Thread(target=_watch_stdin, daemon=True).start()
    if options.max_seconds > 0:
        signal.sigtimedwait(ends, options.max_seconds)
    else:
        signal.sigwait(ends)


def main(cls, arguments=None):
    """Run simulator `cls` until SIGTERM. Return: the exit status."""
    options = _parser(cls).parse_args(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    logging.basicConfig(filename=options.log, level=logging.INFO,
                        format="%(asctime)s %(levelname)s %(message)s")
    if options.store:
        os.makedirs(options.store, exist_ok=True)
    try:
        context = listener.tls_context(options.tls_cert, options.tls_key,
                                       options.client_ca) if cls.tls else None
        service = cls(options)
        shift = lambda: door.suspend() if service.faults.closed() else door.resume()
        door = listener.Listener(handler_class(service, shift, False), options.port,
                                 context, options.max_connections,
                                 service.faults.take_connection)
        desk = listener.Listener(handler_class(service, shift, True), limit=8)
    except (OSError, ValueError, ledger.LedgerError) as error:
        print(f"sim.{cls.name}: {error}", file=sys.stderr)
        return 1
    scheme = "https" if cls.tls else "http"
    _announce(options, f"{scheme}://127.0.0.1:{door.port}",
              f"http://127.0.0.1:{desk.port}")
    _wait(options)
    service.stopping.set()
    door.stop()
    desk.stop()
    service.ledger.close()
    return 0

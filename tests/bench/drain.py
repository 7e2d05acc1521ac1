# SPDX-License-Identifier: EUPL-1.2
"""How fast a backlog leaves for a fast destination, alone and beside one that is dead.

  drain.py FOLDER    FOLDER holds the bench programs; SEALGATE_BENCH_BACKLOG the documents

The queue is filled with sealed documents; then the whole gate runs, with sealgate-forward
delivering by TLS to an nginx that acknowledges everything. Nothing passes or fails here.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from accept import cpu  # noqa: E402
from bench import free_port, run  # noqa: E402
from scenarios.gate import a_gate  # noqa: E402

BACKLOG = int(os.environ.get("SEALGATE_BENCH_BACKLOG", "10000"))
OCTETS, CONCURRENCY = 2048, 16
BOUND_S = 1800

SINK = """daemon off;
pid {folder}/pid;
worker_processes 1;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
	log_format one '$msec';
	access_log {folder}/access one;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	ssl_certificate {certificate};
	ssl_certificate_key {key};
	server {{
		listen 127.0.0.1:{port} ssl;
		location / {{ return 200 '{{"id":"A-$request_id"}}'; }}
	}}
}}
"""

PROFILE = """protocol = "push";
url = "https://127.0.0.1:{port}/v1/certificates";
credentials = "customs-nl";
information = "advance";
concurrency = {concurrency};
timeout_s = 10;
retry_first_s = 1;
retry_max_s = 60;
submit = {{ id_member = "id"; }};
"""


@contextlib.contextmanager
def sink(gate):
    """An nginx that acknowledges; its port and the file with one line a request."""
    folder = gate.folder / "sink"
    folder.mkdir()
    port = free_port()
    (folder / "nginx.conf").write_text(SINK.format(
        folder=folder, port=port, certificate=gate.pki.path("servers/sim-customs", ".chain.pem"),
        key=gate.pki.path("servers/sim-customs", ".key")))
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", folder / "nginx.conf", "-e", "stderr"])
    try:
        yield port, folder / "access"
    finally:
        nginx.terminate()
        nginx.wait(10)


@contextlib.contextmanager
def dead():
    """A port that takes connections and never says a word."""
    server = socket.create_server(("127.0.0.1", 0), backlog=512)
    kept = []

    def take():
        with contextlib.suppress(OSError):
            while True:
                kept.append(server.accept()[0])

    threading.Thread(target=take, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for one in kept:
            one.close()


def fill(gate, bench, destinations):
    """A queue with nothing but the backlog."""
    queue = gate.dir / "state" / "queue"
    owner = queue.stat()
    for entry in queue.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    run(bench / "bench_engine", "backlog", queue, BACKLOG, OCTETS, *destinations)
    for entry in queue.iterdir():
        os.chown(entry, owner.st_uid, owner.st_gid)


def drain(gate, bench, destinations, access):
    """Documents a second at the sink, and CPU of each program a delivery in ms."""
    fill(gate, bench, destinations)
    seen = access.read_text().count("\n")
    gate.up()
    before = cpu(gate)
    end = time.monotonic() + BOUND_S
    while access.read_text().count("\n") < seen + BACKLOG and time.monotonic() < end:
        time.sleep(0.2)
    used = {name: 1000 * (value - before.get(name, 0)) / BACKLOG
            for name, value in cpu(gate).items()}
    times = [float(line) for line in access.read_text().splitlines()[seen:]]
    gate.down()
    return len(times) / (times[-1] - times[0]), used


def main():
    bench = pathlib.Path(sys.argv[1]).resolve()
    with a_gate() as gate, sink(gate) as (port, access), dead() as nobody:
        target = gate.dir / "policies" / "routes" / "destinations"
        for name, at in (("sink", port), ("dead", nobody)):
            (target / f"{name}.cfg").write_text(
                PROFILE.format(port=at, concurrency=CONCURRENCY))
        alone, used = drain(gate, bench, ("sink",), access)
        beside, _ = drain(gate, bench, ("sink", "dead"), access)
        again, _ = drain(gate, bench, ("sink",), access)
    print(f"a backlog of {BACKLOG} leaves at {alone:.0f}/s, beside a dead destination at "
          f"{beside:.0f}/s, alone again at {again:.0f}/s; dead ÷ alone "
          f"{2 * beside / (alone + again):.2f}")
    print("CPU a delivery in ms: " + ", ".join(
        f"{n.removeprefix('sealgate-')} {v:.2f}" for n, v in sorted(used.items()) if v > 0))


if __name__ == "__main__":
    main()

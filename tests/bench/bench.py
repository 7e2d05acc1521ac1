# SPDX-License-Identifier: EUPL-1.2
"""make bench: figures side by side in one run; nothing here passes or fails on time.

  bench.py FOLDER     FOLDER holds the bench programs; SEALGATE_BENCH_DOCUMENTS sets the size
"""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from scenarios.gate import a_gate  # noqa: E402
from scenarios.processes import descendants, name_of, text_of  # noqa: E402

DOCUMENTS = int(os.environ.get("SEALGATE_BENCH_DOCUMENTS", "200"))
# Officer's value, seal's value, two leaf certificates, time-stamp token, its certificate.
VERIFICATIONS = 6
PROGRAMS = ("sealgate-intake", "sealgate-verify", "sealgate-queued", "sealgate-signer",
            "sealgate-seal", "sealgate-forward", "sealgate-admin")


def run(program, *arguments):
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True,
                          check=False)
    if not done.stdout:
        raise SystemExit(f"{program.name}: {done.stderr}")
    return json.loads(done.stdout)


def tree(pid):
    """A process and all below it."""
    return [pid, *descendants(pid)]


def memory(gate):
    """Program: largest resident set of one of its processes so far, in MB."""
    result = {}
    for pid in tree(gate.process.pid):
        peak, name = re.search(r"VmHWM:\s+(\d+)", text_of(pid, "status")), name_of(pid)
        if peak and name:  # it has not ended since it was listed
            result[name] = max(result.get(name, 0), round(int(peak[1]) / 1024, 1))
    return result


def padded(gate, number, octets):
    """A document made larger by notes; signed and sealed."""
    path = gate.document("phyto", number)
    text = path.read_text()
    mark = "<ram:IncludedSPSNote"
    at = text.index(mark)
    end = text.index("</ram:IncludedSPSNote>") + len("</ram:IncludedSPSNote>")
    note = text[at:end]
    path.write_text(text[:end] + note * max(0, (octets - len(text)) // len(note)) + text[end:])
    signed = gate.sign(path)
    return gate.sign(signed, "authority-nz/seal", place=("--counter",), tsa=False)


def bench_verify(gate, programs, paths):
    schema = gate.dir / "policies" / "schemas" / "sps-17" / "SPSCertificate_17.xsd"
    figures = run(programs / "bench_verify", gate.dir, "nz-mpi", schema, VERIFICATIONS, *paths)
    print(f"verify, CPU a document: {figures['gate_us']:.0f} us; floor of bare libraries "
          f"{figures['floor_us']:.0f} us; ratio {figures['ratio']:.2f} "
          f"({figures['documents']} documents of {figures['octets']} octets)")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def nginx_alone(gate):
    """The edge's own configuration on other ports, answering 204 itself; its base URL."""
    run_folder = gate.dir / "run" / "nginx"
    text = (run_folder / "nginx.conf").read_text()
    for name in ("partners", "customs", "operators"):
        url = gate.listener(name)
        other = f"127.0.0.1:{free_port()}"
        text = text.replace(url.removeprefix("https://"), other)
        if name == "partners":
            base = f"https://{other}"
    text = text.replace(f"scgi_pass unix:{gate.dir}/run/intake.sock;", "return 204;")
    own = gate.folder / "floor"  # another nginx takes folders for bodies from the first
    own.mkdir(exist_ok=True)
    text = text.replace(f"{run_folder}/", f"{own}/")
    configuration = own / "nginx.conf"
    configuration.write_text(text)
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", configuration, "-e", "stderr"],
                             stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(base.rsplit(":", 1)[1]))) == 0:
                    break
            time.sleep(0.02)
        yield base
    finally:
        nginx.terminate()
        nginx.wait(10)


def bench_load(gate, programs, paths):
    client = (gate.pki.path("transport-ca/root"), gate.pki.path("partners/nz-mpi", ".chain.pem"),
              gate.pki.path("partners/nz-mpi", ".key"))
    with nginx_alone(gate) as base:
        floor = run(programs / "bench_load", 8, *client, base + "/", *paths)
    started = time.monotonic()
    figures = run(programs / "bench_load", 8, *client,
                  gate.listener("partners") + "/v1/documents", *paths)
    gate.wait_arrived(known(gate, len(paths)), bound=600)
    delivered = len(paths) / (time.monotonic() - started)
    print(f"accepted, 8 clients, P-256: {figures['per_second']:.0f}/s, p50 "
          f"{figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms "
          f"({figures['good']} of {figures['requests']} accepted)")
    print(f"nginx alone answering 204 to the same posts: {floor['per_second']:.0f}/s, p50 {floor['p50_ms']:.1f} "
          f"ms; accepted ÷ nginx alone {figures['per_second'] / floor['per_second']:.3f}")
    print(f"delivered to both destinations: {delivered:.0f}/s (the counterparts and the TSA "
          "are Python and share the machine)")


def known(gate, limit):
    """Ids of the newest documents."""
    response = gate.request(f"/v1/queue?limit={min(limit, 1000)}", "operators/viewer",
                            listener="operators")
    return [row["id"] for row in response.json()]


def bench_start(gate, path):
    gate.down()
    started = time.monotonic()
    gate.up()
    status, answer = gate.submit(path)
    took = time.monotonic() - started
    if answer.get("status") != 202:
        raise SystemExit(f"not accepted: {answer}")
    print(f"up to first accepted document: {took:.2f} s")


def bench_memory(gate):
    end = time.monotonic() + 120
    for octets in (70_000, 5_000_000):
        before = memory(gate)
        path = padded(gate, f"PHYTO.NZ.2026.9{octets:07d}"[-21:], octets)
        answer = {"status": 503}
        while answer.get("status") == 503 and time.monotonic() < end:  # still busy
            _, answer = gate.submit(path)
        if answer.get("status") != 202:
            print(f"{octets} octets: not accepted: {json.dumps(answer)[:300]}")
            continue
        gate.wait_delivered([answer["id"]], bound=120)
        after = memory(gate)
        print(f"resident at most, MB, after {octets} octets: " + ", ".join(
            f"{name} {after[name]}" for name in sorted(after) if name in before))


def main():
    programs = pathlib.Path(sys.argv[1])
    with a_gate(timeout=60) as gate:
        conf = gate.dir / "sealgate.conf"
        conf.write_text(conf.read_text().replace("listen = {", "listen = { rate = 100000;"))
        gate.up()
        paths = [gate.certificate("phyto", f"PHYTO.NZ.2026.{n:07d}")
                 for n in range(1, DOCUMENTS + 2)]
        bench_verify(gate, programs, paths[:100])
        print(f"resident at most, MB, idle: {json.dumps(memory(gate))}")
        bench_load(gate, programs, paths[:-1])
        bench_memory(gate)
        bench_start(gate, paths[-1])


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: EUPL-1.2
"""A full disk below the queue: nothing is acknowledged, nothing is lost, it recovers alone."""
import os
import subprocess
import time

import pytest

from scenarios.gate import Gate, a_folder
from scenarios.test_health import becomes_healthy, health as of_the_check

SIZE_MB = 24


@pytest.fixture
def small_gate():
    """A gate whose queue lives on a small file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    with a_folder() as folder:
        queue = folder / "state" / "queue"
        queue.mkdir(parents=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "none", queue],
                          check=False).returncode != 0:
            pytest.skip("may not mount here")
        try:
            with Gate(folder) as gate:
                yield gate.make().up()
        finally:
            subprocess.run(["umount", queue], check=False)


def fill(folder):
    """Take all the room there is; the file that took it."""
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as out:
        try:
            while True:
                out.write(b"\0" * 65536)
        except OSError:
            pass
    return ballast


def post(gate, path):
    response = gate.request("/v1/documents", method="POST", data=path.read_bytes(),
                            headers={"Content-Type": "application/xml"})
    return response.status_code, response.json(), response.headers


def test_disk_full(small_gate):
    gate = small_gate
    paths = [gate.certificate("phyto", f"PHYTO.NZ.2026.{n:07d}") for n in range(1, 14)]
    status, answer, _ = post(gate, paths[0])
    assert status == 202
    becomes_healthy(gate)
    acknowledged = [answer["id"]]
    gate.wait_delivered(acknowledged)
    ballast = fill(gate.dir / "state" / "queue")
    refused = None
    for path in paths[1:]:
        status, answer, headers = post(gate, path)
        if status == 503:
            refused = path
            break
        assert status == 202, answer
        acknowledged.append(answer["id"])
    assert refused, "the disk was full and everything was acknowledged"
    assert answer["code"] == "http.queue-away"
    assert int(headers["Retry-After"]) > 0
    health = gate.request("/health", "operators/viewer", listener="operators")
    assert health.status_code == 503
    assert health.json()["checks"]["disk"]["ok"] is False
    for _ in range(3):
        found = of_the_check(gate).stderr
        assert "refused: the queue waits for room on its disk" in found, found
    ballast.unlink()
    end = time.monotonic() + 40
    while True:
        status, answer, _ = post(gate, refused)
        if status == 202:
            break
        assert status == 503 and time.monotonic() < end, answer
        time.sleep(0.2)
    acknowledged.append(answer["id"])
    gate.wait_delivered(acknowledged)
    becomes_healthy(gate)
    assert gate.run("audit", "verify").returncode == 0

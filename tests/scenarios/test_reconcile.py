# SPDX-License-Identifier: EUPL-1.2
"""The signer's count against the ledger: one accepted document, one seal, or an alarm."""
import json
import os
import subprocess

from scenarios.gate import sealgate
from scenarios.signer import MAGIC, SIGNED


def reconcile(gate, *arguments):
    done = sealgate("--instance", gate.dir, "audit", "reconcile", *arguments)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def sign_as_seal(gate, document):
    """What a taken-over seal process could do: any digest, any identifier."""
    program = ("import socket,struct,sys\n"
               "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.connect(sys.argv[1])\n"
               "b=struct.pack('=24s27sB4s64s',b'seal',sys.argv[2].encode(),32,b'',b'x'*32)\n"
               f"s.send(struct.pack('=IHHQII',{MAGIC},1,1,7,len(b),0)+b)\n"
               "print(s.recv(4096)[24])\n")
    uid = {"user": gate.uid("seal"), "group": gate.uid("seal"), "extra_groups": []} \
        if os.geteuid() == 0 else {}
    done = subprocess.run(["/usr/bin/python3", "-c", program, gate.dir / "run/signer.sock",
                           document], capture_output=True, text=True, timeout=30, check=True, **uid)
    assert int(done.stdout) == SIGNED


def test_nothing_but_what_was_accepted_is_sealed(gate):
    identifiers = []
    for number in range(3):
        status, answer = gate.submit(gate.certificate("phyto", f"PHYTO.NZ.2026.00004{number:02d}"))
        assert status == 0, answer
        identifiers.append(answer["id"])
    gate.wait_delivered(identifiers)
    status, found = reconcile(gate)
    assert (status, found["ok"], found["alarms"]) == (0, True, [])
    assert found["sealed"] == found["seal_signatures"] == 3
    # Offline too, from an export and a copy of the count.
    export = gate.folder / "export.jsonl"
    export.write_text(sealgate("--instance", gate.dir, "audit", "export", check=True).stdout)
    assert reconcile(gate, "--count", gate.dir / "state/signer/count.log", export)[0] == 0

    sign_as_seal(gate, "01HZZZZZZZZZZZZZZZZZZZZZZZ")
    sign_as_seal(gate, identifiers[0])
    status, found = reconcile(gate)
    assert status == 1 and not found["ok"]
    assert {(a["code"], a["document"]) for a in found["alarms"]} == {
        ("seal.unknown", "01HZZZZZZZZZZZZZZZZZZZZZZZ"), ("seal.unexplained", identifiers[0])}

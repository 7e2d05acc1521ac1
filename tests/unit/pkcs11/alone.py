# SPDX-License-Identifier: EUPL-1.2
"""The signer alone: its speed, or its memory under valgrind.

  alone.py bench PROGRAM      signatures a second, 1 and 8 clients, P-256 and RSA-3072
  alone.py steady PROGRAM MODULE   as a share of the raw rate of a module that answers after
                              5 ms without CPU, 16 sessions
  alone.py valgrind           sign, refuse, lose the token, find it again, stop
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from scenarios.signer import AWAY, REFUSED, SIGNED, Signer  # noqa: E402
from sim import pki as pki_module  # noqa: E402

ROLES = """
seal: { label = "seal"; mechanism = "rsa-sha256"; key = "RSA-3072"; peer = "seal"; };
receipt: { label = "receipt"; mechanism = "ecdsa-sha256"; peer = "intake"; };
"""
# More than sessions: while one signature is made durable in the count, the device signs others.
CLIENTS = os.environ.get("SEALGATE_BENCH_CLIENTS", "48")
SECONDS = os.environ.get("SEALGATE_BENCH_SECONDS", "5")


def bench(made, program):
    signer, client = made.up()
    client.close()
    for role, what in (("receipt", "P-256"), ("seal", "RSA-3072")):
        for clients in ("1", "8"):
            done = subprocess.run([program, signer.dir / "run/signer.sock", role, clients,
                                   SECONDS], check=True, text=True, capture_output=True)
            print(f"{what}: {done.stdout.strip()}")
    return signer.stop()


def rate(program, socket, role, clients):
    done = subprocess.run([program, socket, role, clients, SECONDS], check=True, text=True,
                          capture_output=True)
    return float(done.stdout.split("clients: ")[1].split()[0])


def cpu(process):
    """Seconds of CPU that a process used so far."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def steady(made, program, module):
    (made.dir / "sealgate.conf").write_text(
        'instance = { name = "s"; test = true; };\n'
        f'signer = {{ softhsm_conf = "state/signer/softhsm2.conf"; module = "{module}"; '
        'threads = 16; };\n')
    signer, client = made.up()
    client.close()
    raw = rate(program, "-", "-", "16")
    for role in ("receipt", "seal"):
        before = cpu(signer.process)
        got = rate(program, signer.dir / "run/signer.sock", role, CLIENTS)
        spent = (cpu(signer.process) - before) / (got * float(SECONDS))
        print(f"{role}: {got:.0f} of {raw:.0f} signatures a second, {got / raw:.2f} of the raw "
              f"rate; {spent * 1e6:.0f} us of the signer's CPU each")
    return signer.stop()


def valgrind(made):
    wrapper = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
               "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]
    signer, client = made.up(wrapper=wrapper)
    digest = bytes(32)
    tokens, away = signer.dir / "state/signer/tokens", signer.dir / "away"
    for _ in range(3):
        assert client.sign("seal", digest)[0] == SIGNED
        assert client.sign("receipt", digest)[0] == SIGNED
        assert client.sign("receipt", digest[1:])[0] == REFUSED
        assert signer.run("status").returncode == 0
        tokens.rename(away)
        assert client.sign("seal", digest)[0] == AWAY
        away.rename(tokens)
        while client.sign("receipt", digest)[0] != SIGNED:
            time.sleep(0.1)
    client.ask(9)  # no message of the protocol: closed
    status = signer.stop()
    print(signer.log.read_text(), end="")
    return status


def main():
    with tempfile.TemporaryDirectory() as folder:
        pki = pki_module.Pki.create(pathlib.Path(folder) / "pki", with_rsa=False)
        made = Signer(pathlib.Path(folder) / "i", roles=ROLES).make(pki)
        if sys.argv[1] == "bench":
            status = bench(made, sys.argv[2])
        elif sys.argv[1] == "steady":
            status = steady(made, sys.argv[2], sys.argv[3])
        else:
            status = valgrind(made)
    return status


if __name__ == "__main__":
    sys.exit(main())

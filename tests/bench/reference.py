# SPDX-License-Identifier: EUPL-1.2
"""Validation of the same documents by sealgate and by the EU's reference implementation, side
by side in one run: warm, one thread, each document once, without reports. Levels T and LT,
SIGNERS officers; the LT documents are made of the T ones by the reference implementation.

  reference.py     SEALGATE_BENCH_DOCUMENTS sets how many are timed (300)
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from interop import judge  # noqa: E402
from scenarios.gate import a_gate  # noqa: E402

DOCUMENTS = int(os.environ.get("SEALGATE_BENCH_DOCUMENTS", "300"))
WARM = 300  # the other one compiles itself while it runs
SIGNERS = 21
ROUNDS = 3
PEM = serialization.Encoding.PEM


def officers(gate):
    """Names of more officers, each with a key and a certificate of its own."""
    names = []
    for n in range(SIGNERS):
        name = f"authority-nz/officer-bench-{n}"
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        issued = gate.pki.issue("officer", public, f"Test Officer B{n}")
        gate.pki.path(name).write_bytes(issued)
        gate.pki.path(name, ".chain.pem").write_bytes(issued + gate.pki.issue_chain("officer"))
        gate.pki.path(name, ".key").write_bytes(key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        names.append(name)
    return names


def ours(bench, anchors, crls, files):
    """What one process of ours says of one run."""
    done = subprocess.run([bench, anchors, crls, str(WARM), *files], text=True,
                          capture_output=True, check=False, timeout=300)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def compare(level, bench, pki, files):
    """Runs of the two by turns; the best of each."""
    anchors, crls = pki / "anchors-bench", pki / "crl"
    arguments = [x for a in sorted(anchors.iterdir()) for x in ("--anchors", a)]
    arguments += [x for c in sorted(crls.iterdir()) for x in ("--revocation", c)]
    mine, theirs = [], []
    for _ in range(ROUNDS):
        mine.append(ours(bench, anchors, crls, files))
        out, _ = judge.run("--bench", WARM, *arguments, *files, timeout=600)
        theirs.append(float(out.split()[1]))
    best = min(mine, key=lambda m: m["us"])
    print(f"validation, {level}, {best['documents']} documents of {SIGNERS} signers: sealgate "
          f"{best['us']:.0f} us, reference implementation {min(theirs):.0f} us; "
          f"{min(theirs) / best['us']:.0f} times faster; kept between documents, found and "
          f"missed: certificates {best['certificates']}, CA and CRL proofs {best['proofs']}")


def main(bench):
    try:
        judge.build()
    except judge.NoJudge as error:
        print(f"reference: skipped, {error}")
        return
    with a_gate() as gate:
        names = officers(gate)
        files = [gate.sign(gate.document("phyto", f"PHYTO.NZ.2026.{n:07d}"),
                           names[n % SIGNERS]) for n in range(DOCUMENTS + WARM)]
        pki, longer = gate.folder / "pki", gate.folder / "longer"
        (pki / "anchors-bench").mkdir()
        for name in ("authority-nz", "tsa"):
            shutil.copy(gate.pki.path(f"{name}/root"), pki / "anchors-bench" / f"{name}.pem")
        compare("XAdES-BASELINE-T", bench, pki, files)
        longer.mkdir()
        arguments = [x for c in sorted((pki / "crl").iterdir()) for x in ("--revocation", c)]
        arguments += [x for a in (pki / "anchors-bench").iterdir() for x in ("--anchors", a)]
        judge.run("--extend", longer, *arguments, *files, timeout=900)
        compare("XAdES-BASELINE-LT", bench, pki, [longer / f.name for f in files])


if __name__ == "__main__":
    main(sys.argv[1])

# SPDX-License-Identifier: EUPL-1.2
"""A token that has a label and a PIN and nothing else, and the steps from there to a seal."""
import os
import subprocess

from scenarios.gate import sealgate

PIN = "493817264051"
PHRASES = {"ana": "first long phrase", "bert": "second long phrase"}
OFFICERS = ("key-custodian", "policy-officer")  # the second one is given the role of the first


def make_empty(folder):
    """Initialise the software token of an instance below a folder, and nothing more."""
    tokens = folder / "state" / "signer" / "tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    conf = folder / "state" / "signer" / "softhsm2.conf"
    conf.write_text("directories.tokendir = state/signer/tokens\nobjectstore.backend = file\n"
                    "log.level = ERROR\nslots.removable = false\n")
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "sealgate", "--pin", PIN,
                    "--so-pin", PIN[::-1]], check=True, cwd=folder, capture_output=True,
                   env={**os.environ, "SOFTHSM2_CONF": str(conf)})


def leave_to_people(folder):
    """Nobody's file has the PIN, and there are two key custodians."""
    conf, operators = folder / "sealgate.conf", folder / "policies" / "operators.cfg"
    conf.write_text(conf.read_text().replace("signer = {",
                                             'signer = { activation = "custodians";'))
    operators.write_text(operators.read_text().replace('role = "policy-officer"',
                                                       'role = "key-custodian"'))


def close_pin(path, pin=PIN):
    """The PIN for both custodians, closed where they are: no token, no instance."""
    typed = [pin, pin] + [p for phrase in PHRASES.values() for p in (phrase, phrase)]
    return sealgate("hsm", "custody", "-k", "2", "-o", path, *PHRASES,
                    input="\n".join(typed) + "\n")


def issue(gate, role, request):
    """What the authority issues for a request, with the chain above it: a file."""
    path = gate.folder / f"{role}.pem"
    path.write_bytes(gate.pki.issue(role, request.encode()) + gate.pki.issue_chain(role))
    return path

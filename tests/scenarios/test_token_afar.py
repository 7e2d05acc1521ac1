# SPDX-License-Identifier: EUPL-1.2
"""From an empty token to a sealed document without a shell: two officers, by --remote alone."""
import contextlib
import hashlib
import json
import os
import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (Encoding, NoEncryption, PrivateFormat,
                                                          PublicFormat)

from scenarios.empty_token import (OFFICERS, PHRASES, PIN, close_pin, issue, leave_to_people,
                                   make_empty)
from scenarios.gate import Gate, a_folder, fingerprint
from scenarios.processes import killed
from scenarios.test_faults import until
from scenarios.test_health import becomes_healthy, health
from scenarios.test_remote import recorded, remote

NAMES = [f"{officer} (TEST)" for officer in OFFICERS]


class Empty(Gate):
    """A gate whose token has a label and a PIN and nothing else, and nobody holds the PIN."""

    def _make_token(self):
        make_empty(self.dir)
        leave_to_people(self.dir)
        if os.geteuid() == 0:
            signer = self.dir / "state" / "signer"
            for path in (signer, *signer.rglob("*")):
                os.chown(path, self.uid("signer"), self.uid("signer"))


@pytest.fixture(scope="module")
def gate():
    with a_folder() as folder, Empty(folder) as made:
        yield made.make().up()


def listed(gate):
    done = remote(gate, "viewer", "hsm", "list")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return said, {role["role"]: role for role in said.get("roles", ())}


def together(gate, *command, **options):
    """The first officer asks, the second one's request runs: what it says."""
    first = remote(gate, OFFICERS[0], "hsm", *command, **options)
    assert first.returncode == 4 and "another person" in first.stderr, first.stderr
    assert first.stdout == ""
    again = remote(gate, OFFICERS[0], "hsm", *command, **options)  # one person is one
    assert again.returncode == 4 and "another person" in again.stderr, again.stderr
    return remote(gate, OFFICERS[1], "hsm", *command, **options)


def last_command(gate):
    actor, detail = recorded(gate)[-1]
    assert actor == NAMES[1] and detail["second"] == NAMES[0], (actor, detail)
    return detail["command"]


def digest(path):
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def custody(gate):
    """The PIN, closed where its holders are, without token or instance."""
    path = gate.folder / "custody.json"
    done = close_pin(path)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_mode & 0o777 == 0o600 and PIN not in path.read_text()
    return path


def activate(gate):
    for name, phrase in PHRASES.items():
        done = remote(gate, OFFICERS[0], "hsm", "activate", name, input=phrase + "\n")
        assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_goes_without_the_right_role(gate, custody):
    for command in (("keys",), ("csr", "seal"), ("remove", "seal", "0" * 64), ("test",),
                    ("custody", custody), ("import", "seal", custody)):
        for role in ("viewer", "operator", "auditor"):
            done = remote(gate, role, "hsm", *command)
            assert done.returncode == 1 and "403" in done.stderr, (role, command, done.stderr)
    assert not [c for _, c in recorded(gate) if c["command"].startswith("hsm ")]


def test_custody_comes_from_afar(gate, custody):
    said, _ = listed(gate)
    assert said["active"] is False and said["custody"] is None
    assert said["next"].startswith("hsm custody FILE")
    until(lambda: "refused: the token waits for its custodians" in health(gate).stderr)
    before = together(gate, "keys")
    assert before.returncode == 1 and "activate the token first" in before.stderr, before.stderr
    broken = gate.folder / "broken.json"
    broken.write_text(custody.read_text().replace('"threshold": 2', '"threshold": 3'))
    done = together(gate, "custody", broken)
    assert done.returncode == 1 and "no closed PIN" in done.stderr, done.stderr
    done = together(gate, "custody", custody)
    assert done.returncode == 0 and "2 of 2 people open it" in done.stdout, done.stderr
    assert last_command(gate) == f"hsm custody {digest(custody)}"
    said, _ = listed(gate)
    people = {"threshold": 2, "people": ["ana", "bert"]}
    assert (said["custody"], said["custody_unproven"]) == (None, people)
    assert "the token is active" in activate(gate)
    said, _ = listed(gate)
    assert (said["custody"], said["custody_unproven"]) == (people, None)


def test_a_wrong_pin_takes_nobodys_place(gate, custody):
    """Two officers send a file with another PIN in it: it is tried once, the old one stays."""
    wrong = gate.folder / "wrong.json"
    assert close_pin(wrong, "000000").returncode == 0
    assert together(gate, "custody", wrong).returncode == 0
    assert remote(gate, OFFICERS[0], "hsm", "deactivate", "ana").returncode == 0
    until(lambda: not listed(gate)[0]["active"])
    for name, phrase in PHRASES.items():
        done = remote(gate, OFFICERS[0], "hsm", "activate", name, input=phrase + "\n")
    assert done.returncode == 1 and "not ready" in done.stderr, done.stderr
    assert "it is given up, and the one before counts" in gate.log.read_text()
    assert listed(gate)[0]["custody_unproven"] is None
    assert "the token is active" in activate(gate)


def test_keys_by_two(gate):
    """Crash and all: what is made stays, what is missing is made."""
    said, roles = listed(gate)
    assert said["active"] and said["software"] and said["device"]["serial"]
    until(lambda: "the token waits for keys and certificates" in health(gate).stderr)
    assert all(r["key"] is None and r["next"] == "hsm keys" for r in roles.values()), roles
    done = together(gate, "keys", "seal")
    assert done.returncode == 0, done.stderr
    _, roles = listed(gate)
    assert roles["receipt"]["key"] is None
    assert f"seal: key of kind P-256 made on the token, public key sha256:{roles['seal']['key']}" \
        in done.stdout
    kept = roles["seal"]["key"]
    killed(gate, "sealgate-signer")
    until(lambda: "not activated" in listed(gate)[0]["reason"])
    activate(gate)
    done = together(gate, "keys")
    assert done.returncode == 0 and "receipt: key of kind" in done.stdout, done.stderr
    assert "seal: key" not in done.stdout
    _, roles = listed(gate)
    assert roles["seal"]["key"] == kept and all(r["key"] for r in roles.values())
    assert together(gate, "keys").stdout == "no key is missing\n"
    assert not any(r["usable"] for r in roles.values())
    done = remote(gate, OFFICERS[0], "hsm", "test")
    assert done.returncode == 1 and "seal: no certificate was imported" in done.stderr


def test_a_key_without_a_certificate_is_given_up(gate):
    _, roles = listed(gate)
    old = roles["receipt"]["key"]
    done = together(gate, "remove", "receipt", roles["seal"]["key"])
    assert done.returncode == 1 and old in done.stderr, done.stderr  # another one was named
    done = together(gate, "remove", "receipt", f"sha256:{old}")
    assert done.returncode == 0 and "is removed" in done.stdout, done.stderr
    assert listed(gate)[1]["receipt"]["key"] is None
    assert together(gate, "keys", "receipt").returncode == 0
    assert listed(gate)[1]["receipt"]["key"] not in (None, old)


@pytest.fixture(scope="module")
def requests(gate):
    """A request of each role."""
    made = {}
    for role in gate.roles:
        subject = rf"C=EU,O=Food\, Feed and Plants,organizationIdentifier=VATBE-1,CN={role} 1"
        done = together(gate, "csr", role, "--subject", subject)
        assert done.returncode == 0, done.stderr
        assert last_command(gate) == f"hsm csr {role} --subject {json.dumps(subject)}"
        made[role] = done.stdout
    return made


def test_requests(gate, requests):
    _, roles = listed(gate)
    for role, text in requests.items():
        request = x509.load_pem_x509_csr(text.encode())
        assert request.is_signature_valid
        assert "O=Food\\, Feed and Plants" in request.subject.rfc4514_string()
        key = request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert hashlib.sha256(key).hexdigest() == roles[role]["key"]
    for subject in ("CN=a,CN=b", "C=eu,CN=a", "O=Gate", "CN=a,XX=b", "CN=a,O", "CN=",
                    "CN=" + "a" * 65, "CN=a\\"):
        done = together(gate, "csr", "seal", "--subject", subject)
        assert done.returncode == 1 and "is not one (C=EU" in done.stderr, (subject, done.stderr)
    done = together(gate, "csr", "nobody")
    assert done.returncode == 1 and "there is no role nobody" in done.stderr, done.stderr


def stranger(gate):
    """A certificate of the right authority for a key that is not in the token."""
    key = ec.generate_private_key(ec.SECP256R1())
    path = gate.folder / "stranger.pem"
    path.write_bytes(gate.pki.issue("seal", key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)))
    return path, key


def test_certificates_that_are_refused(gate, requests):
    good = issue(gate, "seal", requests["seal"]).read_bytes()
    foreign, key = stranger(gate)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = gate.folder / "refused.pem"
    for octets, why in ((foreign.read_bytes(), "is that of the role's key"),
                        (good + foreign.read_bytes(), "do not belong to the chain"),
                        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                         "not a PEM file"), (b"nothing at all", "not a PEM file")):
        path.write_bytes(octets)
        done = together(gate, "import", "seal", path)
        assert done.returncode == 1 and why in done.stderr, (why, done.stderr)
    path.write_bytes(good + private)  # is not even sent
    done = remote(gate, OFFICERS[0], "hsm", "import", "seal", path)
    assert done.returncode == 2 and "private key" in done.stderr, done.stderr
    path.write_bytes(b"x" * (128 * 1024 + 1))
    done = remote(gate, OFFICERS[0], "hsm", "import", "seal", path)
    assert done.returncode == 2, done.stderr
    assert listed(gate)[1]["seal"]["certificate"] is None


def test_what_is_given_is_what_it_is_called(gate, requests):
    """By the interface itself, whatever the command line would send."""
    good = issue(gate, "seal", requests["seal"])
    name = digest(good)
    for request in ({"arguments": ["hsm", "import", "seal", name], "octets": "AAAA"},
                    {"arguments": ["hsm", "import", "seal", name], "input": good.read_text()},
                    {"arguments": ["hsm", "import", "seal", name]},
                    {"arguments": ["hsm", "import", "seal", "seal.pem"], "octets": "AAAA"},
                    {"arguments": ["hsm", "import", "seal", "/etc/passwd"]},
                    {"arguments": ["hsm", "init"]},
                    {"arguments": ["hsm", "custody", "-k", "2", "ana", "bert"]}):
        answer = gate.request("/v1/commands", f"operators/{OFFICERS[0]}", "POST", "operators",
                              json=request)
        assert answer.status_code == 400 and answer.json()["code"] == "operator.command"


def test_two_files_are_not_two_people(gate, requests):
    """Consent is about the octets: two officers with other files have not asked for the same."""
    good = issue(gate, "seal", requests["seal"])
    other = gate.folder / "other.pem"
    other.write_bytes(good.read_bytes() + b"\n")
    for officer, path in zip(OFFICERS, (good, other)):
        done = remote(gate, officer, "hsm", "import", "seal", path)
        assert done.returncode == 4 and "another person" in done.stderr, done.stderr
    assert listed(gate)[1]["seal"]["certificate"] is None


def test_first_sealed_document(gate, requests):
    for role in gate.roles:
        done = together(gate, "import", role, issue(gate, role, requests[role]))
        assert done.returncode == 0 and "are stored" in done.stdout, done.stderr
        assert last_command(gate) == f"hsm import {role} {digest(gate.folder / f'{role}.pem')}"
    becomes_healthy(gate)
    _, roles = listed(gate)
    for role in roles.values():
        assert role["usable"] and role["next"] is None and role["chain"] >= 1, role
        assert role["certificate"]["sha256"] == fingerprint(gate.folder / f"{role['role']}.pem")
    done = remote(gate, OFFICERS[0], "hsm", "test")
    assert done.returncode == 0 and done.stdout.count("signs, and the signature verifies") == 3
    done = together(gate, "remove", "seal", roles["seal"]["key"])
    assert done.returncode == 1 and "has a certificate" in done.stderr, done.stderr
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000001"))
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    assert gate.request(f"/v1/documents/{answer['id']}/evidence").status_code == 200
    assert gate.run("audit", "reconcile").returncode == 0
    assert gate.run("hsm", "log", "verify").returncode == 0


def test_an_import_that_was_cut_short_is_shown_and_repeated(gate):
    chain = gate.dir / "state" / "signer" / "seal.chain.pem"
    shutil.move(chain, chain.with_suffix(".away"))
    chain.write_bytes((gate.dir / "policies/anchors/tsa/tsa.pem").read_bytes())
    try:
        assert "once more" in listed(gate)[1]["seal"]["next"]
        done = together(gate, "import", "seal", gate.folder / "seal.pem")
        assert done.returncode == 0, done.stderr
        assert listed(gate)[1]["seal"]["next"] is None
    finally:
        with contextlib.suppress(FileNotFoundError):
            chain.with_suffix(".away").unlink()


def step(gate, *arguments):
    return together(gate, "ceremony", "keys-2026", *arguments)


def test_the_protocol_of_a_ceremony(gate, tmp_path):
    """Written by the signer, step by step as two ask for it, over a crash; read from afar and
    verified elsewhere, without the gate."""
    shown = ("hsm", "ceremony", "keys-2026", "show")
    assert "there is none" in remote(gate, "viewer", *shown).stderr
    for role in ("viewer", "operator", "auditor"):
        done = remote(gate, role, "hsm", "ceremony", "keys-2026", "note", "x")
        assert done.returncode == 1 and "403" in done.stderr, (role, done.stderr)
    # The same words otherwise parted are another command.
    for officer, *witnesses in ((OFFICERS[0], "A. Witness", "B. Witness"),
                                (OFFICERS[1], "A.", "Witness B. Witness")):
        done = remote(gate, officer, "hsm", "ceremony", "keys-2026", "begin", *witnesses)
        assert done.returncode == 4 and "another person" in done.stderr, done.stdout
    done = step(gate, "begin", "A. Witness", "B. Witness")
    assert done.returncode == 0 and done.stdout.startswith("entry 1, chain "), done.stderr
    assert last_command(gate) == (
        'hsm ceremony keys-2026 begin "A. Witness" "B. Witness"')
    assert "it has begun" in step(gate, "begin", "A. Witness", "B. Witness").stderr
    assert step(gate, "keys").returncode == 0
    with open(gate.dir / "state/signer/ceremonies/keys-2026.txt", "a", encoding="ascii") as file:
        file.write("#3 2026-01-01T\0\0")  # of a step that the power cut off
    killed(gate, "sealgate-signer")
    until(lambda: "not activated" in listed(gate)[0]["reason"])
    assert "  the signer has started\n  16 octets of" in remote(gate, "viewer", *shown).stdout
    assert "activate the token first" in step(gate, "request", "seal", "CN=Seal").stderr
    done = step(gate, "note", "the token was found without power")
    assert done.returncode == 0, done.stderr
    with open(gate.dir / "state/signer/ceremonies/keys-2026.txt", "a", encoding="ascii") as file:
        file.write("#5 2026-01-01T")  # of one that broke off otherwise
    assert "altered, or cut short" in remote(gate, "viewer", *shown).stderr
    activate(gate)
    request = step(gate, "request", "seal", "C=EU,organizationIdentifier=VATBE-1,CN=Seal").stdout
    assert x509.load_pem_x509_csr(request.encode()).is_signature_valid
    assert step(gate, "end", "seal").returncode == 0
    assert "has ended" in step(gate, "note", "too late").stderr
    text = remote(gate, "viewer", *shown).stdout
    for words in ("witness B. Witness", "made on the token, sensitive",
                  hashlib.sha256(request.encode()).hexdigest(),
                  "  note: the token was found without power",
                  "14 octets of an entry that broke off", f"from afar, by {NAMES[1]}",
                  f"as asked for first by {NAMES[0]}"):
        assert words in text, (words, text)
    protocol = tmp_path / "keys-2026.txt"
    protocol.write_text(text)
    done = gate.run("hsm", "ceremony", protocol, "verify", gate.folder / "seal.pem")
    assert done.returncode == 0 and "6 entries" in done.stdout, done.stderr
    protocol.write_text(text.replace("B. Witness", "C. Witness"))
    done = gate.run("hsm", "ceremony", protocol, "verify", gate.folder / "seal.pem")
    assert done.returncode == 1, done.stdout
    done = remote(gate, OFFICERS[0], "hsm", "ceremony", "keys-2026", "verify", "seal.pem")
    assert done.returncode == 2 and "verify needs no gate" in done.stderr, done.stderr


def test_no_secret_is_anywhere(gate):
    log = gate.log.read_text()
    for secret in (PIN, *PHRASES.values()):
        assert secret not in log and secret not in str(recorded(gate))
    assert f"signer.setup: keys, by {NAMES[1]}: seal: key of kind" in log
    assert f"signer.setup: import, by {NAMES[1]}: seal: its certificate" in log

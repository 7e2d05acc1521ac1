# SPDX-License-Identifier: EUPL-1.2
"""Every call-back carries a signature that its receiver verifies without the gate: what is
altered, another's or old is seen as that; without a token nobody is called, and then again."""
import base64
import datetime
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scenarios.gate import BIN, ROOT, a_gate, sealgate
from scenarios.signer import MAGIC, SIGNED
from scenarios.test_callback import Partner
from scenarios.processes import killed
from scenarios.test_faults import until
from scenarios.test_withdrawal import number_of, send
from sim import callback

REFUSED = 2


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        made.partner = Partner(made.pki)
        made.partner.called_by(made)
        made.up()
        made.first = send(made, number_of(1))
        until(lambda: len(made.partner.taken()) >= 3)
        answer = made.request("/v1/certificates")
        made.known = callback.certificates(answer.json())
        (made.folder / "certificates.json").write_text(answer.text)
        yield made
        made.partner.server.shutdown()


def verified(gate, call, **more):
    signature, body, _ = call
    return callback.verified(signature, body, gate.known, **{"partner": "nz-mpi", **more})


def refused(gate, call, **more):
    with pytest.raises(callback.Refused) as why:
        verified(gate, call, **more)
    return str(why.value)


def judged(gate, signature, body, *more):
    """Exit status and report of the project's own verifier, offline."""
    folder = gate.folder / "kept"
    folder.mkdir(exist_ok=True)
    (folder / "signature").write_text(signature)
    (folder / "body").write_bytes(body)
    done = sealgate("evidence", "verify", "--anchors", gate.folder / "pki/anchors/ec.pem",
                    "--store", gate.dir / "policies/anchors",
                    "--revocation", gate.dir / "state/trust/revocation",
                    "--certs", gate.folder / "certificates.json",
                    "--body", folder / "body", *more, folder / "signature")
    return done.returncode, json.loads(done.stdout)


def codes(report, severity="error"):
    return [finding["code"] for finding in report["findings"] if finding["severity"] == severity]


def test_verified_with_what_is_published(gate):
    for call in gate.partner.signed:
        claims, body = verified(gate, call), json.loads(call[1])
        assert claims["cursor"] == body["next"] and claims["jti"] == call[2]
        assert claims["iss"] == "demo" and claims["test"] and "TEST" in claims["notice"]


def test_verified_by_any_library_of_tokens(gate):
    """Also that it is for this partner: `aud` is checked by the library itself."""
    jwt = pytest.importorskip("jwt")
    signature, *_ = gate.partner.signed[0]
    key = gate.known[jwt.get_unverified_header(signature)["kid"]].public_key()
    assert jwt.decode(signature, key, algorithms=["ES256"], audience="nz-mpi")["cursor"]
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(signature, key, algorithms=["ES256"], audience="br-mapa")


def examples(language):
    """What docs/integrators/callbacks.md shows."""
    text = (ROOT / "docs" / "integrators" / "callbacks.md").read_text()
    return [part.split("```", 1)[0] for part in text.split(f"```{language}\n")[1:]]


def ends(folder, *command, **environment):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, **environment})


def taken(folder, signature, body, program):
    """The example of a library of tokens, run on a call-back."""
    return ends(folder, "/usr/bin/python3", "-c",
                f"signature, body, last_kept = {signature!r}, {body!r}, 0\n{program}")


def in_production():
    """The example without the line that refuses gates for tests."""
    program, = examples("python")
    line, = [line for line in program.splitlines(True) if 'claims["test"]' in line]
    return program.replace(line, "")


def test_verified_as_the_quick_start_says(gate, tmp_path):
    """Its example as it stands there, with a library of tokens."""
    pytest.importorskip("jwt")
    signature, body, _ = gate.partner.signed[0]
    (tmp_path / "certificates.json").write_text((gate.folder / "certificates.json").read_text())
    done = taken(tmp_path, signature, body, in_production())
    assert done.returncode == 0, done.stderr
    assert "AssertionError" in taken(tmp_path, signature, body + b" ", in_production()).stderr
    program, = examples("python")
    assert "AssertionError" in taken(tmp_path, signature, body, program).stderr
    other = in_production().replace('issuer="demo"', 'issuer="another"')
    assert other != in_production()
    assert "InvalidIssuerError" in taken(tmp_path, signature, body, other).stderr


class Signer:
    """Somebody with a key of his own, whose certificate is published for a role."""

    def __init__(self, folder, role):
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, role)])
        now = datetime.datetime.now(datetime.timezone.utc)
        der = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
               .public_key(self.key.public_key()).serial_number(1).not_valid_before(now)
               .not_valid_after(now + datetime.timedelta(days=1)).sign(self.key, hashes.SHA256())
               .public_bytes(serialization.Encoding.DER))
        self.kid = hashlib.sha256(der).hexdigest()
        (folder / "certificates.json").write_text(json.dumps({"certificates": [
            {"role": role, "sha256": self.kid, "chain": [base64.b64encode(der).decode()]}]}))

    def signed(self, body, ahead=0, typ="sealgate-callback+jwt"):
        """A call-back that was made so many seconds later than now, or what says it is not one."""
        jwt = pytest.importorskip("jwt")
        claims = {"aud": "nz-mpi", "callback": 1, "cursor": "7", "iat": int(time.time()) + ahead,
                  "iss": "demo", "jti": "nz-mpi-7", "sha256": hashlib.sha256(body).hexdigest(),
                  "size": len(body), "test": False}
        return jwt.encode(claims, self.key, "ES256",
                          {"kid": self.kid, "typ": typ})


def test_the_example_and_clocks_that_differ(tmp_path):
    program, = examples("python")
    signer = Signer(tmp_path, "receipt")
    for ahead, said in ((0, ""), (150, ""), (3600, "ImmatureSignatureError")):
        done = taken(tmp_path, signer.signed(b"{}", ahead), b"{}", program)
        assert (done.returncode == 0, said in done.stderr) == (not said, True), done.stderr


@pytest.mark.parametrize("role", ("audit-head", "seal"))
def test_signed_by_no_other_role(tmp_path, role):
    """What else the gate publishes makes no call-backs: the example, another receiver, the
    command."""
    program, = examples("python")
    signer = Signer(tmp_path, role)
    signature = signer.signed(b"{}")
    assert "KeyError" in taken(tmp_path, signature, b"{}", program).stderr
    answer = json.loads((tmp_path / "certificates.json").read_text())
    with pytest.raises(callback.Refused, match="certificate"):
        callback.verified(signature, b"{}", callback.certificates(answer), "nz-mpi")
    (tmp_path / "signature").write_text(signature)
    (tmp_path / "body").write_text("{}")
    done = sealgate("evidence", "verify", "--certs", tmp_path / "certificates.json", "--body",
                    tmp_path / "body", tmp_path / "signature")
    assert json.loads(done.stdout)["sub_indication"] == "NO_SIGNING_CERTIFICATE_FOUND"


def test_verified_with_openssl_alone(gate, tmp_path):
    """The example as it stands there: signature, type and body."""
    signature, body, _ = gate.partner.signed[0]
    shell = examples("console")[1]
    kid = json.loads(callback.decoded(signature.split(".")[0]))["kid"]

    def of(key):
        (tmp_path / "key.pem").write_bytes(key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))

    def run(signature, body):
        (tmp_path / "signature.txt").write_text(signature)
        (tmp_path / "body.json").write_bytes(body)
        return ends(tmp_path, "sh", "-e", "-c", shell)

    of(gate.known[kid].public_key())
    done = run(signature, body)
    assert done.returncode == 0, done.stderr
    verdict, claims = done.stdout.splitlines()
    assert verdict == "Verified OK" and json.loads(claims)["aud"] == "nz-mpi"
    assert run(signature, body + b" ").returncode != 0
    head, claims, value = signature.split(".")
    assert run(f"{head}.{claims}A.{value}", body).returncode != 0
    signer = Signer(tmp_path, "receipt")
    of(signer.key.public_key())
    assert run(signer.signed(body), body).returncode == 0
    done = run(signer.signed(body, typ="sealgate-receipt+jws"), body)
    assert done.stdout == "Verified OK\n" and done.returncode != 0


def test_verified_years_later_as_the_quick_start_says(gate, tmp_path):
    """The example as it stands there, of what was kept; and what is missing when it was not."""
    signature, body, _ = gate.partner.signed[0]
    shell = examples("console")[0]
    (tmp_path / "signature.txt").write_text(signature)
    (tmp_path / "body.json").write_bytes(body)
    for name, kept in (("certificates.json", "certificates.json"),
                       ("authority.pem", "pki/anchors/ec.pem")):
        (tmp_path / name).write_bytes((gate.folder / kept).read_bytes())
    shutil.copytree(gate.dir / "state/trust/revocation", tmp_path / "revocation")

    def run(at, shell=shell):
        done = ends(tmp_path, "sh", "-e", "-c", shell, LAST_KEPT="0", PATH=f"{BIN}:/usr/bin:/bin",
                    KEPT_AT=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)))
        return json.loads(done.stdout)["indication"]

    now = time.time()
    assert run(now) == "TOTAL-PASSED"
    assert run(now, shell.replace("--revocation revocation", "")) == "INDETERMINATE"
    assert run(now + 20 * 366 * 86400) == "INDETERMINATE"


def test_verified_offline_by_the_command(gate):
    signature, body, _ = gate.partner.signed[0]
    status, report = judged(gate, signature, body, "--partner", "nz-mpi", "--after", "0")
    assert (status, report["indication"], codes(report)) == (0, "TOTAL-PASSED", [])
    assert report["evidence"]["kind"] == "callback"
    assert report["evidence"]["claims"]["aud"] == "nz-mpi"
    # of a test instance: genuine, and it says that it means nothing
    assert report["evidence"]["test"] and codes(report, "warning") == ["evidence.callback-test"]
    assert report["evidence"]["signer_sha256"] in gate.known


def test_verified_as_of_its_day_with_the_list_of_a_later_one(gate, tmp_path):
    signature, body, _ = gate.partner.signed[0]
    made = datetime.datetime.fromtimestamp(verified(gate, gate.partner.signed[0])["iat"],
                                           datetime.timezone.utc)
    (tmp_path / "signature").write_text(signature)
    (tmp_path / "body").write_bytes(body)
    time.sleep(1.1)  # CRLs have whole seconds
    gate.pki.renew_crls(datetime.datetime.now(datetime.timezone.utc))
    done = sealgate("evidence", "verify", "--anchors", gate.folder / "pki/anchors/ec.pem",
                    "--revocation", gate.folder / "pki/crl",
                    "--certs", gate.folder / "certificates.json", "--body", tmp_path / "body",
                    "--at", made.strftime("%Y-%m-%dT%H:%M:%SZ"), tmp_path / "signature")
    assert (done.returncode, json.loads(done.stdout)["indication"]) == (0, "TOTAL-PASSED")


def test_altered_anothers_or_old(gate):
    call = signature, body, key = gate.partner.signed[0]
    altered = body.replace(b"sealed", b"Sealed", 1)
    assert altered != body
    assert refused(gate, (signature, altered, key)) == "body"
    assert codes(judged(gate, signature, altered)[1]) == ["evidence.callback-body"]
    assert refused(gate, call, partner="br-mapa") == "partner"
    status, report = judged(gate, signature, body, "--partner", "br-mapa")
    assert status == 1 and codes(report) == ["evidence.callback-partner"]
    cursor = verified(gate, call)["cursor"]
    assert refused(gate, call, after=int(cursor)) == "replayed"
    status, report = judged(gate, signature, body, "--after", cursor)
    assert status == 1 and codes(report) == ["evidence.callback-replayed"]
    head, claims, value = signature.split(".")
    said = json.loads(callback.decoded(claims))
    other = base64.urlsafe_b64encode(json.dumps({**said, "aud": "br-mapa"}).encode())
    forged = ".".join((head, other.rstrip(b"=").decode(), value))
    assert refused(gate, (forged, body, key), partner="br-mapa") == "signature"
    assert judged(gate, forged, body)[1]["sub_indication"] == "SIG_CRYPTO_FAILURE"
    assert sealgate("evidence", "verify", "--body", "/nowhere", "x").returncode == 2


def test_never_a_receipt_nor_a_receipt_one(gate):
    signature, body, key = gate.partner.signed[0]
    head, claims, value = signature.split(".")
    flat = json.dumps({"payload": claims, "protected": head, "signature": value})
    status, report = judged(gate, flat, body)
    assert status == 1 and report["sub_indication"] == "FORMAT_FAILURE"
    receipt = gate.request(f"/v1/documents/{gate.first}/receipt").json()
    compact = ".".join(receipt[part] for part in ("protected", "payload", "signature"))
    assert refused(gate, (compact, body, key)) == "form"
    status, report = judged(gate, compact, body)
    assert status == 1 and report["sub_indication"] == "FORMAT_FAILURE"
    # and the receipt itself is genuine by the same key
    assert judged(gate, json.dumps(receipt), body)[0] == 0


def ask_as_forward(gate, role):
    """What a taken-over sealgate-forward could try: any digest, in any role."""
    program = ("import socket,struct,sys\n"
               "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.connect(sys.argv[1])\n"
               "b=struct.pack('=24s27sB4s64s',sys.argv[2].encode(),"
               "b'01HZZZZZZZZZZZZZZZZZZZZZZZ',32,b'',b'x'*32)\n"
               f"s.send(struct.pack('=IHHQII',{MAGIC},1,1,7,len(b),0)+b)\n"
               "print(s.recv(4096)[24])\n")
    uid = gate.uid("forward")
    done = subprocess.run(["/usr/bin/python3", "-c", program, gate.dir / "run/signer.sock", role],
                          capture_output=True, text=True, timeout=30, check=True, user=uid,
                          group=uid, extra_groups=[])
    return int(done.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another uid")
def test_forward_has_nothing_else_signed(gate):
    for role in ("receipt", "seal", "audit-head", "callback"):
        assert ask_as_forward(gate, role) == REFUSED != SIGNED


def test_counted_by_a_name_of_their_own(gate):
    until(lambda: gate.run("audit", "reconcile").returncode == 0)
    found = json.loads(gate.run("audit", "reconcile").stdout)
    status = json.loads(gate.run("hsm", "status").stdout)
    assert found["ok"] and found["alarms"] == []
    assert found["callback_signatures"] == status["callbacks"] >= len(gate.partner.signed)


def lines(gate):
    """Signatures of call-backs that the signer has counted."""
    return sum(" callback " in line for line in
               (gate.dir / "state/signer/count.log").read_text().splitlines())


def test_without_a_token_nobody_is_called_and_then_again(gate):
    gate.partner.status = 503  # there is something to tell, and nobody who takes it
    send(gate, number_of(2))
    until(lambda: any(status == 503 for status, *_ in gate.partner.calls))
    tokens = gate.dir / "state" / "signer" / "tokens"
    tokens.rename(tokens.with_name("tokens.away"))
    try:
        until(lambda: "not called, its outcomes wait for a signature" in gate.log.read_text())
        gate.partner.status = 200  # only now: what was signed before may have been on its way
        calls = len(gate.partner.calls)
        acknowledged = gate.request("/v1/outcomes").json()["acknowledged"]
        told = gate.log.read_text().count("wait for a signature")
        attempts = lines(gate)
    finally:
        tokens.with_name("tokens.away").rename(tokens)
    until(lambda: "6" in gate.partner.taken())
    assert "nz-mpi: signed again" in gate.log.read_text()
    assert told == 1 and lines(gate) > attempts
    assert int(acknowledged) < 6
    for call in gate.partner.signed[calls:]:
        verified(gate, call)
    assert gate.partner.taken() == [str(n) for n in range(1, 7)]


def test_killed_between_signature_and_call(gate):
    """Nobody takes the connection while it is killed: the call comes later, signed anew, with the
    same name."""
    deaf = socket.socket()
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(8)
    path = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    allowed = gate.dir / "policies" / "callbacks.cfg"
    text, before = path.read_text(), len(gate.partner.signed)
    there, here = f"127.0.0.1:{gate.partner.port}", f"127.0.0.1:{deaf.getsockname()[1]}"
    # One after the other: between two files the policy may be read as well.
    for file, said in ((allowed, f'allowed = ( "{there}", "{here}" );\n'),
                       (path, text.replace(there, here))):
        before_it = gate.log.read_text().count("1 partner is called back")
        file.write_text(said)
        until(lambda: gate.log.read_text().count("1 partner is called back") > before_it)
    counted = lines(gate)
    send(gate, number_of(3))
    until(lambda: lines(gate) > counted)
    killed(gate, "sealgate-forward")
    assert len(gate.partner.signed) == before
    path.write_text(text)
    until(lambda: "9" in gate.partner.taken(), bound=60)
    deaf.close()
    taken = gate.partner.taken()
    assert taken == [str(n) for n in range(1, 10)]
    for call in gate.partner.signed[before:]:
        claims = verified(gate, call)
        assert claims["jti"] == call[2] == f"nz-mpi-{claims['cursor']}"
    # one more was signed than was ever sent
    assert lines(gate) > len(gate.partner.signed)
    assert gate.run("audit", "reconcile").returncode == 0


def test_told_before_their_half_of_the_key_is_used_up(gate):
    """In status, top, health and the metrics, while some are left."""
    def codes_of(told):
        return {w["code"] for w in told["warnings"]}

    def operator(path):
        return gate.request(path, "operators/operator", listener="operators")

    assert "callbacks" not in codes_of(json.loads(gate.run("top", "--once", "--json").stdout))
    assert "sealgate_callback_signatures_left" not in operator("/metrics").text
    roles = gate.dir / "policies" / "signature" / "roles.cfg"
    made, most = lines(gate), lines(gate) * 10 // 9
    gate.down()
    text = roles.read_text()
    assert text.count("receipt: {\n") == 1
    roles.write_text(text.replace("receipt: {\n", f"receipt: {{\n\ttotal = {2 * most}L;\n"))
    gate.up()
    until(lambda: "callbacks" in codes_of(operator("/health").json()))
    for command in (("top", "--once", "--json"), ("status", "--format", "json")):
        assert "callbacks" in codes_of(json.loads(gate.run(*command).stdout))
    assert "signatures that they may have of the receipts' key" in gate.run("status").stdout
    left = int(operator("/metrics").text.split("\nsealgate_callback_signatures_left ")[1].split()[0])
    assert left <= most - made

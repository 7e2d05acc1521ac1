# SPDX-License-Identifier: EUPL-1.2
"""The signer as a daemon: what it signs, what survives a kill, what makes it refuse to start."""
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from scenarios.gate import BIN
from scenarios.processes import octets_of
from scenarios.signer import (AWAY, BOUND, CERTIFICATE, DOCUMENT, MAGIC, REFUSED, SIGNED,
                              STATUS, Signer)
from sim import pki as pki_module


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An instance to be copied: making keys takes longer than copying them."""
    folder = tmp_path_factory.mktemp("s")
    pki = pki_module.Pki.create(folder / "pki", with_rsa=False)
    return Signer(folder / "i").make(pki)


@pytest.fixture
def signer(made, tmp_path):
    target = tmp_path / "i"
    shutil.copytree(made.dir, target)
    copy = Signer.__new__(Signer)
    copy.dir, copy.process, copy.log = target, None, target / "signer.log"
    yield copy
    copy.stop(signal.SIGKILL)


def lines(signer):
    return [line.split() for line in signer.count.read_text().splitlines()]


def octets(descriptor):
    with os.fdopen(descriptor, "rb") as f:
        f.seek(0)
        return f.read()


def until(condition):
    end = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_signatures_verify_elsewhere(signer):
    """Another library verifies both mechanisms with the imported certificates."""
    _, client = signer.up()
    digest = hashlib.sha256(b"message").digest()
    answer, value, count, mechanism, _, _ = client.sign("seal", digest)
    assert (answer, count, mechanism) == (SIGNED, 2, "rsa-pss-sha256")
    signer.certificate("seal").public_key().verify(
        value, b"message", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    answer, value, count, mechanism, _, _ = client.sign("receipt", digest)
    assert (answer, count, mechanism, len(value)) == (SIGNED, 2, "ecdsa-sha256", 64)
    der = utils.encode_dss_signature(int.from_bytes(value[:32], "big"),
                                     int.from_bytes(value[32:], "big"))
    signer.certificate("receipt").public_key().verify(der, b"message",
                                                      ec.ECDSA(hashes.SHA256()))
    assert signer.stop() == 0
    last = lines(signer)[-1]
    assert last[1:5] == ["receipt", digest.hex(), DOCUMENT.decode(), "2"]


def test_status_and_certificates(signer):
    _, client = signer.up()
    answer, _, _, _, _, fds = client.ask(STATUS)
    assert answer == SIGNED and len(fds) == 1
    status = json.loads(octets(fds[0]))
    assert status["token"] == "sealgate" and status["software"] and status["active"]
    assert not status["away"] and status["log"]["position"] == 2
    assert {r["role"]: r["usable"] for r in status["roles"]} == {"seal": True, "receipt": True}
    assert all(r["days_left"] > 0 for r in status["roles"])
    assert json.loads(signer.run("status").stdout)["token"] == "sealgate"
    answer, _, _, mechanism, _, fds = client.ask(CERTIFICATE, b"seal")
    der = octets(fds[0])
    assert x509.load_der_x509_certificate(der[:4 + int.from_bytes(der[2:4], "big")]) == \
        signer.certificate("seal")
    assert mechanism == "rsa-pss-sha256"


def test_token_moved_away_and_back(signer):
    _, client = signer.up()
    digest = bytes(32)
    tokens = signer.dir / "state/signer/tokens"
    for empty in (False, True):
        tokens.rename(signer.dir / "away")
        if empty:
            tokens.mkdir()
        for role in ("receipt", "seal", "receipt"):
            begun = time.monotonic()
            answer, value, _, _, reason, _ = client.sign(role, digest)
            assert answer == AWAY and not value and reason
            assert time.monotonic() - begun < BOUND / 2
        if empty:
            tokens.rmdir()
        (signer.dir / "away").rename(tokens)
        until(lambda: client.sign("receipt", digest)[0] == SIGNED)
        assert client.sign("seal", digest)[0] == SIGNED
    assert json.loads(signer.run("log", "verify").stdout)["ok"]


def load(signer, stop, taken, failures):
    """Sign until the connection breaks; note what was handed out."""
    try:
        client = signer.client()
        number = 0
        while not stop.is_set():
            number += 1
            digest = hashlib.sha256(f"{threading.get_ident()} {number}".encode()).digest()
            result = client.sign("receipt", digest)
            if result is None:
                return
            if result[0] != SIGNED:
                failures.append(result)
                return
            taken.append((digest.hex(), result[2]))
    except OSError:
        return


@pytest.mark.parametrize("rounds", [int(os.environ.get("SEALGATE_SIGNER_KILLS", "5"))])
def test_killed_under_load(signer, rounds):
    """What left the signer is in its count, after every kill; nothing is counted twice."""
    taken, failures = [], []
    for number in range(rounds):
        signer.up()[1].close()
        stop, before = threading.Event(), len(taken)
        threads = [threading.Thread(target=load, args=(signer, stop, taken, failures))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda before=before, number=number: len(taken) - before > 20 + 17 * number)
        signer.stop(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
    signer.up()
    assert not failures
    verified = json.loads(signer.run("log", "verify").stdout)
    counted = {(line[2], int(line[4])) for line in lines(signer) if line[1] == "receipt"}
    assert verified["position"] == len(lines(signer))
    assert set(taken) <= counted
    assert len({count for _, count in taken}) == len(taken)


def test_kill_at_the_count(signer):
    """Killed inside write and fdatasync of the count: the signature has not left."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    for call, when in (("write", 1), ("write", 2), ("fdatasync", 1), ("fdatasync", 3)):
        wrapper = ["strace", "-f", "-qq", "-o", os.devnull, "-P", str(signer.count),
                   "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}"]
        _, client = signer.up(wrapper=wrapper)
        results = []
        for number in range(when):
            try:
                results.append(client.sign("receipt", bytes([number]) * 32))
            except OSError:
                results.append(None)
        assert [r and r[0] for r in results] == [SIGNED] * (when - 1) + [None], (call, when)
        signer.process.wait(BOUND)
        _, client = signer.up()
        assert client.sign("receipt", bytes(32))[0] == SIGNED
        signer.stop()
        assert json.loads(signer.run("log", "verify").stdout)["ok"]


def test_failed_fsync_ends_the_signer(signer):
    """No signature leaves, and the signer ends, to read its count anew."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    wrapper = ["strace", "-f", "-qq", "-o", os.devnull, "-P", str(signer.count), "-e",
               "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=2"]
    _, client = signer.up(wrapper=wrapper)
    assert client.sign("receipt", bytes(32))[0] == SIGNED
    answer, value, _, _, reason, _ = client.sign("receipt", bytes(32))
    assert answer == AWAY and not value and "counted" in reason
    assert signer.process.wait(BOUND) == 1
    _, client = signer.up()
    assert client.sign("receipt", bytes(32))[0] == SIGNED
    assert json.loads(signer.run("log", "verify").stdout)["ok"]


def test_disk_full(signer):
    """No room for the count: no signature, and it goes on by itself when there is room."""
    state = signer.dir / "state/signer"
    kept = signer.dir / "kept"
    state.rename(kept)
    state.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", state],
                      capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a tmpfs")
    try:
        shutil.copytree(kept, state, dirs_exist_ok=True)
        _, client = signer.up()
        assert client.sign("receipt", bytes(32))[0] == SIGNED
        filler = state / "filler"
        with open(filler, "wb", buffering=0) as f, pytest.raises(OSError):
            while True:
                f.write(bytes(4096))
        # The last page of the log has some room left.
        results = [client.sign("receipt", bytes(32))[0] for _ in range(60)]
        assert results[-1] == AWAY
        assert results == sorted(results)
        filler.unlink()
        assert client.sign("receipt", bytes(32))[0] == SIGNED
        assert signer.stop() == 0
        assert json.loads(signer.run("log", "verify").stdout)["roles"]["receipt"] == \
            1 + 1 + results.count(SIGNED) + 1
    finally:
        signer.stop(signal.SIGKILL)
        subprocess.run(["umount", state], check=True)


def test_tampered_count(signer):
    text = signer.count.read_text()
    assert text.count("\n") == 2
    signer.count.write_text(text.replace(" csr ", " " + DOCUMENT.decode() + " ", 1))
    assert signer.run("log", "verify", check=False).returncode == 1
    assert signer.ends() == 1
    assert "signer.count" in signer.log.read_text() and "line 1" in signer.log.read_text()
    signer.count.write_text(text)
    mark = json.loads(signer.run("log", "verify").stdout)
    contains = f"{mark['position']}:{mark['chain']}"
    assert signer.run("log", "verify", "--contains", contains).returncode == 0
    signer.count.write_text(text[:text.index("\n") + 1])
    assert signer.run("log", "verify").returncode == 0
    assert signer.run("log", "verify", "--contains", contains, check=False).returncode == 1
    signer.count.write_text(text + "2 receipt ab")
    assert signer.run("log", "verify", check=False).returncode == 1
    signer.up()
    assert "signer.count-torn" in signer.log.read_text()
    assert signer.count.read_text() == text


def test_production_refuses_a_software_token(signer):
    signer.configure(test="false")
    assert signer.ends() == 1
    assert "software token in a production instance" in signer.log.read_text()
    for command in (("init",), ("csr", "seal"), ("import", "seal", signer.dir / "seal.pem")):
        assert signer.run(*command, check=False).returncode == 1


def test_one_signer_only(signer):
    signer.up()
    other = subprocess.run([str(BIN / "sealgate-signer"), "--instance", str(signer.dir)],
                           capture_output=True, text=True, timeout=BOUND, check=False)
    assert other.returncode == 1 and "another signer" in other.stderr
    assert "stop the signer" in signer.run("csr", "seal", check=False).stderr


def certified(request, days):
    """A certificate of some authority for a request, ending in so many days."""
    request = x509.load_pem_x509_csr(request.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Some CA")])
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    return x509.CertificateBuilder(
        issuer_name=name, subject_name=request.subject, public_key=request.public_key(),
        serial_number=x509.random_serial_number(), not_valid_before=now - datetime.timedelta(1),
        not_valid_after=now + datetime.timedelta(days, 3600)).add_extension(
            usage, True).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("days, loud", [(5, "error"), (20, "warning"), (60, "notice"), (95, None)])
def test_warning_before_the_end(signer, days, loud):
    """Ninety, thirty and seven days before, each louder."""
    request = signer.run("csr", "receipt").stdout
    (signer.dir / "soon.pem").write_bytes(certified(request, days))
    signer.run("import", "receipt", signer.dir / "soon.pem")
    _, client = signer.up()
    until(lambda: client.ask(STATUS) and "signer.token-ready" in signer.log.read_text())
    if loud:
        until(lambda: f"{loud} signer.expiry: the certificate of role receipt ends in {days}" in
              signer.log.read_text())
    else:
        tokens = signer.dir / "state/signer/tokens"
        tokens.rename(tokens.with_name("away"))  # is noticed after the first look at the ends
        until(lambda: "signer.trial" in signer.log.read_text())
        assert "signer.expiry" not in signer.log.read_text()


def test_certificate_that_ends_soon(signer):
    """Named in log and status; a renewed one is taken over while the signer serves."""
    request = signer.run("csr", "receipt").stdout
    renewed = (signer.dir / "receipt.pem").read_bytes()
    (signer.dir / "soon.pem").write_bytes(certified(request, 9))
    signer.run("import", "receipt", signer.dir / "soon.pem")
    signer.up()
    until(lambda: "certificate of role receipt ends in 9 days" in signer.log.read_text())
    assert "role seal ends" not in signer.log.read_text()

    def days_left():
        return {role["role"]: role["days_left"]
                for role in json.loads(signer.run("status").stdout)["roles"]}

    assert days_left()["receipt"] == 9
    (signer.dir / "new.pem").write_bytes(renewed)
    signer.run("import", "receipt", signer.dir / "new.pem")
    until(lambda: days_left()["receipt"] > 9)


def test_pin_is_nowhere(signer):
    """Not in the log, the environment, the arguments or a file that others may read."""
    pin = (signer.dir / "credentials/pin").read_text().strip()
    _, client = signer.up()
    assert client.sign("receipt", bytes(32))[0] == SIGNED
    pid = signer.process.pid
    for name in ("environ", "cmdline"):
        said = octets_of(pid, name)
        assert said and pin.encode() not in said
    signer.stop()
    wrong = "9" * len(pin) if pin[0] != "9" else "8" * len(pin)
    (signer.dir / "credentials/pin").write_text(wrong + "\n")
    signer.up()
    signer.stop()
    text = signer.log.read_text() + (signer.dir / "state/signer/pin-refused").read_text()
    assert "refused the PIN" in text
    assert pin not in text and wrong not in text
    assert (signer.dir / "credentials/so-pin").stat().st_mode & 0o077 == 0


def test_separate_uid(signer):
    """Set up by root, served under the signer's uid, asked by the roles' uids alone."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another uid")
    uids = {"seal": 61002, "intake": 61003, "signer": 61009}
    peers = "".join(f"{name} = {uid}; " for name, uid in uids.items())
    signer.configure(f"peers = {{ separate = true; {peers}}};\n")
    for folder in (signer.dir, *signer.dir.parents):
        if folder == pathlib.Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    os.chown(signer.dir / "run", uids["signer"], uids["signer"])
    signer.run("init")
    assert os.stat(signer.count).st_uid == uids["signer"]
    signer.up(uid=uids["signer"])[1].close()
    program = ("import socket,struct,sys\n"
               "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.connect(sys.argv[1])\n"
               "b=struct.pack('=24s27sB4s64s',sys.argv[2].encode(),b'%s',32,b'',b'')\n"
               "s.send(struct.pack('=IHHQII',%d,1,1,7,len(b),0)+b); d=s.recv(4096)\n"
               "print(d[24] if d else 0)\n" % (DOCUMENT.decode(), MAGIC))
    path = signer.dir / "run/signer.sock"
    # Not dumpable: no core file; below /proc it is root's, whatever its uid.
    assert os.stat(f"/proc/{signer.process.pid}/fd").st_uid == 0

    def asked_by(uid, role):
        done = subprocess.run(["/usr/bin/python3", "-c", program, str(path), role], user=uid,
                              group=uid, extra_groups=[], capture_output=True, text=True,
                              timeout=BOUND, check=False)
        return int(done.stdout) if done.returncode == 0 else 0

    assert asked_by(uids["seal"], "seal") == SIGNED
    assert asked_by(uids["intake"], "receipt") == SIGNED
    assert asked_by(uids["intake"], "seal") == REFUSED
    assert asked_by(uids["seal"], "receipt") == REFUSED
    assert asked_by(61999, "seal") == 0
    assert json.loads(signer.run("status").stdout)["active"]

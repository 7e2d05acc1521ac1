# SPDX-License-Identifier: EUPL-1.2
"""The journal to a syslog server over TLS: all of it, in order, and again after a break."""
import os
import re
import shutil
import subprocess

import pytest

from scenarios.gate import BIN
from scenarios.syslog_server import Server
from scenarios.test_faults import until
from sim.pki import Pki

JOURNALD = "/lib/systemd/systemd-journald"
# A journal of its own, in a place of its own: the lines become entries of it.
WRITE = """set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
echo 0123456789abcdef0123456789abcdef >/run/id
mount --bind /run/id /etc/machine-id
{journald} & journald=$!
until [ -S /run/systemd/journal/stdout ]; do sleep 0.05; done
while read -r line; do
    echo "$line" | systemd-cat -t "a program"
    until journalctl -D /run/log/journal -o cat | grep -qF "${{line#<?>}}"; do sleep 0.05; done
done
kill $journald
wait $journald || true
cp /run/log/journal/*/*.journal "$1"
"""


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki.create(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    if os.geteuid() != 0 or not os.path.exists(JOURNALD) or not shutil.which("systemd-cat"):
        pytest.skip("no journal can be written here")
    lines = "<3>first\n<6>second \x1b[31m\n" + "".join(f"<5>line {n}\n" for n in range(20))
    done = subprocess.run(["unshare", "-m", "bash", "-c", WRITE.format(journald=JOURNALD), "bash",
                           folder], input=lines, text=True, capture_output=True, timeout=120,
                          check=False)
    if done.returncode != 0:
        pytest.skip(f"no journal can be written here: {done.stderr[-200:]}")
    return folder


@pytest.fixture
def instance(pki, tmp_path):
    logs = tmp_path / "instance" / "logs"
    logs.mkdir(parents=True)
    shutil.copy(pki.path("transport-ca/root"), logs / "ca.pem")
    shutil.copy(pki.path("clients/gate", ".chain.pem"), logs / "client.pem")
    shutil.copy(pki.path("clients/gate", ".key"), logs / "client.key")
    return tmp_path / "instance"


def send(instance, mark, journal):
    return subprocess.Popen([str(BIN / "sealgate"), "--instance", instance, "appliance", "logs",
                             mark, journal], stderr=subprocess.PIPE, text=True)


def texts(server):
    return [message.split(" - - ", 1)[1] for message in server.messages
            if " a_program " in message]


def test_all_entries_in_order(pki, journal, instance, tmp_path):
    server = Server(pki)
    (instance / "logs" / "server").write_text(f"127.0.0.1:{server.port}\n")
    sending = send(instance, tmp_path / "mark", journal)
    try:
        until(lambda: len(texts(server)) == 22)
    finally:
        sending.terminate()
        sending.wait(10)
        server.close()
    # Whatever a program says stays within its message.
    assert texts(server) == ["first", "second  [31m"] + [f"line {n}" for n in range(20)]
    first = next(m for m in server.messages if m.endswith(" first"))
    assert re.match(r"<27>1 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ a_program \d+ - - first$",
                    first), first


def test_what_a_break_lost_comes_again(pki, journal, instance, tmp_path):
    """A server that is away at first and then is there, and one that hangs up."""
    server = Server(pki)
    server.close()
    (instance / "logs" / "server").write_text(f"127.0.0.1:{server.port}\n")
    sending = send(instance, tmp_path / "mark", journal)
    try:
        assert "asking again" in sending.stderr.readline()
        server = Server(pki, server.port)
        until(lambda: len(texts(server)) == 22)
        server.close()
    finally:
        sending.terminate()
        sending.wait(10)
    # Nothing says that the last ones arrived, so they are sent to who comes next.
    server = Server(pki, server.port)
    sending = send(instance, tmp_path / "mark", journal)
    try:
        until(lambda: texts(server)[-1:] == ["line 19"])
    finally:
        sending.terminate()
        sending.wait(10)
        server.close()


def test_a_server_that_is_not_named_gets_nothing(pki, journal, instance, tmp_path):
    server = Server(pki)
    (instance / "logs" / "server").write_text(f"127.0.0.2:{server.port}\n")
    sending = send(instance, tmp_path / "mark", journal)
    try:
        assert "asking again" in sending.stderr.readline()
    finally:
        sending.terminate()
        sending.wait(10)
        server.close()
    assert not server.messages and not (tmp_path / "mark").exists()

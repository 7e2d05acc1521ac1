# SPDX-License-Identifier: EUPL-1.2
"""The command line explains itself: help on standard output, faults named before the usage."""
import json
import os
import pathlib
import re
import subprocess

import pytest

from scenarios.gate import BIN, ROOT, VECTORS, sealgate

COMMANDS = re.findall(r'^COMMAND\((\w+), "(.*?)", "', (ROOT / "gateway/ctl/commands.def")
                      .read_text(), re.M)
OPTION = re.compile(r"(?<=[ [|])-[-a-z]+")


@pytest.mark.parametrize("name,forms", COMMANDS, ids=[name for name, _ in COMMANDS])
def test_help_explains_every_option(name, forms):
    done = sealgate(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: sealgate {name}")
    for option in OPTION.findall(" " + forms):
        assert re.search(rf"^  {option}\b.*\n {{8}}\w", done.stdout, re.M), option
    assert sealgate("help", name).stdout == done.stdout


def test_help_of_a_verb_shows_its_form_alone():
    for call in (("trust", "crl", "--help"), ("help", "trust", "crl"),
                 ("trust", "crl", "--issuer", "x", "--help", "y")):
        done = sealgate(*call)
        assert (done.returncode, done.stderr) == (0, "")
        assert "usage: sealgate trust crl" in done.stdout
        assert "--issuer" in done.stdout and "--lotl" not in done.stdout
    assert sealgate("help").stdout == sealgate("--help").stdout


PEER = ("--url", "u", "--ca", "a", "--cert", "c", "--key", "k")


@pytest.mark.parametrize("call,fault", [
    ((), "sealgate: a command is missing"),
    (("--nope",), "sealgate: there is no option --nope before the command"),
    (("nope",), "sealgate: there is no command 'nope'; sealgate --help lists them"),
    (("trust", "crl", "--nope"), "sealgate trust crl: there is no option --nope,"),
    (("trust", "path", "--at"), "sealgate trust path: --at needs a value"),
    (("ledger", "--check=1"), "sealgate ledger: --check takes no value"),
    (("trust",), "sealgate trust: a verb is missing"),
    (("trust", "nope", "x"), "sealgate trust: there is no verb 'nope'"),
    (("queue", "nope"), "sealgate queue: there is no verb 'nope'"),
    (("queue", "list", "--state", "nope"), "sealgate queue list: there is no state 'nope' (ref"),
    (("queue", "list", "--limit", "0"), "sealgate queue list: --limit is 1 to 1000, not '0'"),
    (("queue", "--format", "xml"), "sealgate queue: --format is text or json, not 'xml'"),
    (("queue", "show"), "sealgate queue show: the document's ID is missing"),
    (("explain", "a", "b"), "sealgate explain: 'b' is one argument too many"),
    (("hold", *PEER, "x"), "sealgate hold: --reason is missing"),
    (("submit", *PEER[2:], "x"), "sealgate submit: --url is missing"),
    (("verify",), "sealgate verify: FILE is missing"),
    (("check",), "sealgate check: FILE is missing"),
    (("sign", "x"), "sealgate sign: --key is missing"),
    (("appliance",), "sealgate appliance: a verb is missing"),
    (("appliance", "apply"), "sealgate appliance apply: DIR is missing"),
    (("trust", "import"), "sealgate trust import: --lotl is missing"),
    (("evidence", "augment", "x"), "sealgate evidence augment: -o is missing"),
    (("init",), "sealgate init: DIR is missing"),
])
def test_the_fault_comes_first(call, fault):
    done = sealgate(*call)
    assert done.returncode == 2 and done.stdout == ""
    first, rest = done.stderr.split("\n", 1)
    assert first.startswith(fault)
    assert "usage: sealgate" in rest or "--help" in first


@pytest.mark.parametrize("text", ['{"a": 1}', "%PDF-1.7", "PHYTO;NZ;2026"])
def test_what_is_no_xml_is_known_by_its_beginning(tmp_path, text):
    path = tmp_path / "document"
    path.write_text(text + "\n" + "x" * 100)
    done = sealgate("check", path)
    finding = json.loads(done.stdout)["findings"][0]
    assert done.returncode == 1 and finding["code"] == "xml.not-wellformed"
    assert (finding["where"], finding["received"]) == ("1:1", text)


def test_an_address_without_tls(tmp_path):
    path = tmp_path / "document"
    path.write_text("<a/>")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    done = sealgate("submit", "--url", "http://127.0.0.1:9", "--ca", cert, "--cert", cert,
                    "--key", key, path)
    assert done.returncode == 2 and "has to begin with https://" in done.stderr


def test_check_works_out_of_the_box():
    path = VECTORS / "phyto.xml"
    bare = {name: value for name, value in os.environ.items() if name != "SEALGATE_INSTANCE"}
    done = sealgate("check", path, env=bare)
    assert done.returncode == 0 and json.loads(done.stdout)["type"] == "PHYTO"
    shared = (ROOT / "policies").resolve()
    assert pathlib.Path(done.stderr.split(" in ", 1)[1].strip()).resolve() == shared
    assert sealgate("check", "--policies", shared, path, env=bare).stderr == ""


def test_up_lists_all_that_is_missing(tmp_path):
    sealgate("init", "--test", tmp_path / "x", check=True)
    done = sealgate("--instance", tmp_path / "x", "up")
    assert done.returncode == 2 and done.stdout == ""
    keys = re.findall(r"^  \S+ \(([\w.]+)\): \w", done.stderr, re.M)
    assert keys == ["tls.certificate", "tls.key", "tls.partner_ca", "tls.customs_ca",
                    "tls.operator_ca", "forward.ca"]
    assert len(done.stderr.splitlines()) == 1 + len(keys)


@pytest.mark.parametrize("options", [("--test",), ()])
def test_init_says_what_comes_next(tmp_path, options):
    place = tmp_path / "x"
    said = sealgate("init", *options, place, check=True).stdout
    steps = re.findall(rf"^  sealgate --instance {place} (\w+(?: [a-z]+)?)", said, re.M)
    assert steps[:3] == ["hsm init" if options else "hsm keys", "hsm csr", "hsm csr"]
    assert "up" in steps and "credentials/pin" not in said
    assert ("hsm activate" in steps) == (not options)
    for step in steps:
        assert f"usage: sealgate {step}" in sealgate("help", *step.split()).stdout
    for role in ("seal", "receipt"):
        assert f"hsm import {role}" in said
    assert "tsa_url" in said and "tls/partner-ca.pem" in said and "--test" in said + str(options)
    listed = sealgate("--instance", place, "up").stderr
    for path in re.findall(r"^  (tls/\S+) \(", listed, re.M):
        assert path in said


def test_init_for_systemd_takes_the_numbers_of_its_users(tmp_path):
    """In a mount namespace where the users of sealgate.sysusers exist."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("only root can have other users for a while")
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}",
                    str(ROOT / "systemd/sealgate.sysusers")], check=True, capture_output=True)
    script = ('mount --bind "$1/etc/passwd" /etc/passwd && '
              'mount --bind "$1/etc/group" /etc/group && exec "$2" init --system "$1/x"')
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path),
                           str(BIN / "sealgate")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "systemctl start sealgate.target" in done.stdout
    text = (tmp_path / "x" / "sealgate.conf").read_text()
    assert ("separate = true; nginx = 901; intake = 902; verify = 903; queued = 904; "
            "signer = 905; seal = 906; forward = 907; admin = 908;") in text
    there = (tmp_path / "x" / "state" / "queue").stat()
    assert (there.st_uid, there.st_gid) == (904, 900)


def test_init_for_systemd_without_its_users(tmp_path):
    done = sealgate("init", "--system", tmp_path / "x")
    assert done.returncode == 2 and not (tmp_path / "x").exists()
    assert "there is no user or group sealgate" in done.stderr or "for root" in done.stderr


def test_evidence_names_itself():
    done = sealgate("evidence", "verify", "--nope")
    assert done.returncode == 2 and done.stderr.startswith("sealgate evidence verify: ")

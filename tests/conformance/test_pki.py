# SPDX-License-Identifier: EUPL-1.2
"""Certification paths, CRLs, OCSP responses and time-stamp tokens against others' material.

SEALGATE_CORPUS names the corpus, SEALGATE_BIN the folder with our programs. No difference in
favour of acceptance is tolerated; a refusal of what others accept must stand in a table here
with its reason, and a reason that is no longer needed is an error too.
"""
import base64
import csv
import glob
import json
import os
import re
import subprocess

import pytest

CORPUS = os.environ.get("SEALGATE_CORPUS")
BIN = os.environ.get("SEALGATE_BIN")

pytestmark = [
    pytest.mark.skipif(CORPUS is None, reason="SEALGATE_CORPUS is not set"),
    pytest.mark.skipif(BIN is None, reason="SEALGATE_BIN is not set"),
]

PKITS_TIME = "2011-06-01T00:00:00Z"
CHAINS_TIME = "2021-10-05T12:00:00Z"  # what their "DEFAULT" means
CRL_TIME = "2017-03-09T00:00:00Z"
OCSP_UNIT_TIME = "2017-03-05T00:00:00Z"
WEEK = "604800"  # the age that those tests allow revocation data

# What others accept and we refuse, with the reason.
STRICTER = {
    "pkits 4.1.5": "DSA parameters are not inherited from the issuer; no certificate of the "
                   "EU's trust services relies on it",
    "chain violates-pathlen-1-from-root/main": "limits that an anchor's certificate sets for "
                   "CAs below it are kept (RFC 5937)",
    "chain intermediate-eku-any-and-clientauth/serverauth": "anyExtendedKeyUsage in a CA is "
                   "not taken for TLS server authentication",
    "chain issuer-and-subject-not-byte-for-byte-equal/target": "signed with SHA-1 after "
                   "2012-08-01 (ETSI TS 119 312)",
    "chain many-names/ok-all-types": "more name constraint comparisons than OpenSSL's limit",
    "crl good_idp_onlycontainscacerts": "a self-issued certificate without authority key "
                   "identifier is taken for self-signed",
    "crl good_idp_uri_and_onlycontainscacerts": "the same",
    "ocsp path good_response_next_update": "revocation data signed with SHA-1 after "
                   "2012-08-01 (ETSI TS 119 312)",
    "ocsp path has_extension": "the same",
    "ocsp path has_single_extension": "the same",
    "token tst/bc54407a68d75e3219a7.tst": "intact as CMS, but its ESSCertID is of another "
                   "certificate than the signer's (RFC 5816)",
}


@pytest.fixture
def show(capsys):
    def out(*args):
        with capsys.disabled():
            print(*args)
    return out


def trust(*args):
    """One question; the answers as a list of objects."""
    run = subprocess.run([os.path.join(BIN, "sealgate"), "trust", *args],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode in (0, 1), run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == (0 if all(a["ok"] for a in answers) else 1)
    return answers


class Tally:
    """Counts agreement; knows which differences are explained."""

    def __init__(self, name):
        self.name, self.agreed, self.accepts, self.refusals = name, 0, [], []
        self.outdated = []

    def add(self, case, expected, answer):
        if answer["ok"] == expected:
            self.agreed += 1
            if case in STRICTER:
                self.outdated.append(case)
        elif answer["ok"]:
            self.accepts.append(case)
        else:
            self.refusals.append((case, answer["reason"]))

    def finish(self, show):
        total = self.agreed + len(self.accepts) + len(self.refusals)
        show(f"\n{self.name}: {self.agreed} of {total} agree, {len(self.accepts)} false "
             f"accepts, {len(self.refusals)} false refusals")
        for case, reason in self.refusals:
            show(f"  refused {case}: {reason}\n    {STRICTER.get(case, 'UNEXPLAINED')}")
        assert total > 0
        assert not self.accepts
        assert not self.outdated
        assert [c for c, _ in self.refusals if c not in STRICTER] == []


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    return path


def pem_blocks(path):
    """Label and text of each block of a file."""
    with open(path, encoding="utf-8") as f:
        found = re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", f.read(),
                           re.S)
    out = []
    for label, body in found:
        octets = base64.b64decode(body)
        lines = base64.encodebytes(octets).decode()
        kind = "CERTIFICATE" if "CERTIFICATE" in label else label
        out.append((label, f"-----BEGIN {kind}-----\n{lines}-----END {kind}-----\n"))
    return out


def test_pkits(tmp_path, show):
    root = os.path.join(CORPUS, "pkits")
    with open(os.path.join(root, "expected.json"), encoding="utf-8") as f:
        cases = json.load(f)
    tally = Tally("PKITS")
    for case in cases:
        certs = [os.path.join(root, "certs", c + ".crt") for c in case["certs"]]
        args = ["path", "--anchors", certs[0], "--at", PKITS_TIME]
        for crl in case["crls"]:
            args += ["--revocation", os.path.join(root, "crls", crl + ".crl")]
        for c in certs[1:-1]:
            args += ["--certs", c]
        tally.add("pkits " + case["test_number"], case["should_validate"],
                  trust(*args, certs[-1])[0])
    tally.finish(show)


def test_pkits_by_name(show):
    """Every end entity whose name says what it is, with all certificates and CRLs at once:
    no CRL or CA of another test may change a result. Tests that need settings of their own
    are not named Valid or Invalid."""
    root = os.path.join(CORPUS, "pkits")
    ends = sorted(glob.glob(os.path.join(root, "certs", "*alid*Test*EE.crt")))
    tally = Tally("PKITS by name, everything at hand")
    answers = trust("path", "--anchors",
                    os.path.join(root, "certs", "TrustAnchorRootCertificate.crt"),
                    "--certs", os.path.join(root, "certs"),
                    "--revocation", os.path.join(root, "crls"), "--at", PKITS_TIME, *ends)
    for end, answer in zip(ends, answers):
        name = os.path.basename(end)
        case = "pkits 4.1.5" if "ParameterInheritance" in name else "pkits " + name
        tally.add(case, name.startswith("Valid"), answer)
    tally.finish(show)


def chain_test(path):
    """Keys of a .test file; errors is true when an ERROR is expected."""
    with open(path, encoding="utf-8") as f:
        head, _, errors = f.read().partition("expected_errors:")
    keys = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    keys["errors"] = "ERROR:" in errors
    return keys


def chain_time(text):
    m = re.fullmatch(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z", text)
    return "20{}-{}-{}T{}:{}:{}Z".format(*m.groups()) if m else CHAINS_TIME


PURPOSES = {"ANY_EKU": "any", "SERVER_AUTH": "tls-server", "CLIENT_AUTH": "tls-client"}


def test_chains(tmp_path, show):
    tally = Tally("chains")
    root = os.path.join(CORPUS, "chains", "verify_certificate_chain_unittest")
    for path in sorted(glob.glob(os.path.join(root, "*", "*.test"))):
        keys = chain_test(path)
        # A distrusted or unspecified last certificate is simply not given as an anchor; the
        # anchors with conditions of their own are a matter of that program's store.
        trusted = {"TRUSTED_ANCHOR": True, "UNSPECIFIED": False, "DISTRUSTED": False}
        purpose = PURPOSES.get(keys["key_purpose"])
        if keys["last_cert_trust"] not in trusted or purpose is None:
            continue
        folder = os.path.dirname(path)
        certs = [t for _, t in pem_blocks(os.path.join(folder, keys["chain"]))]
        target = write(tmp_path, "target.pem", certs[0])
        rest = write(tmp_path, "rest.pem", "".join(certs[1:]))
        anchor = write(tmp_path, "anchor.pem", certs[-1])
        args = ["path", "--certs", rest, "--purpose", purpose,
                "--at", chain_time(keys["utc_time"])]
        if trusted[keys["last_cert_trust"]]:
            args += ["--anchors", anchor]
        case = f"chain {os.path.basename(folder)}/{os.path.basename(path)[:-5]}"
        tally.add(case, not keys["errors"], trust(*args, target)[0])
    tally.finish(show)


def test_crls(tmp_path, show):
    tally = Tally("CRLs")
    for path in sorted(glob.glob(os.path.join(CORPUS, "chains", "crl_unittest", "*.pem"))):
        blocks = pem_blocks(path)
        name = os.path.basename(path)[:-4]
        files = {}
        for i, (label, text) in enumerate(blocks):
            files[label] = write(tmp_path, f"{name}-{i}.pem", text)
        args = ["path", "--anchors", files["CA CERTIFICATE"], "--revocation",
                os.path.join(tmp_path, name), "--at", CRL_TIME, "--max-age", WEEK]
        os.mkdir(args[4])
        os.rename(files["CRL"], os.path.join(args[4], "crl.pem"))
        if "CA CERTIFICATE 2" in files:
            args += ["--anchors", files["CA CERTIFICATE 2"]]
        tally.add("crl " + name, name.startswith("good"),
                  trust(*args, files["CERTIFICATE"])[0])
    tally.finish(show)


def test_ocsp_units(tmp_path, show):
    """Both ways of asking: the response alone and as revocation data of a path."""
    good = {"good_response_next_update", "good_response_sha256", "has_extension",
            "has_single_extension"}
    alone, within = Tally("OCSP responses alone"), Tally("OCSP responses in a path")
    for path in sorted(glob.glob(os.path.join(CORPUS, "chains", "ocsp_unittest", "*.pem"))):
        name = os.path.basename(path)[:-4]
        files = {label: write(tmp_path, f"{name}-{i}.pem", text)
                 for i, (label, text) in enumerate(pem_blocks(path))}
        expected = name in good
        alone.add("ocsp " + name, expected, trust(
            "ocsp", "--issuer", files["CA CERTIFICATE"], "--cert", files["CERTIFICATE"],
            "--at", OCSP_UNIT_TIME, files["OCSP RESPONSE"])[0])
        folder = os.path.join(tmp_path, name)
        os.mkdir(folder)
        os.rename(files["OCSP RESPONSE"], os.path.join(folder, "response.pem"))
        within.add("ocsp path " + name, expected, trust(
            "path", "--anchors", files["CA CERTIFICATE"], "--revocation", folder,
            "--at", OCSP_UNIT_TIME, files["CERTIFICATE"])[0])
    alone.finish(show)
    within.finish(show)


def table(*path):
    with open(os.path.join(CORPUS, *path), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_ocsp_openssl(show):
    tally = Tally("OCSP responses of OpenSSL")
    times = {True: "2012-10-12T00:00:00Z", False: "2012-10-24T00:00:00Z"}
    for row in table("ocsp", "expected.tsv"):
        answer = trust("ocsp", "--issuer", os.path.join(CORPUS, "ocsp", row["cafile"]),
                       "--at", times["ND" in row["response"]],
                       os.path.join(CORPUS, "ocsp", row["response"]))[0]
        tally.add(f"ocsp {row['response']} {row['cafile']}", row["expected"] == "OK", answer)
    tally.finish(show)


def test_tokens(show):
    tally = Tally("time-stamp tokens")
    rows = [r for r in table("tokens", "expected.tsv") if r["kind"] == "tst"]
    files = [os.path.join(CORPUS, "tokens", r["file"]) for r in rows]
    for row, answer in zip(rows, trust("token", *files)):
        tally.add("token " + row["file"], row["cms_intact"] == "true", answer)
    tally.finish(show)


def test_revocation_files_are_read(tmp_path, show):
    """Every CRL and OCSP response of the corpus is recognised by its content."""
    rows = [r for r in table("tokens", "expected.tsv") if r["kind"] == "crl" or
            (r["kind"] == "ocsp" and r["status"])]
    anchor = os.path.join(CORPUS, "ocsp", "R2.pem")
    args = ["path", "--anchors", anchor]
    for row in rows:
        args += ["--revocation", os.path.join(CORPUS, "tokens", row["file"])]
    assert trust(*args, "--at", "2012-10-12T00:00:00Z", anchor)[0]["ok"]
    show(f"\n{len(rows)} CRLs and OCSP responses read")

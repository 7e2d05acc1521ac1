# SPDX-License-Identifier: EUPL-1.2
"""The EU's reference implementation, built once by Maven, as a judge of files."""
import collections
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
OUT = pathlib.Path(os.environ.get("SEALGATE_BIN", HERE.parent.parent / "build" / "bin")
                   ).resolve().parent / "interop"
Verdict = collections.namedtuple("Verdict", "file number id level indication sub qualification")


class NoJudge(Exception):
    """It cannot be had here; the text says why."""


def build():
    """Compile the judge and bring its libraries; what is there already is used."""
    if not shutil.which("mvn") or not shutil.which("java"):
        raise NoJudge("Maven or Java is not installed")
    command = ["mvn", "-q", "-B", f"-Dinterop.out={OUT}", "compile"]
    done = None
    for more in (["-o"], []):
        done = subprocess.run(command + more, cwd=HERE, capture_output=True, text=True,
                              timeout=600, check=False)
        if done.returncode == 0:
            return
    if "COMPILATION ERROR" in done.stdout:
        raise AssertionError(done.stdout)
    raise NoJudge("its libraries cannot be had: " + done.stdout.strip()[-200:])


def run(*arguments, program="Judge", timeout=300):
    """A program's standard output, standard error."""
    done = subprocess.run(
        ["java", "-Xmx1g", "-cp", f"{OUT}/classes:{OUT}/lib/*", program,
         *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr[-2000:])
    return done.stdout, done.stderr


def judge(files, anchors, revocation=(), at=None, more=()):
    """A Verdict for each signature of the files, and what the judge finds wrong."""
    arguments = [*more, *(("--at", at) if at else ())]
    for anchor in anchors:
        arguments += ["--anchors", anchor]
    for crl in revocation:
        arguments += ["--revocation", crl]
    out, errors = run(*arguments, *files)
    return [Verdict(*line.split("\t")) for line in out.splitlines()], errors


def judge_records(pairs, anchors, revocation=(), at=None):
    """A Verdict for each (evidence record, document that it is about)."""
    files = [file for pair in pairs for file in pair]
    return judge(files, anchors, revocation, at, ("--records",))[0]


def xmlsec(file, node, anchor, *more):
    """What xmlsec1 says of one signature of a document: (exit status, its words)."""
    if not shutil.which("xmlsec1"):
        raise NoJudge("xmlsec1 is not installed")
    ids = [x for name in ("Signature", "SignatureValue") for x in
           ("--id-attr:Id", f"http://www.w3.org/2000/09/xmldsig#:{name}")]
    ids += ["--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"]
    done = subprocess.run(
        ["xmlsec1", "--verify", *ids, "--node-id", node, "--enabled-reference-uris",
         "empty,same-doc", "--trusted-pem", anchor, *more, file],
        capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr

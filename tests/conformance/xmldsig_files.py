# SPDX-License-Identifier: EUPL-1.2
"""Interoperability vectors of XML Signature against the tables of their makers' libraries.
What policy leaves out is recognised by what stands in the document, never by its name: keys
and digests that are no public-key signatures of today, transforms that run programs, data
from elsewhere.
"""
import csv
import json
import os
import re
import subprocess
import tempfile

# What is outside of policy, by the algorithm URIs of the document.
OUTSIDE = (
    ("DSA", r"xmldsig#dsa-|xmldsig11#dsa-"),
    ("HMAC", r"#hmac-"),
    ("GOST", r"gostr34"),
    ("MD5", r"xmldsig-more#(rsa-)?md5"),
    ("RIPEMD", r"ripemd160"),
    ("PQ", r"ml-dsa|slh-dsa|mldsa|slhdsa"),
    ("XSLT", r"REC-xslt-19991116"),
    ("relationship transform", r"RelationshipTransform"),
)
REFERENCE = re.compile(r"<(?:\w+:)?Reference\b[^>]*?\bURI\s*=\s*([\"'])(.*?)\1", re.S)
XPATH = re.compile(r"<(?:[\w-]+:)?XPath\b[^>]*>(.*?)</(?:[\w-]+:)?XPath>", re.S)
FIXED = re.compile(r"\s*(not\(ancestor-or-self::\w+:Signature\)|/descendant::\w+:Signature|"
                   r"//\w+:Signature|/\*/\w+:Signature|\.)\s*")
RETRIEVAL = re.compile(r"<(?:\w+:)?(RetrievalMethod|KeyInfoReference)\b")


def outside(text):
    """Why policy does not cover the signature of a document, or None."""
    signed = text[text.find("SignedInfo"):text.rfind("SignedInfo")] or text
    for name, pattern in OUTSIDE:
        if re.search(pattern, signed):
            return name
    if any(not FIXED.fullmatch(x.group(1)) for x in XPATH.finditer(signed)):
        return "free XPath"
    if any(uri and not uri.startswith("#") for _, uri in REFERENCE.findall(text)):
        return "external URI"
    return None


def rows(where, name):
    with open(os.path.join(where, name), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def convert(command, path, folder, number):
    """DER into PEM by openssl; the path of the result."""
    out = os.path.join(folder, f"{number}.pem")
    done = subprocess.run(["openssl", *command, "-inform", "DER", "-in", path, "-out", out],
                          capture_output=True, check=False)
    return out if done.returncode == 0 else path


def options(parameters, top, base, folder):
    """The parameters of xmlsec1 as ours."""
    out, number = [], 0
    words = parameters.replace("{TOP}", top).split()
    for name, value in zip(words, words[1:]):
        number += 1
        path = value if os.path.isabs(value) else os.path.join(base, value)
        if name.startswith("--trusted-der"):
            out += ["--anchors", convert(["x509"], path, folder, number)]
        elif name.startswith("--untrusted-der"):
            out += ["--certs", convert(["x509"], path, folder, number)]
        elif name.startswith("--pubkey-der"):
            out += ["--key", convert(["pkey", "-pubin"], path, folder, number)]
    return out


def core_valid(program, path, more):
    done = subprocess.run([program, "verify", "--profile", "eidas", "--at",
                           "2026-11-01T00:00:00Z", *more, path],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode not in (0, 1):
        return False
    signatures = json.loads(done.stdout)["signatures"]
    return bool(signatures) and signatures[0]["core_valid"]


def compare_xmlsec(program, where, note):
    top = os.path.join(where, "xmlsec")
    for row in rows(where, "expected-xmlsec.tsv"):
        path = os.path.join(top, row["file"])
        if not os.path.exists(path):
            path += ".xml"
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        parameters = row["xmlsec1_verify_params({TOP}=xmldsig/xmlsec)"]
        with tempfile.TemporaryDirectory() as folder:
            valid = core_valid(program, path, options(
                parameters, top, os.path.join(top, row["file"].split("/")[0]), folder))
        note("xmlsec", row["file"], row["expected"] == "success", valid, outside(text))


def compare_santuario(program, where, note):
    for row in rows(where, "expected-santuario.tsv"):
        path = os.path.join(where, row["file"])
        if row["core_valid"] != "true" or not os.path.exists(path):
            continue
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        valid = core_valid(program, path, [])
        note("santuario", row["file"], True, valid, outside(text))


def compare(program, where, note):
    """Call note(file, "1", "success" or "fail", want, got) for each row that policy covers.
    Return: how many it does not, by reason."""
    left = {}

    def weigh(table, file, want, got, reason):
        if reason:
            left[reason] = left.get(reason, 0) + 1
            # What is outside of policy may fail; what is bad must fail all the same.
            if want or not got:
                return
        note(table + "/" + file, "1", "success" if want else "fail", want, got)

    compare_xmlsec(program, where, weigh)
    compare_santuario(program, where, weigh)
    return left

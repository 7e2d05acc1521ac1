# SPDX-License-Identifier: EUPL-1.2
"""ASiC containers with XAdES: the corpus has the signature files and the data of containers, so
each is packed again and held to the same verdicts as the signature with its data beside it.
"""
import json
import os
import subprocess
import tempfile
import urllib.parse
import zipfile

import xades_files

TYPES = {"asics": "s", "scs": "s"}
MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord('"'): "&quot;"}


def rows(where):
    return [r for r in xades_files.rows(where) if r["file"].startswith("asice/") and
            "DIGEST:" not in r["detached"]]


def manifest(media_type, names):
    entries = "".join(
        f'<m:file-entry m:full-path="{name.translate(ESCAPES)}" m:media-type="{kind}"/>'
        for name, kind in [("/", media_type)] + [(n, "application/octet-stream") for n in names])
    return f'<m:manifest xmlns:m="{MANIFEST}">{entries}</m:manifest>'


def pack(where, row, path):
    """The container of a row: its one signature file over the data that is known."""
    container, _, inside = os.path.basename(row["file"]).rpartition("__")
    media_type = "application/vnd.etsi.asic-{}+zip".format(
        TYPES.get(container.rpartition(".")[2], "e"))
    data = {}
    for part in xades_files.detached_list(where, row["detached"]):
        file, bar, name = part.rpartition("|")
        data[name if bar else os.path.basename(part)] = file if bar else part
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("mimetype", media_type, zipfile.ZIP_STORED)
        for name, file in data.items():
            z.write(file, name)
        z.writestr("META-INF/manifest.xml", manifest(media_type, data))
        z.write(os.path.join(where, "files", row["file"]), "META-INF/" + inside)
    return data


def verify(program, path, at, anchors):
    command = [program, "verify", "--profile", "eidas", "--at", at, path]
    if anchors:
        command += ["--anchors", anchors]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode not in (0, 1):
        return {"error": f"exit {done.returncode} {done.stderr.strip()[:200]}"}
    return json.loads(done.stdout)


def uncovered(answer):
    return {f["where"] for f in answer["findings"] if f["code"] == "asic.uncovered"}


def not_signed(row, names):
    """Names that no reference has; a single file needs no name."""
    signed = {urllib.parse.unquote(m.split(":", 2)[2]) for m in
              row["digest_matchers"].split(" | ")}
    return {n for n in names if n not in signed} if len(names) > 1 else set()


def compare(program, where, note):
    """As xades_files.compare, over containers; and every file that a right signature has among
    its references is covered, every other is named. Return: how many rows."""
    answers, expected = {}, rows(where)
    with tempfile.TemporaryDirectory(prefix="sealgate-") as folder:
        for row in expected:
            key = (row["file"], row["sig_no"])
            anchors = os.path.join(where, "anchors",
                                   row["file"].replace("/", "_") + ".anchors.pem")
            if row["file"] not in answers:
                path = os.path.join(folder, f"{len(answers)}.asice")
                names = pack(where, row, path)
                answers[row["file"]] = (names, verify(program, path, xades_files.NOW, None), path)
            names, plain, path = answers[row["file"]]
            s = xades_files.signature_of(row, plain)
            if "fi:mimetype" not in row["digest_matchers"]:  # ours is another than was signed
                note(*key, "noanchor_result", xades_files.wanted(row["noanchor_result"]),
                     xades_files.outcome(row, plain))
            if s and row["sig_value_ok"] in ("true", "false"):
                xades_files.compare_core(row, s, note)
                note(*key, "signature_file", "META-INF/" + row["file"].rpartition("__")[2],
                     s["signature_file"])
            if row["n_sigs"] == "1" and row["core_valid"] == "true":
                note(*key, "uncovered", not_signed(row, names), uncovered(plain))
            if row["anchored_at_T"] != "-" and xades_files.anchored_column(row) and \
                    os.path.exists(anchors):
                note(*key, xades_files.anchored_column(row),
                     xades_files.wanted(row["anchored_at_T"]),
                     xades_files.outcome(row, verify(program, path, row["T"], anchors)))
    return len(expected)

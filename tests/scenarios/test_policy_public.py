# SPDX-License-Identifier: EUPL-1.2
"""Partners fetch the public part of the policy and find at home what the gate finds."""
import hashlib
import io
import json
import random
import tarfile

import pytest
from lxml import etree

from scenarios.gate import ROOT, fingerprint, sealgate
from scenarios.openapi import Specification

EXAMPLES = sorted((ROOT / "policies" / "examples").glob("*.xml"))
SEED = 20261128
MUTANTS = 6  # of each example
# What depends on more than the document: signatures, who sends it, where it may go.
ELSEWHERE = ("sig.", "partner.", "route.", "document.")


@pytest.fixture(scope="module")
def bundle(gate):
    path = gate.folder / "public.bundle"
    done = sealgate("policy", "fetch", "--url", gate.listener("partners"),
                    *gate.transport("partners/nz-mpi"), "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def test_it_is_what_the_status_names(gate, bundle, tmp_path):
    status = gate.request("/v1/status").json()
    assert not list(Specification().faults(status, {"$ref": "#/components/schemas/Status"}))
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() == status["policy_public"]
    made = tmp_path / "made.bundle"
    done = gate.run("policy", "public", "-o", made)
    assert done.returncode == 0, done.stderr
    assert made.read_bytes() == bundle.read_bytes()
    assert done.stdout.rstrip().endswith(f"of policy {status['policy_digest']}")


def test_it_names_nobody(gate, bundle):
    with tarfile.open(bundle) as archive:
        names = archive.getnames()
        text = b"".join(archive.extractfile(n).read() for n in names)
    assert {n.split("/")[0] for n in names} == {"BUNDLE", "POLICY", "codes", "examples",
                                                "messages", "rules", "schemas", "types",
                                                "versions"}
    for person in ("partners/nz-mpi", "operators/operator", "authority-nz/officer"):
        assert fingerprint(gate.pki.path(person)).encode() not in text


def test_it_is_no_policy_to_put_in_force(gate, bundle):
    done = gate.run("policy", "activate", bundle)
    assert done.returncode == 1 and "stays" in done.stderr


def mutants(path, dice):
    """Copies of a document with one element removed, emptied, doubled or made strange."""
    for _ in range(MUTANTS):
        tree = etree.parse(str(path))
        elements = [e for e in tree.getroot().iterdescendants() if isinstance(e.tag, str)]
        victim = dice.choice(elements)
        how = dice.randrange(4)
        if how == 0:
            victim.getparent().remove(victim)
        elif how == 1:
            victim.text = "strange"
        elif how == 2:
            victim.addnext(etree.fromstring(etree.tostring(victim)))
        else:
            victim.text = None
        yield etree.tostring(tree, xml_declaration=True, encoding="UTF-8")


def test_findings_are_the_gates(gate, bundle, tmp_path):
    dice = random.Random(SEED)
    documents = [path.read_bytes() for path in EXAMPLES]
    for path in EXAMPLES:
        documents.extend(mutants(path, dice))
    signed = gate.certificate("phyto", "PUBLIC-1")
    documents.append(signed.read_bytes())
    documents.append(signed.read_bytes().replace(b">851<", b">999<", 1))
    documents.append(b"<not-well-formed>")
    digest = gate.request("/v1/status").json()["policy_digest"]
    files, theirs = [], []
    for i, octets in enumerate(documents):
        files.append(tmp_path / f"{i}.xml")
        files[-1].write_bytes(octets)
        answer = gate.request("/v1/preflight", method="POST", data=octets,
                              headers={"Content-Type": "application/xml"}).json()
        assert answer["policy_digest"] == digest
        theirs.append(answer)
    done = sealgate("check", "--bundle", bundle, *files)
    assert done.returncode == 1, done.stderr
    ours = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ours) == len(documents)
    with_findings = 0
    for number, (mine, answer) in enumerate(zip(ours, theirs)):
        assert mine["policy_digest"] == digest
        wanted = [f for f in answer["findings"] if not f["code"].startswith(ELSEWHERE)]
        assert mine["findings"] == wanted, (number, mine, answer)
        with_findings += bool(wanted)
    assert with_findings > len(EXAMPLES) * MUTANTS // 2


def test_sentences_in_the_partners_language(gate):
    octets = gate.document("phyto", "PUBLIC-2").read_bytes().replace(b">70<", b">35<", 1)
    answers = {}
    for accept in ("", "fr-BE, fr;q=0.9, en;q=0.1", "es", "de"):
        for path in ("/v1/preflight", "/v1/documents"):
            got = gate.request(path, method="POST", data=octets, headers={
                "Content-Type": "application/xml", "Accept-Language": accept})
            assert got.headers.get("Content-Language") == (
                accept[:2] if accept[:2] in ("fr", "es") else None)
            answers[accept[:2], path] = got.json()
    english = answers["", "/v1/documents"]
    for language, none, status in (
            ("fr", "Le document n'a pas de signature.",
             "Le statut 35 n'est pas admis pour PHYTO."),
            ("es", "El documento no tiene firma.", "El estado 35 no se admite para PHYTO.")):
        for path in ("/v1/preflight", "/v1/documents"):
            messages = [f["message"] for f in answers[language, path]["findings"]]
            assert none in messages and status in messages, messages
        theirs = answers[language, "/v1/documents"]
        same = ("code", "where", "received", "rule", "severity", "clause", "line", "column")
        assert [[f.get(k) for k in same] for f in theirs["findings"]] == \
            [[f.get(k) for k in same] for f in english["findings"]]
        assert not {f["message"] for f in theirs["findings"]} & \
            {f["message"] for f in english["findings"]}
        report = gate.request(f"/v1/documents/{theirs['id']}/report",
                              headers={"Accept-Language": language}).json()
        assert report["findings"] == theirs["findings"]
        stored = gate.request(f"/v1/documents/{theirs['id']}/report").json()
        assert [f["message"] for f in stored["findings"]] == \
            [f["message"] for f in english["findings"]]
    missing = gate.request("/v1/nothing", headers={"Accept-Language": "fr"}).json()
    assert missing["detail"] == "Cette ressource n'existe pas, ou n'est pas la vôtre."


def test_check_speaks_languages(bundle, tmp_path):
    bad = tmp_path / "bad.xml"
    bad.write_bytes((ROOT / "policies" / "examples" / "phyto.xml").read_bytes()
                    .replace(b">70<", b">35<", 1))
    done = sealgate("check", "--bundle", bundle, "--language", "fr", bad)
    messages = [f["message"] for f in json.loads(done.stdout)["findings"]]
    assert done.returncode == 1 and "Le statut 35 n'est pas admis pour PHYTO." in messages
    done = sealgate("check", "--bundle", bundle, "--language", "de", EXAMPLES[0])
    assert done.returncode == 2 and "de" in done.stderr


def test_code_lists(gate, bundle):
    answer = gate.request("/v1/codes")
    assert answer.status_code == 200
    lists = {row["name"]: row for row in answer.json()["lists"]}
    files = {p.stem: p.read_bytes() for p in (gate.dir / "policies" / "codes").glob("*.csv")}
    assert set(lists) == set(files) and "countries" in lists
    for name, octets in files.items():
        got = gate.request(f"/v1/codes/{name}")
        assert got.content == octets and got.headers["Content-Type"].startswith("text/csv")
        assert lists[name]["sha256"] == hashlib.sha256(octets).hexdigest()
        assert lists[name]["size"] == len(octets)
    table = (gate.dir / "policies" / "codes" / "lists.csv").read_text().splitlines()[1:]
    assert table and {row.split(",")[0] for row in table} < set(lists)
    for row in table:
        name, *rest = row.split(",")
        assert [lists[name][k] or "" for k in ("title", "version", "from", "until")] == rest
    for path in ("/v1/codes/none", "/v1/codes/", "/v1/codes/a/b", "/v1/codes/countries.csv"):
        assert gate.request(path).status_code == 404, path
    assert gate.request("/v1/policy", method="POST", data=b"x").status_code == 405
    assert tarfile.open(fileobj=io.BytesIO(gate.request("/v1/policy").content)).getnames()


def test_what_is_no_bundle_is_not_used(bundle, tmp_path):
    spoiled = tmp_path / "spoiled.bundle"
    good = bundle.read_bytes()
    for bad in (good[:-512], good[:300] + b"x" + good[301:], b"", b"x" * 1024):
        spoiled.write_bytes(bad)
        done = sealgate("check", "--bundle", spoiled, EXAMPLES[0])
        assert done.returncode == 2 and "one form" in done.stderr

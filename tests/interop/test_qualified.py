# SPDX-License-Identifier: EUPL-1.2
"""Trusted lists that name the authority of our seals, made here: by the EU's reference implementation
and by ours the gate's container and receipt are qualified, and only what the list says is."""
import json

import pytest

from interop import judge as judge_module
from scenarios.gate import a_gate, sealgate
from scenarios.test_qualified import list_of
from scenarios.test_supply_lists import DATES
from scenarios.test_trust import Lists

SEAL, RECEIPT = "2.999.2.1", "2.999.2.2"  # policies in the certificates, see tests/sim/authority.py
LOTL = "https://lists.invalid/lotl.xml"


@pytest.fixture(scope="module")
def gate():
    try:
        judge_module.build()
    except judge_module.NoJudge as error:
        pytest.skip(str(error))
    with a_gate() as made:
        yield made.up()


@pytest.fixture(scope="module")
def files(gate):
    """What a partner and customs get: the container, the receipt as XML."""
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000311"))
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    container, receipt = gate.folder / "evidence.asice", gate.folder / "receipt.xml"
    container.write_bytes(gate.request(f"/v1/documents/{answer['id']}/evidence").content)
    receipt.write_bytes(gate.request(f"/v1/documents/{answer['id']}/receipt",
                                     headers={"Accept": "application/xml"}).content)
    return container, receipt


def publish(gate, folder, policies):
    """Lists that say so of what the authority of seals issues; as arguments of the judge and as a
    store of ours."""
    lists = Lists(folder)
    lists.lotl(**DATES)
    lists.good("BB", **DATES)
    lists.write("aa.xml", list_of(gate.pki.path("ec/issuing"), policies), lists.member)
    urls = folder / "urls.tsv"
    urls.write_text("".join(f"https://lists.invalid/{name}\t{name}\n"
                            for name in ("lotl.xml", "aa.xml", "bb.xml")))
    sealgate("trust", "import", "--lotl", folder / "lotl.xml", "--lists", folder, "--oj-certs",
             lists.journal.pem, "--store", folder / "store", check=True)
    return ("--lists", LOTL, lists.journal.pem, urls, folder), folder / "store"


def ours(gate, command, path, store):
    """(indication, qualification) of the only signature by our own verdict."""
    arguments = [x for name in ("ec", "tsa") for x in
                 ("--anchors", gate.pki.path(f"{name}/root"))]
    arguments += [x for crl in (gate.folder / "pki/crl").iterdir() for x in ("--revocation", crl)]
    done = sealgate(*command, *arguments, "--store", store, path)
    signature, = json.loads(done.stdout)["signatures"]
    return signature["indication"], signature["qualification"]


@pytest.mark.parametrize("policies, said", [
    ((SEAL, RECEIPT), ("QESEAL", "QESEAL")),
    ((SEAL,), ("QESEAL", "other"))])
def test_qualified_as_the_list_says(gate, files, tmp_path, policies, said):
    lists, store = publish(gate, tmp_path, policies)
    anchors = [gate.pki.path(f"{name}/root") for name in ("ec", "tsa")]
    found, errors = judge_module.judge(files, anchors, sorted((gate.folder / "pki/crl").iterdir()),
                                       more=lists)
    theirs = [v.qualification for v in found]
    assert [v.indication for v in found] == ["TOTAL_PASSED"] * 2, errors
    mine = [ours(gate, command, path, store) for command, path in
            zip((("evidence", "verify"), ("verify",)), files)]
    assert [indication for indication, _ in mine] == ["TOTAL-PASSED"] * 2
    for word, their, (_, our) in zip(said, theirs, mine):
        assert (their == our == word) if word == "QESEAL" else "QESEAL" not in (their, our), \
            (theirs, mine)

# SPDX-License-Identifier: EUPL-1.2
"""What sealgate signs and seals, judged by the EU's reference implementation, and side by side
with our own verdict. Skipped, with a message, where Maven is not."""
import datetime
import json
import pathlib
import sys
import zipfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from interop import judge as judge_module  # noqa: E402
from scenarios.gate import a_gate, sealgate  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def dss():
    """The judge, built."""
    try:
        judge_module.build()
    except judge_module.NoJudge as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def gate():
    with a_gate(with_rsa=True) as made:
        yield made.up()


def anchors(gate):
    return [gate.pki.path(f"{name}/root") for name in ("authority-nz", "ec", "tsa")]


def revocation(gate):
    return sorted((gate.folder / "pki" / "crl").iterdir())


def verdicts(gate, files):
    found, errors = judge_module.judge(files, anchors(gate), revocation(gate))
    return [(v.level, v.indication, v.sub) for v in found], errors


@pytest.mark.parametrize("name, number, seal", [
    ("phyto", "PHYTO.NZ.2026.0000301", "counter"),
    ("veterinary", "IMPORT.NZ.2026.0000302", "parallel")])
def test_documents_that_partners_sign(gate, name, number, seal):
    """Officer's signature with time-stamp, authority's seal over or beside it."""
    found, errors = verdicts(gate, [gate.certificate(name, number, seal=seal)])
    assert found == [("XAdES-BASELINE-T", "TOTAL_PASSED", "-"),
                     ("XAdES-BASELINE-B", "TOTAL_PASSED", "-")], errors


@pytest.fixture(scope="module")
def container(gate):
    """A delivered evidence container."""
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000303"))
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    path = gate.folder / "evidence.asice"
    path.write_bytes(gate.request(f"/v1/documents/{answer['id']}/evidence").content)
    return path


def test_seal_of_a_container(gate, container):
    found, errors = verdicts(gate, [container])
    assert found == [("XAdES-BASELINE-T", "TOTAL_PASSED", "-")], errors


def test_seal_that_lasts(gate, container, tmp_path):
    """T to LT when fresh revocation data is there, then LTA; the anchors are enough then."""
    roots = [x for a in anchors(gate) for x in ("--anchors", a)]
    data = [x for c in revocation(gate) for x in ("--revocation", c)]
    lt, lta = tmp_path / "lt.asice", tmp_path / "lta.asice"
    early = sealgate("evidence", "augment", "--to", "LT", *roots, *data, "-o", lt, container)
    assert early.returncode == 1 and "younger" in early.stderr
    gate.pki.renew_crls(datetime.datetime.now(datetime.timezone.utc))
    sealgate("evidence", "augment", "--to", "LT", *roots, *data, "-o", lt, container, check=True)
    sealgate("evidence", "augment", "--to", "LTA", "--tsa", f"{gate.tsa.url}/tsa", *roots, *data,
             "-o", lta, lt, check=True)
    for path, level in (lt, "LT"), (lta, "LTA"):
        seals = judge_module.judge([path], anchors(gate))[0]
        assert [(v.level, v.indication) for v in seals] == \
            [(f"XAdES-BASELINE-{level}", "TOTAL_PASSED")]
        ours = sealgate("evidence", "verify", *roots, path)
        assert ours.returncode == 0, ours.stdout
        assert json.loads(ours.stdout)["signatures"][0]["level"] == f"XAdES-BASELINE-{level}"


def test_sealed_receipt(gate, tmp_path):
    """The receipt as XML: enveloped seal of the gate's role of receipts."""
    status, answer = gate.submit(gate.certificate("phyto", "PHYTO.NZ.2026.0000305"))
    assert status == 0, answer
    path = tmp_path / "receipt.xml"
    reply = gate.request(f"/v1/documents/{answer['id']}/receipt",
                         headers={"Accept": "application/xml"})
    assert reply.status_code == 200
    path.write_bytes(reply.content)
    found, errors = verdicts(gate, [path])
    assert found == [("XAdES-BASELINE-B", "TOTAL_PASSED", "-")], errors
    roots = [x for a in anchors(gate) for x in ("--anchors", a)]
    data = [x for c in revocation(gate) for x in ("--revocation", c)]
    assert sealgate("verify", *roots, *data, path).returncode == 0
    path.write_bytes(reply.content.replace(b">39<", b">42<"))
    assert [v[1] for v in verdicts(gate, [path])[0]] == ["TOTAL_FAILED"]


def altered(container, name, change, out):
    """A copy of a container with one part changed, otherwise as it was."""
    with zipfile.ZipFile(container) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            data = old.read(entry.filename)
            new.writestr(entry, change(data) if entry.filename == name else data)
    return out


def parts(container):
    with zipfile.ZipFile(container) as archive:
        return archive.namelist()


def test_altered_parts_fail_for_both(gate, container, tmp_path):
    """Whatever the seal covers: the judge and we refuse it."""
    names = [n for n in parts(container) if n != "mimetype" and not n.startswith("META-INF/")]
    assert len(names) >= 3
    for number, name in enumerate(names):
        path = altered(container, name, lambda data: data[:-1] + bytes([data[-1] ^ 1]),
                       tmp_path / f"{number}.asice")
        found, _ = verdicts(gate, [path])
        assert [v[1] for v in found] == ["TOTAL_FAILED"], name
        assert sealgate("evidence", "verify", *(x for a in anchors(gate) for x in
                                                ("--anchors", a)), path).returncode == 1


@pytest.mark.parametrize("method", ["rsa-sha256", "rsa-pss-sha256", "rsa-sha512"])
def test_keys_of_partners(gate, method):
    source = gate.document("phyto", "PHYTO.NZ.2026.0000304")
    out = gate.sign(source, "authority-nz/officer-rsa", ("--method", method), tsa=False)
    found, errors = verdicts(gate, [out])
    assert found == [("XAdES-BASELINE-B", "TOTAL_PASSED", "-")], errors

# SPDX-License-Identifier: EUPL-1.2
"""Evidence records (RFC 4998), as the unit tests leave them, judged by the EU's reference
implementation; and containers that hold one."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import zipfile

import pytest

from interop import judge as judge_module

MAKERS = judge_module.OUT.parent / "unit" / "evidence"
AT = "2026-06-05T12:30:00Z"  # after the last time-stamp of the files


def made_by(name):
    maker = MAKERS / name
    if not maker.exists():
        pytest.skip(f"make build/unit/evidence/{name} first")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    subprocess.run([maker], env={**os.environ, "SEALGATE_TEST_KEEP": folder}, check=True,
                   capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def records():
    judge_module.build()
    folder = made_by("test_record")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def containers():
    judge_module.build()
    folder = made_by("test_recorded")
    yield folder
    shutil.rmtree(folder)


def trust(folder):
    return [folder / "ca.der"], [folder / "ca.crl"], AT


def test_every_document_of_every_batch(records):
    pairs = [(r, r.with_suffix(".txt")) for r in sorted(records.glob("*.ers"))]
    assert len(pairs) > 40
    found = judge_module.judge_records(pairs, *trust(records))
    assert [v.file for v in found] == [str(r) for r, _ in pairs]
    assert {(v.indication, v.sub) for v in found} == {("PASSED", "-")}


def test_no_document_of_another_batch(records):
    pairs = [(records / "batch-8-1.ers", records / "batch-9-3.txt"),
             (records / "batch-1-0.ers", records / "batch-9-3.txt")]
    found = judge_module.judge_records(pairs, *trust(records))
    assert len(found) == 2 and all(v.indication != "PASSED" for v in found)


@pytest.mark.parametrize("level", ["B", "T"])
def test_container(containers, tmp_path, level):
    """The seal is of its level; the record proves the document's octets by itself."""
    file = containers / f"level-{level.lower()}.asice"
    found, errors = judge_module.judge([file], *trust(containers))
    assert [(v.level, v.indication, v.sub) for v in found] == [
        (f"XAdES-BASELINE-{level}", "TOTAL_PASSED", "-")], errors
    with zipfile.ZipFile(file) as container:
        pair = [pathlib.Path(container.extract(name, tmp_path))
                for name in ("record.ers", "document.xml")]
    found = judge_module.judge_records([pair], *trust(containers))
    assert [(v.indication, v.sub) for v in found] == [("PASSED", "-")]

# SPDX-License-Identifier: EUPL-1.2
"""Every kind of key at every level in every form, as the unit test of levels leaves them, judged
by the EU's reference implementation and by xmlsec1. What is at level LT or above is judged with
the anchor alone: everything else must be in the file."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from interop import judge as judge_module

MAKER = judge_module.OUT.parent / "unit" / "evidence" / "test_levels"
KEYS = ("rsa3072", "rsa4096", "pss3072", "pss4096", "p256", "p384", "p521")
LEVELS = ("B", "T", "LT", "LTA")
AT = "2026-06-05T15:30:00Z"  # after the last time-stamp of the files
# xmlsec1 of Debian 12 does not know RSA-PSS.
UNKNOWN_TO_XMLSEC = ("pss3072", "pss4096")


@pytest.fixture(scope="module")
def folder():
    if not MAKER.exists():
        pytest.skip("make build/unit/evidence/test_levels first")
    made = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    try:
        subprocess.run([MAKER], env={**os.environ, "SEALGATE_TEST_KEEP": made},
                       check=True, capture_output=True, timeout=300)
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture(scope="module")
def verdicts(folder):
    """{file name: [Verdict]} of all files."""
    judge_module.build()
    files = sorted(folder.glob("*.asice")) + sorted(folder.glob("*.xml"))
    alone = [f for f in files if "-LT" in f.name]
    with_crl = [f for f in files if f not in alone]
    found = judge_module.judge(with_crl, [folder / "ca.pem"], [folder / "ca.crl"], at=AT)[0]
    found += judge_module.judge(alone, [folder / "ca.pem"], at=AT)[0]
    by_file = {}
    for verdict in found:
        by_file.setdefault(pathlib.Path(verdict.file).name, []).append(verdict)
    return by_file


def assert_passed(verdict, level):
    assert (verdict.level, verdict.indication, verdict.sub) == \
        (f"XAdES-BASELINE-{level}", "TOTAL_PASSED", "-")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("key", KEYS)
def test_container(verdicts, key, level):
    found = verdicts[f"container-{key}-{level}.asice"]
    assert len(found) == 1
    assert_passed(found[0], level)


@pytest.mark.parametrize("key", KEYS)
def test_renewed_container(verdicts, key):
    """With a second archive time-stamp over the first."""
    assert_passed(verdicts[f"container-{key}-LTA2.asice"][0], "LTA")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("key", KEYS)
def test_counter_signature(verdicts, key, level):
    """The officer's signature and the seal over its value."""
    officer, seal = verdicts[f"counter-{key}-{level}.xml"]
    assert_passed(seal, level)
    assert officer.indication in ("TOTAL_PASSED", "INDETERMINATE")
    if level in ("B", "T"):
        assert_passed(officer, "B")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("key", KEYS)
def test_parallel_signature(verdicts, key, level):
    found = verdicts[f"parallel-{key}-{level}.xml"]
    assert len(found) == 2
    assert_passed(found[1], level)


@pytest.mark.parametrize("form", ("counter", "parallel"))
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("key", [k for k in KEYS if k not in UNKNOWN_TO_XMLSEC])
def test_xmlsec(folder, form, key, level):
    try:
        status, said = judge_module.xmlsec(
            folder / f"{form}-{key}-{level}.xml", "seal", folder / "ca.pem",
            "--verification-time", "2026-06-05 15:30:00")
    except judge_module.NoJudge as error:
        pytest.skip(str(error))
    assert status == 0, said

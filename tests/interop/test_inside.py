# SPDX-License-Identifier: EUPL-1.2
"""What a destination got with the seal in the document, judged by the EU's reference implementation
and by xmlsec1: the partner's signatures and the seal."""

import pytest

from interop import judge as judge_module
from scenarios.gate import a_folder
from scenarios.test_inside import PLACES, InsideGate, at_level_b, settled, signed, submitted

LEVELS = ("B", "T")


@pytest.fixture(scope="module")
def gate():
    try:
        judge_module.build()
    except judge_module.NoJudge as error:
        pytest.skip(str(error))
    with a_folder() as folder, InsideGate(folder) as made:
        yield made.make().up()


@pytest.fixture(scope="module")
def files(gate):
    """The sealed document of each place at each level."""
    identifiers = {"T": submitted(gate, signed(gate, 411, "parallel")),
                   "B": at_level_b(gate, 412)}
    settled(gate, identifiers["T"])
    made = {}
    for level, identifier in identifiers.items():
        for place in PLACES:
            made[place, level] = gate.folder / f"sealed-{place}-{level}.xml"
            made[place, level].write_bytes(gate.sealed(place, identifier))
    return made


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("place", PLACES)
def test_totally_passed(gate, files, place, level):
    anchors = [gate.pki.path(f"{name}/root") for name in ("authority-nz", "ec", "tsa")]
    found, errors = judge_module.judge([files[place, level]], anchors,
                                       sorted((gate.folder / "pki/crl").iterdir()))
    assert len(found) == 3
    assert [v.indication for v in found] == ["TOTAL_PASSED"] * 3, errors
    assert sorted(v.level[-2:] for v in found) == sorted(["-B", "-T", f"-{level}"])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("place", PLACES)
def test_xmlsec(gate, files, place, level):
    seal = files[place, level].read_text().split('Id="seal-inside-', 1)[1].split('"', 1)[0]
    try:
        status, said = judge_module.xmlsec(
            files[place, level], f"seal-inside-{seal}", gate.pki.path("ec/root"),
            "--untrusted-pem", gate.pki.path("ec/issuing"))
    except judge_module.NoJudge as error:
        pytest.skip(str(error))
    assert status == 0, said

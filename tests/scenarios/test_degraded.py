# SPDX-License-Identifier: EUPL-1.2
"""Every dependency by every mode: refused, held with an end, or accepted with a mark; and the
way back, by itself, once what was wanting is there."""
import pytest

from scenarios.degraded import DEPENDENCIES, ENDED, rule
from scenarios.test_qualified import answer_when
from scenarios.test_verify import a_house, signed

SECONDS = 7200  # of a hold, and of a grace: longer than what is broken has ended


@pytest.fixture(scope="module")
def house():
    with a_house() as made:
        yield made.make(with_rsa=False).start()


@pytest.fixture
def broken(house, tmp_path):
    made = []

    def break_it(name, mode, seconds=SECONDS):
        rule(house, name, mode, seconds)
        made.append(DEPENDENCIES[name](house, tmp_path))
        made[0].break_it()
        return made[0]
    yield break_it
    rule(house, made[0].name, "refuse", 0)
    made[0].away()


def becomes(house, document, decision, grace="", because=None):
    """because: what is among the reasons, also where what was mended before is one a while longer."""
    return answer_when(house, document, lambda a: (a.decision, a.grace) == (decision, grace)
                       and (because is None or because in a.codes()))


@pytest.mark.parametrize("name", DEPENDENCIES)
@pytest.mark.parametrize("mode", ["refuse", "hold", "grace"])
def test_every_dependency_by_every_mode(house, broken, name, mode):
    document = signed(house, 800)
    becomes(house, document, "accepted")
    dependency = broken(name, mode)
    if mode == "refuse":
        becomes(house, document, "refused", because=dependency.reason)
    elif mode == "hold":
        answer = becomes(house, document, "held", because=dependency.reason)
        assert answer.hold_reason == dependency.reason
        assert answer.hold_until == answer.judged_at + SECONDS
        assert answer.codes() == {dependency.reason}, answer.report
    else:
        answer = becomes(house, document, "accepted", name)
        assert answer.report["grace"] == name and not answer.codes()
        assert "degraded.grace" in answer.codes("warning")
    dependency.mend()
    assert "degraded.grace" not in becomes(house, document, "accepted").codes("warning")


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_a_grace_has_an_end(house, broken, name):
    document = signed(house, 801)
    becomes(house, document, "accepted")
    dependency = broken(name, "grace", ENDED - 600)
    becomes(house, document, "refused", because=dependency.reason)


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_nothing_else_may_be_wrong(house, broken, name):
    """A hold is no way around what else is demanded."""
    document = signed(house, 802, "authority-nz/officer-not-enrolled")
    answer_when(house, document, lambda a: a.codes() == {
        "partner.signer-unknown", "partner.officer-missing"})
    dependency = broken(name, "hold")
    answer = answer_when(house, document, lambda a: dependency.reason in a.codes())
    assert answer.decision == "refused"

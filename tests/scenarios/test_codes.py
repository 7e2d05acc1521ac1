# SPDX-License-Identifier: EUPL-1.2
"""Code lists that others publish: taken into a policy, looked up, compiled when they are large."""
import json
import re
import shutil

import pytest

from scenarios.gate import ROOT, sealgate

EXAMPLE = (ROOT / "policies" / "examples" / "phyto.xml").read_text()
PLACES = re.findall(r'schemeID="un_locode">(\w+)<', EXAMPLE)
# Those of all examples: a policy that is built has to pass them.
EVERYWHERE = re.findall(r'schemeID="un_locode">(\w+)<', "".join(
    p.read_text() for p in sorted((ROOT / "policies" / "examples").glob("*.xml"))))
MANY = 100000


class Desk:
    """A policy that is being prepared, and a document to check by it."""

    def __init__(self, folder):
        self.folder = folder
        self.policies = folder / "policies"
        self.table = self.policies / "codes" / "unlocode.csv"
        self.index = self.policies / "codes" / "unlocode.index"
        self.document = folder / "document.xml"
        shutil.copytree(ROOT / "policies", self.policies)
        self.document.write_text(EXAMPLE)

    def policy(self, verb, *arguments):
        return sealgate("policy", verb, "--policies", self.policies, *arguments)

    def take(self, text):
        published = self.folder / "published.csv"
        published.write_text(text)
        done = self.policy("codes", "import", "unlocode", published)
        assert done.returncode == 0, done.stderr
        return done

    def take_large(self, missing=(), over=()):
        rows = [f"ZZ{i:05X},place {i},," for i in range(MANY)]
        rows += [f"{place},here,,{'2026-05-01' if place in over else ''}"
                 for place in sorted({*EVERYWHERE} - {*missing})]
        return self.take("code,name,from,until\r\n" + "\r\n".join(rows) + "\r\n")

    def check(self, *options):
        return sealgate("check", "--policies", self.policies, "--at", "2026-06-10T00:00:00Z",
                        *options, self.document)

    def found(self, *options):
        return {(f["rule"], f["received"], re.split(" ?: ", f["message"], maxsplit=1)[1])
                for f in json.loads(self.check(*options).stdout)["findings"] if f["code"] == "doc.code"}


SPOILED = {("CODE-19", "NZTRG", 'the code is in the list "unlocode", but only until 2026-05-01.'),
           ("CODE-19", PLACES[-1], 'the code is not in the list "unlocode" for this place.')}


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_large_list_and_codes_with_a_life(desk):
    """UN/LOCODE is not ours to ship: once somebody imports it, ports are looked up in it."""
    assert 'schemeID="un_locode">NZTRG<' in EXAMPLE and not desk.found()
    done = desk.take_large([PLACES[-1]], ["NZTRG"])
    assert f"{desk.table}: " in done.stdout and f"{desk.index}: " in done.stdout
    assert desk.found() == SPOILED
    # The examples speak of those ports: what the list does to them is said, too.
    assert "CODE-19" in desk.policy("test").stdout
    # A small one has no index, and leaves none of the list before it.
    desk.take("code\n" + "\n".join({*PLACES, "NZAKL"}) + "\n")
    assert not desk.index.exists() and not desk.found()
    desk.table.write_text("code,until\nNZTRG,soon\n")
    lint = desk.policy("lint")
    assert lint.returncode == 1 and "unlocode.csv:2: from and until are days" in lint.stdout


def test_an_index_is_of_its_table_alone(desk):
    desk.take_large()
    good = desk.index.read_bytes()
    for bad, used in ((good[:-1], False), (b"", False), (good[:100] + b"\xff" + good[101:], False),
                      # In form, and of that table, but with another day: lint makes it again.
                      (good[:52] + b"\x01\x00\x00\x00" + good[56:], True)):
        desk.index.write_bytes(bad)
        lint = desk.policy("lint")
        assert lint.returncode == 1 and "unlocode.index:0: this is " in lint.stdout, lint.stdout
        assert desk.policy("build", "--version", "1", "-o", desk.folder / "b").returncode == 1
        assert not (desk.folder / "b").exists()
        done = desk.check()
        assert (done.returncode == 2) != used and ("unlocode.index" in done.stderr) != used
    desk.index.write_bytes(good)
    desk.table.write_text(desk.table.read_text() + "ZZZZZ,more,,\n")
    done = desk.check()
    assert done.returncode == 2 and "made of another table" in done.stderr
    done = desk.policy("codes", "compile", "unlocode")
    assert done.returncode == 0, done.stderr
    assert not desk.found() and desk.policy("lint").returncode == 0
    desk.table.unlink()
    lint = desk.policy("lint")
    assert lint.returncode == 1 and "unlocode.csv" in lint.stdout


def test_the_same_list_gives_the_same_bundle(desk):
    """And an example that spoils a place is not at fault because the list does not have it."""
    bundles = []
    for name in "ab":
        desk.take_large()
        done = desk.policy("build", "--version", "1", "-o", desk.folder / name)
        assert done.returncode == 0, done.stderr
        bundles.append((desk.folder / name).read_bytes())
    assert bundles[0] == bundles[1] and desk.index.read_bytes() in bundles[0]


def test_what_is_asked_for_wrongly(desk):
    for arguments in (("codes", "compile"), ("codes", "compile", "../x"), ("codes", "drop", "x"),
                      ("codes", "import", "x")):
        assert desk.policy(*arguments).returncode == 2, arguments
    done = desk.policy("codes", "compile", "none")
    assert done.returncode == 1 and "none.csv" in done.stderr
    assert not (desk.policies / "codes" / "none.index").exists()


def versions(desk, **rows):
    """Give versions to lists: name="version,from,until"."""
    path = desk.policies / "codes" / "lists.csv"
    kept = [line for line in path.read_text().splitlines() if line.split(",")[0] not in rows]
    path.write_text("\n".join(kept + [f"{name},a list,{rest}" for name, rest in rows.items()])
                    + "\n")


def test_versions_of_lists_as_a_whole(desk):
    desk.take_large([PLACES[-1]], ["NZTRG"])
    unlisted = 'the code is not in the list "unlocode"'
    for said, phrase in (("2025-2,,", ", version 2025-2,"),
                         ("2025-2,2026-01-01,2026-12-31", ", version 2025-2,"),
                         ("2025-2,2027-01-01,", ", version 2025-2 (2027-01-01/..),"),
                         ("2024-1,,2026-01-31", ", version 2024-1 (../2026-01-31),")):
        versions(desk, unlocode=said)
        assert desk.policy("lint").returncode == 0
        messages = {message for _, _, message in desk.found()}
        assert f"{unlisted}{phrase} for this place." in messages, (said, messages)
        assert f'the code is in the list "unlocode"{phrase} but only until 2026-05-01.' in messages
    for language, words in (("fr", "« unlocode », version 2024-1 (../2026-01-31), prévue"),
                            ("es", "«unlocode», versión 2024-1 (../2026-01-31), prevista")):
        assert words in "".join(m for _, _, m in desk.found("--language", language)), language
    listed = desk.policy("codes", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == sorted(
        p.stem for p in (desk.policies / "codes").glob("*.csv"))
    row = next(line.split() for line in listed if line.startswith("unlocode"))
    count = desk.table.read_text().count("\n") - 1
    assert row == ["unlocode", "2024-1", "(over)", "-", "2026-01-31", str(count), "index",
                   "a", "list"]
    for bad, line in (("1,2026-02-01,2026-01-31", "from and until are days"),
                      ("1,soon,", "from and until are days"), (",,", "a version of at most 40"),
                      (f"{'x' * 41},,", "a version of at most 40")):
        versions(desk, unlocode=bad)
        lint = desk.policy("lint")
        assert lint.returncode == 1, bad
        assert re.search(rf"lists\.csv:11: .*{line}", lint.stdout), lint.stdout
    versions(desk, unlocode="1,,", nowhere="1,,")
    assert "lists.csv:12: there is no list nowhere" in desk.policy("lint").stdout


def test_every_list_of_ours_has_a_version():
    done = sealgate("policy", "codes", "--policies", ROOT / "policies", "list")
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert {row[0] for row in rows if row[1] == "-"} == {"lists"}


def test_a_code_of_another_place_is_told_from_none(desk):
    """Ecuador is a country and none to import into: a message that denies it sends people
    looking for a typing error."""
    before, inside, after = EXAMPLE.split("ImportSPSCountry>", 2)
    wrong = re.sub(r"(ID[^>]*>)NL<", r"\1EC<", inside, count=1)
    assert wrong != inside
    desk.document.write_text("ImportSPSCountry>".join([before, wrong, after]))
    assert ("CODE-04", "EC", 'the code is in the list "countries", version 1, but not among those '
            "that this place takes (market=union).") in desk.found()
    for language, words in (("fr", "liste « countries », version 1, mais pas"),
                            ("es", "lista «countries», versión 1, pero no")):
        assert words in json.dumps(json.loads(desk.check("--language", language).stdout),
                                   ensure_ascii=False)

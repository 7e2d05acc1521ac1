# SPDX-License-Identifier: EUPL-1.2
"""The example of each family, one thing broken at a time: every element that the schema demands
is taken out, every coded value made unknown. What is found names the place, once, and nothing
else of the schema or of a code list is complained about.

Needs no corpus: examples, schemas and rules are ours.
"""
import copy
import json
import os
import pathlib
import re
import subprocess

import pytest
from lxml import etree

import rules_oracle as ro
import schema_oracle as so

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("SEALGATE_BIN", TOP / "build" / "bin")) / "sealgate"
POLICIES = TOP / "policies"
SCHEMAS = POLICIES / "schemas" / "sps-17"
NOW = "2026-06-10T00:00:00Z"
UNKNOWN = "Z9Z9Z9"
FAMILIES = sorted(p.stem for p in (POLICIES / "examples").glob("*.cfg"))
# Elements and attributes whose values are codes of a list, in the schema or in policies/codes.
CODED = re.compile(r"^(TypeCode|StatusCode|RelationshipTypeCode|RoleCode|ModeCode|CountryID)$")
COUNTRIES = re.compile(r"SPSCountry$")

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM.name} is not built")


@pytest.fixture(scope="module")
def pack():
    return so.Pack(*(str(SCHEMAS / f) for f in
                     ("SPSCertificate_17.xsd", "SPSAcknowledgement_17.xsd")))


def type_of(family):
    text = (POLICIES / "examples" / f"{family}.cfg").read_text()
    return re.search(r'^type = "(.*)";', text, re.M).group(1)


def check(family, trees, folder):
    """Findings of each tree, as its own type."""
    paths = []
    for i, tree in enumerate(trees):
        path = folder / f"{i}.xml"
        tree.write(str(path), encoding="utf-8", xml_declaration=True)
        paths.append(path)
    done = subprocess.run([PROGRAM, "check", "--policies", POLICIES, "--at", NOW, "--type",
                           type_of(family), *paths], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return [json.loads(line)["findings"] for line in done.stdout.splitlines()]


def example(family):
    return etree.parse(str(POLICIES / "examples" / f"{family}.xml"), so.parser())


def demanded(pack, tree):
    """(path of an element that must be there, path of its parent)."""
    def below(element, declaration):
        kind, particles = pack.particles(pack.type_of(declaration))
        for name, low, _, child in particles:
            found = element.findall(name)
            if kind == "sequence" and low >= 1 and len(found) == 1:
                yield tree.getpath(found[0])
            for c in found:
                if not isinstance(pack.type_of(child), str):
                    yield from below(c, child)
    root = tree.getroot()
    yield from below(root, pack.root(root.tag))


def coded(tree):
    """(path of an element, attribute or None)."""
    for e in tree.getroot().iter("*"):
        name = etree.QName(e).localname
        parent = etree.QName(e.getparent()).localname if e.getparent() is not None else ""
        # A party's TypeCode is any code, a package's level too.
        if CODED.match(name) and not (name == "TypeCode" and parent == "SPSParty") or \
                name == "ID" and COUNTRIES.search(parent):
            yield tree.getpath(e), None
        if e.get("unitCode"):
            yield tree.getpath(e), "unitCode"


def at(tree, path):
    return tree.xpath(path, namespaces=tree.getroot().nsmap)[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_demanded_element_taken_out(family, pack, tmp_path, capsys):
    tree, trees, places = example(family), [], []
    for path in demanded(pack, tree):
        mutant = copy.deepcopy(tree)
        e = at(mutant, path)
        parent, after = mutant.getpath(e.getparent()), e.getnext()
        if after is not None:
            e.getparent().remove(e)
            place = mutant.getpath(after)
        else:
            e.getparent().remove(e)
            place = parent
        trees.append(mutant)
        places.append((path, {parent, place}))
    for (path, allowed), mutant, findings in zip(places, trees, check(family, trees, tmp_path),
                                                 strict=True):
        schema = [f for f in findings if f["code"] == "doc.schema"]
        assert len(schema) == 1, (path, findings)
        where = ro.walk(mutant, schema[0]["where"])
        assert mutant.getpath(where) in allowed, (path, schema)
        assert not [f for f in findings if f["code"] in ("doc.code", "xml.not-wellformed")], path
    with capsys.disabled():
        print(f"\n{family}: {len(trees)} demanded elements, each missed once")
    assert len(trees) >= 5


@pytest.mark.parametrize("family", FAMILIES)
def test_each_code_made_unknown(family, tmp_path, capsys):
    tree, trees, places = example(family), [], []
    for path, attribute in coded(tree):
        mutant = copy.deepcopy(tree)
        e = at(mutant, path)
        if attribute:
            e.set(attribute, UNKNOWN)
        else:
            e.text = UNKNOWN
        trees.append(mutant)
        places.append((path, attribute))
    for (path, attribute), mutant, findings in zip(
            places, trees, check(family, trees, tmp_path), strict=True):
        said = [f for f in findings if f["code"] in ("doc.schema", "doc.code")]
        assert len(said) == 1, (path, attribute, findings)
        assert said[0]["received"] == UNKNOWN and said[0]["fix"] and said[0]["clause"]
        where = ro.walk(mutant, said[0]["where"])
        node, name = where if isinstance(where, tuple) else (where, None)
        assert (mutant.getpath(node), name) == (path, attribute)
    with capsys.disabled():
        print(f"\n{family}: {len(trees)} coded values, each found unknown once")
    assert len(trees) >= 3

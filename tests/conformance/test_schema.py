# SPDX-License-Identifier: EUPL-1.2
"""The project's schemas against another set of schemas for the same documents.

SEALGATE_CORPUS names the corpus with that set and with samples; without it only the tests
that need no second opinion run. SEALGATE_MUTANTS: how many mutants (default 2400).
SEALGATE_SEED: a number, or "random"; it is printed, so that a run can be repeated.
"""
import collections
import csv
import glob
import os
import random

import pytest
from lxml import etree

import schema_oracle as so

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCHEMAS = os.path.join(TOP, "policies", "schemas", "sps-17")
CODES = os.path.join(TOP, "policies", "codes")
VECTORS = os.path.join(TOP, "tests", "vectors", "documents")
CORPUS = os.environ.get("SEALGATE_CORPUS")
MUTANTS = int(os.environ.get("SEALGATE_MUTANTS", "2400"))
SEED = os.environ.get("SEALGATE_SEED", "17")
if SEED == "random":
    SEED = str(random.SystemRandom().randrange(1 << 32))

needs_corpus = pytest.mark.skipif(
    CORPUS is None, reason="SEALGATE_CORPUS is not set: no second set of schemas")


@pytest.fixture(scope="module")
def ours():
    return so.Pack(*(os.path.join(SCHEMAS, f) for f in
                     ("SPSCertificate_17.xsd", "SPSAcknowledgement_17.xsd")))


@pytest.fixture(scope="module")
def theirs():
    where = os.path.join(CORPUS, "documents", "xsd", "D17A", "data", "standard")
    return so.Pack(*(os.path.join(where, f) for f in
                     ("SPSCertificate_17p0.xsd", "SPSAcknowledgement_17p0.xsd")))


@pytest.fixture
def show(capsys):
    def out(*args):
        with capsys.disabled():
            print(*args)
    return out


def vectors():
    return sorted(glob.glob(os.path.join(VECTORS, "*.xml")))


def table(name):
    with open(os.path.join(CODES, name), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


class Tally:
    """Counts verdicts of the two sides and keeps what no rule explains."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.count = collections.Counter()
        self.explained = collections.Counter()
        self.wrong = []
        self.places = 0

    def judge(self, label, tree):
        a, where_a = self.ours.validate(tree)
        b, where_b = self.theirs.validate(tree)
        if a == b:
            self.count["accepted" if a else "refused"] += 1
            self.places += sorted(where_a) == sorted(where_b)
            return
        rule = so.deviation(tree, a, b)
        if rule:
            self.explained[rule] += 1
            return
        self.wrong.append("%s: ours %s, theirs %s: %s" % (
            label, a, b, (where_a or where_b)[:3]))

    def report(self, show, title):
        n = sum(self.count.values()) + sum(self.explained.values()) + len(self.wrong)
        show("\n%s: %d documents, both accept %d, both refuse %d, same places %d, "
             "explained %s, unexplained %d" % (
                 title, n, self.count["accepted"], self.count["refused"], self.places,
                 dict(self.explained), len(self.wrong)))
        for line in self.wrong:
            show("  DISAGREE", line)
        assert not self.wrong


# -- without a second opinion -----------------------------------------------------------

def test_files_are_local_and_closed(ours):
    assert len(ours.loaded) == 6
    for path in ours.loaded:
        assert os.path.dirname(path) == os.path.realpath(SCHEMAS)
        root = etree.parse(path).getroot()
        for bad in ("any", "anyAttribute", "redefine", "annotation", "documentation"):
            assert not root.findall(".//" + so.XS + bad), path
        assert not root.xpath("//@nillable | //@abstract | //@substitutionGroup"), path
        if root.find(".//" + so.XS + "complexType") is not None:
            assert root.get("blockDefault") == "#all"
    roots = {name for kind, name in ours.named if kind == "element"}
    assert roots == set(so.ROOTS)


def test_vectors_are_valid(ours):
    assert len(vectors()) == 3
    for path in vectors():
        ok, errors = ours.validate(etree.parse(path))
        assert ok, (path, errors)


@pytest.mark.parametrize("path", vectors(), ids=os.path.basename)
def test_number_occurs_once(path):
    tree = etree.parse(path)
    number = tree.findtext(".//" + so.RAM + "ID")
    if "acknowledgement" in path:
        number = tree.findtext(".//%sReferenceSPSReferencedDocument/%sID" %
                               (so.RAM, so.RAM))
    with open(path, encoding="utf-8") as f:
        assert f.read().count(number) == 1


@pytest.mark.parametrize("rule", ["xsi_type", "nil", "signature", "rename_unknown",
                                  "attribute_unknown", "text_between"])
def test_always_refused(ours, rule):
    """Rules that break a document wherever they hit."""
    rng = random.Random(rule)
    for path in vectors():
        for _ in range(40):
            assert not ours.validate(so.mutate(etree.parse(path), rule, rng))[0]


def test_builtin_type_may_not_be_named(ours):
    n, trees = 0, [etree.parse(path) for path in vectors()]
    flag = trees[1].find(".//%sConsignorSPSParty" % so.RAM)
    flag.addprevious(etree.fromstring(
        '<a:ShipStoresIndicator xmlns:a="%s" xmlns:b="%s"><b:Indicator>true</b:Indicator>'
        '</a:ShipStoresIndicator>' % (so.RAM[1:-1], so.UDT[1:-1])))
    for tree in trees:
        assert ours.validate(tree)[0]
        for base, named in so.builtin_types(tree):
            assert not ours.validate(named)[0], base
            n += 1
    assert n >= 60


def test_country_is_refused_where_iso_has_none(ours):
    for code in ("XI", "XK", "EL", "EU", "nz", "", "NZL"):
        tree = etree.parse(os.path.join(VECTORS, "phyto.xml"))
        tree.find(".//%sExportSPSCountry/%sID" % (so.RAM, so.RAM)).text = code
        assert not ours.validate(tree)[0], code


def schema_codes(ours, name):
    key = "type", "{urn:un:unece:uncefact:data:Standard:QualifiedDataType:21}list-" + name
    return set(ours.simple(ours.named[key])[1])


@pytest.mark.parametrize("name", sorted(os.listdir(CODES)))
def test_tables_are_plain(name):
    if not name.endswith(".csv"):
        pytest.skip("not a table")
    with open(os.path.join(CODES, name), encoding="utf-8", newline="") as f:
        text = f.read()
    lines = text.split("\n")
    assert text.endswith("\n") and "\r" not in text and '"' not in text
    assert lines[0].startswith("code,name")
    width = lines[0].count(",")
    assert all(line.count(",") == width for line in lines[:-1])
    codes = [line.split(",")[0] for line in lines[1:-1]]
    assert len(codes) == len(set(codes)) and all(codes)


def test_tables_agree_with_schema(ours):
    countries, iso = ({r["code"] for r in table("countries.csv")},
                      schema_codes(ours, "iso-3166-1"))
    assert iso < countries and len(iso) == 249
    assert countries - iso == {"EL", "EU", "XI", "XK"}
    assert {r["code"] for r in table("packages.csv")} == schema_codes(ours, "rec-21")
    assert {r["code"] for r in table("transport-modes.csv")} == \
        schema_codes(ours, "rec-19")
    assert {r["code"] for r in table("document-types.csv")} < schema_codes(ours, "1001")
    assert {r["code"] for r in table("status.csv")} < schema_codes(ours, "4405")


# -- with a second opinion --------------------------------------------------------------

@needs_corpus
def test_same_structure(ours, theirs, show):
    report, seen = [], set()
    for root in so.ROOTS:
        so.compare_models(ours, theirs, etree.QName(root).localname,
                          ours.type_of(ours.root(root)),
                          theirs.type_of(theirs.root(root)), seen, report)
    show("\nstructure: %d pairs of types compared, %d differences" %
         (len(seen), len(report)))
    for line in report:
        show("  DIFFERS", line)
    assert not report and len(seen) > 50


@needs_corpus
def test_every_type_of_the_library(ours, theirs):
    """The two types that no document reaches, and the count of all."""
    report, seen = [], set()
    so.compare_models(ours, theirs, "BotanicalCropType",
                      ours.named["type", so.RAM + "botanical-crop"],
                      theirs.named["type", so.RAM + "BotanicalCropType"], seen, report)
    assert not report and len(seen) >= 4
    counts = [sum(kind == "type" and name.startswith(so.RAM) for kind, name in pack.named)
              for pack in (ours, theirs)]
    assert counts == [32, 32]


def samples():
    where = (("documents", "samples", "**", "*.xml"), ("sps-signed", "unsigned", "*.xml"),
             ("sps-signed", "valid", "*.xml"))
    return [f for w in where
            for f in sorted(glob.glob(os.path.join(CORPUS, *w), recursive=True))]


def unsigned(tree):
    for s in list(tree.iter(so.DS + "Signature")):
        if s.getparent() is not None:
            s.getparent().remove(s)
    return tree


@needs_corpus
def test_same_verdict_on_samples(ours, theirs, show):
    tally, broken = Tally(ours, theirs), 0
    for path in samples():
        try:
            tree = etree.parse(path, so.parser())
        except etree.XMLSyntaxError:
            broken += 1
            continue
        tally.judge(os.path.relpath(path, CORPUS), unsigned(tree))
    show("\nnot well formed, so that no schema sees them: %d" % broken)
    tally.report(show, "samples")
    assert tally.count["accepted"] >= 3 and tally.count["refused"] >= 10


def readable(paths):
    for path in paths:
        try:
            yield unsigned(etree.parse(path, so.parser()))
        except etree.XMLSyntaxError:
            pass


@needs_corpus
def test_same_verdict_on_generated(ours, theirs, show):
    """What one model allows, both validators accept."""
    rng = random.Random(SEED)
    tally = Tally(ours, theirs)
    for i in range(max(30, MUTANTS // 20)):
        for pack in (ours, theirs):
            root = so.ROOTS[0] if rng.random() < 0.8 else so.ROOTS[1]
            tree = so.reread(so.Generator(pack, rng).document(root))
            tally.judge("generated %d" % i, tree)
    tally.report(show, "generated (seed %s)" % SEED)
    assert tally.count["refused"] == 0


@needs_corpus
def test_same_verdict_on_mutants(ours, theirs, show):
    rng = random.Random(SEED)
    sound = [etree.parse(f) for f in vectors()]
    real = [t for t in readable(samples()) if t.getroot().tag in so.ROOTS]
    sound += [t for t in real if theirs.validate(t)[0]]
    drawn = [so.Generator(p, rng).document(r) for _ in range(10) for p in (ours, theirs)
             for r in so.ROOTS]
    tally, rules = Tally(ours, theirs), sorted(so.MUTATIONS)
    for i in range(max(300, MUTANTS)):
        rule = rules[i % len(rules)]
        kind = rng.choice((sound, sound, drawn, drawn, drawn, real))
        tree = so.mutate(rng.choice(kind), rule, rng)
        tally.judge("mutant %d by %s" % (i, rule), tree)
    tally.report(show, "mutants (seed %s, %d rules)" % (SEED, len(rules)))
    for rule, n in sorted(tally.explained.items()):
        show("  explained by %s (%d): %s" % (rule, n, so.EXPLAINED[rule]))
    assert tally.count["accepted"] >= 30 and tally.count["refused"] >= 100

# SPDX-License-Identifier: EUPL-1.2
"""Rules evaluated natively against the XSLT of lxml's isoschematron: the same findings in the
same places, for the shipped rules on samples and mutants, and for random rules on random trees.

SEALGATE_CORPUS adds its samples. SEALGATE_MUTANTS: how many mutants (default 2400).
SEALGATE_SEED: a number, or "random"; it is printed, so that a run can be repeated.
"""
import collections
import copy
import glob
import json
import os
import pathlib
import random
import subprocess

import pytest
from lxml import etree

import rules_oracle as ro
import schema_oracle as so

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("SEALGATE_BIN", TOP / "build" / "bin")) / "sealgate"
RULES = sorted((TOP / "policies" / "rules").glob("*.sch"))
VECTORS = sorted((TOP / "tests" / "vectors" / "documents").glob("*.xml"))
CORPUS = os.environ.get("SEALGATE_CORPUS")
MUTANTS = int(os.environ.get("SEALGATE_MUTANTS", "2400"))
SEED = os.environ.get("SEALGATE_SEED", "17")
if SEED == "random":
    SEED = str(random.SystemRandom().randrange(1 << 32))
NOW, NOW_TEXT = 1781049600, "2026-06-10T00:00:00Z"

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM.name} is not built")


@pytest.fixture
def show(capsys):
    def out(*args):
        with capsys.disabled():
            print(*args)
    return out


def ours(rules, paths, *options):
    """What the gate finds: a list of findings for each file."""
    done = subprocess.run([PROGRAM, "policy", "try", "--at", NOW_TEXT, *options, rules, *paths],
                          capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return [json.loads(line)["findings"] for line in done.stdout.splitlines()]


class Comparison:
    def __init__(self, folder, rules, phase=None):
        self.folder, self.rules, self.phase = folder, rules, phase
        self.judge = ro.Judge(etree.parse(str(rules)), NOW, phase)
        self.documents = self.found = self.clean = self.apart = 0
        self.ids = collections.Counter()
        self.wrong = []

    def run(self, trees):
        paths = []
        for i, tree in enumerate(trees):
            path = self.folder / f"{i}.xml"
            tree.write(str(path), encoding="utf-8", xml_declaration=True)
            try:
                etree.parse(str(path))
            except etree.XMLSyntaxError:
                continue  # two of one xml:id, for example
            paths.append(path)
        options = ["--phase", self.phase] if self.phase else []
        for path, mine in zip(paths, ours(self.rules, paths, *options), strict=True):
            self._compare(etree.parse(str(path)), mine)

    def _compare(self, tree, mine):
        if len(mine) >= 500 or any(f["code"] != "doc.rule" for f in mine):
            self.apart += 1  # the list of findings is full, or the reader refuses it
            return
        self.documents += 1
        mine = ro.comparable([(f["rule"], ro.walk(tree, f["where"])) for f in mine], tree)
        theirs = ro.comparable(self.judge.findings(tree), tree)
        self.found += len(theirs)
        self.clean += not theirs
        self.ids.update(i for i, _ in theirs)
        if mine != theirs:
            self.wrong.append((self.documents - 1, [x for x in mine if x not in theirs],
                               [x for x in theirs if x not in mine]))

    def report(self, show, title):
        show(f"\n{title}: {self.documents} documents, {self.found} findings of "
             f"{len(self.ids)} rules, {self.clean} clean, {self.apart} not compared, "
             f"{len(self.wrong)} disagree")
        for number, mine, theirs in self.wrong[:10]:
            show(f"  DISAGREE {number}.xml: only ours {mine[:3]}, only theirs {theirs[:3]}")
        assert not self.wrong


def without_subjects(rules, folder):
    """The reference names the context of an assertion, never its subject."""
    tree = etree.parse(str(rules))
    for node in tree.iter("{*}assert", "{*}report"):
        node.attrib.pop("subject", None)
    target = folder / rules.name
    tree.write(str(target))
    return target


def documents():
    paths = [str(p) for p in VECTORS]
    if CORPUS:
        for where in (("documents", "samples", "**", "*.xml"), ("sps-signed", "unsigned", "*.xml")):
            paths += sorted(glob.glob(os.path.join(CORPUS, *where), recursive=True))
    for path in paths:
        try:
            yield etree.parse(path, so.parser())
        except etree.XMLSyntaxError:
            pass


def exchange_values(tree, rng):
    """What no schema sees: values of other places and other days."""
    leaves = [e for e in tree.iter() if isinstance(e.tag, str) and not len(e) and e.text]
    for _ in range(3):
        a, b = rng.choice(leaves), rng.choice(leaves)
        a.text, b.text = b.text, a.text
    a = rng.choice(leaves)
    a.text = rng.choice((" ", "0", "1", "44", "40", "657", "ADEDL", "20270101", "x" * 9000,
                         "2026-05-01T00:00:00Z", "2026-07-01T00:00:00+02:00"))
    return tree


def mutants():
    rng = random.Random(SEED)
    sound = [t for t in documents() if t.getroot().tag in so.ROOTS]
    rules = sorted(set(so.MUTATIONS) - {"root"})
    for i in range(MUTANTS):
        tree = copy.deepcopy(rng.choice(sound))
        try:
            if i % 2:
                tree = exchange_values(tree, rng)
            else:
                for _ in range(rng.choice((1, 2, 5))):
                    if len(tree.getroot()) == 0:
                        break  # nothing is left to take out
                    tree = so.mutate(tree, rng.choice(rules), rng)
        except etree.XMLSyntaxError:
            continue  # two of one xml:id, for example
        yield tree


@pytest.mark.parametrize("rules", RULES, ids=lambda p: p.name)
def test_same_findings_on_samples(rules, tmp_path, show):
    comparison = Comparison(tmp_path, without_subjects(rules, tmp_path))
    comparison.run(documents())
    comparison.report(show, f"{rules.name}, samples")
    assert comparison.documents >= len(VECTORS)


@pytest.mark.parametrize("rules", RULES, ids=lambda p: p.name)
def test_same_findings_on_mutants(rules, tmp_path, show):
    comparison = Comparison(tmp_path, without_subjects(rules, tmp_path))
    comparison.run(mutants())
    comparison.report(show, f"{rules.name}, mutants (seed {SEED})")


# -- random rules on random trees ---------------------------------------------------------

NAMES = ("a", "b", "c", "p:a", "p:d")


class Writer:
    """Random documents, and rules that have something to say about them."""

    def __init__(self, rng):
        self.rng = rng

    def element(self, depth):
        rng, name = self.rng, self.rng.choice(NAMES)
        attributes = "".join(f' {k}="{rng.randrange(3)}"' for k in ("k", "m")
                             if rng.random() < 0.3)
        inner = "".join(self.element(depth - 1) for _ in range(rng.randrange(4))) \
            if depth else str(rng.randrange(4))
        return f"<{name}{attributes}>{inner}</{name}>"

    def document(self):
        return f'<a xmlns:p="urn:p">{"".join(self.element(4) for _ in range(4))}</a>'

    def test(self):
        rng, n = self.rng, self.rng.choice((*NAMES, "*"))
        return rng.choice((
            "@k", f"{n}", f"@k = {rng.randrange(3)}", f"count({n}) > 1", f"{n}[@m]",
            f"not({n}/@k)", f"ancestor::{n}", f"following-sibling::{n}", "$low &lt; count(*)",
            f"{n}[2]", "string-length(.) > 3", f"{n}/@k = current()/@m", f"//{n}[@k = '1']",
            f"starts-with(., '{rng.randrange(4)}')", "number(.) = 1 or @m mod 2 = 1"))

    def predicate(self):
        rng, n = self.rng, self.rng.choice(NAMES)
        return rng.choice((
            "[@k]", f"[{n}]", f"[{rng.randrange(1, 4)}]", "[last()]", "[position() > 1]",
            f"[@k = '{rng.randrange(3)}']", f"[not({n})]", f"[{n}][1]", "[position() mod 2 = 0]",
            f"[count({n}) = 1]", "[. = 1]", f"[count({n})]", "[..//@m]", f"[{n}[1]/@k]",
            "[last() - 1]", f"[parent::{n}]", "[@m][last()]"))

    def step(self):
        rng = self.rng
        name = rng.choice((*NAMES, "*", "p:*", "child::b"))
        return name + "".join(self.predicate() for _ in range(rng.choice((0, 0, 0, 1, 1, 2))))

    def path(self):
        rng = self.rng
        steps = [self.step() for _ in range(rng.choice((1, 1, 2, 3)))]
        text = rng.choice(("", "", "", "/", "//"))
        for i, step in enumerate(steps):
            # libxslt takes the document itself for an element in *//a.
            deep = i and not steps[i - 1].startswith(("*", "p:*"))
            text += ("/" if i else "") + ("/" if deep and rng.random() < 0.3 else "") + step
        if rng.random() < 0.15 and text not in ("", "/"):
            text += rng.choice(("/@k", "/@*", "//@m"))
        return text if rng.random() < 0.97 else "/"

    def context(self):
        # With a space before the path, libxslt takes /c for //c when a position follows.
        return "|".join(self.path() for _ in range(self.rng.choice((1, 1, 1, 2))))

    def rule(self, number):
        rng = self.rng
        out = [f'<rule context="{self.context()}">']
        if rng.random() < 0.3:
            out.append(f'<let name="x{number}" value="count(*)"/>')
            out.append(f'<report id="R{number}x" test="$x{number} = 2">x</report>')
        for i in range(rng.randrange(1, 3)):
            kind = rng.choice(("assert", "report"))
            out.append(f'<{kind} id="R{number}-{i}" test="{self.test()}">x</{kind}>')
        if rng.random() < 0.3:
            out.append('<extends rule="shared"/>')
        return "".join(out) + "</rule>"

    def schema(self):
        rng, number, patterns = self.rng, 0, []
        for p in range(rng.randrange(1, 4)):
            rules = []
            for _ in range(rng.randrange(1, 5)):
                number += 1
                rules.append(self.rule(number))
            patterns.append(f'<pattern id="P{p}">{"".join(rules)}</pattern>')
        return ('<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt">'
                '<ns prefix="p" uri="urn:p"/><let name="low" value="count(//b) div 10"/>'
                '<phase id="first"><active pattern="P0"/></phase>'
                + "".join(patterns) +
                f'<pattern id="abstract" abstract="true"><rule context="$where/a">'
                f'<assert id="M" test="$what">x</assert></rule></pattern>'
                f'<pattern id="I1" is-a="abstract"><param name="where" value="b"/>'
                f'<param name="what" value="{self.test()}"/></pattern>'
                f'<pattern id="I2" is-a="abstract"><param name="where" value="p:a"/>'
                f'<param name="what" value="{self.test()}"/></pattern>'
                '<pattern id="S"><rule abstract="true" id="shared">'
                f'<assert id="S1" test="{self.test()}">x</assert></rule></pattern></schema>')


@pytest.mark.parametrize("phase", [None, "first"])
def test_same_findings_of_random_rules(phase, tmp_path, show):
    rng = random.Random(SEED + str(phase))
    total = collections.Counter()
    rounds = MUTANTS // 24 if phase is None else MUTANTS // 120
    for n in range(rounds):
        writer = Writer(rng)
        rules = tmp_path / f"{n}.sch"
        rules.write_text(writer.schema())
        comparison = Comparison(tmp_path, rules, phase)
        comparison.run(etree.ElementTree(etree.fromstring(writer.document()))
                       for _ in range(8))
        total.update(documents=comparison.documents, findings=comparison.found,
                     clean=comparison.clean, disagree=len(comparison.wrong))
        if comparison.wrong:
            comparison.report(show, rules.read_text())
    show(f"\nrandom rules (seed {SEED}, phase {phase}): {rounds} schemas, {dict(total)}")
    assert total["findings"] > 5 * rounds and not total["disagree"]

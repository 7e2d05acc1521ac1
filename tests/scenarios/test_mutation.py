# SPDX-License-Identifier: EUPL-1.2
"""Every node of a signed document changed, one at a time: none may pass as it was signed.

SEALGATE_MUTANTS names how many mutants a document (0: all), SEALGATE_SEED which.
"""
import copy
import os
import random

import pytest
from lxml import etree

from scenarios.documents import Documents
from scenarios.gate import a_folder

SAMPLE = int(os.environ.get("SEALGATE_MUTANTS", "150"))
SEED = int(os.environ.get("SEALGATE_SEED", "0")) or random.randrange(1, 1 << 31)
BATCH = 200
DS = "{http://www.w3.org/2000/09/xmldsig#}"
RANK = {"XAdES": 0, "XAdES-BES": 0, "XAdES-BASELINE-B": 1, "XAdES-BASELINE-T": 2}
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
# Signature and QualifyingProperties name each other: the gate demands it, eidas does not.
NAMES_ALONE = {"gate": (DS + "SignatureValue",),
               "eidas": (DS + "SignatureValue", DS + "Signature",
                         XADES + "QualifyingProperties")}
TWICE_IS_HARMLESS = (DS + "KeyInfo", DS + "Object", DS + "X509Data", DS + "X509Certificate")


@pytest.fixture(scope="module")
def house():
    with a_folder() as folder, Documents(folder) as made:
        yield made.make()


def unsigned(element):
    """Whether nothing signs this element: KeyInfo and what follows the signed properties."""
    line = [element, *element.iterancestors()]
    names = [etree.QName(e).localname for e in line]
    return "KeyInfo" in names or "UnsignedProperties" in names


def texts(tree):
    for i, element in enumerate(tree.getroot().iter(etree.Element)):
        if element.text and element.text.strip():
            yield i, "changed", None
            yield i, "emptied", None
        for name in element.attrib:
            yield i, "attribute", name
            yield i, "bare", name
        if element.getparent() is not None:
            yield i, "removed", None
            yield i, "twice", None
            if element.getnext() is not None:
                yield i, "swapped", None


def other(text):
    """The same text with its middle letter another one."""
    middle = len(text) // 2
    letter = "A" if text[middle] != "A" else "B"
    return text[:middle] + letter + text[middle + 1:]


def apply(tree, change):
    """A changed copy, and the element of the original that was touched."""
    index, kind, name = change
    original = list(tree.getroot().iter(etree.Element))[index]
    made = copy.deepcopy(tree)
    element = list(made.getroot().iter(etree.Element))[index]
    parent = element.getparent()
    if kind == "changed":
        element.text = other(element.text)
    elif kind == "emptied":
        element.text = None
    elif kind == "attribute":
        element.set(name, other(element.get(name)) if element.get(name) else "A")
    elif kind == "bare":
        del element.attrib[name]
    elif kind == "removed":
        parent.remove(element)
    elif kind == "twice":
        parent.insert(parent.index(element), copy.deepcopy(element))
    elif kind == "swapped":
        after = element.getnext()
        element.tail, after.tail = after.tail, element.tail
        parent.remove(element)
        parent.insert(parent.index(after) + 1, element)
    return made, original


def harmless(change, element, profile):
    """Changes that take nothing from what was signed and add nothing to it."""
    if change[1] in ("twice", "swapped") and element.tag in TWICE_IS_HARMLESS:
        return True
    if change[1] in ("attribute", "bare") and change[2] in ("Id", "Target"):
        return element.tag in NAMES_ALONE[profile]
    if profile == "gate" or change[1] != "swapped":
        return False
    around = (element.getnext().tag, element.getparent().tag, element.tag)
    return DS + "Signature" in around or element.tag == XADES + "SignedProperties"


def best(answer):
    """The highest level of a signature that passed."""
    ranks = [RANK.get(s["level"], 0) for s in answer["signatures"]
             if s["indication"] == "TOTAL-PASSED"]
    return max(ranks, default=-1)


def judge(change, element, answer, level, profile):
    """What is wrong with an answer; None when it is right."""
    if answer["indication"] != "TOTAL-PASSED":
        errors = [f for f in answer["findings"] if f["severity"] == "error"]
        return None if errors else "refused without a finding"
    if best(answer) > level:
        return "raised"
    if unsigned(element) or harmless(change, element, profile):
        return None
    return "passed"


def make_document(house, name, signer, stamped):
    number = {"phyto": "PHYTO", "veterinary": "IMPORT"}[name] + ".NZ.2026.0000009"
    return house.sign(house.document(name, number), signer, tsa=stamped)


@pytest.mark.parametrize("profile", ["gate", "eidas"])
@pytest.mark.parametrize("stamped", [False, True], ids=["B", "T"])
@pytest.mark.parametrize("signer", ["officer", "officer-rsa"])
@pytest.mark.parametrize("name", ["phyto", "veterinary"])
def test_mutants(house, name, signer, stamped, profile, record_property):
    path = make_document(house, name, f"authority-nz/{signer}", stamped)
    whole, = house.verify(profile, [path])
    assert whole["indication"] == "TOTAL-PASSED", whole
    level = best(whole)
    assert level == (2 if stamped else 1)
    tree = etree.parse(str(path))
    changes = list(texts(tree))
    if SAMPLE and SAMPLE < len(changes):
        changes = random.Random(SEED).sample(changes, SAMPLE)
    print(f"{len(changes)} mutants, seed {SEED}")
    record_property("mutants", len(changes))
    wrong = []
    for start in range(0, len(changes), BATCH):
        batch = [(c, *apply(tree, c)) for c in changes[start:start + BATCH]]
        files = [house.folder / f"mutant-{i}.xml" for i in range(len(batch))]
        for file, (_, made, _) in zip(files, batch):
            made.write(str(file), xml_declaration=True, encoding="UTF-8")
        for (change, _, element), answer in zip(batch, house.verify(profile, files)):
            fault = judge(change, element, answer, level, profile)
            if fault:
                wrong.append((fault, change, tree.getpath(element)))
    assert not wrong, f"seed {SEED}: {wrong[:20]}"

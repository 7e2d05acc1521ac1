# SPDX-License-Identifier: EUPL-1.2
"""Documents as people read them: nothing that a document says is missing."""
import html
import json
import os
import pathlib
import re
import subprocess

import pytest
from lxml import etree

from scenarios.gate import BIN, ROOT, sealgate

EXAMPLES = sorted((ROOT / "policies" / "examples").glob("*.xml"))
CORPUS = pathlib.Path(os.environ.get("SEALGATE_CORPUS", "/nonexistent")) / "documents" / "samples"


def well_formed(path):
    try:
        return bool(etree.parse(str(path)))
    except etree.XMLSyntaxError:
        return False


SAMPLES = sorted(filter(well_formed, (CORPUS / "traces-sps-extracted").glob("*.xml")))
# Elements of which people are not shown the text.
HIDDEN = {"HierarchicalLevelCode", "FunctionTypeCode", "LineFour", "LineFive", "CountryName",
          "CountrySubDivisionID", "CityID", "PersonName", "AbbreviatedName", "MaximumID",
          "MinimumValueMeasure", "MaximumValueMeasure", "NominalGrossWeightMeasure",
          "NominalGrossVolumeMeasure", "ShipStoresIndicator", "AttachmentBinaryObject"}
# And of which only the first or only some parts are.
PARTS = ("SubordinateSPSCountrySubDivision", "SuperordinateSPSCountrySubDivision",
         "ActivityAuthorizedSPSParty", "AttainedSPSQualification", "NatureIdentificationSPSCargo",
         "SettingSPSTemperature", "IssuingSPSParty", "StorageSPSEvent", "OperationSPSCountry",
         "DefinedSPSContact", "AssertedSPSAuthentication", "LocationProviderSPSParty",
         "ProviderSPSParty", "SPSAcknowledgementDocument", "Signature", "IssueSPSLocation",
         "SpecifiedSPSPerson")


def words(path):
    """Text of every element that is to be shown."""
    for element in etree.parse(str(path)).getroot().iter():
        if not isinstance(element.tag, str) or len(element):
            continue
        names = [etree.QName(e).localname for e in (element, *element.iterancestors())]
        text = (element.text or "").strip()
        if not text or names[0] in HIDDEN or set(names) & set(PARTS):
            continue
        if "Time" in names[0] or (names[0] == "TypeCode" and names[1] in (
                "SpecifiedSPSAddress", "ConsignorSPSParty", "ConsigneeSPSParty")):
            continue
        if names[0] in ("SystemName", "ClassName", "Name") and element.getprevious() is not None \
                and element.getprevious().tag == element.tag:
            continue  # a second language
        yield names[0], text


@pytest.mark.parametrize("path", EXAMPLES + SAMPLES, ids=lambda p: p.name)
def test_everything_is_shown(path):
    text = sealgate("show", "--file", path)
    page = sealgate("show", "--format", "html", "--file", path)
    data = sealgate("show", "--format", "json", "--file", path)
    assert text.returncode == page.returncode == data.returncode == 0, text.stderr
    plain = html.unescape(re.sub(r"<[^>]+>", "", page.stdout))
    assert json.loads(data.stdout).get("cut") is None
    missing = [(name, word) for name, word in words(path)
               for shown in (text.stdout, plain)
               if " ".join(word.split()) not in " ".join(shown.split())]
    assert not missing


def test_a_stored_document(gate):
    signed = gate.certificate("phyto", "SHOW-1")
    status, answer = gate.submit(signed)
    assert status == 0, answer
    stored = gate.run("show", answer["id"])
    assert stored.returncode == 0, stored.stderr
    assert stored.stdout == sealgate("show", "--file", signed).stdout
    assert "Number: SHOW-1" in stored.stdout and "SignatureValue" not in stored.stdout
    assert not list((gate.dir / "run").glob("trial-*"))
    assert "no document 01M8HYEFMREX" in gate.run("show", "01M8HYEFMREX1NK3XSBY6AMKDM").stderr
    for command in (("show",), ("queue", "show")):
        done = gate.run(*command, "PHYTO.NZ.1")
        assert done.returncode == 1 and "is no id; sealgate explain" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="what root may is taken away")
def test_with_what_the_unit_of_remote_commands_may(gate):
    """As sealgate-operate runs it: root with one capability, which becomes no other user."""
    status, answer = gate.submit(gate.certificate("phyto", "SHOW-3"))
    assert status == 0, answer
    for command, words in ((("show", answer["id"]), "Number: SHOW-3"),
                           (("papers",), "0 could not be read")):
        done = subprocess.run(
            ["setpriv", "--bounding-set=-all,+dac_read_search", "--no-new-privs",
             BIN / "sealgate", "--instance", gate.dir, *command],
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and words in done.stdout, done.stderr


def test_what_cannot_be_read(tmp_path):
    bad = tmp_path / "bad.xml"
    bad.write_text("<!DOCTYPE a><a/>")
    assert sealgate("show", "--file", bad).returncode == 1
    assert sealgate("show", "--file", tmp_path / "absent").returncode == 2
    assert sealgate("show", "--format", "pdf", "--file", bad).returncode == 2
    assert sealgate("show").returncode == 2


def test_the_evidence_encloses_it(gate, tmp_path):
    signed = gate.certificate("phyto", "SHOW-2")
    status, answer = gate.submit(signed)
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    file, folder = tmp_path / "evidence.asice", tmp_path / "parts"
    file.write_bytes(gate.request(f"/v1/documents/{answer['id']}/evidence").content)
    assert gate.run("evidence", "extract", file, folder).returncode == 0
    # A page for people, all that the document says as data, and the EU's form of the report.
    assert (folder / "rendering.html").read_text() == \
        sealgate("show", "--format", "html", "--file", signed).stdout
    assert json.loads((folder / "data.json").read_text()) == \
        json.loads(sealgate("show", "--format", "json", "--file", signed).stdout)
    report = etree.parse(str(folder / "report.xml"))
    said = json.loads((folder / "report.json").read_text())
    space = {"v": "http://uri.etsi.org/19102/v1.4.1#"}
    passed = report.findall(".//v:SignatureValidationReport/v:SignatureValidationStatus/"
                            "v:MainIndication", space)
    assert [p.text for p in passed] == ["urn:etsi:019102:mainindication:total-passed"] * len(
        said["signatures"])

# SPDX-License-Identifier: EUPL-1.2
"""The gate with trusted lists: what they say of signatures is in the report, and a partner's
file may demand it."""
import base64
import datetime
import json
import pathlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from scenarios.gate import sealgate
from scenarios.test_supply_lists import DATES
from scenarios.test_trust import GRANTED, Lists, trusted_list
from scenarios.test_verify import a_house, signed

SVC = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
SEAL_POLICY = "2.999.1.2"  # in the certificates of seals that tests/sim/pki.py makes
DIRECTIVE = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"

PROVIDER = (  # the EU's reference implementation takes none that does not say who it is
    '<TSPInformation><TSPName><Name xml:lang="en">Provider (TEST)</Name></TSPName><TSPTradeName>'
    '<Name xml:lang="en">NTRBE-TEST0000001</Name></TSPTradeName><TSPAddress><PostalAddresses>'
    '<PostalAddress xml:lang="en"><StreetAddress>1</StreetAddress><Locality>2</Locality>'
    "<CountryName>BE</CountryName></PostalAddress></PostalAddresses><ElectronicAddress>"
    '<URI xml:lang="en">https://lists.invalid/</URI></ElectronicAddress></TSPAddress>'
    '<TSPInformationURI><URI xml:lang="en">https://lists.invalid/</URI></TSPInformationURI>'
    "</TSPInformation>")


def der(path):
    certificate = x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes())
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def list_of(authority, policies=(SEAL_POLICY,), **dates):
    """A list whose only service is a CA; what it issues by these policies, to seals, is qualified,
    on a device."""
    qualifiers = "".join(f'<q:Qualifier uri="{SVC}{word}"/>'
                         for word in ("QCStatement", "QCForESeal", "QCWithQSCD"))
    identity = (f"<ServiceDigitalIdentity><DigitalId><X509Certificate>{der(authority)}"
                "</X509Certificate></DigitalId></ServiceDigitalIdentity>")
    sets = "".join(
        f'<q:PolicySet><q:PolicyIdentifier><x:Identifier xmlns:x="{XADES}">urn:oid:{policy}'
        '</x:Identifier></q:PolicyIdentifier></q:PolicySet>' for policy in policies)
    extension = (
        f'<ServiceInformationExtensions><Extension Critical="true"><q:Qualifications '
        f'xmlns:q="{DIRECTIVE}"><q:QualificationElement><q:Qualifiers>{qualifiers}'
        f'</q:Qualifiers><q:CriteriaList assert="atLeastOne">{sets}</q:CriteriaList>'
        "</q:QualificationElement></q:Qualifications></Extension>"
        f'<Extension Critical="true"><AdditionalServiceInformation><URI xml:lang="en">{SVC}'
        "ForeSeals</URI></AdditionalServiceInformation></Extension>"
        "</ServiceInformationExtensions>")
    text = trusted_list("AA", **(dates or DATES)).replace(
        "<TrustServiceProvider>", f"<TrustServiceProvider>{PROVIDER}", 1)
    text = text.replace("</ServiceName>", "</ServiceName>" + identity, 1)
    return text.replace("</StatusStartingTime>", "</StatusStartingTime>" + extension, 1)


@pytest.fixture(scope="module")
def house():
    with a_house() as made:
        yield made.make(with_rsa=False).start()


def withdrawn(text):
    """The same list after its service was withdrawn, a moment ago."""
    start = text.index("<ServiceInformation>")
    granted = text[start:text.index("</ServiceInformation>")]
    then = granted.replace("<ServiceInformation>", "<ServiceHistoryInstance>")
    since = "2020-01-01T00:00:00Z"
    assert since in granted and GRANTED in granted
    now = granted.replace(GRANTED, GRANTED.replace("granted", "withdrawn")).replace(
        since, ended(minutes=1))
    return text.replace(granted + "</ServiceInformation>", now + "</ServiceInformation>"
                        f"<ServiceHistory>{then}</ServiceHistoryInstance></ServiceHistory>")


def ended(**ago):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**ago)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def adopt(house, folder, change=lambda text: text, sequence=7):
    """Import lists into the instance's store."""
    lists, dates = Lists(folder), DATES | {"sequence": sequence}
    lists.lotl(**dates)
    lists.good("BB", **dates)
    text = list_of(house.pki.path("authority-nz/issuing"), **dates)
    lists.write("aa.xml", change(text), lists.member)
    done = sealgate("trust", "import", "--lotl", folder / "lotl.xml", "--lists", folder,
                    "--oj-certs", lists.journal.pem, "--store",
                    house.dir / "state" / "trust" / "lists")
    assert done.returncode == 0, done.stdout + done.stderr


def answer_when(house, document, condition):
    """The answer under the policy and store that fulfil a condition: they are read again."""
    found = []

    def good():
        found.append(house.ask(document))
        return condition(found[-1])
    house.until(good)
    return found[-1]


def lists_of(house):
    trust = house.dir / "state" / "trust"
    return ("--store", trust / "lists", "--revocation", trust / "revocation")


def verified(house, document):
    return json.loads(sealgate("verify", *lists_of(house), document).stdout)


def test_what_lists_say(house, tmp_path):
    document = signed(house, 700)
    without = house.ask(document)
    assert without.decision == "accepted"
    assert [s["qualification"] for s in without.report["signatures"]] == ["NA", "NA"]
    house.enrol('qualification = ( { types = ( "*" ); seal = "qualified"; } );\n')
    refused = answer_when(house, document, lambda a: a.decision == "refused")
    finding, = [f for f in refused.report["findings"] if f["severity"] == "error"]
    assert finding["code"] == "partner.qualification"
    assert "of which this gate has none" in finding["message"]
    adopt(house, tmp_path)
    accepted = answer_when(house, document, lambda a: a.decision == "accepted")
    said = [s["qualification"] for s in accepted.report["signatures"]]
    assert said[1] == "QESEAL" and not said[0].startswith("Q"), said
    # Whom the gate believes is one thing, what the lists say another.
    for answer in (without, accepted):
        assert [s["trust"] for s in answer.report["signatures"]] == ["bilateral", "bilateral"]
    by_lists = verified(house, document)
    assert [s["trust"] for s in by_lists["signatures"]] == ["eu-list", "eu-list"]
    etsi = sealgate("verify", *lists_of(house), "--format", "etsi", document).stdout
    assert [q.split("</")[0] for q in etsi.split("<SignatureQualityInformation>")[1:]] == [
        "urn:sealgate:signature-qualification:" + s["qualification"]
        for s in by_lists["signatures"]]
    assert "QESEAL</SignatureQualityInformation>" in etsi
    assert "</SignerInformation><SignatureQuality>" in etsi
    by_anchors = json.loads(sealgate("verify", "--store", house.dir / "policies" / "anchors",
                                     document).stdout)
    assert [s["qualification"] for s in by_anchors["signatures"]] == ["NA", "NA"]
    assert all("trust" not in s for s in by_anchors["signatures"])
    assert accepted.report["store_version"] != without.report["store_version"]
    assert without.report["lists_version"] is None
    newest = max((house.dir / "state" / "trust" / "lists").glob("snapshot-*.map"))
    assert accepted.report["lists_version"] == newest.read_bytes()[8:40].hex()
    house.enrol('qualification = ( { types = ( "*" ); officer = "qualified"; } );\n')
    refused = answer_when(house, document, lambda a: a.decision == "refused")
    assert refused.codes() == {"partner.qualification"}, refused.report


def test_a_list_that_is_only_asked_vouches_for_nobody(house, tmp_path):
    """The service is listed, and the path to it has not passed: its word is not in the verdict."""
    adopt(house, tmp_path, sequence=8)
    document = signed(house, 703, "authority-nz/officer-revoked")
    revoked, seal = verified(house, document)["signatures"]
    assert revoked["sub_indication"] == "REVOKED_NO_POE"  # the lists know no such TSA
    assert revoked["qualification"] != "NA" and "trust" not in revoked, revoked
    assert seal["trust"] == "eu-list", seal


def test_a_service_is_withdrawn(house, tmp_path):
    """The authority's CA was granted when it issued the seal, and is not any more; then it is
    again."""
    document = signed(house, 701)
    house.enrol('qualification = ( { types = ( "*" ); seal = "qualified"; } );\n')
    adopt(house, tmp_path, sequence=9)
    accepted = answer_when(house, document, lambda a: a.decision == "accepted")
    adopt(house, tmp_path, withdrawn, 10)
    refused = answer_when(house, document, lambda a: a.decision == "refused")
    assert refused.codes() == {"partner.qualification"}, refused.report
    assert refused.report["signatures"][1]["qualification"] == "UNKNOWN"
    assert refused.report["store_version"] != accepted.report["store_version"]
    # Whoever demands no more than an advanced seal goes on.
    house.enrol('qualification = ( { types = ( "*" ); seal = "advanced"; } );\n')
    answer_when(house, document, lambda a: a.decision == "accepted")
    house.enrol('qualification = ( { types = ( "*" ); seal = "qualified"; } );\n')
    answer_when(house, document, lambda a: a.decision == "refused")
    adopt(house, tmp_path, sequence=11)
    answer_when(house, document, lambda a: a.decision == "accepted")


def test_the_seal_carries_the_transfer(house, tmp_path):
    """No officer signs: by policy the authority's seal is enough, if it is what is demanded."""
    alone = house.sign(house.document("phyto", "PHYTO.NZ.2026.0000702"), "authority-nz/seal",
                       tsa=False)
    adopt(house, tmp_path, sequence=12)
    house.enrol('qualification = ( { types = ( "*" ); seal = "qualified"; } );\n')
    refused = answer_when(house, alone, lambda a: a.decision == "refused" and
                          a.report["signatures"][0]["qualification"] == "QESEAL")
    assert refused.codes() == {"partner.officer-missing"}, refused.report
    house.enrol('qualification = ( { types = ( "*" ); seal = "qualified"; '
                "seal_carries = true; } );\n")
    answer_when(house, alone, lambda a: a.decision == "accepted")
    adopt(house, tmp_path, withdrawn, 13)
    refused = answer_when(house, alone, lambda a: a.decision == "refused")
    assert refused.codes() == {"partner.qualification"}, refused.report

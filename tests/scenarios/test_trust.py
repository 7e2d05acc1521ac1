# SPDX-License-Identifier: EUPL-1.2
"""`sealgate trust import` over lists made and signed here: what gives a list effect, what takes
it away, and that one broken list leaves the others alone."""
import base64
import datetime
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scenarios.gate import sealgate

AT = "2026-06-05T12:00:00Z"
DAY = 86400
TYPES = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/"
GRANTED = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted"
CA_QC = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC"


class Signer:
    """A key and a certificate, self-signed or by another."""

    def __init__(self, folder, name, issuer=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        start = datetime.datetime(2026, 1, 1)
        builder = (x509.CertificateBuilder().subject_name(subject)
                   .issuer_name(issuer.certificate.subject if issuer else subject)
                   .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(start)
                   .not_valid_after(start + datetime.timedelta(days=700))
                   .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None),
                                  critical=True))
        self.certificate = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())
        self.pem = folder / f"{name}.pem"
        self.pem.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self.path = folder / f"{name}.key"
        self.path.write_bytes(self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    def der(self):
        return base64.b64encode(
            self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    def sign(self, path):
        sealgate("sign", "--key", self.path, "--cert", self.pem, "--at", "2026-06-01T00:00:00Z",
                 "-o", path, path, check=True)
        return path


def pointer(location, territory, kind, signers):
    identities = "".join(
        f"<ServiceDigitalIdentity><DigitalId><X509Certificate>{s.der()}</X509Certificate>"
        "</DigitalId></ServiceDigitalIdentity>" for s in signers)
    return (
        f"<OtherTSLPointer><ServiceDigitalIdentities>{identities}</ServiceDigitalIdentities>"
        f"<TSLLocation>{location}</TSLLocation><AdditionalInformation>"
        f"<OtherInformation><TSLType>{TYPES}{kind}</TSLType></OtherInformation>"
        f"<OtherInformation><SchemeTerritory>{territory}</SchemeTerritory></OtherInformation>"
        "<OtherInformation><t:MimeType>application/vnd.etsi.tsl+xml</t:MimeType>"
        "</OtherInformation></AdditionalInformation></OtherTSLPointer>")


def trusted_list(territory="XX", kind="EUgeneric", version=5, issued="2026-05-01T00:00:00Z",
                 until="2026-11-01T00:00:00Z", pointers="", information=(), services=1,
                 sequence=7):
    ca = "".join(
        "<TSPService><ServiceInformation>"
        f"<ServiceTypeIdentifier>{CA_QC}</ServiceTypeIdentifier>"
        f"<ServiceName><Name xml:lang=\"en\">CA {n}</Name></ServiceName>"
        f"<ServiceStatus>{GRANTED}</ServiceStatus>"
        "<StatusStartingTime>2020-01-01T00:00:00Z</StatusStartingTime>"
        "</ServiceInformation></TSPService>" for n in range(services))
    following = f"<dateTime>{until}</dateTime>" if until else ""
    links = "".join(f"<URI xml:lang=\"en\">{u}</URI>" for u in information)
    return (
        '<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#" '
        'xmlns:t="http://uri.etsi.org/02231/v2/additionaltypes#"><SchemeInformation>'
        f"<TSLVersionIdentifier>{version}</TSLVersionIdentifier>"
        f"<TSLSequenceNumber>{sequence}</TSLSequenceNumber><TSLType>{TYPES}{kind}</TSLType>"
        f"<SchemeInformationURI>{links}</SchemeInformationURI>"
        f"<SchemeTerritory>{territory}</SchemeTerritory>"
        f"<PointersToOtherTSL>{pointers}</PointersToOtherTSL>"
        f"<ListIssueDateTime>{issued}</ListIssueDateTime><NextUpdate>{following}</NextUpdate>"
        "</SchemeInformation><TrustServiceProviderList><TrustServiceProvider><TSPServices>"
        f"{ca}</TSPServices></TrustServiceProvider></TrustServiceProviderList>"
        "</TrustServiceStatusList>")


class Lists:
    """A folder of lists below a list of lists."""

    def __init__(self, folder):
        self.folder = folder
        self.journal = Signer(folder, "journal")
        self.member = Signer(folder, "member")
        self.issued = Signer(folder, "issued", self.member)

    def write(self, name, text, signer=None):
        path = self.folder / name
        path.write_text(text)
        return signer.sign(path) if signer else path

    def lotl(self, signer=None, pointers=None, **more):
        pointers = pointers if pointers is not None else "".join(
            pointer(f"https://lists.invalid/{t.lower()}.xml", t, "EUgeneric", [self.member])
            for t in ("AA", "BB"))
        return self.write("lotl.xml", trusted_list(
            "EU", "EUlistofthelists", pointers=pointers, services=0, **more),
            signer or self.journal)

    def good(self, territory, **more):
        return self.write(f"{territory.lower()}.xml", trusted_list(territory, **more),
                          self.member)

    def run(self, at=AT):
        done = sealgate("trust", "import", "--lotl", self.folder / "lotl.xml", "--lists",
                        self.folder, "--oj-certs", self.journal.pem, "--at", at, "--store",
                        self.folder / "store")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, {(r["role"], r["territory"]): r for r in rows}


@pytest.fixture
def lists(tmp_path):
    made = Lists(tmp_path)
    made.lotl()
    made.good("AA")
    made.good("BB")
    return made


def test_everything_in_order(lists):
    status, rows = lists.run()
    assert status == 0
    assert {k: (r["status"], r["effect"], r["reason"]) for k, r in rows.items()} == {
        k: ("PASSED", "yes", "") for k in (("lotl", "EU"), ("list", "AA"), ("list", "BB"))}
    row = rows["list", "AA"]
    assert (row["sequence"], row["version"], row["providers"], row["services"]) == (7, 5, 1, 1)
    assert row["signer"] == "CN=member"
    assert row["next_update"] == "2026-11-01T00:00:00Z"
    shown = stand(lists, AT)[1]["AA"]
    assert row.items() <= shown.items()
    assert (shown["age_s"], shown["expires"]) == (35 * DAY + 12 * 3600, [])
    assert shown["left_s"] == 148 * DAY + 12 * 3600


def stand(lists, at):
    """What `sealgate trust status` says at a time."""
    shown = sealgate("trust", "status", "--store", lists.folder / "store", "--at", at)
    return shown.returncode, {r["territory"]: r for r in map(json.loads,
                                                             shown.stdout.splitlines())}


def test_status_says_what_ends(lists):
    """A list, its signer, a service's certificate: thirty days before, not sooner; and what has
    ended since the import does not count any more."""
    service = ("<ServiceDigitalIdentity><DigitalId><X509Certificate>"
               f"{lists.issued.der()}</X509Certificate></DigitalId></ServiceDigitalIdentity>")
    until = "2028-06-01T00:00:00Z"
    lists.lotl(until=until)
    text = trusted_list("BB", until=until).replace("</ServiceName>", "</ServiceName>" + service)
    lists.write("bb.xml", text, lists.member)
    assert lists.run()[0] == 0

    def ends(at, territory):
        code, rows = stand(lists, at)
        assert code == 0
        return {(e["what"], e["name"], e["subject"], e["days_left"])
                for e in rows[territory]["expires"]}

    assert ends("2026-10-01T23:59:59Z", "AA") == set()
    assert ends("2026-10-02T00:00:00Z", "AA") == {("list", "", None, 30)}
    # Certificates end on 2027-12-02.
    assert ends("2027-11-01T00:00:00Z", "BB") == set()
    assert ends("2027-11-20T00:00:00Z", "BB") == {
        ("signer", "", "CN=member", 12), ("service", "CA 0", "CN=issued", 12)}
    rows = stand(lists, "2026-11-02T00:00:00Z")[1]
    assert (rows["AA"]["effect"], rows["AA"]["left_s"]) == ("no", -DAY)
    assert "since it was imported" in rows["AA"]["reason"]
    assert rows["BB"]["effect"] == "yes"
    # Nothing that counts is left.
    assert stand(lists, "2028-06-02T00:00:00Z")[0] == 1


BROKEN = {
    "unsigned": (lambda m: m.write("aa.xml", trusted_list("AA")), "FAILED", "not signed"),
    "by another": (lambda m: m.write("aa.xml", trusted_list("AA"), m.journal), "FAILED",
                   "signer is not"),
    "by one that the signer issued": (
        lambda m: m.write("aa.xml", trusted_list("AA"), m.issued), "FAILED", "signer is not"),
    "changed": (lambda m: m.write("aa.xml", m.good("AA").read_text().replace("CA 0", "CA 1")),
                "FAILED", "signature is wrong"),
    "not to be parsed": (lambda m: m.write("aa.xml", "<a>"), "FAILED", "cannot be read"),
    "no list": (lambda m: m.write("aa.xml", "<a><b/></a>", m.member), "PASSED", "no trusted list"),
    "expired": (lambda m: m.write("aa.xml", trusted_list("AA", until="2026-06-01T00:00:00Z"),
                                  m.member), "PASSED", "expired"),
    "closed": (lambda m: m.write("aa.xml", trusted_list("AA", until=None), m.member), "PASSED",
               "no next update"),
    "of the future": (lambda m: m.write("aa.xml", trusted_list(
        "AA", issued="2026-06-06T00:00:00Z"), m.member), "PASSED", "issued after"),
    "of version 4": (lambda m: m.write("aa.xml", trusted_list("AA", version=4), m.member),
                     "PASSED", "version"),
    "of another territory": (lambda m: m.write("aa.xml", trusted_list("CC"), m.member), "PASSED",
                             "another territory"),
    "missing": (lambda m: (m.folder / "aa.xml").unlink(), "MISSING", "not there"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_broken_list(lists, case):
    """It has no effect, says why, and the other one counts."""
    breaks, status, reason = BROKEN[case]
    breaks(lists)
    code, rows = lists.run()
    assert code == 0
    assert rows["list", "BB"]["effect"] == "yes"
    broken = next(r for (role, t), r in rows.items() if role == "list" and t != "BB")
    assert (broken["status"], broken["effect"]) == (status, "no")
    assert reason in broken["reason"]


def test_an_old_list_again(lists):
    """A sequence number that falls is refused, that of one list and that of all lists."""
    lists.good("AA", sequence=9)
    assert lists.run()[0] == 0
    lists.good("AA", sequence=8)
    code, rows = lists.run()
    assert (code, rows["list", "AA"]["effect"], rows["list", "BB"]["effect"]) == (0, "no", "yes")
    assert "9 was seen" in rows["list", "AA"]["reason"]
    lists.good("AA", sequence=10)
    assert lists.run()[1]["list", "AA"]["effect"] == "yes"
    lists.lotl(sequence=6)
    code, rows = lists.run()
    assert code == 1 and "7 was seen" in rows["lotl", "EU"]["reason"]


def test_list_of_lists_by_another(lists):
    """Nothing of it is believed, and the store is not touched."""
    lists.lotl(lists.member)
    code, rows = lists.run()
    assert code == 1
    assert set(rows) == {("lotl", "EU")}
    assert rows["lotl", "EU"]["effect"] == "no"
    assert not (lists.folder / "store").exists()


def test_pivots_hand_on(lists):
    """Two pivots: each is signed by those that the one before it names."""
    second, third = Signer(lists.folder, "second"), Signer(lists.folder, "third")
    own = "https://lists.invalid/lotl.xml"
    urls = ["https://lists.invalid/pivot-2.xml", "https://lists.invalid/pivot-1.xml",
            "https://journal.invalid/C_2019_276"]
    for name, names, signer in (("pivot-1.xml", second, lists.journal),
                                ("pivot-2.xml", third, second)):
        lists.write(name, trusted_list(
            "EU", "EUlistofthelists", pointers=pointer(own, "EU", "EUlistofthelists", [names]),
            until="2026-05-20T00:00:00Z", services=0), signer)
    lists.lotl(third, information=urls)
    code, rows = lists.run()
    assert code == 0
    assert rows["lotl", "EU"]["signer"] == "CN=third"
    # Without the pivot in the middle the chain does not reach.
    (lists.folder / "pivot-1.xml").unlink()
    code, rows = lists.run()
    assert code == 1
    assert "signer is not" in rows["lotl", "EU"]["reason"]


@pytest.mark.parametrize("kind", ["EUgeneric", "UAlist"])
def test_a_list_by_mutual_recognition(lists, kind):
    """A pointer out of the Union is read and shown; whoever it names is not asked, and nothing of
    it counts, whatever the pointer calls the list."""
    ours = "".join(pointer(f"https://lists.invalid/{t.lower()}.xml", t, "EUgeneric",
                           [lists.member]) for t in ("AA", "BB"))
    theirs = pointer("https://lists.invalid/ua.xml", "UA", kind, [lists.member]).replace(
        "</AdditionalInformation>",
        '<OtherInformation><m:MutualRecognitionAgreementInformation xmlns:m="urn:mra" '
        'technicalType="urn:t" version="1"/></OtherInformation></AdditionalInformation>')
    lists.lotl(pointers=ours + theirs, version=6)
    lists.good("UA", version=6)
    code, rows = lists.run()
    assert code == 0
    row = rows["third-country", "UA"]
    assert (row["effect"], row["status"], row["services"]) == ("no", "MISSING", 0)
    assert "mutual recognition, which is off" in row["reason"]
    assert ("list", "UA") not in rows and rows["list", "AA"]["effect"] == "yes"
    assert lists.run() == (code, rows)  # also when it was proven before


def test_earlier_states_are_kept(lists):
    """A certificate is qualified by the state of the lists that was known at a time."""
    assert lists.run()[0] == 0
    lists.write("aa.xml", trusted_list("AA", services=2), lists.member)
    assert lists.run(at="2026-06-08T00:00:00Z")[0] == 0
    store = lists.folder / "store"
    assert len(list(store.glob("snapshot-*.map"))) == 2
    document = lists.folder / "doc.xml"
    document.write_text("<a><b/></a>")
    lists.member.sign(document)

    def version(*more):
        done = sealgate("verify", "--store", store, *more, document)
        return json.loads(done.stdout)["store_version"]

    assert version() == version("--as-known-at", "2026-06-09T00:00:00Z")
    assert version() != version("--as-known-at", "2026-06-07T00:00:00Z")
    assert sealgate("verify", "--store", store, "--as-known-at", "2026-06-01T00:00:00Z",
                    document).returncode == 2
    done = sealgate("trust", "diff", "--store", store, AT, "2026-06-09T00:00:00Z")
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["change"], r["territory"], r["name"]) for r in rows] == [("added", "AA", "CA 1")]
    assert sealgate("trust", "diff", "--store", store, AT, AT).returncode == 0


def test_a_store_may_be_a_folder_of_anchors(lists, tmp_path):
    document = tmp_path / "document.xml"
    document.write_text("<a>b</a>")
    lists.journal.sign(document)

    def verify(*more):
        done = sealgate("verify", *more, "--at", AT, document)
        return done.returncode, (json.loads(done.stdout) if done.stdout else done.stderr)
    store = tmp_path / "anchors"
    status, said = verify("--store", store)
    assert status == 2 and said.startswith(f"sealgate verify: --store: {store}: No such")
    store.mkdir()
    assert verify("--store", store)[0] == 2
    (store / "signers").mkdir()
    assert verify("--store", store)[0] == 1
    (store / "signers" / "journal.pem").write_bytes(lists.journal.pem.read_bytes())
    status, said = verify("--store", store)
    assert status == 0 and said == verify("--anchors", lists.journal.pem)[1] | {
        "store_version": said["store_version"]}
    assert len(said["store_version"]) == 64


def test_qualify(lists):
    """The service has no certificate here: nobody is listed, and it says so."""
    lists.run()
    done = sealgate("trust", "qualify", "--store", lists.folder / "store", "--at", AT,
                    lists.issued.pem)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert (answer["ok"], answer["listed"], answer["qscd"]) == (False, False, False)
    assert "no trusted list" in answer["reason"]


SVC = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/"


def explain(lists, certificate, at=AT):
    done = sealgate("trust", "qualify", "--store", lists.folder / "store", "--at", at,
                    certificate.pem)
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["ok"] else 1)
    return answer, [(s["question"], s["answer"]) for s in answer["steps"]]


def test_qualify_says_how(lists):
    """Step by step, each with its clause and the entry of the list that gave the answer."""
    identity = ("<ServiceDigitalIdentity><DigitalId><X509Certificate>"
                f"{lists.member.der()}</X509Certificate></DigitalId></ServiceDigitalIdentity>")
    serves = ('<ServiceInformationExtensions><Extension Critical="true">'
              f'<AdditionalServiceInformation><URI xml:lang="en">{SVC}ForeSeals</URI>'
              "</AdditionalServiceInformation></Extension></ServiceInformationExtensions>")
    text = trusted_list("AA").replace("</ServiceName>", "</ServiceName>" + identity)
    lists.write("aa.xml", text.replace("</StatusStartingTime>", "</StatusStartingTime>" + serves),
                lists.member)
    assert lists.run()[0] == 0
    answer, steps = explain(lists, lists.issued)
    assert steps == [
        ("does an entry of a list identify it or its issuer?", "yes"),
        ("does the list count?", "yes"),
        ("is it a service for qualified certificates, granted at that time?", "yes"),
        ("is it a qualified certificate?", "no"),
        ("what is it for?", "unknown")]
    assert answer["reason"] == "it does not say that it is qualified"
    for step in answer["steps"]:
        assert step["clause"].startswith("TS 119 6") and step["because"] and step["at"] == AT
    assert answer["steps"][2]["entry"] == {
        "territory": "AA", "list": "https://lists.invalid/aa.xml", "sequence": 7,
        "issued": "2026-05-01T00:00:00Z", "ends": "2026-11-01T00:00:00Z", "service": "CA 0",
        "type": CA_QC, "status": GRANTED, "from": "2020-01-01T00:00:00Z"}
    # Both times decide about a signature.
    issuance = answer["at_issuance"]
    assert issuance["at"] == "2026-01-01T00:00:00Z" and not issuance["ok"]
    assert len(issuance["steps"]) == len(steps)
    # The same certificate before the service was granted.
    answer, steps = explain(lists, lists.issued, "2019-06-01T00:00:00Z")
    assert steps[-1] == ("is it a service for qualified certificates, granted at that time?",
                         "no")
    assert answer["steps"][-1]["because"] == "the entry began later"
    # One that no list knows.
    answer, steps = explain(lists, lists.journal)
    assert steps == [("does an entry of a list identify it or its issuer?", "no")]
    assert answer["steps"][0]["entry"] is None and not answer["listed"]


def test_the_store_of_an_instance(lists):
    """Asked with --instance the commands read the lists that trustd keeps there."""
    assert lists.run()[0] == 0
    instance = lists.folder / "instance"
    (instance / "state" / "trust").mkdir(parents=True)
    (lists.folder / "store").rename(instance / "state" / "trust" / "lists")
    for command in (("status",), ("qualify", lists.issued.pem), ("diff", AT, AT)):
        done = sealgate("--instance", instance, "trust", command[0], *(
            ("--at", AT) if command[0] != "diff" else ()), *command[1:])
        assert done.returncode == (command[0] == "qualify"), done.stdout + done.stderr
        assert sealgate("trust", *command).returncode == 2


def test_usage(lists):
    assert sealgate("trust", "import", "--lotl", lists.folder / "lotl.xml").returncode == 2
    assert sealgate("trust", "status", "--store", lists.folder / "none").returncode == 2


def test_proven_once(lists):
    """What was proven is not proven again, but for the same octets by the same signers alone."""
    first = lists.run()
    store = lists.folder / "store"
    proofs = (store / "proven.json").read_bytes()
    snapshots = {p: p.stat().st_mtime_ns for p in store.glob("snapshot-*.map")}
    assert lists.run() == first
    assert {p: p.stat().st_mtime_ns for p in store.glob("snapshot-*.map")} == snapshots
    assert (store / "proven.json").read_bytes() == proofs
    # The list of lists names another signer for a list that is as it was.
    lists.lotl(pointers="".join(
        pointer(f"https://lists.invalid/{t.lower()}.xml", t, "EUgeneric", [signer])
        for t, signer in (("AA", lists.journal), ("BB", lists.member))), sequence=8)
    rows = lists.run()[1]
    assert rows["list", "AA"]["status"] == "FAILED"
    assert "signer is not" in rows["list", "AA"]["reason"]
    assert rows["list", "BB"]["effect"] == "yes"
    lists.lotl(sequence=9)
    path = lists.folder / "aa.xml"
    path.write_text(path.read_text().replace("CA 0", "CA 1"))
    assert lists.run()[1]["list", "AA"]["reason"] == "its signature is wrong"
    # On another day it is proven again; what cannot be read proves nothing.
    lists.good("AA")
    assert lists.run(at="2026-06-06T00:00:00Z")[1]["list", "AA"]["effect"] == "yes"
    assert (store / "proven.json").read_bytes() != proofs
    (store / "proven.json").write_text('{"a": [')
    assert lists.run(at="2026-06-06T00:00:00Z")[1]["list", "AA"]["effect"] == "yes"


def test_outlines_are_completed(lists):
    """One list changes: the services of those that did not are in the new snapshot, too."""
    lists.good("BB", services=3)
    assert lists.run()[0] == 0
    lists.good("AA", services=2, sequence=8)
    assert lists.run(at="2026-06-05T13:00:00Z")[0] == 0
    done = sealgate("trust", "diff", "--store", lists.folder / "store", AT,
                    "2026-06-05T13:00:00Z")
    changes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(c["change"], c["territory"], c["name"]) for c in changes] == [
        ("added", "AA", "CA 1")], changes

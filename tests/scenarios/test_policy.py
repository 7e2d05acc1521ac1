# SPDX-License-Identifier: EUPL-1.2
"""A policy from edit to force and back, and everything that must not get there; the guides for
policy officers, typed in as they stand."""
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from scenarios.gate import BIN, ROOT, sealgate
from scenarios.officers import enrol, make_officer

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.S | re.M)


class Office:
    """An instance that is not up, two policy officers, and people who are none."""

    def __init__(self, folder):
        self.folder = folder
        self.instance = folder / "instance"
        sealgate("init", "--test", "--policies", ROOT / "policies", self.instance, check=True)
        first = make_officer(folder, "officer-1")
        for name in ("officer-2", "stranger", "operator"):
            make_officer(folder, name)
        make_officer(folder, "officer-1-again", first)
        enrol(self.policies, folder, ("officer-1", "officer-2", "officer-1-again"))
        enrol(self.policies, folder, ("operator",), "operator")

    @property
    def policies(self):
        return self.instance / "policies"

    def run(self, *arguments):
        return sealgate("--instance", self.instance, "policy", *arguments)

    def next(self, version, change=None):
        """A bundle of the policy in force with a change; its path."""
        copy = self.folder / f"next-{version}"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.policies, copy)
        (change or (lambda p: (p / "codes" / "README.md").write_text(f"{version}\n")))(copy)
        bundle = self.folder / f"{version}.bundle"
        done = self.run("build", "--policies", copy, "--version", version, "-o", bundle)
        assert done.returncode == 0, done.stderr
        return bundle

    def sign(self, bundle, *names, verb="sign"):
        for name in names:
            done = self.run(verb, "--key", self.folder / f"{name}.key",
                            "--cert", self.folder / f"{name}.pem", bundle)
            assert done.returncode == 0, done.stderr

    def sign_octets(self, bundle, *names):
        """As `sign` does, of what it would refuse to sign."""
        for name in names:
            certificate = x509.load_pem_x509_certificate(
                (self.folder / f"{name}.pem").read_bytes())
            key = serialization.load_pem_private_key(
                (self.folder / f"{name}.key").read_bytes(), None)
            signature = (pkcs7.PKCS7SignatureBuilder().set_data(bundle.read_bytes())
                         .add_signer(certificate, key, hashes.SHA256())
                         .sign(serialization.Encoding.DER, [
                             pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]))
            digest = certificate.fingerprint(hashes.SHA256()).hex()[:16]
            pathlib.Path(f"{bundle}.{digest}.p7s").write_bytes(signature)

    def refused(self, bundle, reason):
        before = tree(self.policies)
        done = self.run("activate", bundle)
        assert done.returncode == 1 and reason in done.stderr, done.stderr
        assert tree(self.policies) == before

    def journal(self):
        text = (self.instance / "state" / "policy" / "journal").read_text()
        return [json.loads(line) for line in text.splitlines()]


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes()
            for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_two_people_put_a_policy_in_force(office):
    first = tree(office.policies)
    bundle = office.next(3)
    office.sign(bundle, "officer-1")
    office.sign(bundle, "officer-2", verb="approve")
    done = office.run("activate", bundle)
    assert done.returncode == 0, done.stderr
    assert (office.policies / "codes" / "README.md").read_text() == "3\n"
    entry = office.journal()[-1]
    assert (entry["act"], entry["from"], entry["version"]) == ("activate", 0, 3)
    assert sorted(entry["people"]) == ["officer-1 (TEST)", "officer-2 (TEST)"]
    lint = office.run("lint").stdout
    assert entry["policy_digest"] in lint
    # Older, the same again, and what was taken back: never a second time.
    for version in (2, 3):
        older = office.next(version)
        office.sign(older, "officer-1", "officer-2")
        office.refused(older, "not newer")
    assert office.run("rollback").returncode == 0
    assert tree(office.policies) == first
    assert office.journal()[-1]["act"] == "rollback"
    office.refused(bundle, "not newer")
    assert "nothing was in force before" in office.run("rollback").stderr


def test_what_a_version_before_does_not_know_is_said_once(office):
    """To whoever begins with it, and not with each policy after that."""
    shipped = (office.policies / "operators.cfg").read_text()
    without = "".join(line for line in shipped.splitlines(True)
                      if not line.startswith("release_review"))
    for version, text, said in ((1, shipped, False), (2, without, False), (3, shipped, True),
                                (4, shipped, False)):
        bundle = office.next(version, lambda p, t=text, v=version: (
            (p / "operators.cfg").write_text(t), (p / "codes" / "README.md").write_text(f"{v}\n")))
        office.sign(bundle, "officer-1", "officer-2")
        done = office.run("activate", bundle)
        assert done.returncode == 0, done.stderr
        assert ("does not know release_review" in done.stderr) == said, (version, done.stderr)


def test_a_change_that_broke_off_is_finished(office):
    state = office.instance / "state" / "policy"
    bundle = office.next(1)
    office.sign(bundle, "officer-1", "officer-2")
    assert office.run("activate", bundle).returncode == 0
    bundle = office.next(2)
    office.sign(bundle, "officer-1", "officer-2")
    kept = (state / "journal").read_text()
    (state / "journal").unlink()
    (state / "journal").mkdir()
    done = office.run("activate", bundle)
    assert done.returncode == 1 and "with the next command" in done.stderr, done.stderr
    assert (office.policies / "codes" / "README.md").read_text() == "2\n"
    # As it is after the exchange alone; half of the line was on the disk.
    line = (state / "changing").read_text().splitlines()[1]
    (state / "active").write_text("1 " + "0" * 64 + "\n")
    (state / "journal").rmdir()
    (state / "journal").write_text(kept + line[:20])
    office.refused(bundle, "not newer")
    assert [e["version"] for e in office.journal()] == [1, 2]
    assert sorted(office.journal()[-1]["people"]) == ["officer-1 (TEST)", "officer-2 (TEST)"]
    assert (state / "active").read_text().split()[0] == "2"
    # The same again changes nothing.
    (state / "changing").write_text((state / "active").read_text() + line + "\n")
    office.refused(bundle, "not newer")
    assert not (state / "changing").exists()
    assert [e["version"] for e in office.journal()] == [1, 2]


def test_a_change_that_never_came_is_taken_back(office):
    state = office.instance / "state" / "policy"
    bundle = office.next(1)
    office.sign(bundle, "officer-1", "officer-2")
    first = tree(office.policies)
    signature = next(office.folder.glob("1.bundle.*.p7s")).name
    (state / signature).mkdir(parents=True)  # so that it cannot be kept
    done = office.run("activate", bundle)
    assert done.returncode == 1 and tree(office.policies) == first, done.stderr
    assert (state / "changing").exists() and not (state / "active").exists()
    (state / signature).rmdir()
    (state / "1.stop").write_text("")
    (state / "1.bundle").write_bytes(bundle.read_bytes())
    done = office.run("activate", bundle)
    assert done.returncode == 0, done.stderr
    assert [e["version"] for e in office.journal()] == [1]
    assert not (state / "1.stop").exists() and not (state / "changing").exists()


def test_who_has_the_lock_is_waited_for(office):
    bundle = office.next(1)
    office.sign(bundle, "officer-1", "officer-2")
    state = office.instance / "state" / "policy"
    state.mkdir()
    with open(state / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(
                [BIN / "sealgate", "--instance", office.instance, "policy", "activate", bundle],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(1)
            fcntl.flock(lock, fcntl.LOCK_UN)
            said, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said


def test_what_one_person_sends_is_not_parsed(office):
    bundle = office.folder / "4.bundle"
    bundle.write_bytes(b"no bundle at all")
    office.refused(bundle, "two policy officers")


def test_one_person_is_not_enough(office):
    bundle = office.next(1)
    office.refused(bundle, "two policy officers")
    alone = office.run("approve", "--key", office.folder / "officer-1.key", "--cert",
                       office.folder / "officer-1.pem", bundle)
    assert alone.returncode == 1 and "nobody has signed yet" in alone.stderr
    office.sign(bundle, "officer-1")
    office.refused(bundle, "two policy officers")
    # The same person with the same key under another certificate, a stranger, an operator.
    for other in ("officer-1-again", "stranger", "operator"):
        again = office.run("approve", "--key", office.folder / f"{other}.key", "--cert",
                           office.folder / f"{other}.pem", bundle)
        assert again.returncode == 1, other
        assert "does not count" in again.stderr
        office.refused(bundle, "two policy officers")


def test_signatures_are_of_this_bundle(office):
    good, other = office.next(1), office.next(2)
    office.sign(good, "officer-1", "officer-2")
    for signature in office.folder.glob("1.bundle.*.p7s"):
        shutil.copy(signature, office.folder / signature.name.replace("1.", "2.", 1))
    office.refused(other, "two policy officers")


def test_bundles_have_one_form(office):
    bundle = office.next(1)
    office.sign(bundle, "officer-1", "officer-2")
    again = office.folder / "again.bundle"
    assert office.run("build", "--policies", office.folder / "next-1", "--version", "1", "-o",
                      again).returncode == 0
    assert again.read_bytes() == bundle.read_bytes()
    good = bundle.read_bytes()
    # Mode, owner, time, padding, a name, content, length: any octet.
    for at in (100, 108, 136, 600, 512 * 2, 512 * 3 + 5, len(good) - 1):
        bundle.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        office.refused(bundle, "two policy officers")
    # Nor do two people's signatures make another form one, where no file's octets differ.
    for at in (100, 108, 136, 600, len(good) - 1):
        bundle.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        office.sign_octets(bundle, "officer-1", "officer-2")
        office.refused(bundle, "one form")
    bundle.write_bytes(good[:-512])
    office.sign_octets(bundle, "officer-1", "officer-2")
    office.refused(bundle, "one form")
    bundle.write_bytes(good)
    office.sign(bundle, "officer-1", "officer-2")
    assert office.run("activate", bundle).returncode == 0


def spoil(name, old, new):
    def change(policies):
        path = policies / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    return change


ENDLESS = "//*[" * 10 + "not(//*)" + "]" * 10

BAD = {
    "missing file": (lambda p: (p / "rules" / "trade.sch").unlink(), "trade.sch"),
    "unknown key": (spoil("types/phyto.cfg", "statuses", "stati"), "phyto.cfg:10: an unknown key"),
    "duplicate id": (spoil("rules/trade.sch", "SPS-17", "SPS-01"), "the id SPS-01"),
    "endless XPath": (spoil("rules/ack.sch", "normalize-space(.) != \'\'", ENDLESS),
                      "limit.resource"),
    "document()": (spoil("rules/ack.sch", "normalize-space(.)", "document('x')"),
                   "ack.sch:15: test: there is no function: document"),
    "broken code list": (spoil("codes/status.csv", "39,", "39;"), "status.csv:4"),
    "code there twice": (spoil("codes/units.csv", "GRM,gram", "KGM,gram"), "units.csv:3: the code"),
    "version of no list": (spoil("codes/lists.csv", "units,", "unit,"), "lists.csv:10: there is no"),
    "version that ends before it begins": (spoil("codes/lists.csv", ",2006,,",
                                                 ",2006,2026-02-01,2026-01-01"), "lists.csv:5: from"),
    "index of another list": (lambda p: (p / "codes" / "units.index").write_bytes(b"SGCODES\1"),
                              "units.index:0: this is no index"),
    "untranslated": (spoil("rules/trade.sch", "A document has a title.", "A document is titled."),
                     "messages/es.cfg: SPS-44 has no translation of: A document is titled."),
    "rule without example": (spoil("examples/ack.cfg", "\"ACK-04\"", "\"ACK-05\""), "ack.cfg:"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_policies_are_not_built(office, name):
    change, reason = BAD[name]
    copy = office.folder / "bad"
    shutil.copytree(office.policies, copy)
    change(copy)
    done = office.run("build", "--policies", copy, "--version", "1", "-o",
                      office.folder / "bad.bundle")
    assert done.returncode == 1 and reason in done.stderr, done.stderr
    assert not (office.folder / "bad.bundle").exists()


def test_diff_says_what_differs(office):
    copy = office.folder / "copy"
    shutil.copytree(office.policies, copy)
    same = office.run("diff", office.policies, copy)
    assert (same.returncode, same.stdout) == (0, "")
    (copy / "rules" / "new.sch").write_text("x")
    (copy / "codes" / "status.csv").write_text("y")
    (copy / "codes" / "units.csv").unlink()
    other = office.run("diff", office.policies, copy)
    assert other.returncode == 1
    assert other.stdout.splitlines() == ["~ codes/status.csv", "- codes/units.csv",
                                         "+ rules/new.sch"]


def test_a_type_ends(office):
    path = office.policies / "types" / "phyto.cfg"
    path.write_text(path.read_text() + 'sunset = "2026-07-01T00:00:00Z";\n')
    document = ROOT / "policies" / "examples" / "phyto.xml"
    for at, status, codes in (("2026-06-30T23:59:59Z", 0, []),
                              ("2026-07-01T00:00:00Z", 1, ["doc.sunset"])):
        done = sealgate("check", "--policies", office.policies, "--at", at, document)
        assert done.returncode == status, done.stderr
        assert [f["code"] for f in json.loads(done.stdout)["findings"]] == codes


def attached(kind, data):
    """A phytosanitary certificate with an attachment."""
    text = (ROOT / "policies" / "examples" / "phyto.xml").read_text()
    head, tail = text.split("<ram:ReferenceSPSReferencedDocument>", 1)
    tail = tail.replace("</ram:ID>", "</ram:ID><ram:AttachmentBinaryObject "
                        f'mimeCode="{kind}" filename="a">{data}</ram:AttachmentBinaryObject>', 1)
    return f"{head}<ram:ReferenceSPSReferencedDocument>{tail}"


def test_a_kind_of_attachments(office):
    """A new kind is a row of the table; one that nobody can tell is believed only in a type
    that lists it."""
    document = office.folder / "document.xml"
    table = office.policies / "codes" / "attachments.csv"
    kind = office.policies / "types" / "phyto.cfg"
    wanted = {"R0lGODdh": "doc.code", "R0lGODlh": "doc.code", "TVqQAAM=": "doc.code"}

    def found():
        for data, code in wanted.items():
            document.write_text(attached("image/gif", data))
            codes = [c for c, _ in codes_of(office, document, "2026-06-10T00:00:00Z")]
            assert codes == [code] * bool(code), data

    found()
    before = table.read_text()
    table.write_text(before + "image/gif,GIF picture,474946383761 474946383961\n")
    wanted.update({"R0lGODdh": "", "R0lGODlh": "", "TVqQAAM=": "doc.attachment-kind"})
    found()
    table.write_text(before + "image/gif,GIF picture,\n")
    wanted.update(dict.fromkeys(wanted, "doc.attachment-unknown"))
    found()
    kind.write_text(kind.read_text().replace("kinds = true;",
                                             'kinds = true; opaque = [ "image/gif" ];'))
    wanted.update(dict.fromkeys(wanted, ""))
    found()
    assert office.run("lint").returncode == 0
    table.write_text(before)
    assert "opaque names kinds" in office.run("lint").stdout


LIBRARIES = {"13": 17, "14": 18, "15": 19, "16": 20, "17": 21, "18": 22, "19": 24, "20": 25}


def of_version(text, version, library):
    """A document of version 17 as one of another version: other namespaces, another edition
    of the lists."""
    old = "standard" if int(version) < 15 else "Standard"
    edition = {"13": "D14B", "14": "D15A", "15": "D15B", "16": "D16A", "17": "D16B",
               "18": "D17B", "19": "D18A", "20": "D18B"}[version]
    return (text.replace("SPSCertificate:17", f"SPSCertificate:{version}")
            .replace("Standard:QualifiedDataType:21", f"{old}:QualifiedDataType:{library}")
            .replace("Entity:21", f"Entity:{library}").replace("Type:21", f"Type:{library}")
            .replace("<ram:TypeCode>851<", f'<ram:TypeCode listVersionID="{edition}">851<'))


def versions_of(policies):
    """Version, namespace of the root and sunset, as the files say."""
    for path in sorted((policies / "versions").glob("*.cfg")):
        text = path.read_text()
        yield [re.search(f'{key} = "([^"]*)"', text).group(1) for key in ("name", "of", "sunset")]


def codes_of(office, document, at):
    done = sealgate("check", "--policies", office.policies, "--at", at, document)
    return [(f["code"], f["message"].split(":")[0]) for f in json.loads(done.stdout)["findings"]
            if f["severity"] == "error"]


def test_versions_of_the_schema_side_by_side(office):
    good = (ROOT / "policies" / "examples" / "phyto.xml").read_text()
    bad = good.replace("</ram:ScientificName>", "</ram:ScientificNam>").replace(
        "<ram:ScientificName>", "<ram:ScientificNam>").replace('unitCode="KGM"', 'unitCode="K"')
    versions = list(versions_of(office.policies))
    document = office.folder / "document.xml"
    assert [v[0] for v in versions] == sorted(LIBRARIES)
    document.write_text(bad)
    wanted = codes_of(office, document, "2026-06-10T00:00:00Z")
    assert {code for code, _ in wanted} == {"doc.schema", "doc.code"}
    for name, root, sunset in versions:
        assert root.endswith(f"SPSCertificate:{name}")
        document.write_text(of_version(good, name, LIBRARIES[name]))
        assert codes_of(office, document, "2026-06-10T00:00:00Z") == []
        assert ("doc.version-sunset", "Documents of this version of the schema are no longer taken."
                ) in codes_of(office, document, sunset)
        document.write_text(of_version(bad, name, LIBRARIES[name]))
        assert codes_of(office, document, "2026-06-10T00:00:00Z") == wanted
    document.write_text(of_version(good, "16", 20).replace("Entity:20", "Entity:21"))
    assert [c for c, _ in codes_of(office, document, "2026-06-10T00:00:00Z")] == [
        "doc.version-mixed"]
    document.write_text(good.replace("SPSCertificate:17", "SPSCertificate:12"))
    assert [c for c, _ in codes_of(office, document, "2026-06-10T00:00:00Z")] == [
        "doc.type-unknown"]


def test_the_schema_of_a_version_as_it_was_published(office):
    """Official files of a version are put into a folder and named: they hold beside ours."""
    path = office.policies / "versions" / "sps-16.cfg"
    shutil.copytree(office.policies / "schemas" / "sps-17", office.policies / "schemas" / "sps-16")
    for file in (office.policies / "schemas" / "sps-16").iterdir():
        file.write_text(file.read_text().replace("SPSCertificate:17", "SPSCertificate:16")
                        .replace("Entity:21", "Entity:20").replace("DataType:21", "DataType:20")
                        .replace("D16B", "D16A").replace('value="851"', 'value="X851"'))
    path.write_text(path.read_text() + 'schema = "schemas/sps-16/SPSCertificate_17.xsd";\n')
    document = office.folder / "document.xml"
    good = (ROOT / "policies" / "examples" / "phyto.xml").read_text()
    document.write_text(good)
    assert codes_of(office, document, "2026-06-10T00:00:00Z") == []
    document.write_text(of_version(good, "16", 20))
    assert [c for c, _ in codes_of(office, document, "2026-06-10T00:00:00Z")] == ["doc.schema"]


KEY = "5" * 64
PARTNER = ('name = "ke";\ncountry = "KE";\ntransport = ( "' + "a" * 64 + '" );\n'
           f'signers = ( {{ sha256 = "{KEY}"; role = "officer"; name = "an officer"; }} );\n'
           'types = ( "PHYTO" );\n')


def stop(office, name, *arguments):
    return office.run("stop", "--key", office.folder / f"{name}.key", "--cert",
                      office.folder / f"{name}.pem", *arguments)


def test_one_person_stops_and_two_open_again(office):
    file = office.policies / "partners" / "ke.cfg"
    file.write_text(PARTNER)
    before = tree(office.policies)
    prepared = office.next(1)
    office.sign(prepared, "officer-1", "officer-2")
    for name in ("stranger", "operator"):
        done = stop(office, name, "--reason", "x", "ke")
        assert done.returncode == 1 and "is a policy officer" in done.stderr, done.stderr
    assert stop(office, "officer-1", "--reason", "x", "nobody").returncode == 1
    assert stop(office, "officer-1", "ke").returncode == 2
    assert tree(office.policies) == before
    assert not list((office.instance / "state" / "policy").glob("stop*"))

    active = office.instance / "state" / "policy" / "active"
    noted = active.read_bytes() if active.exists() else None
    done = stop(office, "officer-1", "--reason", "stolen token", "ke")
    assert done.returncode == 0, done.stderr
    # As if the machine had gone down before it was noted: one person opens nothing.
    now = active.read_bytes()
    if noted is None:
        active.unlink()
    else:
        active.write_bytes(noted)
    done = office.run("rollback")
    assert done.returncode == 1 and "two people stand for" in done.stderr, done.stderr
    active.write_bytes(now)
    assert re.search(r"^suspended = true;$", file.read_text(), re.M)
    entry = office.journal()[-1]
    assert (entry["act"], entry["people"], entry["reason"]) == (
        "stop", ["officer-1 (TEST)"], "stolen token")
    # The second stop, of one key, goes on from there.
    done = stop(office, "officer-2", "--reason", "lost", "--signer", KEY, "ke")
    assert done.returncode == 0, done.stderr
    assert KEY in file.read_text() and "suspended = true" in file.read_text()
    for nobody in ("abc", "6" * 64):
        done = stop(office, "officer-2", "--reason", "x", "--signer", nobody, "ke")
        assert done.returncode == 1 and "has no signer" in done.stderr, done.stderr
    # Nobody opens alone: neither by going back nor with what was prepared before.
    stopped = tree(office.policies)
    done = office.run("rollback")
    assert done.returncode == 1 and "two people stand for" in done.stderr
    office.refused(prepared, "not newer")
    assert tree(office.policies) == stopped
    bundle = office.next(9, lambda p: (p / "partners" / "ke.cfg").write_text(PARTNER))
    office.sign(bundle, "officer-1")
    office.refused(bundle, "two policy officers")
    office.sign(bundle, "officer-2")
    assert office.run("activate", bundle).returncode == 0
    assert file.read_text() == PARTNER
    # Back to what was stopped is stricter; from there one person still opens nothing.
    assert office.run("rollback").returncode == 0
    assert "suspended = true" in file.read_text()
    assert office.run("rollback").returncode == 1


def test_a_seal_in_the_document_wants_its_role(office):
    """Without it nothing that goes there would ever be sealed."""
    profile = office.policies / "routes" / "destinations" / "office.cfg"
    profile.parent.mkdir(exist_ok=True)
    roles = office.policies / "signature" / "roles.cfg"
    profile.write_text('protocol = "push";\nurl = "https://127.0.0.1:9/";\n'
                       'information = "advance";\nsubmit = { id_member = "id"; };\n'
                       'seal_inside = "counter";\n')
    said = office.run("lint", "--policies", office.policies)
    assert said.returncode == 1
    assert f"{profile.name}:0: seal_inside, and there is no role seal-inside" in said.stdout
    roles.write_text(roles.read_text() + 'seal-inside: { label = "seal-inside"; '
                     'mechanism = "ecdsa-sha256"; peer = "seal"; };\n')
    assert office.run("lint", "--policies", office.policies).returncode == 0


# -- the guides ---------------------------------------------------------------------------

def type_in(page, folder, instance):
    script = "".join(BLOCK.findall((ROOT / page).read_text()))
    env = {**os.environ, "SEALGATE_INSTANCE": str(instance), "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-e", "-c", script], cwd=folder, env=env, text=True, timeout=90,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules_of(text):
    """How many rules and checks lint or test has counted."""
    return int(re.search(r"(\d+) rules and checks", text).group(1))


def test_add_a_rule(office, tmp_path):
    before = rules_of(office.run("lint", "--policies", office.policies).stdout)
    shutil.copy(ROOT / "policies" / "examples" / "phyto.xml", tmp_path / "document.xml")
    said = type_in("docs/add-a-rule.md", tmp_path, office.instance)
    assert '"findings":[]' in said
    assert "no failing example of LOCAL-01" in said
    assert re.search(r" \d+ examples", said.splitlines()[-1])
    assert rules_of(said.splitlines()[-1]) == before + 1


def brazilian(gate, number):
    """A certificate of Brazil, signed and sealed there."""
    path = gate.document("phyto", number, **{
        "<ram:CountryID>NZ<": "<ram:CountryID>BR<", "<ram:ID>NZ<": "<ram:ID>BR<",
        ">New Zealand<": ">Brazil<", ">NZTRG<": ">BRSSZ<"})
    signed = gate.sign(path, "authority-br/officer")
    return gate.sign(signed, "authority-br/seal", place=("--counter",), tsa=False)


def preflight(gate, path, wanted):
    """The answer once it is as wanted: a change of policy is taken up within seconds."""
    until = time.monotonic() + 30
    while True:
        status, answer = gate.submit(path, "partners/br-mapa", command="preflight")
        if wanted(status) or time.monotonic() > until:
            assert wanted(status), answer
            return answer
        time.sleep(0.2)


def activations(gate):
    """What the audit chain says of policies that were put in force."""
    records = [json.loads(line)["record"] for line in
               gate.run("audit", "export", check=True).stdout.splitlines()]
    return [r["detail"] for r in records if r["event"] == "policy.activate"]


def test_add_a_country(gate, tmp_path):
    policies = gate.dir / "policies"
    for name in ("officer-1", "officer-2"):
        make_officer(tmp_path, name)
    enrol(policies, tmp_path, ("officer-1", "officer-2"))
    (policies / "partners" / "br-mapa.cfg").unlink()
    (policies / "anchors" / "signers" / "authority-br.pem").unlink()
    theirs = pathlib.Path(tmp_path / "from-partner")
    theirs.mkdir()
    for name, source in (("transport", "partners/br-mapa"), ("officer", "authority-br/officer"),
                         ("seal", "authority-br/seal")):
        shutil.copy(gate.pki.path(source), theirs / f"{name}.pem")
    shutil.copy(gate.folder / "pki" / "anchors" / "authority-br.pem", theirs / "signers-ca.pem")
    document = brazilian(gate, "PHYTO.BR.2026.0000001")
    preflight(gate, document, lambda status: status != 0)
    digest = re.search(r"in force; policy digest (\w+)",
                       type_in("docs/add-a-country.md", tmp_path, gate.dir)).group(1)
    answer = preflight(gate, document, lambda status: status == 0)
    assert answer["decision"] == "accepted" and answer["policy_digest"] == digest
    until = time.monotonic() + 30
    while not (found := activations(gate)) and time.monotonic() < until:
        time.sleep(0.2)
    assert [(d["policy_digest"], sorted(d["people"])) for d in found] == [
        (digest, ["officer-1 (TEST)", "officer-2 (TEST)"])]


def digests_of(certificate):
    """SHA-256 of a certificate and of its SubjectPublicKeyInfo."""
    def out(*arguments, data=None):
        return subprocess.run(["openssl", *arguments], input=data, capture_output=True,
                              check=True).stdout
    key = out("pkey", "-pubin", "-outform", "DER",
              data=out("x509", "-in", str(certificate), "-noout", "-pubkey"))
    whole = out("x509", "-in", str(certificate), "-outform", "DER")
    return [hashlib.sha256(data).hexdigest() for data in (whole, key)]


def removed(file):
    return re.findall(r'"([0-9a-f]{64})"', file.read_text().split("removed")[1].split(")")[0])


@pytest.mark.parametrize("enrolled", ["key", "sha256"])
def test_a_stop_takes_the_key_too(office, enrolled):
    """Whoever is enrolled by key is known to who stops by a certificate."""
    file = office.policies / "partners" / "ke.cfg"
    signer = office.folder / "operator.pem"
    whole, key = digests_of(signer)
    file.write_text(PARTNER.replace(f'sha256 = "{KEY}"', '%s = "%s"' % (
        enrolled, key if enrolled == "key" else whole)))
    by_digest, by_file = ["--signer", whole], ["--signer-file", signer]
    reason = ["--reason", "stolen"]
    assert stop(office, "officer-1", *reason, *by_digest, *by_file, "ke").returncode == 2
    for other, word in ((office.folder / "stranger.pem", "has no signer"),
                        (file, "not one certificate")):
        done = stop(office, "officer-1", *reason, "--signer-file", other, "ke")
        assert done.returncode == 1 and word in done.stderr, done.stderr
    done = stop(office, "officer-1", *reason, "--signer", whole[:-1] + "G", "ke")
    assert done.returncode == 1, done.stderr
    done = stop(office, "officer-1", *reason, *by_digest, "ke")
    assert done.returncode == 0, done.stderr
    assert removed(file) == [whole]
    assert ("no enrolled signer has" in done.stderr) == (enrolled == "key")
    assert ("--signer-file stops both" in done.stderr) == (enrolled == "key")
    done = stop(office, "officer-2", *reason, *by_file, "ke")
    assert done.returncode == 0 and "digest" not in done.stderr, done.stderr
    assert removed(file) == [whole, key]

# SPDX-License-Identifier: EUPL-1.2
"""Types and versions without public samples: refused in production, by name; taken where
nothing is real, with a warning, and from a partner whom signed policy names."""
import json
import shutil
import time

import pytest

from scenarios.gate import ROOT, Gate, a_folder, sealgate
from scenarios.openapi import Specification
from scenarios.test_policy import LIBRARIES, of_version
from scenarios.test_verify import START_BOUND, House

EXPERIMENTAL = [v for v in sorted(LIBRARIES) if v != "17"]
SANDBOX = 'sandbox = true;\n'


@pytest.fixture(scope="module")
def house():
    """sealgate-verify of an instance in production; its clock is the machine's."""
    with a_folder() as folder, House(folder) as made:
        made.make()
        conf = made.dir / "sealgate.conf"
        conf.write_text(conf.read_text().replace("test = true", "test = false"))
        assert "test = false" in conf.read_text()
        sandbox = made.dir / "policies" / "anchors" / "sandbox"
        sandbox.mkdir()
        shutil.copy(made.folder / "pki" / "anchors" / "authority-br.pem", sandbox)
        (made.dir / "policies" / "anchors" / "signers" / "authority-br.pem").unlink()
        yield made.start()


def certificate(house, name, version="17"):
    number = {"phyto": "PHYTO", "veterinary": "IMPORT"}[name] + ".NZ.2026.6000001"
    path = house.document(name, number, name=f"{number}-{version}")
    path.write_text(of_version(path.read_text(), version, LIBRARIES[version]))
    return complete(house, path)


def complete(house, path):
    first = house.sign(path, tsa=False)
    return house.sign(first, "authority-nz/seal", place=("--counter",), tsa=False)


def asked(house, path, more):
    """The answer by a policy in which the partner's file says more."""
    before = house.ask(path).policy_digest
    house.enrol(more)
    end = time.monotonic() + START_BOUND
    while True:
        answer = house.ask(path)
        if answer.policy_digest != before:
            return answer
        assert time.monotonic() < end


@pytest.mark.parametrize("version", EXPERIMENTAL)
def test_a_version_in_production(house, version):
    path = certificate(house, "phyto", version)
    answer = house.ask(path)
    assert answer.decision == "refused"
    assert answer.codes() == {"doc.version-experimental"}, answer.report["findings"]
    finding = answer.report["findings"][0]
    assert finding["received"] == version and finding["where"] == "/rsm:SPSCertificate"
    assert finding["line"] and "nz-mpi" in finding["message"] and finding["fix"]


def test_a_type_in_production(house):
    answer = house.ask(certificate(house, "veterinary"))
    assert answer.decision == "refused"
    assert answer.codes() == {"doc.experimental"}, answer.report["findings"]
    finding = answer.report["findings"][0]
    assert finding["received"] == "IMPORT" and finding["where"].endswith("ram:TypeCode")
    assert house.ask(certificate(house, "phyto")).decision == "accepted"


def test_policy_allows_a_partner_by_name(house):
    try:
        both = certificate(house, "veterinary", "16")
        assert house.ask(both).codes() == {"doc.experimental", "doc.version-experimental"}
        answer = asked(house, both, 'experimental = { types = ( "IMPORT" ); };\n')
        assert answer.codes() == {"doc.version-experimental"}
        answer = asked(house, both, 'experimental = { types = ( "IMPORT" ); '
                                    'versions = ( "16" ); };\n')
        assert answer.decision == "accepted" and not answer.report["findings"]
        assert house.ask(certificate(house, "phyto", "18")).codes() == {
            "doc.version-experimental"}
    finally:
        asked(house, both, "")


def test_a_sandbox_in_production_takes_it(house):
    """The lane is rehearsed in: what is experimental passes there with a warning."""
    path = house.document("veterinary", "IMPORT.NZ.2026.6000009")
    path.write_text(of_version(path.read_text(), "20", LIBRARIES["20"]))
    first = house.sign(path, "authority-br/officer", tsa=False)
    path = house.sign(first, "authority-br/seal", place=("--counter",), tsa=False)
    house._write_partner("nz-sandbox", "NZ", ("partners/not-enrolled",), (
        ("authority-br/officer", "officer"), ("authority-br/seal", "seal")))
    file = house.dir / "policies" / "partners" / "nz-sandbox.cfg"
    (house.dir / "policies" / "partners" / "br-mapa.cfg").unlink()
    file.write_text(file.read_text() + SANDBOX)
    end = time.monotonic() + START_BOUND
    while True:
        answer = house.ask(path, "nz-sandbox")
        if answer.decision == "accepted":
            break
        assert time.monotonic() < end, answer.report
    assert answer.codes("warning") == {"doc.experimental", "doc.version-experimental"}


@pytest.fixture(scope="module")
def gate():
    """A whole TEST gate."""
    with a_folder() as folder, Gate(folder) as made:
        yield made.make().up()


def test_preflight_at_a_test_gate(gate):
    """Taken, with the warning that production would refuse; check offline says the same."""
    path = certificate(gate, "veterinary", "16")
    status, answer = gate.submit(path, command="preflight")
    assert status == 0 and answer["decision"] == "accepted", answer
    warned = {f["code"]: f for f in answer["findings"]}
    assert set(warned) == {"doc.experimental", "doc.version-experimental"}
    assert {f["severity"] for f in warned.values()} == {"warning"}
    done = sealgate("check", "--policies", gate.dir / "policies", path)
    assert done.returncode == 0
    assert {f["code"]: f for f in json.loads(done.stdout)["findings"]} == warned
    done = sealgate("check", "--policies", gate.dir / "policies", "--language", "fr", path)
    assert "expérimentaux" in done.stdout and "sealed" not in done.stdout
    status, answer = gate.submit(path)
    assert status == 0 and answer["status"] == 202, answer


def test_the_status_says_what_is_experimental(gate):
    body = gate.request("/v1/status").json()
    types = {row["type"]: row for row in body["versions"]}
    assert types["IMPORT"] == {"type": "IMPORT", "sunset": None, "experimental": True,
                               "taken": True}
    assert types["PHYTO"]["experimental"] is False
    versions = {row["version"]: row for row in body["schema_versions"]}
    assert [v for v in sorted(versions) if versions[v]["experimental"]] == EXPERIMENTAL
    assert all(row["taken"] and row["sunset"] for row in versions.values())
    assert not list(Specification().faults(body, {"$ref": "#/components/schemas/Status"}))


def test_lint_knows_what_needs_no_leave(gate, tmp_path):
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    shutil.copy(gate.dir / "policies" / "partners" / "nz-mpi.cfg", policies / "partners")
    file = policies / "partners" / "nz-mpi.cfg"
    text = file.read_text()
    for more, said in (('versions = ( "17" );', "a version that is not: 17"),
                       ('types = ( "PHYTO" );', "a type that is not: PHYTO"),
                       ('types = ( "COI" );', "a type not in types: COI"),
                       ('types = ( "IMPORT" ); versions = ( "13" );', "")):
        file.write_text(f"{text}experimental = {{ {more} }};\n")
        done = sealgate("policy", "lint", "--policies", policies)
        assert done.returncode == (1 if said else 0) and said in done.stdout, done.stdout

# SPDX-License-Identifier: EUPL-1.2
"""Destinations that want the seal in the document: beside its signatures, over one of them; what
cannot have it is refused there by name, and goes everywhere else."""
import json
import subprocess

import pytest

from scenarios.gate import BIN, Gate, a_folder
from scenarios.openapi import Specification
from scenarios.test_level_b import check as time_stamps
from scenarios.test_level_b import evidence, until
from sim import process

ROLE = """
seal-inside: { label = "seal-inside"; mechanism = "ecdsa-sha256"; peer = "seal"; };
"""
PLACES = ("parallel", "counter")


class InsideGate(Gate):
    """A gate with the role, and a window for each place."""
    roles = (*Gate.roles, "seal-inside")

    def _make_token(self):
        roles = self.dir / "policies/signature/roles.cfg"
        roles.write_text(roles.read_text() + ROLE)
        (self.dir / "policies" / "degraded" / "tsa.cfg").write_text(
            'mode = "grace";\nseconds = 3600;\n')
        super()._make_token()

    def start_simulators(self):
        super().start_simulators()
        path = self.pki.path
        self.windows = {
            place: process.start(
                "customs", self.folder / "sims" / place, xml=True,
                client_ca=path("transport-ca/root"),
                tls_cert=path("servers/sim-customs", ".chain.pem"),
                tls_key=path("servers/sim-customs", ".key"),
                store=self.folder / "sims" / place / "store") for place in PLACES}

    def write_destinations(self):
        super().write_destinations()
        policies = self.dir / "policies" / "routes"
        text = (policies / "destinations" / "customs-nl.cfg").read_text()
        for place, window in self.windows.items():
            (policies / "destinations" / f"{place}.cfg").write_text(
                text.replace(self.customs.url, window.url) + f'seal_inside = "{place}";\n')
        rule = policies / "10-all.cfg"
        rule.write_text(rule.read_text().replace(
            '"customs-nl"', '"customs-nl", ' + ", ".join(f'"{p}"' for p in PLACES)))

    def close(self):
        super().close()
        for window in self.windows.values():
            window.stop()

    def sealed(self, place, identifier):
        """What a window got for a document: its octets. None: nothing."""
        for row in self.windows[place].accepted():
            if row["key"].startswith(identifier):
                store = self.folder / "sims" / place / "store"
                return (store / f"{row['sha256']}.xml").read_bytes()
        return None


@pytest.fixture(scope="module")
def gate():
    with a_folder() as folder, InsideGate(folder) as made:
        yield made.make().up()


def test_published_as_described(gate):
    answer = gate.request("/v1/certificates")
    assert "seal-inside" in [c["role"] for c in answer.json()["certificates"]]
    Specification().check("GET", "/v1/certificates", answer)


def deliveries(gate, identifier):
    return {d["destination"]: d for d in
            gate.request(f"/v1/documents/{identifier}").json()["deliveries"]}


def settled(gate, identifier):
    """The deliveries, once none is under way."""
    return until(lambda: (d := deliveries(gate, identifier)) and all(
        x["state"] in ("delivered", "refused") for x in d.values()) and d)


def judged(gate, octets, name):
    """Our own verdict on each signature of a document."""
    file = gate.folder / f"{name}.xml"
    file.write_bytes(octets)
    anchors = [x for n in ("authority-nz", "ec", "tsa") for x in
               ("--anchors", gate.pki.path(f"{n}/root"))]
    crls = [x for crl in (gate.folder / "pki/crl").iterdir() for x in ("--revocation", crl)]
    done = subprocess.run([BIN / "sealgate", "verify", "--profile", "eidas", *anchors, *crls,
                           "--format", "json", file],
                          capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["signatures"]


def signed(gate, number, seal):
    return gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07d}", seal=seal)


def submitted(gate, path):
    """A document that went everywhere where it can go; its id."""
    status, answer = gate.submit(path)
    assert status == 0, answer
    gate.wait_delivered([answer["id"]])
    return answer["id"]


def parts(gate, identifier):
    """The XML files of the evidence, which is valid."""
    report = evidence(gate, identifier)
    assert report["indication"] == "TOTAL-PASSED"
    assert not [f for f in report["findings"] if f["severity"] == "error"]
    folder = gate.folder / f"{identifier}.parts"
    if not folder.exists():
        done = gate.run("evidence", "extract", gate.folder / f"{identifier}.asice", folder)
        assert done.returncode == 0, done.stderr
    return {file.stem: file.read_bytes() for file in folder.glob("*.xml")}


def at_level_b(gate, number):
    """A document that was sealed while no authority gave a time-stamp; its id."""
    path = signed(gate, number, "parallel")
    assert until(lambda: time_stamps(gate)["ok"])
    gate.tsa.mode("down")
    try:
        identifier = submitted(gate, path)
        settled(gate, identifier)
    finally:
        gate.tsa.mode("ok")
    return identifier


def check(gate, identifier, place, level="T"):
    """The document as it was, every signature of it still passes, and so does the seal, at one of
    the levels."""
    octets, original = gate.sealed(place, identifier), parts(gate, identifier)["document"]
    before, after = judged(gate, original, "original"), judged(gate, octets, place)
    assert len(after) == len(before) + 1
    assert all(s["indication"] == "TOTAL-PASSED" for s in after)
    seal = [s for s in after if s["id"] == f"seal-inside-{identifier}"]
    assert [s["role"] for s in seal] == ["counter" if place == "counter" else "main"]
    assert seal[0]["level"] in [f"XAdES-BASELINE-{one}" for one in level]
    assert len(octets) > len(original) and octets.startswith(original[:200])


def test_beside_and_over_what_survives_it(gate):
    identifier = submitted(gate, signed(gate, 1, "parallel"))
    states = settled(gate, identifier)
    for place in PLACES:
        assert states[place]["state"] == "delivered", states[place]
        check(gate, identifier, place)


def test_what_would_not_survive_is_refused_there_alone(gate):
    identifier = submitted(gate, signed(gate, 2, "counter"))
    states = settled(gate, identifier)
    assert states["parallel"]["state"] == "refused"
    assert "would not survive it" in states["parallel"]["detail"]
    assert gate.sealed("parallel", identifier) is None
    assert f"seal.inside-impossible {identifier}" in gate.log.read_text()
    # For the other place, and for whoever takes containers, nothing is amiss.
    assert all(states[name]["state"] == "delivered" for name in ("traces", "customs-nl",
                                                                 "counter"))
    check(gate, identifier, "counter")


def test_the_evidence_has_them(gate):
    identifier = submitted(gate, signed(gate, 3, "parallel"))
    settled(gate, identifier)
    files = parts(gate, identifier)
    for place in PLACES:
        assert files[f"document-{place}"] == gate.sealed(place, identifier)


def test_without_a_time_stamp_where_the_container_has_none(gate):
    """When the container gets its time-stamp, what was delivered stays in it as it was."""
    identifier = at_level_b(gate, 4)
    for place in PLACES:
        check(gate, identifier, place, "B")
    until(lambda: evidence(gate, identifier)["evidence"]["level"] == "XAdES-BASELINE-T", 90)
    folder = gate.folder / f"{identifier}.augmented"
    assert gate.run("evidence", "extract", gate.folder / f"{identifier}.asice",
                    folder).returncode == 0
    for place in PLACES:
        assert (folder / f"document-{place}.xml").read_bytes() == gate.sealed(place, identifier)


def test_its_certificate_is_published(gate):
    published = gate.request("/v1/certificates").json()["certificates"]
    assert "seal-inside" in [c["role"] for c in published]


def test_each_is_sealed_once(gate):
    done = gate.run("audit", "reconcile")
    assert done.returncode == 0, done.stdout + done.stderr
    # One document had a counter-signature alone, and no more was asked for; the others had both,
    # one of them after an attempt for which there was no time-stamp.
    assert json.loads(done.stdout)["inside_signatures"] in (7, 8)
    assert gate.run("audit", "verify").returncode == 0

# SPDX-License-Identifier: EUPL-1.2
"""What is agreed with a partner for a day, and that a restart does not begin anew."""
from scenarios.openapi import Specification
from scenarios.test_faults import until


def send(gate, number):
    path = gate.certificate("phyto", f"PHYTO.NZ.2026.{number}")
    return gate.request("/v1/documents", method="POST", data=path.read_bytes(),
                        headers={"Content-Type": "application/xml"})


def test_over_the_quota_of_a_day(gate):
    path = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    path.write_text(path.read_text() + "quotas = { documents_per_day = 2; concurrent = 9; };\n")
    until(lambda: gate.request("/v1/status").json()["quotas"])
    ready = gate.certificate("phyto", "PHYTO.NZ.2026.7100000")
    until(lambda: "decision" in gate.submit(ready, command="preflight")[1])
    assert send(gate, 7100001).status_code == 202
    assert send(gate, 7100002).status_code == 202
    status = gate.request("/v1/status").json()
    assert not list(Specification().faults(status, {"$ref": "#/components/schemas/Status"}))
    used = status["quotas"]["documents_per_day"]
    assert (used["used"], used["limit"]) == (2, 2)
    answer = send(gate, 7100003)
    assert answer.status_code == 429 and answer.json()["code"] == "quota.documents-day"
    assert 1 <= int(answer.headers["Retry-After"]) <= 86400
    assert gate.request("/v1/outcomes").status_code == 200  # what is there can be read
    french = gate.request("/v1/documents", method="POST", data=b"<a/>", headers={
        "Content-Type": "application/xml", "Accept-Language": "fr"})
    assert french.status_code == 429 and "convenu avec vous" in french.json()["detail"]


def test_a_restart_does_not_begin_anew(gate):
    gate.down()
    gate.up()
    answer = send(gate, 7100004)
    assert answer.status_code == 429, answer.text
    assert gate.request("/v1/status").json()["quotas"]["documents_per_day"]["used"] == 2


def test_a_restart_on_a_long_day(gate):
    """More than one answer of the queue could list: every one counts, and their octets."""
    path = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    path.write_text(path.read_text().replace(
        "documents_per_day = 2;", "documents_per_day = 1102; octets_per_day = 9999999;"))

    def used():
        return {name: row["used"] for name, row in gate.request("/v1/status").json()[
            "quotas"].items() if row["used"]}

    until(lambda: "octets_per_day" in used())
    ready = gate.certificate("phyto", "PHYTO.NZ.2026.7100000")
    until(lambda: "decision" in gate.submit(ready, command="preflight")[1])
    before = used()
    assert before["documents_per_day"] == 2
    session = gate.session()
    bodies = [f"<a>{i}</a>".encode() for i in range(1100)]
    for body in bodies:
        answer = session.post(gate.listener("partners") + "/v1/documents", data=body,
                              headers={"Content-Type": "application/xml"}, timeout=30)
        assert answer.status_code == 422, answer.text
    wanted = {"documents_per_day": 1102,
              "octets_per_day": before["octets_per_day"] + sum(map(len, bodies))}
    assert used() == wanted
    gate.down()
    gate.up()
    assert used() == wanted
    answer = send(gate, 7100005)
    assert answer.status_code == 429 and answer.json()["code"] == "quota.documents-day"

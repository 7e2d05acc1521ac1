# SPDX-License-Identifier: EUPL-1.2
"""What a partner's file says beside who it is: until when a certificate counts, whom to tell,
in which language."""
import datetime

import pytest

from scenarios.gate import a_gate, fingerprint
from scenarios.handshakes import codes, explained, of_partner
from scenarios.openapi import Specification
from scenarios.test_faults import until

NEXT = "partners/nz-mpi-next"
CONTACTS = ('contacts = ( { name = "Duty desk"; purpose = "technical"; email = "desk@example.org"; '
            'phone = "+64 4 555 0100"; } );\n')


@pytest.fixture(scope="module")
def gate():
    with a_gate() as made:
        yield made.up()


@pytest.fixture(name="write")
def fixture_write(gate):
    """More in the partner's file, which goes with the test; it waits until that is in force."""
    file = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
    before = file.read_text()

    def digest():
        return gate.request("/v1/status").json()["policy_digest"]

    def write(more):
        was = digest()
        file.write_text(before.replace(f'"{fingerprint(gate.pki.path(NEXT))}"', f'"{"0" * 64}"')
                        + more)
        until(lambda: digest() != was)

    yield write
    was = digest()
    file.write_text(before)
    until(lambda: digest() != was)


def dated(gate, **when):
    """The second certificate of the partner, from and until so many hours from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    times = " ".join(f'{name} = "{now + datetime.timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}";'
                     for name, hours in when.items())
    return (f'transport_dated = ( {{ sha256 = "{fingerprint(gate.pki.path(NEXT))}"; '
            f'{times} }} );\n')


def test_a_certificate_in_its_time(gate, write):
    write(dated(gate, **{"from": -1, "until": 1}))
    answer = gate.request("/v1/status", NEXT)
    Specification().check("get", "/v1/status", answer)
    ends = datetime.datetime.fromisoformat(answer.json()["certificate"]["enrolled_until"])
    assert ends > datetime.datetime.now(datetime.timezone.utc)
    assert "enrolled_until" not in gate.request("/v1/status").json()["certificate"]


@pytest.mark.parametrize("when, code", [({"from": 1}, "partner.transport-early"),
                                        ({"until": -1}, "partner.transport-over")])
def test_a_certificate_out_of_its_time(gate, write, when, code):
    """Refused by name, with the time; the other certificate works, and reads why."""
    write(dated(gate, **when) + CONTACTS)
    answer = explained(gate, NEXT)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, code) and codes(problem) == [code]
    datetime.datetime.fromisoformat(problem["received"])
    assert of_partner(gate)[0]["correlation"] == problem["correlation"]
    assert "tell     Duty desk, technical, desk@example.org, +64 4 555 0100" in gate.run(
        "handshakes").stdout


def test_contacts_are_shown_to_the_partner(gate, write):
    write(CONTACTS)
    answer = gate.request("/v1/status")
    Specification().check("get", "/v1/status", answer)
    assert answer.json()["contacts"] == [{
        "name": "Duty desk", "purpose": "technical", "email": "desk@example.org",
        "phone": "+64 4 555 0100"}]


def test_the_language_that_was_agreed(gate, write):
    write('language = "es";\n')

    def answer(**headers):
        return gate.request("/v1/documents", method="POST", data=b"",
                            headers={"Content-Type": "application/xml", **headers})

    assert answer(**{"Accept-Language": "fr"}).headers["Content-Language"] == "fr"
    spanish = answer()
    assert spanish.headers["Content-Language"] == "es" and spanish.json()["code"] == "http.empty"


def test_lint_knows_the_languages(gate, write):
    write('language = "xx";\n')
    done = gate.run("policy", "lint")
    assert done.returncode == 1 and "there is no language xx" in done.stdout

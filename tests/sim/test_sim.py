# SPDX-License-Identifier: EUPL-1.2
"""The destinations' simulators: what they accept, what they refuse, how they fail."""
import base64
import concurrent.futures
import json
import os
import socket
import time

import pytest
import requests
from lxml import etree

from . import asice, faults, ledger, process, soap, traces, wsse

CONTAINER = asice.sample({"document.xml": b"<a/>"})
MODES_REFUSED = ("fault-temp", "fault-perm", "busy", "auth-fail", "garbage")


class TracesClient:
    """A correct client of the submission service, whose details a test can spoil."""

    def __init__(self, simulator, ca):
        self.url, self.session = simulator.url, requests.Session()
        self.session.trust_env, self.session.verify = False, str(ca)

    def post(self, body, action, timeout=10, **headers):
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action,
                   **headers}
        return self.session.post(self.url + traces.ENDPOINT, body, headers=headers,
                                 timeout=timeout)

    def send(self, payload, action, timeout=10, **details):
        details = {"now": time.time(), "nonce": os.urandom(16), **details}
        return self.post(traces.envelope(payload, **details), action, timeout)

    def submit(self, reference="R1", content=CONTAINER, timeout=10, **details):
        return self.send(submission(reference, content), '"submitCertificate"', timeout,
                         **details)

    def find(self, reference="R1"):
        payload = soap.element(traces.NS, "FindCertificateRequest",
                               [("Reference", reference)])
        return self.send(payload, '"findCertificate"')


def submission(reference="R1", content=CONTAINER, **changed):
    fields = {"Reference": reference, "FileName": "NZL2026-1.asice",
              "Content": base64.b64encode(content).decode(),
              "DocumentNumber": "NZL2026/1", "DocumentType": "IMPORT", "Country": "NZ",
              **changed}
    return soap.element(traces.NS, "SubmitCertificateRequest", fields.items())


def read(response):
    """Texts of a reply by local name, from header and body together."""
    root = etree.fromstring(response.content)
    return {etree.QName(node).localname: node.text for node in root.iter()
            if isinstance(node.tag, str)}


def fault(response):
    """(faultcode, faultstring, [error IDs]) of a fault, whose shape is checked."""
    assert response.status_code == 500
    root = etree.fromstring(response.content)
    node = root.find(f"{{{soap.SOAP}}}Body/{{{soap.SOAP}}}Fault")
    errors = node.findall(f"detail/{{{traces.NS}}}BusinessRulesValidationException/"
                          f"{{{soap.ERROR}}}Error")
    for error in errors:
        assert error.find(f"{{{soap.ERROR}}}Message").get("languageID") == "en"
        assert error.findtext(f"{{{soap.ERROR}}}Field")
    return (node.findtext("faultcode"), node.findtext("faultstring"),
            [error.findtext(f"{{{soap.ERROR}}}ID") for error in errors])


UNAUTHENTICATED = ("S:Client", "UnauthenticatedException", [])


@pytest.fixture
def tracer(start, tls, pki):
    """(simulator, client) of TRACES."""
    simulator = start("traces", **tls)
    return simulator, TracesClient(simulator, pki.path("transport-ca/root"))


def test_traces_accepts_once_and_finds(tracer):
    simulator, client = tracer
    assert read(client.find())["Found"] == "false"
    reply = read(client.submit())
    assert reply["Status"] == "SUBMITTED"
    assert reply["CertificateReference"].startswith("IMPORT.EU.NZ.")
    assert reply["ID"] == "WS_REQUEST_ID" and reply["Message"]
    assert fault(client.submit())[1:] == (soap.RULES_BROKEN, ["DUPLICATE"])
    found = read(client.find())
    assert found["Found"] == "true"
    assert found["CertificateReference"] == reply["CertificateReference"]
    assert [entry["event"] for entry in simulator.ledger()] == ["accepted", "duplicate"]
    assert simulator.ledger()[0]["request_id"] == reply["Message"]
    assert simulator.ledger()[1]["same_bytes"] is True
    assert simulator.delivered_twice() == ["NZL2026/1"]


def test_traces_decides_on_demand(tracer):
    simulator, client = tracer
    client.submit()
    simulator.call("/_sim/status", {"reference": "R1", "status": "VALIDATED"})
    assert read(client.find())["Status"] == "VALIDATED"
    simulator.kill()
    simulator.restart()
    assert read(client.find())["Status"] == "VALIDATED"


@pytest.mark.parametrize("details", [
    {"username": "somebody"}, {"key": b"wrong"}, {"client_id": "other"},
    {"nonce": b"short"}, {"nonce": bytes(17)}])
def test_traces_refuses_wrong_credentials(tracer, details):
    simulator, client = tracer
    assert fault(client.submit(**details)) == UNAUTHENTICATED
    assert simulator.ledger() == []


@pytest.mark.parametrize("skew,fine", [(-320, False), (-70, False), (-30, True),
                                       (290, True), (320, False)])
def test_traces_checks_the_clock(tracer, skew, fine):
    _, client = tracer
    response = client.submit(now=time.time() + skew)
    assert response.status_code == (200 if fine else 500)
    assert fine or fault(response) == UNAUTHENTICATED


def test_traces_clock_can_be_moved(tracer):
    simulator, client = tracer
    simulator.clock(-3600)
    assert fault(client.submit()) == UNAUTHENTICATED
    simulator.clock(0)
    assert client.submit().status_code == 200


def test_traces_refuses_a_nonce_twice(tracer):
    _, client = tracer
    nonce = os.urandom(16)
    assert client.submit("R1", nonce=nonce).status_code == 200
    assert fault(client.submit("R2", nonce=nonce)) == UNAUTHENTICATED


def test_traces_names_the_classic_mistake_in_its_log(tracer):
    simulator, client = tracer
    now, nonce = time.time(), os.urandom(16)
    body = etree.fromstring(traces.envelope(submission(), now=now, nonce=nonce))
    created = body.findtext(f".//{{{wsse.WSSE}}}UsernameToken/{{{wsse.WSU}}}Created")
    body.find(f".//{{{wsse.WSSE}}}Password").text = wsse.digest(
        base64.b64encode(nonce), created, b"test-authentication-key")
    response = client.post(etree.tostring(body), '"submitCertificate"')
    assert fault(response) == UNAUTHENTICATED
    assert "base64 text of the nonce" in simulator.log_path.read_text()


@pytest.mark.parametrize("element,value", [
    (f"{{{wsse.WSU}}}Timestamp/{{{wsse.WSU}}}Expires", "2999-01-01T00:00:00Z"),
    (f"{{{wsse.WSU}}}Timestamp/{{{wsse.WSU}}}Created", "yesterday"),
    (f"{{{wsse.WSU}}}Timestamp", None), (f"{{{wsse.WSSE}}}UsernameToken", None)])
def test_traces_wants_the_whole_security_header(tracer, element, value):
    _, client = tracer
    body = etree.fromstring(traces.envelope(submission(), now=time.time(),
                                            nonce=os.urandom(16)))
    node = body.find(f".//{{{wsse.WSSE}}}Security/{element}")
    if value is None:
        node.getparent().remove(node)
    else:
        node.text = value
    response = client.post(etree.tostring(body), '"submitCertificate"')
    assert fault(response) == UNAUTHENTICATED


def test_traces_wants_the_quoted_action_and_the_order(tracer):
    simulator, client = tracer
    for action in ("submitCertificate", '"findCertificate"', '""'):
        assert "SOAPAction" in fault(client.send(submission(), action))[1]
    swapped = submission()
    swapped.append(swapped[0])
    assert "cvc-complex-type" in fault(client.send(swapped, '"submitCertificate"'))[1]
    doctype = b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"
    assert fault(client.post(doctype, '"submitCertificate"'))[0] == "S:Client"
    assert simulator.ledger() == []


def test_traces_lists_every_broken_rule(tracer):
    _, client = tracer
    payload = submission("a b", b"not a zip", Country="nz", FileName="../x.asice")
    assert fault(client.send(payload, '"submitCertificate"'))[2] == [
        "REFERENCE-INVALID", "FILE-NAME-INVALID", "COUNTRY-INVALID", "CONTENT-NOT-ASIC-E"]


def test_traces_accepts_one_of_many_at_once(tracer):
    simulator, client = tracer
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: client.submit("SAME").status_code, range(16)))
    assert sorted(replies) == [200] + [500] * 15
    assert len(simulator.accepted()) == 1 and len(simulator.events("duplicate")) == 15


def test_traces_drops_after_it_accepted(tracer):
    simulator, client = tracer
    simulator.mode("drop-after-accept", count=1)
    assert read(client.find())["Found"] == "false"
    with pytest.raises(requests.ConnectionError):
        client.submit()
    assert len(simulator.accepted()) == 1
    assert read(client.find())["Found"] == "true"
    assert simulator.call("/_sim/mode")["mode"] == "ok"


@pytest.mark.parametrize("mode", MODES_REFUSED)
def test_traces_faults_accept_nothing(tracer, mode):
    simulator, client = tracer
    simulator.mode(mode, count=1, delay=7)
    response = client.submit()
    if mode == "fault-temp":
        assert fault(response) == ("S:Server", "Internal error", [])
    elif mode == "fault-perm":
        assert fault(response)[2] == ["SIM-REFUSED"]
    elif mode == "auth-fail":
        assert fault(response) == UNAUTHENTICATED
    elif mode == "busy":
        assert (response.status_code, response.headers["Retry-After"]) == (503, "7")
    else:
        with pytest.raises(etree.XMLSyntaxError):
            etree.fromstring(response.content)
    assert simulator.ledger() == []
    assert client.submit().status_code == 200


@pytest.mark.parametrize("mode", ["fault-temp", "garbage"])
def test_ambiguous_faults_accept_first(tracer, mode):
    simulator, client = tracer
    simulator.mode(mode, count=1, when="after")
    client.submit()
    assert len(simulator.accepted()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_slow_is_accepted_although_the_client_left(tracer, when):
    simulator, client = tracer
    simulator.mode("slow", count=1, delay=15, when=when)
    with pytest.raises(requests.Timeout):
        client.submit(timeout=6)
    assert len(simulator.ledger()) == (1 if when == "after" else 0)
    assert simulator.wait_for("accepted", timeout=40)


def test_down_refuses_connections_and_comes_back(tracer):
    simulator, client = tracer
    assert client.submit("R1").status_code == 200
    simulator.mode("down")
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            client.find("R1")
    simulator.mode("ok")
    assert read(client.find("R1"))["Found"] == "true"
    simulator.mode("down", count=2)
    client.session.close()
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            client.find("R1")
    assert read(client.find("R1"))["Found"] == "true"


def test_every_kth_request_is_affected(tracer):
    simulator, client = tracer
    simulator.mode("busy", every=3)
    codes = [client.submit(f"R{number}").status_code for number in range(6)]
    assert codes == [200, 200, 503, 200, 200, 503]


def test_one_mode_follows_the_other(tracer):
    """Nobody can ask in between."""
    simulator, client = tracer
    simulator.mode("drop-after-accept", count=1, then={"mode": "busy", "count": 1})
    with pytest.raises(requests.ConnectionError):
        client.submit("R1")
    assert [client.find("R1").status_code for _ in range(2)] == [503, 200]


def test_a_port_is_nobody_elses_while_it_is_away(tracer):
    simulator, client = tracer
    simulator.kill()
    url = simulator.url
    with socket.socket() as other, pytest.raises(OSError):
        other.bind(("127.0.0.1", int(url.rsplit(":", 1)[1])))
    simulator.restart()
    assert simulator.url == url and client.submit().status_code == 200


def test_state_survives_a_crash(tracer):
    simulator, client = tracer
    client.submit()
    simulator.kill()
    with open(simulator.ledger_path, "ab") as file:
        file.write(b'{"seq": 2, "torn')
    simulator.restart()
    assert fault(client.submit())[2] == ["DUPLICATE"]
    assert [entry["seq"] for entry in simulator.ledger()] == [1, 2]


def test_decision_option_and_store(start, tls, pki, tmp_path):
    simulator = start("traces", decision="VALIDATED", store=tmp_path / "kept", **tls)
    client = TracesClient(simulator, pki.path("transport-ca/root"))
    assert read(client.submit())["Status"] == "SUBMITTED"
    assert read(client.find())["Status"] == "VALIDATED"
    digest = simulator.accepted()[0]["sha256"]
    assert (tmp_path / "kept" / f"{digest}.asice").read_bytes() == CONTAINER


class CustomsClient:
    """A correct client of the single window."""

    def __init__(self, simulator, ca, cert=None):
        self.url, self.session = simulator.url + "/v1/certificates", requests.Session()
        self.session.trust_env, self.session.verify = False, str(ca)
        self.session.cert = cert

    def submit(self, key="k1", body=CONTAINER, **changed):
        headers = {"Content-Type": asice.MEDIA_TYPE, "Idempotency-Key": key,
                   "X-Document-Number": "NZL2026/1", "X-Information-Status": "advance"}
        headers.update({name.replace("_", "-"): text for name, text in changed.items()})
        return self.session.post(self.url, body, headers=headers, timeout=10)

    def find(self, key="k1"):
        return self.session.get(f"{self.url}/{key}", timeout=10)


@pytest.fixture
def customs(start, tls, pki):
    """(simulator, client) of customs, with a client certificate required."""
    simulator = start("customs", client_ca=pki.path("transport-ca/root"), **tls)
    cert = [str(pki.path("clients/gate", suffix)) for suffix in (".chain.pem", ".key")]
    return simulator, CustomsClient(simulator, pki.path("transport-ca/root"), tuple(cert))


def test_customs_is_idempotent(customs):
    simulator, client = customs
    assert client.find().status_code == 404
    first = client.submit()
    assert first.status_code == 201
    assert set(first.json()) == {"acknowledgement", "received", "sha256"}
    again = client.submit()
    assert (again.status_code, again.json()) == (200, first.json())
    assert client.find().json() == first.json()
    assert client.submit(body=CONTAINER + b" ").json()["code"] == "key-reused"
    assert client.submit(X_Information_Status="cleared").status_code == 422
    assert client.submit("k2", X_Information_Status="cleared").status_code == 201
    events = [entry["event"] for entry in simulator.ledger()]
    assert events == ["accepted", "replay", "conflict", "conflict", "accepted"]
    assert simulator.delivered_twice() == []


@pytest.mark.parametrize("changed,status", [
    ({"Content_Type": "application/zip"}, 415), ({"Idempotency_Key": "a b"}, 400),
    ({"X_Document_Number": ""}, 400), ({"X_Information_Status": "maybe"}, 400),
    ({"Content_Encoding": "gzip"}, 415), ({"body": b"zip?"}, 422)])
def test_customs_refuses(customs, changed, status):
    simulator, client = customs
    response = client.submit(**changed)
    assert response.status_code == status
    assert simulator.ledger() == []


def test_customs_wants_a_known_client(customs, pki):
    simulator, _ = customs
    rogue = tuple(str(pki.path("partners/rogue", suffix)) for suffix in (".pem", ".key"))
    for cert in (None, rogue):
        client = CustomsClient(simulator, pki.path("transport-ca/root"), cert)
        with pytest.raises((requests.ConnectionError, requests.exceptions.SSLError)):
            client.submit()
    assert simulator.ledger() == []


@pytest.mark.parametrize("mode,status", [
    ("fault-temp", 500), ("fault-perm", 422), ("busy", 503), ("auth-fail", 403)])
def test_customs_faults(customs, mode, status):
    simulator, client = customs
    simulator.mode(mode, count=1)
    assert client.submit().status_code == status
    assert simulator.ledger() == []
    assert client.submit().status_code == 201


def test_customs_drop_then_replay(customs):
    simulator, client = customs
    simulator.mode("drop-after-accept", count=1)
    with pytest.raises(requests.ConnectionError):
        client.submit()
    known = client.find()
    assert known.status_code == 200
    assert client.submit().json() == known.json()
    assert len(simulator.accepted()) == 1 and len(simulator.events("replay")) == 1


def test_ledger_over_http_and_bad_control(customs):
    simulator, client = customs
    for key in ("k1", "k2"):
        client.submit(key)
    url = simulator.control + "/_sim/ledger"
    lines = requests.get(url, timeout=10).text.splitlines()
    assert [json.loads(line) for line in lines] == simulator.ledger()
    assert len(requests.get(url + "?after=1", timeout=10).text.splitlines()) == 1
    with pytest.raises(process.SimulatorError):
        simulator.mode("explode")
    with pytest.raises(process.SimulatorError):
        simulator.mode("busy", count=-1)
    assert simulator.call("/_sim/mode")["mode"] == "ok"


def test_oversize_and_lengthless_bodies(start, tls, pki):
    simulator = start("customs", max_bytes=1000, **tls)
    client = CustomsClient(simulator, pki.path("transport-ca/root"))
    assert client.submit(body=bytes(1001)).status_code == 413
    assert client.submit(body=iter([b"chunk"])).status_code == 501


def test_stops_on_sigterm_and_with_its_parent(start, tls):
    assert start("customs", "a", **tls).stop(30) == 0
    simulator = start("customs", "b", **tls)
    simulator.process.stdin.close()
    simulator.process.stdin = None
    assert simulator.process.wait(10) == 0


def test_start_reports_what_is_wrong(start, tls, tmp_path):
    with pytest.raises(process.SimulatorError, match="did not start"):
        start("customs", "a", tls_cert=tmp_path / "none", tls_key=tmp_path / "none")
    start("customs", "b", **tls)
    with pytest.raises(process.SimulatorError, match="another simulator"):
        start("customs", "b", **tls)


def test_ledger_refuses_damage(tmp_path):
    path = tmp_path / "ledger"
    path.write_bytes(b'{"seq": 1}\n{"seq": 3}\n')
    with pytest.raises(ledger.LedgerError):
        ledger.read(path)
    with pytest.raises(ledger.LedgerError):
        ledger.Ledger(path, time.time)


def test_faults_refuse_bad_specifications():
    state = faults.Faults()
    for spec in ([], {"mode": "x"}, {"mode": "ok", "more": 1},
                 {"mode": "ok", "count": True}, {"mode": "slow", "delay": 1e9},
                 {"mode": "slow", "when": "never"}, {"mode": "busy", "then": {"mode": "ok"}},
                 {"mode": "busy", "count": 1, "then": {"mode": "down"}},
                 {"mode": "busy", "count": 1, "then": {"mode": "x"}},
                 {"mode": "busy", "count": 1, "then": {"mode": "ok", "then": {"mode": "ok"}}}):
        with pytest.raises(ValueError):
            state.set(spec)
    assert state.state()["mode"] == "ok"


@pytest.mark.parametrize("mode", ["half", "reset", "drip"])
def test_answers_that_do_not_come_whole(tracer, mode):
    simulator, client = tracer
    simulator.mode(mode, count=1, delay=0.001)
    try:  # this client takes what comes
        answer = client.submit()
        whole = len(answer.content) == int(answer.headers["Content-Length"])
    except requests.RequestException:
        whole = False
    assert whole is (mode == "drip")
    assert len(simulator.accepted()) == 1


@pytest.mark.parametrize("when, accepted", [("before", 0), ("after", 1)])
def test_a_fault_under_the_status_of_success(tracer, when, accepted):
    simulator, client = tracer
    simulator.mode("fault-200", count=1, when=when)
    response = client.submit()
    assert response.status_code == 200
    assert b"Internal error" in response.content
    assert len(simulator.accepted()) == accepted

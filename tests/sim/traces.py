# SPDX-License-Identifier: EUPL-1.2
"""A TRACES NT-like destination: SOAP 1.1 over HTTPS, submission and look-up.

The contract of the real import service is not public. Headers, faults and reply headers
follow what TRACES NT is known to do; the payload is this project's own:

  POST /tracesnt/ws/CertificateSubmissionServiceV1, namespace NS below
  SOAPAction "submitCertificate": SubmitCertificateRequest{Reference, FileName, Content,
      DocumentNumber, DocumentType, Country} -> SubmitCertificateResponse{
      CertificateReference, Status}
  SOAPAction "withdrawCertificate": WithdrawCertificateRequest{the same, Original: a
      CertificateReference} -> SubmitCertificateResponse; an Original that is not there is
      refused with business error ORIGINAL-UNKNOWN
  SOAPAction "findCertificate": FindCertificateRequest{Reference} ->
      FindCertificateResponse{Found, CertificateReference?, Status?}

Absence is an ordinary answer (Found false). A Reference submitted again is refused with
business error DUPLICATE and noted in the ledger, whatever its bytes.
Control besides service.py: POST /_sim/status {"reference": R, "status": S} decides.
"""
import base64
import binascii
import datetime
import hashlib
import json
import logging
import re
import sys
import threading
import uuid

from lxml import etree

from . import asice, service, soap, wsse

NS = "urn:sealgate:sim:traces:submission:v1"
ENDPOINT = "/tracesnt/ws/CertificateSubmissionServiceV1"
ACTIONS = {'"submitCertificate"': "submit", '"findCertificate"': "find",
           '"withdrawCertificate"': "withdraw"}
PAYLOADS = {"submit": f"{{{NS}}}SubmitCertificateRequest",
            "withdraw": f"{{{NS}}}WithdrawCertificateRequest",
            "find": f"{{{NS}}}FindCertificateRequest"}
SUBMIT_FIELDS = ("Reference", "FileName", "Content", "DocumentNumber", "DocumentType",
                 "Country")
SUBMITTED = "SUBMITTED"
LOG = logging.getLogger("sim")

# Business rules: field, pattern, error ID, sentence.
RULES = (
    ("Reference", r"[A-Za-z0-9._:/-]{1,70}", "REFERENCE-INVALID",
     "1 to 70 letters, digits and . _ : / -"),
    ("FileName", r"[A-Za-z0-9._-]{1,90}\.asice", "FILE-NAME-INVALID",
     "A plain name that ends in .asice"),
    ("DocumentNumber", r"\S(.{0,68}\S)?", "DOCUMENT-NUMBER-INVALID",
     "1 to 70 characters"),
    ("DocumentType", r"[A-Za-z0-9._-]{1,35}", "DOCUMENT-TYPE-INVALID",
     "1 to 35 letters, digits and . _ -"),
    ("Country", r"[A-Z]{2}", "COUNTRY-INVALID", "Two capital letters (ISO 3166-1)"),
)


class Traces(service.Service):
    """The simulated destination; its state is what its ledger says."""

    name = "traces"
    description = "TRACES NT-like SOAP submission service"

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--username", default="sealgate-test")
        parser.add_argument("--key-file", metavar="FILE",
                            help='authentication key (default "test-authentication-key")')
        parser.add_argument("--client-id", default="sealgate-test",
                            help="the WebServiceClientId that is known here")
        parser.add_argument("--decision", metavar="STATUS",
                            help="look-ups say STATUS from the start, as if the "
                                 "authority decided at once")
        parser.add_argument("--any-content", action="store_true",
                            help="accept content that is not an ASiC-E container")

    def __init__(self, options):
        super().__init__(options)
        key = b"test-authentication-key"
        if options.key_file:
            with open(options.key_file, "rb") as file:
                key = file.read().strip()
        self.account = wsse.Account(options.username, key)
        self._rules = [(f, re.compile(p), i, s) for f, p, i, s in RULES]
        self._lock = threading.Lock()
        self._accepted = {}
        for entry in self.ledger.history:
            self._replay(entry)

    def _replay(self, entry):
        if entry["event"] == "accepted":
            self._accepted[entry["reference"]] = {
                "certificate": entry["certificate"], "sha256": entry["sha256"],
                "status": self.options.decision or SUBMITTED}
        elif entry["event"] == "status" and entry["reference"] in self._accepted:
            self._accepted[entry["reference"]]["status"] = entry["status"]

    def operation(self, request):
        return ACTIONS.get(request.header("SOAPAction"))

    def serve(self, request, fault):
        request_id = str(uuid.uuid4())
        try:
            return soap.answer(self._dispatch(request, request_id), request_id)
        except soap.Unauthenticated as failure:
            LOG.warning("%s: unauthenticated: %s", request_id, failure.reason)
            return soap.fault_answer(failure, request_id)
        except soap.Fault as failure:
            LOG.warning("%s: %s", request_id, failure.text)
            return soap.fault_answer(failure, request_id)

    def _dispatch(self, request, request_id):
        """The payload of the reply. soap.Fault: refused."""
        if request.path != ENDPOINT or request.method != "POST":
            raise soap.Fault("Client", "There is no service at this address")
        if request.media_type() != soap.MEDIA_TYPE:
            raise soap.Fault("Client", "Unsupported Content-Type. Supported: text/xml")
        header, payload = soap.parse(request.body)
        self._check_headers(header)
        operation = self.operation(request)
        if operation is None or payload.tag != PAYLOADS[operation]:
            action = request.header("SOAPAction")
            raise soap.Fault("Client", f"The given SOAPAction {action} does not match an "
                             "operation.")
        if operation == "find":
            return self._find(soap.children(payload, NS, ("Reference",))["Reference"])
        if operation == "withdraw":
            return self._submit(
                soap.children(payload, NS, SUBMIT_FIELDS + ("Original",)), request_id)
        return self._submit(soap.children(payload, NS, SUBMIT_FIELDS), request_id)

    def _check_headers(self, header):
        self.account.check(header, self.now())
        client = header.findall(f"{{{soap.BASE}}}WebServiceClientId")
        if len(client) != 1 or client[0].text != self.options.client_id:
            raise soap.Unauthenticated("WebServiceClientId is missing or unknown")
        language = header.findall(f"{{{soap.BASE}}}LanguageCode")
        if len(language) != 1 or not re.fullmatch("[a-z]{2}", language[0].text or ""):
            raise soap.Fault("Client", "LanguageCode is missing or unknown")

    def _find(self, reference):
        with self._lock:
            known = self._accepted.get(reference)
            known = dict(known) if known else None
        return soap.element(NS, "FindCertificateResponse", [
            ("Found", "true" if known else "false"),
            ("CertificateReference", known and known["certificate"]),
            ("Status", known and known["status"])])

    def _broken_rules(self, fields):
        errors = [(identifier, sentence, field)
                  for field, pattern, identifier, sentence in self._rules
                  if not pattern.fullmatch(fields[field])]
        try:
            content = base64.b64decode("".join(fields["Content"].split()), validate=True)
        except (binascii.Error, ValueError):
            return None, errors + [("CONTENT-INVALID", "Not base64", "Content")]
        if not (self.options.any_content or asice.looks_right(content)):
            errors.append(("CONTENT-NOT-ASIC-E", "Not an ASiC-E container", "Content"))
        return content, errors

    def _submit(self, fields, request_id):
        content, errors = self._broken_rules(fields)
        if errors:
            raise soap.rules_fault(NS, errors)
        facts = {"reference": fields["Reference"], "file_name": fields["FileName"],
                 "document_number": fields["DocumentNumber"],
                 "document_type": fields["DocumentType"], "country": fields["Country"],
                 "sha256": hashlib.sha256(content).hexdigest(), "size": len(content),
                 "request_id": request_id}
        with self._lock:
            if "Original" in fields:
                facts["withdraws"] = fields["Original"]
                if fields["Original"] not in {a["certificate"]
                                              for a in self._accepted.values()}:
                    raise soap.rules_fault(NS, [("ORIGINAL-UNKNOWN", "Nothing is known "
                                                 "under this reference", "Original")])
            known = self._accepted.get(facts["reference"])
            if known:
                self.ledger.append("duplicate", certificate=known["certificate"],
                                   same_bytes=known["sha256"] == facts["sha256"], **facts)
                raise soap.rules_fault(NS, [("DUPLICATE", "Submitted before as "
                                             + known["certificate"], "Reference")])
            self.keep(facts["sha256"], content, ".asice")
            year = datetime.datetime.fromtimestamp(self.now(), datetime.timezone.utc).year
            certificate = (f"IMPORT.EU.{facts['country']}.{year}."
                           f"{len(self._accepted) + 1:07d}")
            self._replay(self.ledger.append("accepted", certificate=certificate, **facts))
        return soap.element(NS, "SubmitCertificateResponse", [
            ("CertificateReference", certificate), ("Status", SUBMITTED)])

    def broken(self, mode, request, fault):
        if mode == "garbage":
            return service.Reply(200, b"<html><body>Maintenance <br> in progress\x00",
                                 "text/html")
        if mode == "busy":
            return service.Reply(503, b"Service Unavailable\n", "text/plain",
                                 {"Retry-After": str(max(1, round(fault.delay)))})
        if mode == "auth-fail":
            return soap.fault_answer(soap.Unauthenticated("mode auth-fail"))
        if mode == "fault-perm":
            return soap.fault_answer(soap.rules_fault(NS, [
                ("SIM-REFUSED", "Refused by the rules of the simulator",
                 "DocumentNumber")]))
        return soap.fault_answer(soap.Fault("Server", "Internal error"))

    def control(self, request):
        if (request.method, request.path) != ("POST", "/_sim/status"):
            return None
        wanted = json.loads(request.body)
        reference, status = wanted["reference"], wanted["status"]
        if not re.fullmatch("[A-Z_]{1,40}", status):
            raise ValueError("status: capital letters and _ are wanted")
        with self._lock:
            if reference not in self._accepted:
                return service.json_reply(404, {"error": "no such reference"})
            self._replay(self.ledger.append("status", reference=reference, status=status))
        return service.json_reply(200, {"reference": reference, "status": status})


def envelope(payload, username="sealgate-test", key=b"test-authentication-key", *, now,
             nonce, client_id="sealgate-test", language="en"):
    """Octets of a correct request around `payload`, an element (for the tests)."""
    root = etree.Element(f"{{{soap.SOAP}}}Envelope", nsmap={"s": soap.SOAP})
    header = etree.SubElement(root, f"{{{soap.SOAP}}}Header")
    header.append(wsse.security(username, key, now, nonce))
    etree.SubElement(header, f"{{{soap.BASE}}}LanguageCode").text = language
    etree.SubElement(header, f"{{{soap.BASE}}}WebServiceClientId").text = client_id
    etree.SubElement(root, f"{{{soap.SOAP}}}Body").append(payload)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


if __name__ == "__main__":
    sys.exit(service.main(Traces))

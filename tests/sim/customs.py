# SPDX-License-Identifier: EUPL-1.2
"""A national customs single window that takes certificates and answers by key.

  POST /v1/certificates   body application/vnd.etsi.asic-e+zip (with --xml: application/xml,
                          a document with a seal in it), headers Idempotency-Key,
                          X-Document-Number, X-Information-Status (advance, cleared or withdrawn);
                          X-Original-Withdrawn or -Replaced with the number of another
                          and X-Original-Acknowledgement
       201 {acknowledgement, received, sha256}; 200 with the original acknowledgement for
       the same key, headers and bytes (a replay, noted in the ledger); 422 for the same
       key with anything else.
  GET  /v1/certificates/{key}   200 the acknowledgement, or 404

Errors are RFC 9457 problem documents with a code.
"""
import hashlib
import logging
import re
import sys
import threading
import urllib.parse

from . import asice, ledger, service

COLLECTION = "/v1/certificates"
STATUSES = ("advance", "cleared", "withdrawn")
_KEY = re.compile(r"[!-~]{1,255}")
_NUMBER = re.compile(r"[ -~]{1,70}")
LOG = logging.getLogger("sim")


def problem(status, code, title, **headers):
    """A problem document."""
    LOG.warning("%d %s: %s", status, code, title)
    return service.json_reply(status, {"type": "about:blank", "title": title,
                                       "status": status, "code": code},
                              "application/problem+json", **headers)


class Customs(service.Service):
    """The simulated destination; its state is what its ledger says."""

    name = "customs"
    description = "customs single window over HTTPS"

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--xml", action="store_true",
                            help="take documents with a seal in them, not containers")
        parser.add_argument("--any-content", action="store_true",
                            help="accept content that is not an ASiC-E container")

    def __init__(self, options):
        super().__init__(options)
        self._lock = threading.Lock()
        self._accepted = {entry["key"]: entry for entry in self.ledger.history
                          if entry["event"] == "accepted"}

    def operation(self, request):
        if request.method == "POST" and request.path == COLLECTION:
            return "submit"
        if request.method == "GET" and request.path.startswith(COLLECTION + "/"):
            return "find"
        return None

    def serve(self, request, fault):
        operation = self.operation(request)
        if operation == "submit":
            return self._submit(request)
        if operation == "find":
            return self._find(urllib.parse.unquote(request.path[len(COLLECTION) + 1:]))
        if request.path == COLLECTION:
            return problem(405, "method", "This method is not served here", Allow="POST")
        return problem(404, "path", "There is nothing at this address")

    @staticmethod
    def _acknowledgement(entry):
        return {name: entry[name] for name in ("acknowledgement", "received", "sha256")}

    def _find(self, key):
        with self._lock:
            entry = self._accepted.get(key)
        if entry is None:
            return problem(404, "unknown-key", "Nothing was received under this key")
        return service.json_reply(200, self._acknowledgement(entry))

    def _unfit(self, request, key, number, status):
        """The problem with a submission's form, or None."""
        wanted = "application/xml" if self.options.xml else asice.MEDIA_TYPE
        if request.media_type() != wanted:
            return problem(415, "media-type", f"{wanted} is wanted")
        if not _KEY.fullmatch(key):
            return problem(400, "idempotency-key", "Idempotency-Key is missing or unfit")
        if not _NUMBER.fullmatch(number):
            return problem(400, "document-number",
                           "X-Document-Number is missing or unfit")
        if status not in STATUSES:
            return problem(400, "information-status",
                           "X-Information-Status: advance, cleared or withdrawn is wanted")
        if not (self.options.xml or self.options.any_content or
                asice.looks_right(request.body)):
            return problem(422, "not-asic-e", "The body is not an ASiC-E container")
        return None

    @staticmethod
    def _original(request):
        """What the certificate withdraws or replaces, as the headers say."""
        names = {"withdraws": "X-Original-Withdrawn", "replaces": "X-Original-Replaced",
                 "original": "X-Original-Acknowledgement"}
        return {key: request.header(name) for key, name in names.items()
                if request.header(name)}

    def _submit(self, request):
        key = request.header("Idempotency-Key") or ""
        number = request.header("X-Document-Number") or ""
        status = request.header("X-Information-Status") or ""
        refusal = self._unfit(request, key, number, status)
        if refusal:
            return refusal
        facts = {"key": key, "document_number": number, "information_status": status,
                 "sha256": hashlib.sha256(request.body).hexdigest(),
                 "size": len(request.body), **self._original(request)}
        with self._lock:
            known = self._accepted.get(key)
            if known:
                return self._again(known, facts)
            self.keep(facts["sha256"], request.body,
                      ".xml" if self.options.xml else ".asice")
            entry = self.ledger.append(
                "accepted", acknowledgement=f"CSW-{len(self._accepted) + 1:08d}",
                received=ledger.stamp(self.now()), **facts)
            self._accepted[key] = entry
        return service.json_reply(201, self._acknowledgement(entry),
                                  Location=f"{COLLECTION}/{urllib.parse.quote(key, '')}")

    def _again(self, known, facts):
        """A key that was used before: replay or conflict, noted either way."""
        if all(known[name] == value for name, value in facts.items()):
            self.ledger.append("replay", acknowledgement=known["acknowledgement"],
                               **facts)
            return service.json_reply(200, self._acknowledgement(known))
        self.ledger.append("conflict", acknowledgement=known["acknowledgement"], **facts)
        return problem(422, "key-reused", "This key was used for another message")

    def broken(self, mode, request, fault):
        if mode == "garbage":
            return service.Reply(200, b'{"acknowledgement": "CSW-', "application/json")
        if mode == "busy":
            return problem(503, "busy", "Try again later",
                           Retry_After=str(max(1, round(fault.delay))))
        if mode == "auth-fail":
            return problem(403, "not-authorised", "This client may not submit here")
        if mode == "fault-perm":
            return problem(422, "sim-refused", "Refused by the rules of the simulator")
        return problem(500, "internal", "Internal error")


if __name__ == "__main__":
    sys.exit(service.main(Customs))

# SPDX-License-Identifier: EUPL-1.2
"""SOAP 1.1 envelopes as TRACES NT writes them: reading, replies and the shapes of faults.

It knows no operation and checks no credentials.
"""
import uuid

from lxml import etree

from . import service

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
BASE = "http://ec.europa.eu/sanco/tracesnt/base/v4"
ERROR = "http://ec.europa.eu/sanco/tracesnt/error/v01"
MESSAGE = "http://ec.europa.eu/sanco/tracesnt/message/v1"
MEDIA_TYPE = "text/xml"
RULES_BROKEN = "Some business rules are not met"


class Fault(Exception):
    """A SOAP fault: code (Client, Server, VersionMismatch), text, detail element."""

    def __init__(self, code, text, detail=None):
        super().__init__(text)
        self.code, self.text, self.detail = code, text, detail


class Unauthenticated(Fault):
    """The one answer to every failed authentication; `reason` is for the log alone."""

    def __init__(self, reason):
        super().__init__("Client", "UnauthenticatedException")
        self.reason = reason


def rules_fault(namespace, errors):
    """The fault that lists broken business rules: errors are (ID, message, field)."""
    detail = etree.Element("detail")
    problem = etree.SubElement(detail, f"{{{namespace}}}BusinessRulesValidationException")
    for identifier, message, field in errors:
        error = etree.SubElement(problem, f"{{{ERROR}}}Error", nsmap={"e": ERROR})
        etree.SubElement(error, f"{{{ERROR}}}ID").text = identifier
        text = etree.SubElement(error, f"{{{ERROR}}}Message", languageID="en")
        text.text = message
        if field:
            place = etree.SubElement(error, f"{{{ERROR}}}Field", languageID="en")
            place.text = field
    return Fault("Client", RULES_BROKEN, detail)


def parse(data):
    """The (header, payload) elements of a request. Fault: it is not SOAP 1.1."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False,
                             huge_tree=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Fault("Client", "Couldn't create SOAP message") from error
    if root.getroottree().docinfo.doctype:
        raise Fault("Client", "Couldn't create SOAP message")
    if root.tag != f"{{{SOAP}}}Envelope":
        raise Fault("VersionMismatch", "Couldn't create SOAP message: not SOAP 1.1")
    parts = [part for part in root if isinstance(part.tag, str)]
    names = [etree.QName(part).localname for part in parts]
    if names != ["Header", "Body"]:
        raise Fault("Client", "An envelope holds one Header and one Body")
    payload = [part for part in parts[1] if isinstance(part.tag, str)]
    if len(payload) != 1:
        raise Fault("Client", "A Body holds one element")
    return parts[0], payload[0]


def children(element, namespace, required, optional=()):
    """Texts of the children, which must be `required` in order, then some `optional`.

    Return: a dictionary by local name. Fault: another element, order, number or content.
    """
    found, wanted = {}, list(required) + list(optional)
    position = 0
    for child in element:
        if not isinstance(child.tag, str):
            continue
        expected = wanted[position:]
        name = etree.QName(child)
        if name.namespace != namespace or name.localname not in expected or len(child):
            raise Fault("Client", "cvc-complex-type.2.4.a: Invalid content was found "
                        f"starting with element '{name.localname}'. One of "
                        f"'{expected}' is expected.")
        skipped = [item for item in wanted[position:wanted.index(name.localname)]
                   if item in required]
        if skipped:
            raise Fault("Client", "cvc-complex-type.2.4.a: Invalid content was found "
                        f"starting with element '{name.localname}'. One of "
                        f"'{skipped[:1]}' is expected.")
        position = wanted.index(name.localname) + 1
        found[name.localname] = (child.text or "").strip()
    missing = [item for item in required if item not in found]
    if missing:
        raise Fault("Client", "cvc-complex-type.2.4.b: The content is not complete. One "
                    f"of '{missing[:1]}' is expected.")
    return found


def element(namespace, name, fields):
    """An element with text children from (name, text) pairs; None is left out."""
    result = etree.Element(f"{{{namespace}}}{name}", nsmap={"t": namespace})
    for field, text in fields:
        if text is not None:
            etree.SubElement(result, f"{{{namespace}}}{field}").text = text
    return result


def _envelope(request_id):
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"S": SOAP})
    header = etree.SubElement(root, f"{{{SOAP}}}Header")
    message = etree.SubElement(header, f"{{{MESSAGE}}}Message", nsmap={"m": MESSAGE},
                               severity="debugging")
    etree.SubElement(message, f"{{{MESSAGE}}}ID").text = "WS_REQUEST_ID"
    etree.SubElement(message, f"{{{MESSAGE}}}Message").text = request_id
    return root, etree.SubElement(root, f"{{{SOAP}}}Body")


def _reply(status, root):
    data = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return service.Reply(status, data, "text/xml;charset=utf-8")


def answer(payload, request_id=None):
    """HTTP 200 with `payload` in the Body."""
    root, body = _envelope(request_id or str(uuid.uuid4()))
    body.append(payload)
    return _reply(200, root)


def fault_answer(fault, request_id=None):
    """HTTP 500 with the fault; children of Fault are unqualified as SOAP 1.1 has them."""
    root, body = _envelope(request_id or str(uuid.uuid4()))
    node = etree.SubElement(body, f"{{{SOAP}}}Fault")
    etree.SubElement(node, "faultcode").text = f"S:{fault.code}"
    etree.SubElement(node, "faultstring").text = fault.text
    if fault.detail is not None:
        node.append(fault.detail)
    return _reply(500, root)

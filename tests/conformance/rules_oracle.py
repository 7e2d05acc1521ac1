# SPDX-License-Identifier: EUPL-1.2
"""Schematron by XSLT (lxml's isoschematron) as a second opinion on native rules.

A Judge compiles a schema the way the reference does, and says which assertions it finds where.
Places are compared as nodes: both sides' paths are walked in the same tree.
"""
import calendar
import datetime
import re

from lxml import etree, isoschematron

SCH = "http://purl.oclc.org/dsdl/schematron"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
XSL = "{http://www.w3.org/1999/XSL/Transform}"
# The how manieth element it is, and the local name of an attribute of it.
PLACE = ("concat(count(preceding::*) + count(ancestor-or-self::*), "
         "substring('@', 1, count(.) - count(self::*)), "
         "local-name(self::node()[not(self::*)]))")
RULES = "urn:sealgate:rules"
UNCEFACT = "urn:un:unece:uncefact:data:"
STEP = re.compile(r"/(?:([^/:@\[\]]+):)?([^/:@\[\]]+)(?:\[(\d+)\])?")
ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?)?$")
DIGITS = {"102": 8, "203": 12, "204": 14, "205": 12, "208": 14}


def seconds(text, form):
    """Seconds since 1970 of a time in any notation that the gate reads, or NaN."""
    zone = ""
    if form in DIGITS:
        n = DIGITS[form]
        digits, zone = text[:n], text[n:]
        if not re.fullmatch(r"[0-9]{%d}" % n, digits) or (zone and form not in ("205", "208")):
            return float("nan")
        digits = digits.ljust(14, "0")
        text = "%s-%s-%sT%s:%s:%s" % (digits[:4], digits[4:6], digits[6:8], digits[8:10],
                                      digits[10:12], digits[12:])
        if re.fullmatch(r"[+-]\d{4}", zone):
            zone = zone[:3] + ":" + zone[3:]
        text += zone
    m = ISO.match(text)
    if not m:
        return float("nan")
    y, mo, d, h, mi, s = (int(x or 0) for x in m.groups()[:6])
    leap, s = s == 60, min(s, 59)
    try:
        t = datetime.datetime(y, mo, d, h, mi, s)
    except ValueError:
        return float("nan")
    z = m.group(7) or "Z"
    shift = 0
    if z != "Z":
        hours, minutes = int(z[1:3]), int(z[4:6])
        if hours > 14 or minutes > 59:
            return float("nan")
        shift = (hours * 60 + minutes) * 60 * (-1 if z[0] == "-" else 1)
    return calendar.timegm(t.timetuple()) + leap - shift


def text_of(element):
    """Trimmed text, comments passed over; None when there are elements."""
    if any(isinstance(c.tag, str) for c in element):
        return None
    return "".join([element.text or ""] + [c.tail or "" for c in element]).strip(" \t\r\n")


def time(_context, value):
    """{urn:sealgate:rules}time for XSLT."""
    if isinstance(value, list):
        if not value:
            return float("nan")
        node = value[0]
        if not isinstance(node, etree._Element):
            return seconds(str(node).strip(" \t\r\n"), "")
        inner = node
        for name in ("DateTime", "DateTimeString"):
            found = [c for c in node if isinstance(c.tag, str)
                     and c.tag.startswith("{" + UNCEFACT) and etree.QName(c).localname == name]
            if found:
                inner = found[0]
                break
        text = text_of(inner)
        return seconds(text, inner.get("format")) if text else float("nan")
    return seconds(str(value), "") if value else float("nan")


def walk(tree, path):
    """The node at a path of ours: an element, or (element, attribute name)."""
    steps, _, attribute = path.partition("/@")
    here, at = [tree.getroot()], None
    while steps:
        m = STEP.match(steps)
        assert m, path
        fit = [c for c in here if isinstance(c.tag, str) and c.prefix == m.group(1)
               and etree.QName(c).localname == m.group(2)]
        fit = [c for c in fit if c.tag == fit[0].tag]
        at = fit[int(m.group(3) or 1) - 1]
        here, steps = at, steps[m.end():]
    return (at, attribute.rpartition(":")[2]) if attribute else at


class Judge:
    """The XSLT that the reference makes of a schema; now as a variable of the schema."""

    def __init__(self, schema, now=0, phase=None):
        root = schema.getroot()
        let = etree.Element("{%s}let" % SCH, name="now", value=str(now))
        prefixes = root.findall("{%s}ns" % SCH)
        if prefixes:
            prefixes[-1].addnext(let)
        else:
            root.insert(0, let)
        params = {"phase": etree.XSLT.strparam(phase)} if phase else {}
        script = schema
        for stage in (isoschematron.iso_dsdl_include, isoschematron.iso_abstract_expand):
            script = stage(script)
        script = isoschematron.iso_svrl_for_xslt1(script, **params)
        # Paths of the reference are ambiguous where namespaces are in use: a number is not.
        for old in script.iterfind(".//" + XSL + "attribute[@name='location']"):
            for c in list(old):
                old.remove(c)
            etree.SubElement(old, XSL + "value-of", select=PLACE)
        self.script = etree.XSLT(script, extensions={(RULES, "time"): time})

    def findings(self, tree):
        """[(id, node)], node as walk() gives it."""
        out, elements = [], list(tree.getroot().iter("*"))
        for row in self.script(tree).getroot():
            if row.tag in (SVRL + "failed-assert", SVRL + "successful-report"):
                number, _, attribute = row.get("location").partition("@")
                node = elements[int(number) - 1] if number != "0" else None
                out.append((row.get("id"), (node, attribute) if attribute else node))
        return out


def comparable(findings, tree):
    """Findings as sorted rows that can be compared and shown."""
    def name(node):
        if node is None:
            return "/"
        if isinstance(node, tuple):
            return tree.getpath(node[0]) + "/@" + node[1]
        return tree.getpath(node)
    return sorted((i, name(n)) for i, n in findings)

/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/seal_form.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/encode.h"
#include "evidence/asic.h"
#include "evidence/seal_data.h"
#include "xml/node.h"

#include <errno.h>
#include <stdio.h>

#define NS_ASIC "http://uri.etsi.org/02918/v1.2.1#"
#define NS_DS "http://www.w3.org/2000/09/xmldsig#"
#define NS_XADES "http://uri.etsi.org/01903/v1.3.2#"
#define NS_XADES141 "http://uri.etsi.org/01903/v1.4.1#"
#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define DEPTH_MAX 24
#define IDENTIFIER_MAX 256

/* Elements that no signature or time-stamp covers as a whole: their attribute, the only
 * name space they declare and their children, in order. */
static const struct shape {
	const char *ns, *name;
	const char *attribute;	 /* NULL: none */
	const char *prefix;	 /* NULL: declares none */
	const char *children[4]; /* none: text in base64; "": nothing; "+": one or more of
				    the one before; "?NAME": perhaps; "*": what proves it
				    later */
} SHAPES[] = {
	{ NS_ASIC, "XAdESSignatures", NULL, "asic", { "Signature" } },
	{ NS_DS, "Signature", "Id", "ds",
		{ "SignedInfo", "SignatureValue", "KeyInfo", "Object" } },
	{ NS_DS, "SignatureValue", "Id", NULL, { 0 } },
	{ NS_DS, "KeyInfo", NULL, NULL, { "X509Data" } },
	{ NS_DS, "X509Data", NULL, NULL, { "X509Certificate", "+" } },
	{ NS_DS, "X509Certificate", NULL, NULL, { 0 } },
	{ NS_DS, "Object", NULL, NULL, { "QualifyingProperties" } },
	{ NS_XADES, "QualifyingProperties", "Target", "xades",
		{ "SignedProperties", "?UnsignedProperties" } },
	{ NS_XADES, "UnsignedProperties", NULL, NULL, { "UnsignedSignatureProperties" } },
	{ NS_XADES, "UnsignedSignatureProperties", NULL, NULL,
		{ "SignatureTimeStamp", "*" } },
	{ NS_XADES, "SignatureTimeStamp", "Id", NULL,
		{ "CanonicalizationMethod", "EncapsulatedTimeStamp" } },
	{ NS_XADES, "EncapsulatedTimeStamp", NULL, NULL, { 0 } },
	{ NS_XADES, "CertificateValues", NULL, NULL,
		{ "EncapsulatedX509Certificate", "+" } },
	{ NS_XADES, "EncapsulatedX509Certificate", NULL, NULL, { 0 } },
	{ NS_XADES, "RevocationValues", NULL, NULL, { "?CRLValues", "?OCSPValues" } },
	{ NS_XADES, "CRLValues", NULL, NULL, { "EncapsulatedCRLValue", "+" } },
	{ NS_XADES, "EncapsulatedCRLValue", NULL, NULL, { 0 } },
	{ NS_XADES, "OCSPValues", NULL, NULL, { "EncapsulatedOCSPValue", "+" } },
	{ NS_XADES, "EncapsulatedOCSPValue", NULL, NULL, { 0 } },
	{ NS_XADES141, "TimeStampValidationData", NULL, "xades141",
		{ "?CertificateValues", "?RevocationValues" } },
	{ NS_XADES141, "ArchiveTimeStamp", "Id", "xades141",
		{ "CanonicalizationMethod", "EncapsulatedTimeStamp" } },
	{ NS_DS, "CanonicalizationMethod", "Algorithm", NULL, { "" } },
};

struct form {
	struct findings *findings;
	struct buf text; /* as the gate writes it */
	bool departed;
};

static void depart(struct form *f, const xmlNode *node, const char *message)
{
	_cleanup_(freep) char *where = xml_path_of(node);

	f->departed = true;
	findings_add(f->findings, "evidence.signature-file", where, NULL, message);
}

static const struct shape *shape_of(const xmlNode *node)
{
	for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++)
		if (xml_is(node, SHAPES[i].ns, SHAPES[i].name))
			return &SHAPES[i];
	return NULL;
}

static bool same_name(const xmlChar *a, const char *b)
{
	return strcmp((const char *)a, b) == 0;
}

static bool attributes_are(const xmlNode *node, const char *attribute)
{
	const xmlAttr *a = node->properties;

	if (!attribute || !a)
		return !attribute && !a;
	return !a->next && !a->ns && same_name(a->name, attribute);
}

/* What stands in a seal's unsigned places and has no shape is covered by the signature.
 */
static bool is_known(const xmlNode *c, const char *name)
{
	return same_name(c->name, name) &&
	       (shape_of(c) || xml_is(c, NS_DS, "SignedInfo") ||
		       xml_is(c, NS_XADES, "SignedProperties"));
}

/* Past one optional child of that name. */
static const xmlNode *past(const xmlNode *c, const char *name)
{
	return c && is_known(c, name) ? c->next : c;
}

/* Validation data, then archive time-stamps, each after what the ones before it lacked.
 */
static const xmlNode *past_long_term(const xmlNode *c)
{
	const xmlNode *next = past(past(c, "CertificateValues"), "RevocationValues");

	if (next == c)
		return c;
	do {
		c = next;
		next = past(past(c, "TimeStampValidationData"), "ArchiveTimeStamp");
	} while (next != c);
	return c;
}

static bool children_are(const xmlNode *node, const char *const names[4])
{
	const xmlNode *c = node->children;

	for (size_t i = 0; i < 4 && names[i] && names[i][0]; i++) {
		if (strcmp(names[i], "+") == 0) {
			while (c && is_known(c, names[i - 1]))
				c = c->next;
		} else if (strcmp(names[i], "*") == 0) {
			c = past_long_term(c);
		} else if (names[i][0] == '?') {
			c = past(c, names[i] + 1);
		} else {
			if (!c || !is_known(c, names[i]))
				return false;
			c = c->next;
		}
	}
	return !c;
}

/* Base64 has one text for its octets when it is ours: no white space, no line breaks. */
static bool is_plain_base64(const xmlNode *node)
{
	const xmlNode *t = node->children;
	_cleanup_(freep) uint8_t *octets = NULL;
	_cleanup_(freep) char *again = NULL;
	const char *text;
	size_t len;

	if (!t || t->type != XML_TEXT_NODE || t->next)
		return false;
	text = (const char *)t->content;
	if (base64_decode(span_str(text), &octets, &len) < 0)
		return false;
	again = base64_encode(span_of(octets, len));
	return again && strcmp(text, again) == 0;
}

static void check_shape(struct form *f, const xmlNode *node, const struct shape *s)
{
	if (!attributes_are(node, s->attribute))
		depart(f, node, "The element has other attributes than in a seal.");
	else if (s->children[0] ? !children_are(node, s->children)
				: !is_plain_base64(node))
		depart(f, node, "The element has other content than in a seal.");
}

/* Prefixes are declared where a seal first uses them and nowhere else: a declaration that
 * nothing uses is not covered by the signature. */
static void check_namespaces(struct form *f, const xmlNode *node, const struct shape *s)
{
	const xmlNs *ns = node->nsDef;

	if (!ns && !(s && s->prefix))
		return;
	if (!ns || !s || !s->prefix || ns->next || !ns->prefix ||
		!same_name(ns->prefix, s->prefix) || !same_name(ns->href, s->ns))
		depart(f, node, "The element declares other name spaces than in a seal.");
}

static void write_name(struct form *f, const xmlNs *ns, const xmlChar *name)
{
	if (ns && ns->prefix)
		buf_addf(&f->text, "%s:", (const char *)ns->prefix);
	buf_add_str(&f->text, (const char *)name);
}

static void write_attributes(struct form *f, const xmlNode *node)
{
	const xmlAttr *before = NULL;

	for (const xmlNs *ns = node->nsDef; ns; ns = ns->next)
		buf_addf(&f->text, " xmlns:%s=\"%s\"",
			ns->prefix ? (const char *)ns->prefix : "",
			(const char *)ns->href);
	for (const xmlAttr *a = node->properties; a; before = a, a = a->next) {
		_cleanup_(freep) char *value = xml_attribute(node, (const char *)a->name);

		if (before && xmlStrcmp(before->name, a->name) > 0)
			depart(f, node, "The attributes are not in the order of a seal.");
		buf_add_str(&f->text, " ");
		write_name(f, a->ns, a->name);
		buf_add_str(&f->text, "=\"");
		buf_add_xml(&f->text, value ? value : "");
		buf_add_str(&f->text, "\"");
	}
}

static void write_element(struct form *f, const xmlNode *node, int depth)
{
	const struct shape *s = shape_of(node);

	if (s)
		check_shape(f, node, s);
	check_namespaces(f, node, s);
	buf_add_str(&f->text, "<");
	write_name(f, node->ns, node->name);
	write_attributes(f, node);
	buf_add_str(&f->text, node->children ? ">" : "/>");
	for (const xmlNode *c = node->children; c && !f->departed; c = c->next) {
		if (c->type == XML_ELEMENT_NODE && depth < DEPTH_MAX)
			write_element(f, c, depth + 1);
		else if (c->type == XML_TEXT_NODE)
			buf_add_xml(&f->text, (const char *)c->content);
		else
			depart(f, node, "There is more than elements and text.");
	}
	if (!node->children)
		return;
	buf_add_str(&f->text, "</");
	write_name(f, node->ns, node->name);
	buf_add_str(&f->text, ">");
}

static void compare(struct form *f, struct span octets)
{
	size_t i = 0;
	char where[40];

	while (i < octets.len && i < f->text.len &&
		octets.data[i] == (uint8_t)f->text.data[i])
		i++;
	if (i == octets.len && i == f->text.len)
		return;
	(void)snprintf(where, sizeof(where), "%s:%zu", asic_name(ASIC_SIGNATURES), i);
	findings_add(f->findings, "evidence.signature-file", where, NULL,
		"The file is not written as the gate writes a seal.");
}

static void check_identifier(struct form *f, const xmlNode *node, const char *attribute,
	const char *before, const char *id, const char *after)
{
	_cleanup_(freep) char *value = node ? xml_attribute(node, attribute) : NULL;
	char want[IDENTIFIER_MAX];

	(void)snprintf(want, sizeof(want), "%s%s%s", before, id, after);
	if (!value || strcmp(value, want) != 0)
		depart(f, node, "The identifier is not that of a seal.");
}

/* Identifiers around what is signed follow from that of the signature. */
static void check_identifiers(struct form *f, const xmlNode *signature, const char *id)
{
	const xmlNode *q = xml_child(
		xml_child(signature, NS_DS, "Object"), NS_XADES, "QualifyingProperties");
	const xmlNode *u = xml_child(xml_child(q, NS_XADES, "UnsignedProperties"),
		NS_XADES, "UnsignedSignatureProperties");

	check_identifier(
		f, xml_child(signature, NS_DS, "SignatureValue"), "Id", "value-", id, "");
	check_identifier(f, q, "Target", "#", id, "");
	if (u)
		check_identifier(f, xml_child(u, NS_XADES, "SignatureTimeStamp"), "Id",
			"ts-", id, "-1");
}

static void check_archive_identifiers(
	struct form *f, const xmlNode *signature, const char *id)
{
	const xmlNode *q = xml_child(
		xml_child(signature, NS_DS, "Object"), NS_XADES, "QualifyingProperties");
	const xmlNode *u = xml_child(xml_child(q, NS_XADES, "UnsignedProperties"),
		NS_XADES, "UnsignedSignatureProperties");
	const xmlNode *a = xml_child(u, NS_XADES141, "ArchiveTimeStamp");

	for (unsigned int n = 1; a; a = xml_next(a, NS_XADES141, "ArchiveTimeStamp")) {
		char after[16];

		(void)snprintf(after, sizeof(after), "-%u", n++);
		check_identifier(f, a, "Id", "ats-", id, after);
	}
}

int seal_form_check(struct span octets, const struct xades_report *report,
	const struct seal_others *others, struct findings *findings)
{
	struct form f = { .findings = findings };
	int r;

	buf_init(&f.text, asic_limit(ASIC_SIGNATURES));
	buf_add_str(&f.text, DECLARATION);
	write_element(&f, xmlDocGetRootElement(report->doc), 0);
	buf_add_str(&f.text, "\n");
	r = f.text.error == -ENOMEM ? -ENOMEM : 0;
	if (!f.departed)
		compare(&f, octets);
	if (report->count == 1 && report->signatures[0].id && !f.departed) {
		check_identifiers(
			&f, report->signatures[0].element, report->signatures[0].id);
		check_archive_identifiers(
			&f, report->signatures[0].element, report->signatures[0].id);
	}
	buf_done(&f.text);
	if (r == 0 && report->count == 1 && !f.departed)
		r = seal_data_check(&report->signatures[0], others, findings);
	return r;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/facts.h"

#include "common/json.h"
#include "document/sps.h"
#include "xml/node.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum form { FORM_TEXT, FORM_CODE, FORM_COUNTRY };

struct reading {
	struct facts *facts;
	struct findings *findings;
};

/* A finding about a place that is there, or about the parent in which it is missing. */
static void complain(const struct reading *r, const char *code, const xmlNode *place,
	const char *name, const char *received)
{
	_cleanup_(freep) char *path = xml_path_of(place);

	findings_addf(r->findings, SEVERITY_ERROR, code, path, received, "%s%s%s",
		reason_find(code) ? reason_find(code)->sentence : code,
		name ? " Here: " : "", name ? name : "");
}

static bool of_form(const char *text, enum form form)
{
	if (form == FORM_COUNTRY)
		return strlen(text) == 2 && isupper((unsigned char)text[0]) &&
		       isupper((unsigned char)text[1]);
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c == 0x7f || (form == FORM_CODE && !isalnum(c)))
			return false;
	}
	return true;
}

/* Copy the text of parent/name. A required value that is missing is a finding. */
static void value(const struct reading *r, const xmlNode *parent, const char *name,
	enum form form, bool required, char *ret, size_t size)
{
	const xmlNode *element = sps_child(parent, name);
	_cleanup_(freep) char *text = xml_text(element);

	if (!text || !*text) {
		if (required)
			complain(
				r, "doc.missing", element ? element : parent, name, NULL);
	} else if (strlen(text) >= size) {
		complain(r, "doc.length", element, NULL, text);
	} else if (!of_form(text, form)) {
		complain(r, "doc.form", element, NULL, text);
	} else {
		memcpy(ret, text, strlen(text) + 1);
	}
}

/* A title is for people: one that is too long is cut, between characters. */
static void title(const xmlNode *parent, char *ret, size_t size)
{
	_cleanup_(freep) char *text = xml_text(sps_child(parent, "Name"));
	size_t n = text ? strlen(text) : 0;

	if (n >= size)
		for (n = size - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
			n--;
	if (n > 0)
		memcpy(ret, text, n);
	ret[n] = '\0';
}

static int64_t when(
	const struct reading *r, const xmlNode *parent, const char *name, bool required)
{
	const xmlNode *element = sps_child(parent, name);
	_cleanup_(freep) char *path = NULL, *text = NULL;
	int64_t t = 0;

	switch (sps_time(element, &t)) {
	case SPS_TIME_OK:
		return t;
	case SPS_TIME_NO_ZONE:
		path = xml_path_of(element);
		findings_addf(r->findings, SEVERITY_WARNING, "doc.time-zone", path, NULL,
			"%s names no time zone and is read as UTC.", name);
		return t;
	case SPS_TIME_BAD:
		text = (char *)xmlNodeGetContent(element);
		complain(r, "doc.time", element, NULL, text);
		return 0;
	case SPS_TIME_ABSENT:
	default:
		if (required)
			complain(
				r, "doc.missing", element ? element : parent, name, NULL);
		return 0;
	}
}

static void signatories(const struct reading *r, const xmlNode *exchanged)
{
	const char *name = "SignatorySPSAuthentication";
	struct facts *f = r->facts;

	for (const xmlNode *s = sps_child(exchanged, name); s; s = sps_next(s, name)) {
		int64_t t = when(r, s, "ActualDateTime", true);

		f->signatory_count++;
		if (t && (!f->authenticated || t < f->authenticated))
			f->authenticated = t;
	}
}

/* The number that this document stands in the place of: a reference of relationship AWR,
 * or the ePhyto note ADRPN. */
static void replaced(const struct reading *r, const xmlNode *exchanged)
{
	const char *name = "ReferenceSPSReferencedDocument";

	for (const xmlNode *d = sps_child(exchanged, name); d; d = sps_next(d, name)) {
		_cleanup_(freep) char *kind =
			xml_text(sps_child(d, "RelationshipTypeCode"));

		if (kind && strcmp(kind, "AWR") == 0) {
			value(r, d, "ID", FORM_TEXT, true, r->facts->replaces,
				sizeof(r->facts->replaces));
			return;
		}
	}
	name = "IncludedSPSNote";
	for (const xmlNode *n = sps_child(exchanged, name); n; n = sps_next(n, name)) {
		_cleanup_(freep) char *subject = xml_text(sps_child(n, "Subject"));

		if (subject && strcmp(subject, "ADRPN") == 0) {
			value(r, n, "Content", FORM_TEXT, true, r->facts->replaces,
				sizeof(r->facts->replaces));
			return;
		}
	}
}

/* One that is too long is none: nothing depends on it. */
static void own_reference(const struct reading *r, const xmlNode *exchanged)
{
	const char *name = "ReferenceSPSReferencedDocument";
	char *to = r->facts->traces_reference;

	for (const xmlNode *d = sps_child(exchanged, name); d; d = sps_next(d, name)) {
		_cleanup_(freep) char *kind =
			xml_text(sps_child(d, "RelationshipTypeCode"));
		_cleanup_(freep) char *id = xml_text(sps_child(d, "ID"));

		if (kind && id && strcmp(kind, "CAW") == 0 &&
			strlen(id) < sizeof(r->facts->traces_reference)) {
			memcpy(to, id, strlen(id) + 1);
			return;
		}
	}
}

/* The note that a contingency document has of its paper; whether it may and must have one
 * is for rules to say. */
static void paper(const struct reading *r, const xmlNode *exchanged)
{
	const char *name = "IncludedSPSNote";

	for (const xmlNode *n = sps_child(exchanged, name); n; n = sps_next(n, name)) {
		_cleanup_(freep) char *subject = xml_text(sps_child(n, "SubjectCode"));

		if (subject && strcmp(subject, "CONTINGENCY_NUMBER") == 0) {
			value(r, n, "Content", FORM_TEXT, false, r->facts->paper,
				sizeof(r->facts->paper));
			return;
		}
	}
}

static size_t count_lines(const xmlNode *consignment)
{
	const char *item = "IncludedSPSConsignmentItem",
		   *line = "IncludedSPSTradeLineItem";
	size_t n = 0;

	for (const xmlNode *i = sps_child(consignment, item); i; i = sps_next(i, item))
		for (const xmlNode *l = sps_child(i, line); l; l = sps_next(l, line)) {
			_cleanup_(freep) char *number =
				xml_text(sps_child(l, "SequenceNumeric"));

			n += !number ||
			     strcmp(number, "0") != 0; /* 0: the row of totals */
		}
	return n;
}

/* One that is no time is none: it only orders the queue. */
static void arrival(const xmlNode *consignment, struct facts *f)
{
	int64_t t = 0;
	enum sps_time r = sps_time(sps_child(consignment, "AvailabilityDueDateTime"), &t);

	if (r == SPS_TIME_OK || r == SPS_TIME_NO_ZONE)
		f->arrival = t;
}

static void certificate(const struct reading *r, const xmlNode *root)
{
	const xmlNode *exchanged = sps_child(root, "SPSExchangedDocument");
	const xmlNode *consignment = sps_child(root, "SPSConsignment");
	struct facts *f = r->facts;

	if (!exchanged || !consignment) {
		complain(r, "doc.missing", root,
			exchanged ? "SPSConsignment" : "SPSExchangedDocument", NULL);
		return;
	}
	title(exchanged, f->name, sizeof(f->name));
	value(r, exchanged, "ID", FORM_TEXT, true, f->number, sizeof(f->number));
	value(r, exchanged, "TypeCode", FORM_CODE, true, f->type_code,
		sizeof(f->type_code));
	value(r, exchanged, "StatusCode", FORM_CODE, true, f->status, sizeof(f->status));
	f->issued = when(r, exchanged, "IssueDateTime", true);
	signatories(r, exchanged);
	replaced(r, exchanged);
	paper(r, exchanged);
	own_reference(r, exchanged);
	f->departure = when(r, consignment, "ExportExitDateTime", false);
	arrival(consignment, f);
	value(r, sps_child(consignment, "ExportSPSCountry"), "ID", FORM_COUNTRY, true,
		f->export_country, sizeof(f->export_country));
	value(r, sps_child(consignment, "ImportSPSCountry"), "ID", FORM_COUNTRY, true,
		f->import_country, sizeof(f->import_country));
	f->line_count = count_lines(consignment);
}

/* An acknowledgement speaks of the first document that it refers to. */
static void acknowledgement(const struct reading *r, const xmlNode *root)
{
	const xmlNode *body = sps_child(root, "SPSAcknowledgementDocument");
	const xmlNode *about = sps_child(body, "ReferenceSPSReferencedDocument");
	struct facts *f = r->facts;

	if (!body || !about) {
		complain(r, "doc.missing", body ? body : root,
			body ? "ReferenceSPSReferencedDocument"
			     : "SPSAcknowledgementDocument",
			NULL);
		return;
	}
	f->issued = when(r, body, "IssueDateTime", true);
	value(r, body, "StatusCode", FORM_CODE, true, f->status, sizeof(f->status));
	value(r, about, "ID", FORM_TEXT, true, f->number, sizeof(f->number));
	value(r, about, "TypeCode", FORM_CODE, false, f->type_code, sizeof(f->type_code));
}

int facts_read(xmlDoc *doc, struct facts *ret_facts, struct findings *findings)
{
	const xmlNode *root = xmlDocGetRootElement(doc);
	struct reading r = { .facts = ret_facts, .findings = findings };
	size_t before = findings->errors;
	const char *name, *ns;

	*ret_facts = (struct facts){ 0 };
	if (!root)
		return -EINVAL;
	name = (const char *)root->name;
	ns = root->ns ? (const char *)root->ns->href : "";
	if (strlen(name) < sizeof(ret_facts->root))
		memcpy(ret_facts->root, name, strlen(name) + 1);
	if (strlen(ns) < sizeof(ret_facts->ns))
		memcpy(ret_facts->ns, ns, strlen(ns) + 1);
	if (strcmp(name, "SPSCertificate") == 0)
		certificate(&r, root);
	else if (strcmp(name, "SPSAcknowledgement") == 0)
		acknowledgement(&r, root);
	else
		complain(&r, "doc.root", root, NULL, name);
	if (findings->out_of_memory)
		return -ENOMEM;
	return findings->errors == before ? 1 : 0;
}

json_t *facts_to_json(const struct facts *f)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s, "
		"s:s, s:s, s:s, s:I, s:I}",
		"root", f->root, "namespace", f->ns, "version", f->version, "number",
		f->number, "type_code", f->type_code, "status", f->status, "name",
		f->name, "issued", json_time(f->issued), "authenticated",
		json_time(f->authenticated), "departure", json_time(f->departure),
		"arrival", json_time(f->arrival), "export_country", f->export_country,
		"import_country", f->import_country, "replaces", f->replaces, "paper",
		f->paper, "traces_reference", f->traces_reference, "lines",
		(json_int_t)f->line_count, "signatories", (json_int_t)f->signatory_count);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/render.h"

#include "common/json.h"

#include <stdio.h>
#include <string.h>

#define STEP 2 /* columns of an indent */

/* The keys of view.c in the order of showing, as people read them. */
static const struct label {
	const char *key, *text;
} LABELS[] = {
	{ "title", "Title" },
	{ "number", "Number" },
	{ "traces_reference", "TRACES reference" },
	{ "type_code", "Document type" },
	{ "status", "Status" },
	{ "issued", "Issued" },
	{ "reasons", "Reasons" },
	{ "description", "Description" },
	{ "consignment", "Consignment" },
	{ "dates", "Dates" },
	{ "departure", "Departure" },
	{ "arrival", "Arrival" },
	{ "countries", "Countries" },
	{ "export", "Export" },
	{ "re_export", "Re-export" },
	{ "places", "Places" },
	{ "loading", "Loading" },
	{ "unloading", "Unloading" },
	{ "entry", "Entry" },
	{ "receipt", "Receipt" },
	{ "transit", "Transit" },
	{ "import", "Import" },
	{ "parties", "Parties" },
	{ "issuer", "Issuer" },
	{ "consignor", "Consignor" },
	{ "consignee", "Consignee" },
	{ "carrier", "Carrier" },
	{ "despatch", "Despatch" },
	{ "delivery", "Delivery" },
	{ "customs_agent", "Customs agent" },
	{ "transport", "Transport" },
	{ "mode", "Mode" },
	{ "common_name", "Common name" },
	{ "scientific_name", "Scientific name" },
	{ "codes", "Classification" },
	{ "system", "System" },
	{ "system_name", "System's name" },
	{ "subject", "Subject" },
	{ "subject_code", "Subject code" },
	{ "code", "Code" },
	{ "id", "Identifier" },
	{ "name", "Name" },
	{ "type", "Type" },
	{ "relationship", "Relationship" },
	{ "role", "Role" },
	{ "kind", "Kind" },
	{ "time", "Time" },
	{ "place", "Place" },
	{ "authority", "Authority" },
	{ "person", "Person" },
	{ "address", "Address" },
	{ "line", "Line 1" },
	{ "line_2", "Line 2" },
	{ "line_3", "Line 3" },
	{ "postcode", "Postcode" },
	{ "city", "City" },
	{ "region", "Region" },
	{ "country", "Country" },
	{ "content", "Content" },
	{ "information", "Information" },
	{ "quantity", "Quantity" },
	{ "level", "Level" },
	{ "marks", "Marks" },
	{ "value", "Value" },
	{ "start", "Start" },
	{ "end", "End" },
	{ "duration", "Duration" },
	{ "net_weight", "Net weight" },
	{ "gross_weight", "Gross weight" },
	{ "net_volume", "Net volume" },
	{ "gross_volume", "Gross volume" },
	{ "packages", "Package" },
	{ "origin", "Country of origin" },
	{ "place_of_origin", "Place of origin" },
	{ "batch", "Batch" },
	{ "expiry", "Expiry" },
	{ "intended_use", "Intended use" },
	{ "operator", "Operator" },
	{ "characteristics", "Characteristic" },
	{ "processes", "Process" },
	{ "equipment", "Equipment" },
	{ "seals", "Seal" },
	{ "lines", "Line" },
	{ "notes", "Note" },
	{ "references", "Reference" },
	{ "signatories", "Signatory" },
	{ "clauses", "Clause" },
	{ "cut", "Not all of it is shown" },
};

#define LABEL_COUNT (sizeof(LABELS) / sizeof(LABELS[0]))

/* Controls, also those beyond ASCII (C2 80 to C2 9F) and what turns the direction of
 * writing, would make a terminal or a reader believe another text. */
size_t render_steering(const unsigned char *p)
{
	if (*p < 0x20 || *p == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae)
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;
	return 0;
}

/* Text with a space for every octet run that steers; specials as HTML where asked. */
static void add_tame(struct buf *b, const char *text, bool html)
{
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		size_t n = render_steering(p);
		char one[2] = { (char)*p, '\0' };

		if (n > 0) {
			buf_add_str(b, " ");
			p += n;
			continue;
		}
		if (html)
			buf_add_xml(b, one);
		else
			buf_add(b, one, 1);
		p++;
	}
}

static bool all_strings(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return false;
	return true;
}

static void add_joined(struct buf *b, const json_t *value, bool html)
{
	if (json_is_string(value))
		add_tame(b, json_string_value(value), html);
	else if (json_is_true(value))
		buf_add_str(b, "yes");
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (i > 0)
			buf_add_str(b, "; ");
		add_tame(b, json_string_value(json_array_get(value, i)), html);
	}
}

static bool simple(const json_t *value)
{
	return json_is_string(value) || json_is_true(value) ||
	       (json_is_array(value) && all_strings(value));
}

/* -- text -------------------------------------------------------------------------- */

static void text_group(struct buf *b, const json_t *group, int depth);

static void text_value(struct buf *b, const char *label, const json_t *value, int depth)
{
	int column = depth * STEP;

	if (simple(value)) {
		buf_addf(b, "%*s%s: ", column, "", label);
		add_joined(b, value, false);
		buf_add_str(b, "\n");
	} else if (json_is_object(value)) {
		buf_addf(b, "%*s%s\n", column, "", label);
		text_group(b, value, depth + 1);
	} else {
		for (size_t i = 0; i < json_array_size(value); i++) {
			buf_addf(b, "%*s%s %zu\n", column, "", label, i + 1);
			text_group(b, json_array_get(value, i), depth + 1);
		}
	}
}

static void text_group(struct buf *b, const json_t *group, int depth)
{
	for (size_t i = 0; i < LABEL_COUNT; i++) {
		const json_t *value = json_object_get(group, LABELS[i].key);

		if (value)
			text_value(b, LABELS[i].text, value, depth);
	}
}

int render_text(const json_t *view, struct buf *out)
{
	text_group(out, view, 0);
	return out->error;
}

/* -- page -------------------------------------------------------------------------- */

static void html_group(struct buf *b, const json_t *group, int depth);

static void html_value(struct buf *b, const char *label, const json_t *value, int depth)
{
	int level = depth < 4 ? depth + 2 : 6;

	if (simple(value)) {
		buf_addf(b, "<p><b>%s</b> <span>", label);
		add_joined(b, value, true);
		buf_add_str(b, "</span></p>\n");
	} else if (json_is_object(value)) {
		buf_addf(b, "<section><h%d>%s</h%d>\n", level, label, level);
		html_group(b, value, depth + 1);
		buf_add_str(b, "</section>\n");
	} else {
		for (size_t i = 0; i < json_array_size(value); i++) {
			buf_addf(b, "<section><h%d>%s %zu</h%d>\n", level, label, i + 1,
				level);
			html_group(b, json_array_get(value, i), depth + 1);
			buf_add_str(b, "</section>\n");
		}
	}
}

static void html_group(struct buf *b, const json_t *group, int depth)
{
	for (size_t i = 0; i < LABEL_COUNT; i++) {
		const json_t *value = json_object_get(group, LABELS[i].key);

		if (value)
			html_value(b, LABELS[i].text, value, depth);
	}
}

static const char STYLE[] =
	"body{font:15px/1.4 sans-serif;margin:2em;max-width:60em}"
	"p{margin:.1em 0}p b{display:inline-block;min-width:11em;font-weight:600}"
	"section{border-left:3px solid #ccc;margin:.6em 0;padding-left:1em}"
	"h2,h3,h4,h5,h6{margin:.2em 0;font-size:1em}";

int render_html(const json_t *view, struct buf *out)
{
	const char *number = json_string_of(view, "number");

	buf_addf(out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta http-equiv=\"Content-Security-Policy\" "
		"content=\"default-src 'none'; style-src 'unsafe-inline'\">"
		"<style>%s</style><title>",
		STYLE);
	add_tame(out, number ? number : "Document", true);
	buf_add_str(out, "</title></head><body>\n<h1>");
	add_tame(out, number ? number : "Document", true);
	buf_add_str(out, "</h1>\n");
	html_group(out, view, 0);
	return buf_add_str(out, "</body></html>\n");
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rule_facts.h"

#include <errno.h>
#include <libxml/xpathInternals.h>
#include <string.h>

enum kind { FACT_TEXT, FACT_TIME, FACT_COUNT, FACT_TYPE, FACT_DIRECTION };

struct row {
	const char *name;
	enum kind kind;
	size_t at; /* in struct facts */
};

#define AT(member) offsetof(struct facts, member)

static const struct row ROWS[] = {
	{ "type", FACT_TYPE, 0 },
	{ "direction", FACT_DIRECTION, 0 },
	{ "version", FACT_TEXT, AT(version) },
	{ "number", FACT_TEXT, AT(number) },
	{ "type_code", FACT_TEXT, AT(type_code) },
	{ "status", FACT_TEXT, AT(status) },
	{ "issued", FACT_TIME, AT(issued) },
	{ "authenticated", FACT_TIME, AT(authenticated) },
	{ "departure", FACT_TIME, AT(departure) },
	{ "arrival", FACT_TIME, AT(arrival) },
	{ "export_country", FACT_TEXT, AT(export_country) },
	{ "import_country", FACT_TEXT, AT(import_country) },
	{ "replaces", FACT_TEXT, AT(replaces) },
	{ "traces_reference", FACT_TEXT, AT(traces_reference) },
	{ "lines", FACT_COUNT, AT(line_count) },
	{ "signatories", FACT_COUNT, AT(signatory_count) },
};

#define ROW_COUNT (sizeof(ROWS) / sizeof(ROWS[0]))

bool rule_facts_known(const char *name, size_t len)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strlen(ROWS[i].name) == len && memcmp(ROWS[i].name, name, len) == 0)
			return true;
	return false;
}

static xmlXPathObject *time_value(int64_t t)
{
	return xmlXPathNewFloat(t ? (double)t : xmlXPathNAN);
}

static xmlXPathObject *value_of(const struct row *row, const struct facts *facts,
	const char *type, const char *direction)
{
	const char *at = (const char *)facts + row->at;
	int64_t time;
	size_t count;

	switch (row->kind) {
	case FACT_TIME:
		memcpy(&time, at, sizeof(time));
		return time_value(time);
	case FACT_COUNT:
		memcpy(&count, at, sizeof(count));
		return xmlXPathNewFloat((double)count);
	case FACT_TYPE:
		return xmlXPathNewCString(type);
	case FACT_DIRECTION:
		return xmlXPathNewCString(direction);
	case FACT_TEXT:
	default:
		return xmlXPathNewCString(at);
	}
}

int rule_facts_use(xmlXPathContext *context, const struct facts *facts, const char *type,
	const char *direction)
{
	static const struct facts NONE;

	for (size_t i = 0; i < ROW_COUNT; i++) {
		xmlXPathObject *value =
			value_of(&ROWS[i], facts ? facts : &NONE, type, direction);

		if (!value || xmlXPathRegisterVariableNS(context, BAD_CAST ROWS[i].name,
				      BAD_CAST RULES_NS, value) < 0) {
			xmlXPathFreeObject(value);
			return -ENOMEM;
		}
	}
	return 0;
}

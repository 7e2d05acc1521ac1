/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/criteria.h"

#include "xml/node.h"

#include <errno.h>
#include <string.h>

#define NS_QUALIFIERS                                                                    \
	"http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"
#define NS_XADES "http://uri.etsi.org/01903/v1.3.2#"
#define NS_TYPES "http://uri.etsi.org/02231/v2/additionaltypes#"
#define OID_URN "urn:oid:"

static void append_oid(json_t *list, const xmlNode *identifier)
{
	_cleanup_(freep) char *text = identifier ? xml_text(identifier) : NULL;

	if (text)
		json_array_append_new(
			list, json_text(strncmp(text, OID_URN, strlen(OID_URN)) == 0
						? text + strlen(OID_URN)
						: text));
}

/* PolicySet or ExtendedKeyUsage: the identifiers of its children. */
static json_t *read_identifiers(const xmlNode *set)
{
	json_t *list = json_array();

	for (const xmlNode *c = xml_child(set, NULL, NULL); c;
		c = xml_next(c, NULL, NULL))
		append_oid(list, xml_child(c, NS_XADES, "Identifier"));
	return list;
}

static json_t *read_usage(const xmlNode *usage)
{
	json_t *bits = json_object();

	for (const xmlNode *b = xml_child(usage, NS_QUALIFIERS, "KeyUsageBit"); b;
		b = xml_next(b, NS_QUALIFIERS, "KeyUsageBit")) {
		_cleanup_(freep) char *name = xml_attribute(b, "name");
		_cleanup_(freep) char *value = xml_text(b);

		if (name && value)
			json_object_set_new(bits, name,
				json_boolean(strcmp(value, "true") == 0 ||
					     strcmp(value, "1") == 0));
	}
	return bits;
}

static void append(json_t *criteria, const char *key, json_t *value)
{
	json_t *list = json_object_get(criteria, key);

	if (!list) {
		list = json_array();
		json_object_set_new(criteria, key, list);
	}
	json_array_append_new(list, value);
}

static int read_criteria(const xmlNode *list, int depth, json_t **ret);

/* otherCriteriaList: purposes are known, everything else is not. */
static void read_other(const xmlNode *other, json_t *criteria)
{
	for (const xmlNode *c = xml_child(other, NULL, NULL); c;
		c = xml_next(c, NULL, NULL))
		if (xml_is(c, NS_TYPES, "ExtendedKeyUsage"))
			append(criteria, "purposes", read_identifiers(c));
		else
			json_object_set_new(criteria, "unknown", json_true());
}

static int read_one(const xmlNode *c, int depth, json_t *criteria)
{
	json_t *nested;
	int r = 0;

	if (xml_is(c, NS_QUALIFIERS, "KeyUsage")) {
		append(criteria, "usage", read_usage(c));
	} else if (xml_is(c, NS_QUALIFIERS, "PolicySet")) {
		append(criteria, "policies", read_identifiers(c));
	} else if (xml_is(c, NS_QUALIFIERS, "CriteriaList")) {
		r = read_criteria(c, depth + 1, &nested);
		if (r == 0)
			append(criteria, "lists", nested);
	} else if (xml_is(c, NS_QUALIFIERS, "otherCriteriaList")) {
		read_other(c, criteria);
	} else if (!xml_is(c, NS_QUALIFIERS, "Description")) {
		json_object_set_new(criteria, "unknown", json_true());
	}
	return r;
}

static int read_criteria(const xmlNode *list, int depth, json_t **ret)
{
	_cleanup_(freep) char *assert = xml_attribute(list, "assert");
	json_t *criteria;
	int r = 0;

	if (depth > CRITERIA_DEPTH_MAX)
		return -EINVAL;
	criteria = json_object();
	if (!criteria)
		return -ENOMEM;
	json_object_set_new(criteria, "assert", json_text(assert ? assert : "all"));
	for (const xmlNode *c = xml_child(list, NULL, NULL); c && r == 0;
		c = xml_next(c, NULL, NULL))
		r = read_one(c, depth, criteria);
	if (r < 0)
		json_decref(criteria);
	else
		*ret = criteria;
	return r;
}

static int read_element(const xmlNode *element, json_t *to)
{
	const xmlNode *all = xml_child(element, NS_QUALIFIERS, "Qualifiers");
	json_t *criteria = NULL, *uris = json_array(), *row = json_object();
	const xmlNode *list = xml_child(element, NS_QUALIFIERS, "CriteriaList");
	int r = list ? read_criteria(list, 0, &criteria) : 0;

	for (const xmlNode *q = xml_child(all, NS_QUALIFIERS, "Qualifier"); q;
		q = xml_next(q, NS_QUALIFIERS, "Qualifier")) {
		_cleanup_(freep) char *uri = xml_attribute(q, "uri");

		if (uri)
			json_array_append_new(uris, json_text(uri));
	}
	json_object_set_new(row, "qualifiers", uris);
	json_object_set_new(row, "criteria", criteria ? criteria : json_null());
	json_array_append_new(to, row);
	return r;
}

int criteria_read(const xmlNode *extension, json_t **qualifications)
{
	const xmlNode *all = xml_child(extension, NS_QUALIFIERS, "Qualifications");
	int r = 0;

	if (!all)
		return 0;
	if (!*qualifications)
		*qualifications = json_array();
	if (!*qualifications)
		return -ENOMEM;
	for (const xmlNode *e = xml_child(all, NS_QUALIFIERS, "QualificationElement");
		e && r == 0; e = xml_next(e, NS_QUALIFIERS, "QualificationElement"))
		r = read_element(e, *qualifications);
	return r;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/criteria.h"

#include "xml/node.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

#define NS_QUALIFIERS                                                                    \
	"http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"
#define NS_XADES "http://uri.etsi.org/01903/v1.3.2#"
#define NS_TYPES "http://uri.etsi.org/02231/v2/additionaltypes#"
#define OID_URN "urn:oid:"

/* RFC 5280 4.2.1.3, by the names of 5.5.9.2.2.1. */
static const struct {
	const char *name;
	uint32_t bit;
} USAGES[] = {
	{ "digitalSignature", KU_DIGITAL_SIGNATURE },
	{ "nonRepudiation", KU_NON_REPUDIATION },
	{ "keyEncipherment", KU_KEY_ENCIPHERMENT },
	{ "dataEncipherment", KU_DATA_ENCIPHERMENT },
	{ "keyAgreement", KU_KEY_AGREEMENT },
	{ "keyCertSign", KU_KEY_CERT_SIGN },
	{ "crlSign", KU_CRL_SIGN },
	{ "encipherOnly", KU_ENCIPHER_ONLY },
	{ "decipherOnly", KU_DECIPHER_ONLY },
};

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

static bool usage_is(X509 *x, const json_t *bits)
{
	uint32_t usage = X509_get_key_usage(x);

	if (usage == UINT32_MAX) /* no such extension */
		return false;
	for (size_t i = 0; i < sizeof(USAGES) / sizeof(USAGES[0]); i++) {
		const json_t *wanted = json_object_get(bits, USAGES[i].name);

		if (wanted && json_is_true(wanted) != ((usage & USAGES[i].bit) != 0))
			return false;
	}
	return true;
}

static bool is_oid(const ASN1_OBJECT *object, const char *oid)
{
	char text[128];

	return OBJ_obj2txt(text, sizeof(text), object, 1) > 0 && strcmp(text, oid) == 0;
}

static bool has_policy(X509 *x, const char *oid)
{
	CERTIFICATEPOLICIES *all =
		X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_POLICYINFO_num(all); i++)
		found |= is_oid(sk_POLICYINFO_value(all, i)->policyid, oid);
	CERTIFICATEPOLICIES_free(all);
	return found;
}

static bool has_purpose(X509 *x, const char *oid)
{
	EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(all); i++)
		found |= is_oid(sk_ASN1_OBJECT_value(all, i), oid);
	EXTENDED_KEY_USAGE_free(all);
	return found;
}

static bool has_each(X509 *x, const json_t *oids, bool (*has)(X509 *x, const char *oid))
{
	const json_t *oid;
	size_t i;

	json_array_foreach(
		oids, i, oid) if (!has(x, json_string_value(oid))) return false;
	return json_array_size(oids) > 0;
}

/* How many conditions there are, and how many hold. */
struct tally {
	size_t all, held;
};

static void note(struct tally *t, bool held)
{
	t->all++;
	t->held += held;
}

static bool criteria_hold(const json_t *criteria, X509 *x)
{
	const char *assert = json_string_of(criteria, "assert");
	struct tally t = { 0 };
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(criteria, "usage"), i, c)
		note(&t, usage_is(x, c));
	json_array_foreach(json_object_get(criteria, "policies"), i, c)
		note(&t, has_each(x, c, has_policy));
	json_array_foreach(json_object_get(criteria, "purposes"), i, c)
		note(&t, has_each(x, c, has_purpose));
	json_array_foreach(json_object_get(criteria, "lists"), i, c)
		note(&t, criteria_hold(c, x));
	if (!assert || json_is_true(json_object_get(criteria, "unknown")))
		return false;
	if (strcmp(assert, "all") == 0)
		return t.held == t.all;
	if (strcmp(assert, "atLeastOne") == 0)
		return t.held > 0;
	return strcmp(assert, "none") == 0 && t.held == 0;
}

static bool names(const json_t *uris, const char *name)
{
	const json_t *uri;
	size_t i;

	json_array_foreach(uris, i, uri)
	{
		const char *end = strrchr(json_string_value(uri), '/');

		if (end && strcmp(end + 1, name) == 0)
			return true;
	}
	return false;
}

bool criteria_qualifies(const json_t *qualifications, X509 *certificate, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(qualifications, i,
		row) if (names(json_object_get(row, "qualifiers"), name) &&
			 criteria_hold(json_object_get(row, "criteria"),
				 certificate)) return true;
	return false;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/rules.h"

#include "trust/criteria.h"

#include <errno.h>
#include <openssl/objects.h>
#include <string.h>

#define CONDITIONS_MAX (1024u * 1024)

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

/* SSCD are the words of before Regulation 910/2014. */
static const struct {
	const char *name;
	uint32_t bit;
} QUALIFIERS[] = {
	{ "QCStatement", QUALIFIER_STATEMENT },
	{ "NotQualified", QUALIFIER_NOT_QUALIFIED },
	{ "QCForESig", QUALIFIER_ESIG },
	{ "QCForESeal", QUALIFIER_ESEAL },
	{ "QCForWSA", QUALIFIER_WSA },
	{ "QCWithQSCD", QUALIFIER_QSCD },
	{ "QCWithSSCD", QUALIFIER_QSCD },
	{ "QCQSCDManagedOnBehalf", QUALIFIER_MANAGED },
	{ "QCNoQSCD", QUALIFIER_NO_QSCD },
	{ "QCNoSSCD", QUALIFIER_NO_QSCD },
};

static uint32_t count_of(const struct buf *b, size_t size)
{
	return (uint32_t)(b->len / size);
}

static void write_oid(struct rules_writer *w, const char *text)
{
	ASN1_OBJECT *object = text ? OBJ_txt2obj(text, 1) : NULL;
	struct map_oid o = { .octets = (uint32_t)w->octets->len };

	if (object) {
		o.len = (uint32_t)OBJ_length(object);
		buf_add(w->octets, OBJ_get0_data(object), OBJ_length(object));
	}
	ASN1_OBJECT_free(object);
	buf_add(w->oids, &o, sizeof(o));
}

static void add_oids(struct rules_writer *w, struct buf *conditions,
	enum map_condition_kind kind, const json_t *sets)
{
	const json_t *set, *oid;
	size_t i, n;

	json_array_foreach(sets, i, set)
	{
		struct map_condition c = { .kind = kind,
			.a = count_of(w->oids, sizeof(struct map_oid)),
			.b = (uint32_t)json_array_size(set) };

		json_array_foreach(set, n, oid) write_oid(w, json_string_value(oid));
		buf_add(conditions, &c, sizeof(c));
	}
}

static void add_usages(struct buf *conditions, const json_t *usages)
{
	const json_t *bits;
	size_t i;

	json_array_foreach(usages, i, bits)
	{
		struct map_condition c = { .kind = CONDITION_USAGE };

		for (size_t n = 0; n < sizeof(USAGES) / sizeof(USAGES[0]); n++) {
			const json_t *wanted = json_object_get(bits, USAGES[n].name);

			c.a |= wanted ? USAGES[n].bit : 0;
			c.b |= json_is_true(wanted) ? USAGES[n].bit : 0;
		}
		buf_add(conditions, &c, sizeof(c));
	}
}

static uint32_t assertion_of(const json_t *criteria)
{
	const char *word = json_string_of(criteria, "assert");

	if (!word || json_is_true(json_object_get(criteria, "unknown")))
		return ASSERT_NOTHING;
	return strcmp(word, "all") == 0		 ? ASSERT_ALL
	       : strcmp(word, "atLeastOne") == 0 ? ASSERT_AT_LEAST_ONE
	       : strcmp(word, "none") == 0	 ? ASSERT_NONE
						 : ASSERT_NOTHING;
}

/* A row of its own first, so that what is nested comes further down; its conditions then
 * follow those of what is nested, one after another. */
static int write_criteria(
	struct rules_writer *w, const json_t *criteria, int depth, uint32_t *ret)
{
	_cleanup_buf_ struct buf conditions;
	struct map_criteria row = { .assertion = assertion_of(criteria) };
	const json_t *nested;
	size_t i;
	int r = depth > CRITERIA_DEPTH_MAX ? -EINVAL : 0;

	*ret = count_of(w->criteria, sizeof(row));
	buf_init(&conditions, CONDITIONS_MAX);
	buf_add(w->criteria, &row, sizeof(row));
	add_usages(&conditions, json_object_get(criteria, "usage"));
	add_oids(w, &conditions, CONDITION_POLICIES,
		json_object_get(criteria, "policies"));
	add_oids(w, &conditions, CONDITION_PURPOSES,
		json_object_get(criteria, "purposes"));
	json_array_foreach(json_object_get(criteria, "lists"), i, nested)
	{
		struct map_condition c = { .kind = CONDITION_CRITERIA };

		if (r == 0)
			r = write_criteria(w, nested, depth + 1, &c.a);
		buf_add(&conditions, &c, sizeof(c));
	}
	if (r == 0)
		r = conditions.error ? conditions.error : w->criteria->error;
	if (r < 0)
		return r;
	row.first_condition = count_of(w->conditions, sizeof(struct map_condition));
	row.condition_count = count_of(&conditions, sizeof(struct map_condition));
	memcpy(w->criteria->data + (size_t)*ret * sizeof(row), &row, sizeof(row));
	return buf_add_span(w->conditions, buf_span(&conditions));
}

static uint32_t qualifiers_of(const json_t *uris)
{
	const json_t *uri;
	uint32_t found = 0;
	size_t i;

	json_array_foreach(uris, i, uri)
	{
		const char *text = json_string_value(uri);
		const char *end = text ? strrchr(text, '/') : NULL;

		for (size_t n = 0; end && n < sizeof(QUALIFIERS) / sizeof(QUALIFIERS[0]);
			n++)
			if (strcmp(end + 1, QUALIFIERS[n].name) == 0)
				found |= QUALIFIERS[n].bit;
	}
	return found;
}

int rules_write(struct rules_writer *w, const json_t *qualifications, uint32_t *ret_first,
	uint32_t *ret_count)
{
	const json_t *row;
	size_t i;
	int r = 0;

	*ret_first = count_of(w->rules, sizeof(struct map_rule));
	*ret_count = (uint32_t)json_array_size(qualifications);
	json_array_foreach(qualifications, i, row)
	{
		const json_t *criteria = json_object_get(row, "criteria");
		struct map_rule rule = { .qualifiers = qualifiers_of(
						 json_object_get(row, "qualifiers")),
			.criteria = RULES_NONE };

		if (r == 0 && json_is_object(criteria))
			r = write_criteria(w, criteria, 0, &rule.criteria);
		buf_add(w->rules, &rule, sizeof(rule));
	}
	return r < 0 ? r : w->rules->error ? w->rules->error : w->oids->error;
}

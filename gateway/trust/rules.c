/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/rules.h"

#include "trust/criteria.h"

#include <string.h>

/* How many conditions there are, and how many hold. */
struct tally {
	size_t all, held;
};

void certificate_facts_read(X509 *certificate, struct certificate_facts *ret)
{
	*ret = (struct certificate_facts){ .usage = X509_get_key_usage(certificate),
		.policies = X509_get_ext_d2i(
			certificate, NID_certificate_policies, NULL, NULL),
		.purposes =
			X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL) };
}

void certificate_facts_done(struct certificate_facts *f)
{
	CERTIFICATEPOLICIES_free(f->policies);
	EXTENDED_KEY_USAGE_free(f->purposes);
	*f = (struct certificate_facts){ 0 };
}

static bool is_oid(const ASN1_OBJECT *object, struct span oid)
{
	return oid.len > 0 &&
	       span_equal(span_of(OBJ_get0_data(object), OBJ_length(object)), oid);
}

static bool has_policy(const struct certificate_facts *f, struct span oid)
{
	for (int i = 0; i < sk_POLICYINFO_num(f->policies); i++)
		if (is_oid(sk_POLICYINFO_value(f->policies, i)->policyid, oid))
			return true;
	return false;
}

static bool has_purpose(const struct certificate_facts *f, struct span oid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(f->purposes); i++)
		if (is_oid(sk_ASN1_OBJECT_value(f->purposes, i), oid))
			return true;
	return false;
}

static bool has_each(const struct rules_view *v, const struct map_condition *c,
	const struct certificate_facts *f,
	bool (*has)(const struct certificate_facts *f, struct span oid))
{
	for (uint32_t i = 0; i < c->b; i++) {
		const struct map_oid *o = &v->oids[c->a + i];

		if (!has(f, span_of(v->octets + o->octets, o->len)))
			return false;
	}
	return c->b > 0;
}

static bool criteria_hold(const struct rules_view *v, uint32_t index,
	const struct certificate_facts *f, int depth);

static bool condition_holds(const struct rules_view *v, const struct map_condition *c,
	const struct certificate_facts *f, int depth)
{
	switch (c->kind) {
	case CONDITION_USAGE:
		return f->usage != UINT32_MAX && (f->usage & c->a) == c->b;
	case CONDITION_POLICIES:
		return has_each(v, c, f, has_policy);
	case CONDITION_PURPOSES:
		return has_each(v, c, f, has_purpose);
	case CONDITION_CRITERIA:
		return criteria_hold(v, c->a, f, depth + 1);
	default:
		return false;
	}
}

static bool criteria_hold(const struct rules_view *v, uint32_t index,
	const struct certificate_facts *f, int depth)
{
	const struct map_criteria *c = &v->criteria[index];
	struct tally t = { 0 };

	if (depth > CRITERIA_DEPTH_MAX)
		return false;
	for (uint32_t i = 0; i < c->condition_count; i++) {
		t.all++;
		t.held += condition_holds(
			v, &v->conditions[c->first_condition + i], f, depth);
	}
	switch (c->assertion) {
	case ASSERT_ALL:
		return t.held == t.all;
	case ASSERT_AT_LEAST_ONE:
		return t.held > 0;
	case ASSERT_NONE:
		return t.held == 0;
	default:
		return false;
	}
}

unsigned int rules_qualifiers(const struct rules_view *v, uint32_t first, uint32_t count,
	const struct certificate_facts *f)
{
	unsigned int found = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct map_rule *rule = &v->rules[first + i];

		if (rule->criteria != RULES_NONE &&
			criteria_hold(v, rule->criteria, f, 0))
			found |= rule->qualifiers;
	}
	return found;
}

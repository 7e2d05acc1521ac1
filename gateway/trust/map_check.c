/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/map.h"

#include <errno.h>
#include <stdlib.h>

const size_t MAP_PART_SIZES[MAP_PARTS] = {
	[MAP_LISTS] = sizeof(struct map_list),
	[MAP_SERVICES] = sizeof(struct map_service),
	[MAP_IDENTITIES] = sizeof(uint32_t),
	[MAP_INSTANCES] = sizeof(struct map_instance),
	[MAP_URIS] = sizeof(uint32_t),
	[MAP_RULES] = sizeof(struct map_rule),
	[MAP_CRITERIA] = sizeof(struct map_criteria),
	[MAP_CONDITIONS] = sizeof(struct map_condition),
	[MAP_OIDS] = sizeof(struct map_oid),
	[MAP_CERTIFICATES] = sizeof(struct map_certificate),
	[MAP_KEY_SLOTS] = sizeof(uint32_t),
	[MAP_KEYS] = sizeof(struct map_entry),
	[MAP_NAME_SLOTS] = sizeof(uint32_t),
	[MAP_NAMES] = sizeof(struct map_entry),
	[MAP_OCTETS] = 1,
	[MAP_TEXTS] = 1,
};

/* What is looked at while it is not yet believed. */
struct look {
	const struct trust_map *m;
	uint64_t count[MAP_PARTS];
	uint8_t *seen; /* a bit a criteria: named by a rule or a condition */
};

static bool within(const struct look *l, enum map_part part, uint32_t first, uint32_t n)
{
	return first <= l->count[part] && n <= l->count[part] - first;
}

static bool is_text(const struct look *l, uint32_t text)
{
	return text < l->count[MAP_TEXTS];
}

static bool lists_ok(const struct look *l)
{
	for (uint64_t i = 0; i < l->count[MAP_LISTS]; i++)
		if (!is_text(l, l->m->lists[i].url) || l->m->lists[i].ends < 0 ||
			l->m->lists[i].ends > MAP_TIME_MAX ||
			!memchr(l->m->lists[i].territory, 0,
				sizeof(l->m->lists[i].territory)))
			return false;
	return true;
}

static bool services_ok(const struct look *l)
{
	for (uint64_t i = 0; i < l->count[MAP_SERVICES]; i++) {
		const struct map_service *s = &l->m->services[i];

		if (s->list >= l->count[MAP_LISTS] || !is_text(l, s->name) ||
			s->instance_count == 0 ||
			!within(l, MAP_IDENTITIES, s->first_identity,
				s->identity_count) ||
			!within(l, MAP_INSTANCES, s->first_instance, s->instance_count))
			return false;
	}
	return true;
}

static bool identities_ok(const struct look *l)
{
	for (uint64_t i = 0; i < l->count[MAP_IDENTITIES]; i++)
		if (l->m->identities[i] >= l->count[MAP_CERTIFICATES])
			return false;
	return true;
}

static bool instances_ok(const struct look *l)
{
	for (uint64_t i = 0; i < l->count[MAP_INSTANCES]; i++) {
		const struct map_instance *n = &l->m->instances[i];

		if (!is_text(l, n->type) || !is_text(l, n->status) ||
			!within(l, MAP_URIS, n->first_uri, n->uri_count) ||
			!within(l, MAP_RULES, n->first_rule, n->rule_count))
			return false;
	}
	for (uint64_t i = 0; i < l->count[MAP_URIS]; i++)
		if (!is_text(l, l->m->uris[i]))
			return false;
	return true;
}

static bool certificates_ok(const struct look *l)
{
	for (uint64_t i = 0; i < l->count[MAP_CERTIFICATES]; i++) {
		const struct map_certificate *c = &l->m->certificates[i];

		if (!within(l, MAP_OCTETS, c->der, c->der_len) ||
			!within(l, MAP_OCTETS, c->subject, c->subject_len))
			return false;
	}
	return true;
}

/* Each criteria is named once, so that following them ends soon. */
static bool name_criteria(const struct look *l, uint32_t index)
{
	uint8_t bit = (uint8_t)(1u << index % 8);

	if (index >= l->count[MAP_CRITERIA] || l->seen[index / 8] & bit)
		return false;
	l->seen[index / 8] |= bit;
	return true;
}

static bool condition_ok(const struct look *l, uint32_t of, const struct map_condition *c)
{
	switch (c->kind) {
	case CONDITION_USAGE:
		return true;
	case CONDITION_POLICIES:
	case CONDITION_PURPOSES:
		return within(l, MAP_OIDS, c->a, c->b);
	case CONDITION_CRITERIA:
		return c->a > of && name_criteria(l, c->a);
	default:
		return false;
	}
}

static bool criteria_ok(const struct look *l, uint32_t index)
{
	const struct map_criteria *c = &l->m->rules.criteria[index];

	if (!within(l, MAP_CONDITIONS, c->first_condition, c->condition_count))
		return false;
	for (uint32_t i = 0; i < c->condition_count; i++)
		if (!condition_ok(
			    l, index, &l->m->rules.conditions[c->first_condition + i]))
			return false;
	return true;
}

static bool rules_ok(struct look *l)
{
	const struct rules_view *v = &l->m->rules;
	bool ok;

	l->seen = calloc(l->count[MAP_CRITERIA] / 8 + 1, 1);
	ok = l->seen != NULL;
	for (uint64_t i = 0; ok && i < l->count[MAP_RULES]; i++)
		ok = v->rules[i].criteria == RULES_NONE ||
		     name_criteria(l, v->rules[i].criteria);
	for (uint64_t i = 0; ok && i < l->count[MAP_CRITERIA]; i++)
		ok = criteria_ok(l, (uint32_t)i);
	for (uint64_t i = 0; ok && i < l->count[MAP_OIDS]; i++)
		ok = within(l, MAP_OCTETS, v->oids[i].octets, v->oids[i].len);
	free(l->seen);
	return ok;
}

static bool index_ok(const struct look *l, const struct map_index *x,
	enum map_part slot_part, enum map_part entry_part)
{
	uint64_t slots = l->count[slot_part], entries = l->count[entry_part];

	if (slots < 2 || slots > MAP_INDEX_SLOTS_MAX + 1 ||
		((slots - 1) & (slots - 2)) != 0 || x->slots[0] != 0 ||
		x->slots[slots - 1] != entries)
		return false;
	for (uint64_t i = 1; i < slots; i++)
		if (x->slots[i] < x->slots[i - 1])
			return false;
	for (uint64_t i = 0; i < entries; i++)
		if (x->entries[i].service >= l->count[MAP_SERVICES] ||
			x->entries[i].certificate >= l->count[MAP_CERTIFICATES])
			return false;
	return true;
}

/* Where the parts are; a part begins where the one before it ended. */
static bool find_parts(struct span octets, const struct map_header *h, struct look *l,
	const void *parts[MAP_PARTS])
{
	uint64_t at = sizeof(*h);

	for (int i = 0; i < MAP_PARTS; i++) {
		const struct map_extent *e = &h->parts[i];

		at = (at + 7) & ~UINT64_C(7);
		if (e->offset != at || at > octets.len ||
			e->count > (octets.len - at) / MAP_PART_SIZES[i])
			return false;
		parts[i] = octets.data + at;
		l->count[i] = e->count;
		at += e->count * MAP_PART_SIZES[i];
	}
	return at == octets.len;
}

static void view(const void *const parts[MAP_PARTS], const struct look *l,
	const struct map_header *h, struct trust_map *m)
{
	*m = (struct trust_map){ .header = h,
		.lists = parts[MAP_LISTS],
		.services = parts[MAP_SERVICES],
		.service_count = l->count[MAP_SERVICES],
		.identities = parts[MAP_IDENTITIES],
		.instances = parts[MAP_INSTANCES],
		.uris = parts[MAP_URIS],
		.rules = { parts[MAP_RULES], parts[MAP_CRITERIA], parts[MAP_CONDITIONS],
			parts[MAP_OIDS], parts[MAP_OCTETS] },
		.certificates = parts[MAP_CERTIFICATES],
		.keys = { parts[MAP_KEY_SLOTS], l->count[MAP_KEY_SLOTS] - 1,
			parts[MAP_KEYS] },
		.names = { parts[MAP_NAME_SLOTS], l->count[MAP_NAME_SLOTS] - 1,
			parts[MAP_NAMES] },
		.octets = parts[MAP_OCTETS],
		.texts = parts[MAP_TEXTS] };
}

static bool contents_ok(struct look *l)
{
	const struct trust_map *m = l->m;
	uint64_t texts = l->count[MAP_TEXTS];

	return texts > 0 && m->texts[texts - 1] == '\0' && lists_ok(l) &&
	       services_ok(l) && identities_ok(l) && instances_ok(l) &&
	       certificates_ok(l) && rules_ok(l) &&
	       index_ok(l, &m->keys, MAP_KEY_SLOTS, MAP_KEYS) &&
	       index_ok(l, &m->names, MAP_NAME_SLOTS, MAP_NAMES);
}

/* Return: NULL or why the header says that the file is not ours or not whole. */
static const char *judge_header(struct span octets, const struct map_header *h)
{
	uint8_t sha256[SHA256_SIZE];
	const char *fault = octets.len < sizeof(*h) ? "it is no snapshot of lists"
						    : map_header_fault(h, octets.len);

	if (fault)
		return fault;
	if (digest_sha256(span_of(octets.data + MAP_BEHIND_DIGEST,
				  octets.len - MAP_BEHIND_DIGEST),
		    sha256) < 0 ||
		memcmp(sha256, h->sha256, sizeof(sha256)) != 0)
		return "its digest is wrong";
	return NULL;
}

int map_check(struct span octets, struct trust_map *ret, const char **ret_why)
{
	const struct map_header *h = (const void *)octets.data;
	const void *parts[MAP_PARTS];
	struct trust_map m;
	struct look l = { .m = &m };

	*ret_why = judge_header(octets, h);
	if (*ret_why)
		return -EINVAL;
	*ret_why = "its tables lead out of it";
	if (!find_parts(octets, h, &l, parts))
		return -EINVAL;
	view(parts, &l, h, &m);
	if (!contents_ok(&l))
		return -EINVAL;
	*ret = m;
	*ret_why = "";
	return 0;
}

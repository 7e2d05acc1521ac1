/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Length and three letters tell the names of these documents apart well enough, and are
 * quicker to look at than all letters. */
static unsigned int bucket_of(const char *name)
{
	size_t n = strlen(name);
	unsigned int first = (unsigned char)name[0], middle = (unsigned char)name[n / 2],
		     last = n > 0 ? (unsigned char)name[n - 1] : 0;

	return ((unsigned int)n * 5u + first * 3u + middle * 7u + last * 11u) %
	       RULE_BUCKETS;
}

static int append(struct candidates *c, const struct candidate *candidate)
{
	if ((c->count & (c->count - 1)) == 0) {
		struct candidate *list =
			reallocarray(c->list, c->count ? c->count * 2 : 1, sizeof(*list));

		if (!list)
			return -ENOMEM;
		c->list = list;
	}
	c->list[c->count++] = *candidate;
	return 0;
}

static int append_everywhere(struct rules *r, const struct candidate *candidate)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < RULE_BUCKETS; i++)
		error = append(&r->elements[i], candidate);
	return error;
}

static int add(struct rules *r, const struct match *m, const struct candidate *c)
{
	enum match_kind kind = match_kind(m, c->alternative);
	const char *name = match_name(m, c->alternative);
	int error = 0;

	r->root |= kind == MATCH_ROOT;
	r->attributes |= kind == MATCH_ATTRIBUTE;
	r->comments |= kind == MATCH_COMMENT || kind == MATCH_PI || kind == MATCH_CHILD;
	if (kind == MATCH_ELEMENT && name)
		return append(&r->elements[bucket_of(name)], c);
	if (kind == MATCH_ELEMENT || kind == MATCH_CHILD)
		error = append_everywhere(r, c);
	if (error == 0 && kind != MATCH_ELEMENT)
		error = append(&r->others, c);
	return error;
}

int rules_index(struct rules *r)
{
	struct candidate c = { 0 };
	int error = 0;

	for (c.pattern = 0; c.pattern < r->count; c.pattern++)
		for (c.rule = 0; c.rule < r->patterns[c.pattern].count; c.rule++) {
			const struct match *m =
				r->patterns[c.pattern].rules[c.rule].context;

			for (c.alternative = 0;
				error == 0 && c.alternative < match_count(m);
				c.alternative++)
				error = add(r, m, &c);
		}
	return error;
}

const struct candidates *rules_candidates(const struct rules *r, const xmlNode *node)
{
	return node->type == XML_ELEMENT_NODE
		       ? &r->elements[bucket_of((const char *)node->name)]
		       : &r->others;
}

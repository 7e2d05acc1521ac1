/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_model.h"

#include "common/buf.h"

#include <errno.h>
#include <string.h>

#define TEXT_MAX 4096

static void message_done(struct message *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->parts[i].text);
		xmlXPathFreeCompExpr(m->parts[i].select);
	}
	free(m->parts);
}

static void lets_done(struct lets *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->list[i].name);
		xmlXPathFreeCompExpr(l->list[i].value);
	}
	free(l->list);
}

static void assertion_done(struct assertion *a)
{
	message_done(&a->message);
	message_done(&a->fix);
	free(a->id);
	free(a->clause);
	test_done(&a->test);
	xmlXPathFreeCompExpr(a->subject);
}

void rule_done(struct rule *r)
{
	match_free(r->context);
	lets_done(&r->lets);
	for (size_t i = 0; i < r->count; i++)
		assertion_done(&r->assertions[i]);
	free(r->assertions);
}

void pattern_done(struct pattern *p)
{
	for (size_t i = 0; i < p->count; i++)
		rule_done(&p->rules[i]);
	free(p->rules);
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		pattern_done(&r->patterns[i]);
	free(r->patterns);
	for (size_t i = 0; i < RULE_BUCKETS; i++)
		free(r->elements[i].list);
	free(r->others.list);
	free(r->looked);
	lets_done(&r->lets);
	prefixes_done(&r->prefixes);
	free(r);
}

static const struct assertion *assertion_at(const struct rules *r, size_t index)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->patterns[i].count; k++) {
			const struct rule *rule = &r->patterns[i].rules[k];

			if (index < rule->count)
				return &rule->assertions[index];
			index -= rule->count;
		}
	return NULL;
}

size_t rules_count(const struct rules *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->patterns[i].count; k++)
			n += r->patterns[i].rules[k].count;
	return n;
}

int rules_watch(struct rules *r)
{
	size_t n = 0;

	free(r->looked);
	r->looked = calloc(rules_count(r) + 1, sizeof(*r->looked));
	if (!r->looked)
		return -ENOMEM;
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->patterns[i].count; k++)
			for (size_t m = 0; m < r->patterns[i].rules[k].count; m++)
				r->patterns[i].rules[k].assertions[m].index = n++;
	return 0;
}

size_t rules_looked(const struct rules *r, size_t index)
{
	return r->looked ? r->looked[index] : 0;
}

const char *rules_id(const struct rules *r, size_t index)
{
	const struct assertion *a = assertion_at(r, index);

	return a ? a->id : NULL;
}

const char *rules_clause(const struct rules *r, size_t index)
{
	const struct assertion *a = assertion_at(r, index);

	return a ? a->clause : NULL;
}

char *rules_text(const struct rules *r, size_t index, bool fix)
{
	const struct assertion *a = assertion_at(r, index);
	const struct message *m = !a ? NULL : fix ? &a->fix : &a->message;
	_cleanup_buf_ struct buf b;
	char *text;

	buf_init(&b, TEXT_MAX);
	for (size_t i = 0; m && i < m->count; i++)
		buf_add_str(&b, m->parts[i].text ? m->parts[i].text : "{}");
	while (b.len > 0 && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	text = b.len ? strdup(b.data + strspn(b.data, " ")) : NULL;
	return text;
}

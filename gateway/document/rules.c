/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_model.h"

#include "common/buf.h"
#include "common/limits.h"
#include "xml/node.h"

#include <errno.h>
#include <libxml/xpathInternals.h>
#include <string.h>

#define MESSAGE_MAX 900

struct running {
	const struct rules *rules;
	xmlXPathContext *context;
	struct findings *findings;
};

/* The text of a value, shortened: it may be a whole subtree's. */
static int add_value(const struct running *r, xmlXPathCompExpr *select, xmlNode *node,
	struct buf *message)
{
	_cleanup_object_ xmlXPathObject *value = rule_evaluate(r->context, select, node);
	xmlChar *text = value ? xmlXPathCastToString(value) : NULL;

	if (!text)
		return -EDOM;
	buf_addf(message, "%.100s", (const char *)text);
	xmlFree(text);
	return 0;
}

static int compose(
	const struct running *r, const struct message *m, xmlNode *node, struct buf *text)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct part *part = &m->parts[i];
		const char *plain = part->text;
		int s = 0;

		if (part->select)
			s = add_value(r, part->select, node, text);
		else
			buf_add_str(text, i == 0 && *plain == ' ' ? plain + 1 : plain);
		if (s < 0)
			return s;
	}
	while (text->len > 0 && text->data[text->len - 1] == ' ')
		text->data[--text->len] = '\0';
	return text->error == -ENOMEM ? -ENOMEM : 0;
}

/* The place to name: the first node of subject, or the context node when there is none.
 */
static const xmlNode *place_of(const struct running *r, const struct assertion *a,
	xmlNode *node, xmlXPathObject **ret_keep)
{
	xmlXPathObject *set = NULL;

	if (a->subject)
		set = rule_evaluate(r->context, a->subject, node);
	*ret_keep = set;
	if (!set || set->type != XPATH_NODESET || !set->nodesetval ||
		set->nodesetval->nodeNr == 0)
		return node;
	return set->nodesetval->nodeTab[0];
}

static char *received(const xmlNode *place)
{
	if (place->type == XML_ATTRIBUTE_NODE)
		return (char *)xmlNodeGetContent(place);
	if (place->type != XML_ELEMENT_NODE)
		return NULL;
	/* Of an element with elements only its first value, such as DateTime's. */
	while (xml_child(place, NULL, NULL) &&
		!xml_next(xml_child(place, NULL, NULL), NULL, NULL))
		place = xml_child(place, NULL, NULL);
	return xml_text(place);
}

static int add_finding(const struct running *r, const struct assertion *a, xmlNode *node)
{
	_cleanup_object_ xmlXPathObject *keep = NULL;
	_cleanup_(freep) char *path = NULL, *text = NULL;
	_cleanup_buf_ struct buf message = { 0 }, fix = { 0 };
	struct finding_details d = { .code = "doc.rule",
		.severity = a->severity,
		.rule = a->id,
		.clause = a->clause,
		.message = a->id };
	const xmlNode *place;
	int s;

	if (r->findings->count >= LIMIT_FINDINGS) {
		/* Counted; a place takes time to name. */
		findings_add_details(r->findings, &d);
		return 0;
	}
	place = place_of(r, a, node, &keep);
	path = xml_path_of(place);
	text = received(place);
	buf_init(&message, MESSAGE_MAX);
	buf_init(&fix, MESSAGE_MAX);
	buf_addf(&message, "%s: ", a->id);
	s = compose(r, &a->message, node, &message);
	if (s == 0)
		s = compose(r, &a->fix, node, &fix);
	if (s < 0)
		return s;
	d.where = path;
	d.received = text;
	d.message = message.data ? message.data : a->id;
	d.fix = fix.data; /* none: the reason's */
	findings_add_details(r->findings, &d);
	return 0;
}

/* Evaluate at node and make known, one after the other. Return: 0, -EDOM, -ENOMEM. */
static int set_lets(const struct running *r, const struct lets *lets, xmlNode *node)
{
	for (size_t i = 0; i < lets->count; i++) {
		xmlXPathObject *value =
			rule_evaluate(r->context, lets->list[i].value, node);

		if (!value)
			return -EDOM;
		if (xmlXPathRegisterVariable(
			    r->context, BAD_CAST lets->list[i].name, value) < 0) {
			xmlXPathFreeObject(value);
			return -ENOMEM;
		}
	}
	return 0;
}

static void drop_lets(const struct running *r, const struct lets *lets)
{
	for (size_t i = 0; i < lets->count; i++)
		(void)xmlXPathRegisterVariable(
			r->context, BAD_CAST lets->list[i].name, NULL);
}

static int check(const struct running *r, const struct rule *rule, xmlNode *node)
{
	int s = set_lets(r, &rule->lets, node);

	for (size_t i = 0; s == 0 && i < rule->count; i++) {
		const struct assertion *a = &rule->assertions[i];
		int holds = test_holds(&a->test, r->context, node);

		if (r->rules->looked)
			r->rules->looked[a->index]++;
		if (holds < 0)
			s = holds;
		else if ((holds == 1) == a->report)
			s = add_finding(r, a, node);
	}
	drop_lets(r, &rule->lets);
	return s;
}

/* Give the node, in each pattern, to the first rule that matches it. */
static int visit(void *data, xmlNode *node)
{
	const struct running *r = data;
	const struct candidates *all = rules_candidates(r->rules, node);
	size_t taken = SIZE_MAX; /* pattern whose rule was found */

	for (size_t i = 0; i < all->count; i++) {
		const struct candidate *c = &all->list[i];
		const struct rule *rule = &r->rules->patterns[c->pattern].rules[c->rule];
		int s;

		if (c->pattern == taken)
			continue;
		s = match_test(rule->context, c->alternative, r->context, node);
		if (s > 0) {
			taken = c->pattern;
			s = check(r, rule, node);
		}
		if (s < 0)
			return s;
	}
	return 0;
}

int rules_run(
	const struct rules *rules, xmlXPathContext *context, struct findings *findings)
{
	struct running r = { .rules = rules, .context = context, .findings = findings };
	int s = rule_context_use(context, &rules->prefixes);

	if (s == 0)
		s = set_lets(&r, &rules->lets, (xmlNode *)context->doc);
	if (s == 0)
		s = rules_walk(rules, context, visit, &r);
	drop_lets(&r, &rules->lets);
	return s;
}

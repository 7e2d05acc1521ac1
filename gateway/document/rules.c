/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_model.h"

#include "common/buf.h"
#include "common/limits.h"
#include "xml/node.h"

#include <errno.h>
#include <string.h>

#define MESSAGE_MAX 900

struct running {
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

static int compose(const struct running *r, const struct assertion *a, xmlNode *node,
	struct buf *message)
{
	buf_addf(message, "%s: ", a->id);
	for (size_t i = 0; i < a->part_count; i++) {
		const struct part *part = &a->parts[i];
		const char *text = part->text;

		if (part->select) {
			int s = add_value(r, part->select, node, message);

			if (s < 0)
				return s;
			continue;
		}
		if (i == 0 && *text == ' ')
			text++;
		buf_add_str(message, text);
	}
	while (message->len > 0 && message->data[message->len - 1] == ' ')
		message->data[--message->len] = '\0';
	return message->error == -ENOMEM ? -ENOMEM : 0;
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
	_cleanup_buf_ struct buf message = { 0 };
	const xmlNode *place;
	int s;

	if (r->findings->count >=
		LIMIT_FINDINGS) { /* counted; a place takes time to name */
		findings_addf(
			r->findings, a->severity, "doc.rule", NULL, NULL, "%s", a->id);
		return 0;
	}
	place = place_of(r, a, node, &keep);
	path = xml_path_of(place);
	text = received(place);

	buf_init(&message, MESSAGE_MAX);
	s = compose(r, a, node, &message);
	if (s == 0)
		findings_addf(r->findings, a->severity, "doc.rule", path, text, "%s",
			message.data ? message.data : a->id);
	return s;
}

static int check(const struct running *r, const struct rule *rule, xmlNode *node)
{
	for (size_t i = 0; i < rule->count; i++) {
		const struct assertion *a = &rule->assertions[i];
		_cleanup_object_ xmlXPathObject *value =
			rule_evaluate(r->context, a->test, node);
		int s = 0;

		if (!value)
			return -EDOM;
		if ((xmlXPathCastToBoolean(value) != 0) == a->report)
			s = add_finding(r, a, node);
		if (s < 0)
			return s;
	}
	return 0;
}

/* Give every node of the set that no earlier rule of the pattern had to this one. Nodes
 * are marked in _private, which nothing else uses and which is cleared below. */
static int run_rule(const struct running *r, const struct rule *rule,
	const xmlNodeSet *nodes, void *mark)
{
	int s = 0;

	for (int i = 0; s == 0 && nodes && i < nodes->nodeNr; i++) {
		xmlNode *node = nodes->nodeTab[i];

		if (node->type == XML_NAMESPACE_DECL || node->_private == mark)
			continue;
		node->_private = mark;
		s = check(r, rule, node);
	}
	return s;
}

static void clear_marks(const xmlXPathObject *set)
{
	for (int i = 0; set->nodesetval && i < set->nodesetval->nodeNr; i++)
		if (set->nodesetval->nodeTab[i]->type != XML_NAMESPACE_DECL)
			set->nodesetval->nodeTab[i]->_private = NULL;
}

/* What the contexts of a pattern's rules matched. */
struct matches {
	xmlXPathObject *set;
};

static int match(const struct running *r, const struct rule *rule, struct matches *ret)
{
	xmlXPathObject *set =
		rule_evaluate(r->context, rule->context, (xmlNode *)r->context->doc);

	if (!set || set->type != XPATH_NODESET) {
		xmlXPathFreeObject(set);
		return -EDOM;
	}
	ret->set = set;
	return 0;
}

static int run_pattern(const struct running *r, const struct pattern *p)
{
	struct matches *matches = calloc(p->count + 1, sizeof(*matches));
	int s = matches ? 0 : -ENOMEM;

	for (size_t i = 0; s == 0 && i < p->count; i++) {
		s = match(r, &p->rules[i], &matches[i]);
		if (s == 0)
			s = run_rule(
				r, &p->rules[i], matches[i].set->nodesetval, matches);
	}
	for (size_t i = 0; matches && i < p->count && matches[i].set; i++) {
		clear_marks(matches[i].set);
		xmlXPathFreeObject(matches[i].set);
	}
	free(matches);
	return s;
}

int rules_run(
	const struct rules *rules, xmlXPathContext *context, struct findings *findings)
{
	struct running r = { .context = context, .findings = findings };
	int s = rule_context_use(context, &rules->prefixes);

	for (size_t i = 0; s == 0 && i < rules->count; i++)
		s = run_pattern(&r, &rules->patterns[i]);
	return s;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/match_model.h"

#include <errno.h>
#include <string.h>

size_t match_count(const struct match *m)
{
	return m->count;
}

enum match_kind match_kind(const struct match *m, size_t alternative)
{
	const struct alternative *a = &m->alternatives[alternative];

	return a->count ? a->steps[a->count - 1].kind : MATCH_ROOT;
}

const char *match_name(const struct match *m, size_t alternative)
{
	const struct alternative *a = &m->alternatives[alternative];

	return a->count ? a->steps[a->count - 1].name : NULL;
}

static bool kind_fits(const struct step *s, const xmlNode *node)
{
	if (node->type == XML_ATTRIBUTE_NODE)
		return s->kind == MATCH_ATTRIBUTE;
	if (node->type == XML_ELEMENT_NODE)
		return s->kind == MATCH_ELEMENT || s->kind == MATCH_CHILD;
	if (node->type == XML_COMMENT_NODE)
		return s->kind == MATCH_COMMENT || s->kind == MATCH_CHILD;
	return node->type == XML_PI_NODE &&
	       (s->kind == MATCH_PI || s->kind == MATCH_CHILD);
}

static bool name_fits(const struct step *s, const xmlNode *node)
{
	if (s->name && strcmp(s->name, (const char *)node->name) != 0)
		return false;
	if (s->any_namespace)
		return true;
	if (!s->uri)
		return !node->ns;
	return node->ns && strcmp(s->uri, (const char *)node->ns->href) == 0;
}

/* Elements have a negative number that falls in document order. */
static ptrdiff_t number_of(const xmlNode *node)
{
	return (ptrdiff_t)node->content;
}

static bool holds_node(const xmlNodeSet *set, const xmlNode *node)
{
	int low = 0, high = set ? set->nodeNr : 0;

	while (low < high) {
		int middle = low + (high - low) / 2;
		const xmlNode *at = set->nodeTab[middle];

		if (at == node)
			return true;
		if (number_of(at) > number_of(node))
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* A position counts among the siblings that the step selects from the parent. The set of
 * one parent is kept: nodes come in document order, so most of them share it. */
static int among_siblings(
	const struct step *s, xmlXPathContext *context, const xmlNode *node)
{
	struct siblings *kept = s->kept;

	if (kept->parent != node->parent) {
		xmlXPathFreeObject(kept->set);
		kept->parent = node->parent;
		kept->set = rule_evaluate(context, s->select, node->parent);
	}
	if (!kept->set || kept->set->type != XPATH_NODESET)
		return -EDOM;
	return holds_node(kept->set->nodesetval, node);
}

static int step_fits(const struct step *s, xmlXPathContext *context, xmlNode *node)
{
	if (!kind_fits(s, node) || !name_fits(s, node))
		return 0;
	if (s->select)
		return among_siblings(s, context, node);
	for (size_t i = 0; i < s->predicate_count; i++) {
		int r = test_holds(&s->predicates[i], context, node);

		if (r <= 0)
			return r;
	}
	return 1;
}

static int steps_fit(const struct alternative *a, size_t count, xmlXPathContext *context,
	xmlNode *node);

/* The steps before the last one, at the parent or, behind //, at any ancestor. */
static int rest_fits(const struct alternative *a, size_t last, xmlXPathContext *context,
	xmlNode *parent)
{
	int r = 0;

	if (last == 0 && a->absolute && !a->steps[0].deep)
		return parent && parent->type == XML_DOCUMENT_NODE;
	if (last == 0)
		return 1;
	do {
		r = parent ? steps_fit(a, last, context, parent) : 0;
		parent = parent ? parent->parent : NULL;
	} while (r == 0 && a->steps[last].deep && parent);
	return r;
}

static int steps_fit(const struct alternative *a, size_t count, xmlXPathContext *context,
	xmlNode *node)
{
	int r = step_fits(&a->steps[count - 1], context, node);

	return r > 0 ? rest_fits(a, count - 1, context, node->parent) : r;
}

int match_test(const struct match *m, size_t alternative, xmlXPathContext *context,
	xmlNode *node)
{
	const struct alternative *a = &m->alternatives[alternative];

	if (a->count == 0)
		return node->type == XML_DOCUMENT_NODE;
	return steps_fit(a, a->count, context, node);
}

void match_forget(const struct match *m)
{
	for (size_t i = 0; m->positions && i < m->count; i++)
		for (size_t k = 0; k < m->alternatives[i].count; k++) {
			struct siblings *kept = m->alternatives[i].steps[k].kept;

			if (!kept)
				continue;
			xmlXPathFreeObject(kept->set);
			*kept = (struct siblings){ 0 };
		}
}

static void step_done(struct step *s)
{
	for (size_t i = 0; i < s->predicate_count; i++)
		test_done(&s->predicates[i]);
	free(s->name);
	free(s->uri);
	xmlXPathFreeCompExpr(s->select);
	if (s->kept)
		xmlXPathFreeObject(s->kept->set);
	free(s->kept);
}

void match_free(struct match *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++) {
		for (size_t k = 0; k < m->alternatives[i].count; k++)
			step_done(&m->alternatives[i].steps[k]);
		free(m->alternatives[i].steps);
	}
	free(m->alternatives);
	free(m);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_model.h"

struct walking {
	const struct rules *rules;
	int (*visit)(void *data, xmlNode *node);
	void *data;
};

static int visit_attributes(const struct walking *w, const xmlNode *node)
{
	int s = 0;

	for (xmlAttr *a = node->properties; s == 0 && a; a = a->next)
		s = w->visit(w->data, (xmlNode *)(void *)a);
	return s;
}

static int visit_node(const struct walking *w, xmlNode *node)
{
	int s = 0;

	if (node->type == XML_ELEMENT_NODE) {
		s = w->visit(w->data, node);
		if (s == 0 && w->rules->attributes)
			s = visit_attributes(w, node);
	} else if (w->rules->comments &&
		   (node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE)) {
		s = w->visit(w->data, node);
	}
	return s;
}

/* The node behind this one in document order, or NULL. */
static xmlNode *following(xmlNode *node)
{
	if (node->type == XML_ELEMENT_NODE && node->children)
		return node->children;
	while (node && !node->next)
		node = node->parent && node->parent->type == XML_ELEMENT_NODE
			       ? node->parent
			       : NULL;
	return node ? node->next : NULL;
}

static void forget(const struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		for (size_t k = 0; k < rules->patterns[i].count; k++)
			match_forget(rules->patterns[i].rules[k].context);
}

int rules_walk(const struct rules *r, xmlXPathContext *context,
	int (*visit)(void *data, xmlNode *node), void *data)
{
	const struct walking w = { .rules = r, .visit = visit, .data = data };
	int s = r->root ? visit(data, (xmlNode *)context->doc) : 0;

	for (xmlNode *node = context->doc->children; s == 0 && node;
		node = following(node))
		s = visit_node(&w, node);
	forget(r);
	return s;
}

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * XPath 1.0 as rules and code checks use it: one context a document, time as a number, a
 * bound on the work; never compiles an expression that came with a document.
 */
#ifndef SEALGATE_DOCUMENT_XPATH_H
#define SEALGATE_DOCUMENT_XPATH_H

#include "common/cleanup.h"

#include <libxml/xpath.h>
#include <stdbool.h>
#include <stdint.h>

#define RULES_NS "urn:sealgate:rules"
#define PREFIX_MAX 8

struct prefix {
	char *prefix, *uri;
};

struct prefixes {
	struct prefix list[PREFIX_MAX];
	size_t count;
};

/* Return: 0, -E2BIG over PREFIX_MAX, -ENOMEM. */
int prefixes_add(struct prefixes *p, const char *prefix, const char *uri);
void prefixes_done(struct prefixes *p);

/* Compile an expression that comes with a policy: every prefix must be known, and on an
 * empty document it must evaluate, to a set of nodes where nodes are wanted. NULL when
 * not. */
xmlXPathCompExpr *rule_compile(
	const char *expression, const struct prefixes *p, bool nodes);

/* A context over doc with the function {urn:sealgate:rules}time (seconds of the first
 * node of a set or of a text, NaN when it is no time) and the variable $now. NULL without
 * memory. */
xmlXPathContext *rule_context(xmlDoc *doc, int64_t now);
DEFINE_CLEANUP(xmlXPathContext *, xmlXPathFreeContext)
#define _cleanup_xpath_ _cleanup_(xmlXPathFreeContextp)

/* Put these prefixes in the place of those the context has. Return: 0 or -ENOMEM. */
int rule_context_use(xmlXPathContext *context, const struct prefixes *p);

/* Evaluate at node. NULL when the expression fails, or takes more work than allowed. */
xmlXPathObject *rule_evaluate(
	xmlXPathContext *context, xmlXPathCompExpr *expression, xmlNode *node);
DEFINE_CLEANUP(xmlXPathObject *, xmlXPathFreeObject)
#define _cleanup_object_ _cleanup_(xmlXPathFreeObjectp)

#endif

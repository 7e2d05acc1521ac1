/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What rules look like in memory, between rules_load.c, which reads them, and rules.c,
 * which applies them; never used outside the two.
 */
#ifndef SEALGATE_DOCUMENT_RULES_MODEL_H
#define SEALGATE_DOCUMENT_RULES_MODEL_H

#include "document/rules.h"

/* A piece of a message: plain text, or the value of an expression at the context. */
struct part {
	char *text;
	xmlXPathCompExpr *select;
};

struct assertion {
	char *id;
	bool report; /* a finding when the test holds, not when it fails */
	enum severity severity;
	xmlXPathCompExpr *test;
	xmlXPathCompExpr *subject; /* or NULL: the context node */
	struct part *parts;
	size_t part_count;
};

struct rule {
	xmlXPathCompExpr *context;
	struct assertion *assertions;
	size_t count;
};

/* A node is given to the first rule of a pattern that matches it. */
struct pattern {
	struct rule *rules;
	size_t count;
};

struct rules {
	struct prefixes prefixes;
	struct pattern *patterns;
	size_t count;
};

#endif

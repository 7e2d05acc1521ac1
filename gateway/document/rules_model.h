/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What rules look like in memory, between rules_load.c, which compiles them, and rules.c,
 * which applies them; never used outside the parts of the two.
 */
#ifndef SEALGATE_DOCUMENT_RULES_MODEL_H
#define SEALGATE_DOCUMENT_RULES_MODEL_H

#include "document/match.h"
#include "document/quick.h"
#include "document/rules.h"

/* A piece of a message: plain text, or the value of an expression at the context. */
struct part {
	char *text;
	xmlXPathCompExpr *select;
};

struct message {
	struct part *parts;
	size_t count;
};

struct let {
	char *name;
	xmlXPathCompExpr *value;
};

struct lets {
	struct let *list;
	size_t count;
};

struct assertion {
	size_t index; /* among all of the rules */
	char *id;
	char *clause; /* see, or NULL */
	bool report;  /* a finding when the test holds, not when it fails */
	enum severity severity;
	struct test test;
	xmlXPathCompExpr *subject; /* or NULL: the context node */
	struct message message;
	struct message fix; /* its diagnostics; none: the reason's */
};

struct rule {
	struct match *context;
	struct lets lets;
	struct assertion *assertions;
	size_t count;
};

/* A node is given to the first rule of a pattern that matches it. */
struct pattern {
	struct rule *rules;
	size_t count;
};

/* A rule that may match a node, by one of the alternatives of its context. */
struct candidate {
	unsigned int pattern, rule, alternative;
};

/* In the order of patterns and rules. */
struct candidates {
	struct candidate *list;
	size_t count;
};

#define RULE_BUCKETS 64

struct rules {
	struct prefixes prefixes;
	struct lets lets; /* of the schema and its patterns */
	struct pattern *patterns;
	size_t count;
	/* For elements by the hash of their local name; for any other node. */
	struct candidates elements[RULE_BUCKETS];
	struct candidates others;
	bool attributes, comments, root; /* may be matched at all */
	size_t *looked; /* by index, while watched: how often it was evaluated */
};

void rule_done(struct rule *r);
void pattern_done(struct pattern *p);

/* Fill the tables of candidates. Return: 0 or -ENOMEM. */
int rules_index(struct rules *r);

/* Every node that some rule may match, in document order, until visit says no (negative).
 * What the contexts kept about the document is forgotten. Return: 0 or what visit said.
 */
int rules_walk(const struct rules *r, xmlXPathContext *context,
	int (*visit)(void *data, xmlNode *node), void *data);

/* The candidates for a node. */
const struct candidates *rules_candidates(const struct rules *r, const xmlNode *node);

#endif

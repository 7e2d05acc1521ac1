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
#define PREFIX_MAX 16

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

/* The namespace of a prefix that is not NUL-terminated, or NULL. */
const char *prefixes_find(const struct prefixes *p, const char *prefix, size_t len);

/* What compiles the expressions of one policy file: its prefixes and the variables that
 * are known so far, with an empty document to try each expression on. */
struct rule_compiler;

struct rule_compiler *rule_compiler_new(const struct prefixes *p);
void rule_compiler_free(struct rule_compiler *c);
DEFINE_CLEANUP(struct rule_compiler *, rule_compiler_free)

const struct prefixes *rule_compiler_prefixes(const struct rule_compiler *c);

/* Only a predicate has a position() and a last(). */
enum rule_want { WANT_VALUE = 0, WANT_NODES, WANT_PREDICATE };

/* Compile an expression that comes with a policy. Every prefix, variable and function
 * must be known wherever it stands, and on an empty document the expression must
 * evaluate, to a set of nodes where nodes are wanted. Return: the expression, or NULL
 * with *ret_why, a sentence that lives as long as the compiler. */
xmlXPathCompExpr *rule_compile(struct rule_compiler *c, const char *expression,
	enum rule_want want, const char **ret_why);

/* Whether the value of a compiled expression is a number, which as a predicate means a
 * position: XPath 1.0 decides types without looking at a document. */
bool rule_is_number(struct rule_compiler *c, xmlXPathCompExpr *expression);

/* Make a variable known, with the type of this expression's value. Return: 0, -EEXIST,
 * -ENOMEM. */
int rule_let(struct rule_compiler *c, const char *name, xmlXPathCompExpr *value);
void rule_unlet(struct rule_compiler *c, const char *name);

/* A context over doc with the function {urn:sealgate:rules}time (seconds of the first
 * node of a set or of a text, NaN when it is no time), current() and the variable $now.
 * NULL without memory. */
xmlXPathContext *rule_context(xmlDoc *doc, int64_t now);
DEFINE_CLEANUP(xmlXPathContext *, xmlXPathFreeContext)
#define _cleanup_xpath_ _cleanup_(xmlXPathFreeContextp)

/* Put these prefixes in the place of those the context has. Return: 0 or -ENOMEM. */
int rule_context_use(xmlXPathContext *context, const struct prefixes *p);

/* Evaluate at node, which is also what current() means. NULL when the expression fails,
 * or takes more work than allowed. */
xmlXPathObject *rule_evaluate(
	xmlXPathContext *context, xmlXPathCompExpr *expression, xmlNode *node);
DEFINE_CLEANUP(xmlXPathObject *, xmlXPathFreeObject)
#define _cleanup_object_ _cleanup_(xmlXPathFreeObjectp)

/* The same to a truth value. Return: 1, 0, or -EDOM. */
int rule_holds(xmlXPathContext *context, xmlXPathCompExpr *expression, xmlNode *node);

#endif

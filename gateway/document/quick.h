/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Tests that most rules are made of, answered without an XPath machine: a child or
 * attribute is there, equals a text, is not blank; any of several of these. Never answers
 * otherwise than XPath 1.0 does.
 *
 *   a   p:a   @a   a = 'x'   @a = "x"   . = 'x'   a = 1   a != 1   normalize-space(a) !=
 * '' t or t ...
 */
#ifndef SEALGATE_DOCUMENT_QUICK_H
#define SEALGATE_DOCUMENT_QUICK_H

#include "document/xpath.h"

struct quick;

/* The test of an expression of that form; NULL for any other, and without memory. */
struct quick *quick_compile(const char *expression, const struct prefixes *p);
void quick_free(struct quick *q);

/* Does it hold at the element? */
bool quick_holds(const struct quick *q, const xmlNode *node);

/* An expression with its quick form, if it has one. */
struct test {
	xmlXPathCompExpr *expression;
	struct quick *quick;
};

/* Compile. *ret_why as by rule_compile. Return: false when the expression is refused. */
bool test_compile(struct rule_compiler *c, const char *expression, enum rule_want want,
	struct test *ret_test, const char **ret_why);
void test_done(struct test *t);

/* Return: 1, 0, or -EDOM. */
int test_holds(const struct test *t, xmlXPathContext *context, xmlNode *node);

#endif

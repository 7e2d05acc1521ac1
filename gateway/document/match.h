/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Patterns of XSLT 1.0 (section 5.2), which are the contexts of Schematron rules:
 * compiled once, asked of one node after the other; never walks over a document.
 */
#ifndef SEALGATE_DOCUMENT_MATCH_H
#define SEALGATE_DOCUMENT_MATCH_H

#include "document/xpath.h"

struct match;

enum match_kind {
	MATCH_ROOT,
	MATCH_ELEMENT,
	MATCH_ATTRIBUTE,
	MATCH_COMMENT,
	MATCH_PI,
	MATCH_CHILD, /* node(): any of the three above that is a child */
};

/* Compile a pattern. *ret_why: a sentence that lives as long as the compiler.
 * Return: NULL when it is none, or one that takes too much work. */
struct match *match_compile(
	struct rule_compiler *c, const char *pattern, const char **ret_why);
void match_free(struct match *m);
DEFINE_CLEANUP(struct match *, match_free)

/* The alternatives a|b|c: how many, of which kind the matched node is, and its local name
 * when the pattern demands one, else NULL. */
size_t match_count(const struct match *m);
enum match_kind match_kind(const struct match *m, size_t alternative);
const char *match_name(const struct match *m, size_t alternative);

/* Forget what was kept about a document; to be called before it is freed. */
void match_forget(const struct match *m);

/* Does this alternative match the node? The elements of the document are numbered
 * (rule_context). Return: 1, 0, or -EDOM when a predicate cannot be evaluated. */
int match_test(const struct match *m, size_t alternative, xmlXPathContext *context,
	xmlNode *node);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the parts of the loader of rules share; never used outside them.
 */
#ifndef SEALGATE_DOCUMENT_RULES_LOADING_H
#define SEALGATE_DOCUMENT_RULES_LOADING_H

#include "document/rules_model.h"
#include "document/rules_source.h"

/* An id of an assertion and where it was written: what abstract patterns write out twice
 * is one assertion, and the same id elsewhere is a slip. */
struct seen_id {
	char *id;
	const char *path;
	long line;
};

struct rules_loading {
	struct rules_source source;
	char **ret_error;
	struct rules *rules;
	struct rule_compiler *compiler;
	const xmlNode *root;
	struct seen_id *seen;
	size_t seen_count;
};

/* "FILE:LINE: what" or "FILE:LINE: what: why". Return: -EINVAL. */
int rules_fail(const struct rules_loading *l, const xmlNode *node, const char *what);
int rules_fail_why(const struct rules_loading *l, const xmlNode *node, const char *what,
	const char *why);

/* The expression of an attribute, which must be there. Return: 0 or -EINVAL. */
int rules_expression(const struct rules_loading *l, const xmlNode *node,
	const char *attribute, enum rule_want want, xmlXPathCompExpr **ret);

/* Make room for one more element of size octets, zeroed. Return: 0 or -ENOMEM. */
int rules_grow(void **list, size_t count, size_t size);

/* The text of an assertion or diagnostic, appended to what the message has already. */
int rules_load_message(
	const struct rules_loading *l, const xmlNode *node, struct message *m);

/* One assert or report. role and see: inherited, or NULL. Return: 0, -EINVAL, -ENOMEM. */
int rules_load_assertion(struct rules_loading *l, const xmlNode *node, const char *role,
	const char *see, struct assertion *a);

/* let: known to the compiler from here on. Return: 0, -EINVAL, -ENOMEM. */
int rules_load_let(struct rules_loading *l, const xmlNode *node, struct lets *lets);

#endif

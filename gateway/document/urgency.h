/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a type of document says about urgency: which of three a document is of, and when
 * its consignment is expected; never orders a queue.
 */
#ifndef SEALGATE_DOCUMENT_URGENCY_H
#define SEALGATE_DOCUMENT_URGENCY_H

#include "document/facts.h"
#include "document/xpath.h"

#include <libconfig.h>

#define URGENCY_RULES_MAX 8

struct urgency_rule {
	char letter;		/* 'A', 'B' or 'C' */
	xmlXPathCompExpr *when; /* NULL: always */
};

/* Zeroed: everything is B, with the times of urgency_rules_init. */
struct urgency_rules {
	int64_t transit_s; /* from departure to arrival, where the latter is not named */
	int64_t bound_s;   /* nothing is expected earlier or later than this from now */
	struct urgency_rule rules[URGENCY_RULES_MAX];
	size_t count;
};

struct urgency_found {
	char letter[2];	  /* "A" */
	int64_t expected; /* seconds: when the consignment is expected */
};

/* The group `urgency` of a type, NULL: none. *ret_why: what is wrong, lives as long as
 * the compiler. Return: 0 or -EINVAL; what was compiled is to be freed in any case. */
int urgency_read(const config_setting_t *group, struct rule_compiler *compiler,
	struct urgency_rules *ret, const char **ret_why);
void urgency_done(struct urgency_rules *u);

/* The first rule that holds; context as of the type's `when`. A rule that cannot be
 * evaluated does not hold. */
void urgency_of(const struct urgency_rules *u, xmlXPathContext *context, xmlDoc *doc,
	const struct facts *facts, int64_t now, struct urgency_found *ret);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rules in ISO Schematron (ISO/IEC 19757-3) with XPath 1.0, compiled once and evaluated
 * natively; never loads what it would not evaluate.
 */
#ifndef SEALGATE_DOCUMENT_RULES_H
#define SEALGATE_DOCUMENT_RULES_H

#include "common/finding.h"
#include "document/xpath.h"

#include <stdbool.h>

struct rules;

/* Read a *.sch below policies/rules with what it includes; policies/rules/README.md says
 * what may stand in it. phase: an id, "#ALL", or NULL for the schema's default.
 * *ret_error: one line, the caller frees. Return: 0, -EINVAL, -errno. */
int rules_load(
	const char *path, const char *phase, struct rules **ret_rules, char **ret_error);
void rules_free(struct rules *r);
DEFINE_CLEANUP(struct rules *, rules_free)

/* Every assertion that does not hold, and every report that does, is a finding doc.rule
 * with its id, in document order. Return: 0, -EDOM when a rule cannot be evaluated or
 * takes too much work, -errno. */
int rules_run(const struct rules *r, xmlXPathContext *context, struct findings *findings);

/* How many assertions and reports there are, and the id of each, for lists and tests. */
size_t rules_count(const struct rules *r);
const char *rules_id(const struct rules *r, size_t index);

/* What it stands on, or NULL. */
const char *rules_clause(const struct rules *r, size_t index);

/* What it says, or how it is mended, with "{}" in the place of each value: the caller
 * frees; NULL when it says nothing, or without memory. */
char *rules_text(const struct rules *r, size_t index, bool fix);

/* Count from now on how often each is evaluated, and how often it was. Return: 0 or
 * -ENOMEM. */
int rules_watch(struct rules *r);
size_t rules_looked(const struct rules *r, size_t index);

#endif

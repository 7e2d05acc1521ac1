/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rules in a subset of ISO Schematron (ISO/IEC 19757-3) with XPath 1.0: schema, title,
 * ns, pattern, rule, assert, report, value-of; never loads what it would not evaluate.
 */
#ifndef SEALGATE_DOCUMENT_RULES_H
#define SEALGATE_DOCUMENT_RULES_H

#include "common/finding.h"
#include "document/xpath.h"

struct rules;

/* Read a *.sch below policies/rules. Expressions may use $now (seconds) and time() of the
 * namespace urn:sealgate:rules. An assert or report has id, test and text; it may have
 * role ("error", "warning", "info") and subject, the place to name (XPath from the
 * context). Elements and attributes beyond that are refused. *ret_error: one line, the
 * caller frees. Return: 0, -EINVAL, -errno. */
int rules_load(const char *path, struct rules **ret_rules, char **ret_error);
void rules_free(struct rules *r);
DEFINE_CLEANUP(struct rules *, rules_free)

/* Every assertion that does not hold, and every report that does, is a finding doc.rule
 * that begins with its id. Return: 0, -EDOM when a rule cannot be evaluated or takes too
 * much work, -errno. */
int rules_run(const struct rules *r, xmlXPathContext *context, struct findings *findings);

#endif

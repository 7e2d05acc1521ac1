/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Code lists (policies/codes) and the checks that say where a document must keep to
 * which; never knows what a code means.
 */
#ifndef SEALGATE_DOCUMENT_CODES_H
#define SEALGATE_DOCUMENT_CODES_H

#include "common/finding.h"
#include "document/xpath.h"

struct code_checks;

/* Read a table of checks, the *.csv below policies/types: columns id, xpath, list, where,
 * severity. list names codes/LIST.csv, or ?LIST, without which there is no such check;
 * where is COLUMN=VALUE of that list, or empty; severity is error or warning. Expressions
 * use the prefixes. *ret_error: one line, the caller frees. Return: 0, -EINVAL, -errno.
 */
int code_checks_load(const char *policies, const char *path,
	const struct prefixes *prefixes, struct code_checks **ret_checks,
	char **ret_error);
void code_checks_free(struct code_checks *c);
DEFINE_CLEANUP(struct code_checks *, code_checks_free)

/* Every value that is not in its list, or was not on the day of date (seconds), is a
 * finding doc.code. Return: 0 or negative undecided. */
int code_checks_run(const struct code_checks *c, xmlXPathContext *context, int64_t date,
	struct findings *findings);

/* How many checks there are, the id of each, and how many values it has seen since the
 * checks are watched. */
size_t code_checks_count(const struct code_checks *c);
const char *code_checks_id(const struct code_checks *c, size_t index);
void code_checks_watch(struct code_checks *c);
/* Whether its list may be absent. */
bool code_checks_optional(const struct code_checks *c, size_t index);
size_t code_checks_looked(const struct code_checks *c, size_t index);

#endif

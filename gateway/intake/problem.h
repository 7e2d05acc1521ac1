/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The problem as the answer of one exchange with a partner, by web/problem.h; never says
 * what a partner may not know.
 */
#ifndef SEALGATE_INTAKE_PROBLEM_H
#define SEALGATE_INTAKE_PROBLEM_H

#include "intake/exchange.h"

/* Answer with the problem of a code. received: what was there, or NULL; detail: one
 * sentence more, or NULL for the reason's own. */
void problem(
	struct exchange *x, const char *code, const char *received, const char *detail);

/* The same with further members; extra is released and may be NULL. */
void problem_with(struct exchange *x, const char *code, const char *received,
	const char *detail, json_t *extra);

/* Refused by its findings, an array of the form of findings_to_json: status and code of
 * the first error, 422 when there are several. extra as above. */
void problem_findings(struct exchange *x, json_t *findings, json_t *extra);

#endif

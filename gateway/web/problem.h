/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Problem documents (RFC 9457) from the table of reasons; never invents a status of its
 * own.
 */
#ifndef SEALGATE_WEB_PROBLEM_H
#define SEALGATE_WEB_PROBLEM_H

#include "web/response.h"

/* Answer with the problem of a code. received: what was there, or NULL; detail: one
 * sentence more, or NULL for the reason's own; extra: further members, released, may be
 * NULL. */
void web_problem(struct response *r, const char *correlation, const char *code,
	const char *received, const char *detail, json_t *extra);

/* Refused by its findings, an array of the form of findings_to_json: status and code of
 * the first error, 422 when there are several. extra as above. */
void web_problem_findings(
	struct response *r, const char *correlation, json_t *findings, json_t *extra);

#endif

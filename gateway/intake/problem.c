/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/problem.h"

#include "web/problem.h"

void problem_with(struct exchange *x, const char *code, const char *received,
	const char *detail, json_t *extra)
{
	web_problem(x->response, x->request->correlation, code, received, detail, extra);
}

void problem(
	struct exchange *x, const char *code, const char *received, const char *detail)
{
	problem_with(x, code, received, detail, NULL);
}

void problem_findings(struct exchange *x, json_t *findings, json_t *extra)
{
	web_problem_findings(x->response, x->request->correlation, findings, extra);
}

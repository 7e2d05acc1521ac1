/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/refuse.h"

#include "intake/problem.h"
#include "web/explain.h"

#include <string.h>

void refuse(
	struct exchange *x, const char *code, const char *received, const char *detail)
{
	const char *listener = scgi_get(&x->request->scgi, "LISTENER");
	const struct web_refusal q = { .instance = x->server->instance,
		.request = x->request,
		.listener = strcmp(listener, "customs") == 0 ? listener : "partners",
		.code = code,
		.reason = detail };

	problem_with(x, code, received, detail, web_explain(&q, &x->server->explaining));
}

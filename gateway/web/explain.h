/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What sealgate-handshake has to say of a client certificate that nginx let pass and that
 * is refused behind it; the program keeps a record. Never lets anybody in.
 */
#ifndef SEALGATE_WEB_EXPLAIN_H
#define SEALGATE_WEB_EXPLAIN_H

#include "common/instance.h"
#include "web/patience.h"
#include "web/request.h"

#include <jansson.h>

#define WEB_EXPLAIN_MS 1000 /* that it may take */

struct web_refusal {
	const struct instance *instance;
	const struct request *request;
	const char *listener; /* "partners", "customs", "operators" */
	const char *code;     /* of the problem */
	const char *reason;   /* what it says beyond that, or NULL */
};

/* Members for the problem: certificate, findings, authorities. NULL: the program does not
 * answer in WEB_EXPLAIN_MS, or more threads wait for it than may (patience.h). */
json_t *web_explain(const struct web_refusal *q, struct patience *patience);

#endif

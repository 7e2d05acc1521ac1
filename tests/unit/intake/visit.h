/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A partner's visit as nginx would hand it over, and the answer taken apart; never HTTP.
 */
#ifndef SEALGATE_TESTS_INTAKE_VISIT_H
#define SEALGATE_TESTS_INTAKE_VISIT_H

#include "fakes.h"
#include "intake/links.h"
#include "intake/server.h"

#include <jansson.h>

struct visit {
	const struct person *who; /* NULL: no certificate */
	const char *method;
	const char *uri;
	const char *content_type; /* NULL: application/xml */
	const char *encoding;
	const char *accept;
	const char *date;
	const char *verify;   /* NULL: SUCCESS */
	const char *protocol; /* NULL: TLSv1.3 */
	const char *body;     /* NULL: "" */
	const char *probe;    /* NULL: it is no question of the health check */
};

struct answer {
	int status;
	char header[2048];
	char *body;
	size_t len;
	json_t *json; /* of the body, or NULL */
};

/* The SCGI request of a visit; the caller frees. */
char *visit_request(const struct visit *v, size_t *ret_len);

/* Write the request to a connected socket and read the answer to its end. */
void visit_over(int socket, const struct visit *v, struct answer *ret);

/* Have server_serve answer it in a thread of its own. */
void visit(struct server *s, struct links *l, const struct visit *v, struct answer *ret);

/* The value of a header of the answer, or NULL; static buffer. */
const char *answer_header(const struct answer *a, const char *name);

/* The string of a member of the body, or "". */
const char *answer_text(const struct answer *a, const char *key);
void answer_done(struct answer *a);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/http.h"

#include "common/id.h"
#include "intake/handlers.h"
#include "intake/problem.h"

#include <string.h>

struct route {
	const char *path; /* "{}" stands for a document id, a final "*" for one more
			     segment */
	const char *method;
	void (*run)(struct exchange *x);
};

static const struct route ROUTES[] = {
	{ "/v1/documents", "POST", post_document },
	{ "/v1/preflight", "POST", post_preflight },
	{ "/v1/documents/{}", "GET", get_document },
	{ "/v1/documents/{}/receipt", "GET", get_receipt },
	{ "/v1/documents/{}/report", "GET", get_report },
	{ "/v1/documents/{}/evidence", "GET", get_evidence },
	{ "/v1/documents/{}/events", "GET", get_events },
	{ "/v1/outcomes", "GET", get_outcomes },
	{ "/v1/outcomes/acknowledgement", "POST", post_acknowledgement },
	{ "/v1/status", "GET", get_status },
	{ "/v1/status-of", "GET", get_status_of },
	{ "/v1/certificates", "GET", get_certificates },
	{ "/v1/handshakes", "GET", get_handshakes },
	{ "/v1/policy", "GET", get_policy },
	{ "/v1/codes", "GET", get_codes },
	{ "/v1/codes/*", "GET", get_code_list },
};

/* What customs may ask, at their listener. */
static const struct route CUSTOMS_ROUTES[] = {
	{ "/v1/outcomes", "GET", get_outcomes },
	{ "/v1/outcomes/acknowledgement", "POST", post_acknowledgement },
	{ "/v1/documents/{}/evidence", "GET", get_customs_evidence },
};

/* Paths are compared octet by octet: what would need decoding or cleaning is not ours. */
static bool matches(const char *pattern, const char *path, char ret_id[DOCUMENT_ID_SIZE])
{
	const char *hole = strstr(pattern, "{}");
	size_t before = hole ? (size_t)(hole - pattern) : 0;
	char id[DOCUMENT_ID_SIZE];

	if (!hole && pattern[strlen(pattern) - 1] == '*')
		return strncmp(pattern, path, strlen(pattern) - 1) == 0 &&
		       path[strlen(pattern) - 1] &&
		       !strchr(path + strlen(pattern) - 1, '/');
	if (!hole)
		return strcmp(pattern, path) == 0;
	if (strncmp(pattern, path, before) != 0 ||
		strlen(path) != strlen(pattern) - 2 + DOCUMENT_ID_SIZE - 1)
		return false;
	memcpy(id, path + before, sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	if (!id_valid(id) || strcmp(path + before + sizeof(id) - 1, hole + 2) != 0)
		return false;
	memcpy(ret_id, id, sizeof(id));
	return true;
}

static void dispatch(struct exchange *x, const struct route *routes, size_t count)
{
	const char *method = scgi_get(&x->request->scgi, "REQUEST_METHOD");

	for (size_t i = 0; i < count; i++) {
		if (!matches(routes[i].path, x->request->path, x->id))
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			routes[i].run(x);
			return;
		}
		problem(x, "http.method", method, NULL);
		x->response->allow = routes[i].method; /* every path has one method */
		return;
	}
	problem(x, "http.path", x->request->path, NULL);
}

void http_dispatch(struct exchange *x)
{
	if (x->office)
		dispatch(x, CUSTOMS_ROUTES,
			sizeof(CUSTOMS_ROUTES) / sizeof(CUSTOMS_ROUTES[0]));
	else
		dispatch(x, ROUTES, sizeof(ROUTES) / sizeof(ROUTES[0]));
}

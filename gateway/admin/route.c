/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "web/remote.h"

#include <string.h>

/* The first row whose prefix fits decides; verb NULL: the resource asks by itself. */
static const struct {
	const char *prefix;
	bool exact;
	const char *method;
	const char *verb;
	void (*serve)(struct visit *v, const char *rest);
} RESOURCES[] = {
	{ "/health", true, "GET", "view", health_get },
	{ "/metrics", true, "GET", "view", metrics_get },
	{ "/v1/queue", true, "GET", "view", queue_resource_get },
	{ "/v1/queue/", false, "GET", "view", queue_resource_get },
	{ "/v1/queue/", false, "POST", NULL, queue_resource_post },
	{ "/v1/acts/", false, "POST", NULL, acts_post },
	{ "/v1/maintenance/", false, "POST", NULL, maintenance_post },
	{ "/v1/legal-holds/", false, "POST", NULL, legal_hold_post },
	{ "/v1/reviews", true, "GET", "view", reviews_get },
	{ "/v1/reviews/", false, "POST", NULL, reviews_post },
	{ "/v1/explain", true, "GET", "view", explain_get },
	{ "/v1/appliance", true, "GET", "view", appliance_get },
	{ "/v1/audit", true, "GET", "audit", audit_get },
	{ REMOTE_PATH, true, "POST", NULL, command_post },
	{ REMOTE_PIECES, false, "POST", NULL, piece_post },
};

static bool fits(size_t i, const char *path)
{
	return RESOURCES[i].exact ? strcmp(RESOURCES[i].prefix, path) == 0
				  : strncmp(RESOURCES[i].prefix, path,
					    strlen(RESOURCES[i].prefix)) == 0;
}

void visit_dispatch(struct visit *v)
{
	const char *path = v->request->path, *allow = NULL;
	const char *method = scgi_get(&v->request->scgi, "REQUEST_METHOD");

	for (size_t i = 0; i < sizeof(RESOURCES) / sizeof(RESOURCES[0]); i++) {
		if (!fits(i, path))
			continue;
		if (strcmp(RESOURCES[i].method, method) != 0) {
			allow = allow ? "GET, POST" : RESOURCES[i].method;
			continue;
		}
		if (!RESOURCES[i].verb || visit_may(v, RESOURCES[i].verb))
			RESOURCES[i].serve(v, path + strlen(RESOURCES[i].prefix));
		return;
	}
	visit_problem(
		v, allow ? "http.method" : "http.path", allow ? method : path, NULL);
	v->response->allow = allow;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/handlers.h"

#include "common/json.h"
#include "common/log.h"
#include "evidence/published.h"
#include "intake/problem.h"

#include <errno.h>
#include <string.h>

/* Add a role's certificate; a role without one is left out. Return: 0 or negative. */
static int add_role(struct exchange *x, const char *role, json_t *list)
{
	_cleanup_(freep) uint8_t *der = NULL;
	struct signer_result result;
	json_t *one;
	size_t len;
	int r = links_role(x->links, role, &der, &len, &result);

	if (r != SIGNER_SIGNED)
		return r < 0 ? r : 0;
	one = published_certificate(role, result.mechanism, span_of(der, len));
	return one && json_array_append_new(list, one) == 0 ? 0 : -ENOMEM;
}

void get_certificates(struct exchange *x)
{
	_cleanup_json_ json_t *list = json_array(), *notices = NULL;
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int r = instance_path(x->server->instance, "policies", policies);

	for (size_t i = 0; r == 0 && i < PUBLISHED_ROLES; i++)
		r = add_role(x, PUBLISHED_ROLE[i], list);
	if (r < 0 || json_array_size(list) == 0) {
		problem(x, "http.signer-away", NULL, NULL);
		return;
	}
	notices = published_notices(policies, &error);
	if (!notices) {
		log_event(LOG_ERR, "intake.notices", NULL, "%s",
			error ? error : strerror(ENOMEM));
		problem(x, "internal.error", NULL, NULL);
		return;
	}
	response_json(x->response, 200, TYPE_JSON,
		json_pack("{s:o, s:b, s:O, s:O}", "instance", json_text(x->server->name),
			"test", x->server->test, "certificates", list, "notices",
			notices));
}

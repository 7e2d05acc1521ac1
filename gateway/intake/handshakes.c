/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/handlers.h"

#include "common/clock.h"
#include "common/log.h"
#include "intake/problem.h"
#include "web/handshakes.h"

#include <errno.h>
#include <string.h>

/* The partner's own records: whose they are was proven by the key when they were made.
 * Their folder is another user's, who reads what strangers send. */
void get_handshakes(struct exchange *x)
{
	char path[PATH_MAX];
	json_t *records = NULL;
	int r = handshakes_path(x->server->instance, x->partner->name, path);

	if (r == 0)
		r = handshakes_told(path, x->partner->name, clock_now(), &records);
	if (r < 0) {
		log_event(
			LOG_ERR, "intake.handshakes", NULL, "%s: %s", path, strerror(-r));
		problem(x, "internal.error", NULL, NULL);
		return;
	}
	response_json(
		x->response, 200, TYPE_JSON, json_pack("{s:o}", "handshakes", records));
}

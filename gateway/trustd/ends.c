/* SPDX-License-Identifier: EUPL-1.2 */
#include "trustd/ends.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "web/crl_ends.h"

#include <stdio.h>
#include <string.h>

#define EVERY_MS (3600 * 1000)
#define AGAIN_S (24 * 3600)

void ends_look(struct ends *e, const struct instance *instance)
{
	int64_t now_ms = clock_monotonic_ms(), now = clock_now();
	_cleanup_json_ json_t *all = NULL;
	const json_t *worst;
	char text[CRL_ENDS_SAYS] = "";

	if (now_ms < e->look_ms)
		return;
	e->look_ms = now_ms + EVERY_MS;
	all = crl_ends_report(instance, now);
	worst = crl_ends_worst(all);
	if (worst)
		crl_ends_say(worst, text);
	else if (!all)
		(void)snprintf(text, sizeof(text),
			"the CRLs of the listeners' authorities cannot be read");
	if (*text && (strcmp(text, e->text) != 0 || now - e->said >= AGAIN_S)) {
		log_event(worst && !crl_ends_fails(worst) ? LOG_WARNING : LOG_ERR,
			"trustd.crl-ends", NULL, "%s", text);
		e->said = now;
	}
	(void)snprintf(e->text, sizeof(e->text), "%s", text);
}

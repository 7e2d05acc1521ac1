/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

#define WHY "a part of it is missing or too large"

bool row_spoiled(int error)
{
	return error == -ENODATA || error == -E2BIG;
}

const char *engine_set_aside(struct engine *e)
{
	static _Thread_local char id[DOCUMENT_ID_SIZE];

	if (!e->aside[0])
		return NULL;
	memcpy(id, e->aside, sizeof(id));
	e->aside[0] = '\0';
	return id;
}

int document_set_aside(struct engine *e, int64_t now, struct document_row *d)
{
	int r = document_become(e, d, DOCUMENT_QUARANTINED, 0);

	if (r != QUEUE_DONE)
		return r;
	memcpy(e->aside, d->document.id, sizeof(e->aside));
	r = audit_event(e, now, "queued", "document.quarantined", d,
		json_pack("{s:s,s:i}", "reason", WHY, "attempt", (int)d->attempt));
	return r < 0 ? r : QUEUE_DONE;
}

/* Nothing was sent: what was unknown before is as unknown now. */
int delivery_set_aside(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d, bool unknown)
{
	memcpy(e->aside, doc->document.id, sizeof(e->aside));
	d->due = now + SET_ASIDE_S;
	return delivery_settle(e, now, doc, d,
		unknown ? DELIVERY_UNKNOWN : DELIVERY_DEFERRED, "queued",
		json_pack("{s:s,s:i}", "text", "the container is missing or too large",
			"attempt", (int)d->attempt));
}

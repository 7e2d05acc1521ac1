/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/memfd.h"

#include <stdio.h>

/* What each verb is for; "may_become" of queue/types.h decides. */
static const char *const ALLOWED[] = {
	[QUEUE_HOLD] =
		"hold stops deliveries that are waiting, queued, sending, unknown or "
		"deferred",
	[QUEUE_RELEASE] =
		"release lets go deliveries that are held, or has a document that "
		"is held judged again",
	[QUEUE_REDRIVE] = "redrive tries again deliveries that are refused, expired, "
			  "deferred or unknown, but what another destination has "
			  "got instead only where this one is named, lets go those "
			  "of a sealed document that wait for nothing any more, or "
			  "seals again a document that is quarantined",
	[QUEUE_REROUTE] =
		"reroute gives another way to deliveries that are waiting, queued, "
		"deferred, refused, expired or held, have no other way yet, and cannot "
		"have arrived where they are to leave: not before a look-up has said so "
		"after an attempt whose outcome was not known; where a release takes two "
		"people, what is held is released first",
};

/* "sealed; traces: delivered; customs-nl: sending" */
static void describe(const json_t *document, const char *destination, struct buf *ret)
{
	const json_t *d;
	size_t i;

	buf_add_str(ret, json_string_of(document, "state"));
	json_array_foreach(json_object_get(document, "deliveries"), i, d)
	{
		const char *name = json_string_of(d, "destination");

		if (name && (!*destination || strcmp(destination, name) == 0))
			buf_addf(ret, "; %s: %s", name, json_string_of(d, "state"));
	}
}

void visit_illegal(
	struct visit *v, const char *id, enum queue_control verb, const char *destination)
{
	_cleanup_json_ json_t *document = NULL;
	_cleanup_buf_ struct buf state;
	struct queue_document d;
	struct span text = { 0 };
	int fd = -1;

	buf_init(&state, 1024);
	if (queue_get(v->queue, id, NULL, QUEUE_META, &d, &fd) == QUEUE_DONE &&
		memfd_map(fd, LIMIT_REPORT, &text) == 0) {
		document = json_read(text, LIMIT_REPORT);
		memfd_unmap(&text);
	}
	if (fd >= 0)
		close(fd);
	if (document)
		describe(document, destination, &state);
	visit_problem(v, "queue.state", state.len ? state.data : id, ALLOWED[verb]);
}

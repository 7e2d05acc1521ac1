/* SPDX-License-Identifier: EUPL-1.2 */
/* Who has read a document: a person each time, a system the first time, or whoever asks
 * again and again would fill the chain. */
#include "common/json.h"
#include "queue/backend.h"

#include <string.h>

static int note_reader(struct engine *e, int64_t document, const char *reader)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_READING_FIRST, "it", document, reader);

	return sql_step(e, s);
}

int engine_reading(struct engine *e, int64_t now, const struct queue_reading_request *q)
{
	struct document_row d;
	int r;

	if (!q->reader[0] || !q->what[0])
		return QUEUE_ILLEGAL;
	r = document_find(e, q->id, &d);
	if (r != QUEUE_DONE)
		return r;
	if (!q->person) {
		r = note_reader(e, d.key, q->reader);
		if (r <= 0)
			return r < 0 ? r : QUEUE_DONE;
	}
	r = audit_event(e, now, q->reader, "document.read", &d,
		json_pack("{s:o}", "what", json_text(q->what)));
	return r < 0 ? r : QUEUE_DONE;
}

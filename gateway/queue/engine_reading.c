/* SPDX-License-Identifier: EUPL-1.2 */
/* Who has read a document: on record once for each system and, of a person, for each day,
 * or whoever asks again and again would fill the chain. */
#include "common/clock.h"
#include "common/json.h"
#include "queue/backend.h"

#include <stdio.h>
#include <string.h>

#define DAY_SIZE 10 /* of a time: YYYY-MM-DD */

static const char *const READERS[] = {
	[READER_PARTNER] = "partner",
	[READER_CUSTOMS] = "customs",
	[READER_PERSON] = "person",
};

/* Is it the first reading of its kind? Return: 1, 0, negative. */
static int note(struct engine *e, int64_t now, int64_t document,
	const struct queue_reading_request *q)
{
	char key[sizeof(q->name) + sizeof(q->what) + 32], at[CLOCK_TEXT_SIZE] = "";
	_cleanup_statement_ struct row *s = NULL;

	if (q->reader == READER_PERSON)
		clock_format(now, at);
	(void)snprintf(key, sizeof(key), "%s:%s %s %.*s", READERS[q->reader], q->name,
		q->what, DAY_SIZE, at);
	s = sql_bind(e, SQL_READING_FIRST, "it", document, key);
	return sql_step(e, s);
}

int engine_reading(struct engine *e, int64_t now, const struct queue_reading_request *q)
{
	struct document_row d;
	int r;

	if (!q->name[0] || !q->what[0] || q->reader < READER_PARTNER ||
		q->reader > READER_PERSON)
		return QUEUE_ILLEGAL;
	r = document_find(e, q->id, &d);
	if (r != QUEUE_DONE)
		return r;
	r = note(e, now, d.key, q);
	if (r <= 0)
		return r < 0 ? r : QUEUE_DONE;
	r = audit_event(e, now, q->name, "document.read", &d,
		json_pack("{s:s,s:o}", "reader", READERS[q->reader], "what",
			json_text(q->what)));
	return r < 0 ? r : QUEUE_DONE;
}

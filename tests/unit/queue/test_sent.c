/* SPDX-License-Identifier: EUPL-1.2 */
/* How much a partner has sent in a time, whatever became of it. */
#include "tests/unit/queue/store.h"

static void add(struct store *s, const char *number, const char *partner, int64_t at,
	enum document_state state)
{
	struct queue_submission q;

	submission_make(&q, number, state, span_str(number));
	snprintf(q.partner, sizeof(q.partner), "%s", partner);
	q.received = at;
	assert_int_equal(store_insert(s, &q, span_str(number)), QUEUE_DONE);
}

static void expect(struct store *s, const char *partner, int64_t since, int64_t until,
	int64_t lately, const char *wanted)
{
	struct queue_sent_request q = {
		.since = since, .until = until, .lately = lately
	};
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_(freep) char *text = NULL;
	int fd = -1;

	snprintf(q.partner, sizeof(q.partner), "%s", partner);
	assert_int_equal(STEP(s, engine_sent(s->engine, &q, &fd)), QUEUE_DONE);
	answer = store_json(fd);
	text = json_dumps(answer, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, wanted);
}

#define SENT(documents, lately, octets)                                                  \
	"{\"documents\":" #documents ",\"lately\":" #lately ",\"octets\":" #octets "}"

static void what_was_received_in_a_time(void **state)
{
	struct store *s = *state;

	expect(s, "partner-a", T0, T0 + 10, T0, SENT(0, 0, 0));
	add(s, "N1", "partner-a", T0 - 1, DOCUMENT_ACCEPTED);
	add(s, "N22", "partner-a", T0, DOCUMENT_ACCEPTED);
	add(s, "N333", "partner-a", T0 + 5, DOCUMENT_REFUSED);
	add(s, "N4444", "partner-b", T0 + 5, DOCUMENT_ACCEPTED);
	add(s, "N55555", "partner-a", T0 + 9, DOCUMENT_HELD);
	add(s, "N666666", "partner-a", T0 + 10, DOCUMENT_ACCEPTED);
	expect(s, "partner-a", T0, T0 + 10, T0 + 5, SENT(3, 2, 13));
	expect(s, "partner-a", T0, T0 + 10, T0 + 10, SENT(3, 0, 13));
	expect(s, "partner-b", T0, T0 + 10, T0, SENT(1, 1, 5));
	expect(s, "partner-c", T0, T0 + 10, T0, SENT(0, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = { STORE_TEST(what_was_received_in_a_time) };

	return STORE_RUN(tests);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* Who reads a document is in its records: a person each time, a system the first time. */
#include "tests/unit/queue/store.h"

static int read_it(struct store *s, const char *id, const char *reader, bool person)
{
	struct queue_reading_request q = { .person = person };

	snprintf(q.id, sizeof(q.id), "%s", id);
	snprintf(q.reader, sizeof(q.reader), "%s", reader);
	snprintf(q.what, sizeof(q.what), "evidence");
	return STEP(s, engine_reading(s->engine, T0, &q));
}

static void a_system_once_a_person_always(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	for (int i = 0; i < 3; i++)
		assert_int_equal(read_it(s, id, "customs:nl", false), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.read"), 1);
	assert_int_equal(read_it(s, id, "customs:es", false), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.read"), 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(read_it(s, id, "Officer One", true), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.read"), 5);
}

static void what_is_not_there_is_not_read(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(read_it(s, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "customs:nl", false),
		QUEUE_NOT_FOUND);
	assert_int_equal(read_it(s, id, "", false), QUEUE_ILLEGAL);
	assert_int_equal(count_events(s, id, "document.read"), 0);
	assert_int_equal(read_it(s, id, "customs:nl", false), QUEUE_DONE);
	assert_true(store_refuses(s, "UPDATE readings SET reader='x'"));
	assert_true(store_refuses(s, "DELETE FROM readings"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_system_once_a_person_always),
		STORE_TEST(what_is_not_there_is_not_read),
	};

	return STORE_RUN(tests);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* Who reads a document is in its records: a system the first time, a person once a day.
 */
#include "tests/unit/queue/store.h"

static int read_it(struct store *s, int64_t now, const char *id, enum queue_reader reader,
	const char *name)
{
	struct queue_reading_request q = { .reader = reader };

	snprintf(q.id, sizeof(q.id), "%s", id);
	snprintf(q.name, sizeof(q.name), "%s", name);
	snprintf(q.what, sizeof(q.what), "evidence");
	return STEP(s, engine_reading(s->engine, now, &q));
}

static void a_system_once_a_person_once_a_day(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			read_it(s, T0 + i * 86400, id, READER_CUSTOMS, "nl"), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.read"), 1);
	assert_int_equal(read_it(s, T0, id, READER_CUSTOMS, "es"), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.read"), 2);
	/* of one name, and another kind of reader */
	assert_int_equal(read_it(s, T0, id, READER_PARTNER, "nl"), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.read"), 3);
	for (int i = 0; i < 6; i++)
		assert_int_equal(
			read_it(s, T0 + i * 43200, id, READER_PERSON, "nl"), QUEUE_DONE);
	/* from noon on, every half day: four days */
	assert_int_equal(count_events(s, id, "document.read"), 7);
}

static void what_is_not_there_is_not_read(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(
		read_it(s, T0, "01ARZ3NDEKTSV4RRFFQ69G5FAV", READER_CUSTOMS, "nl"),
		QUEUE_NOT_FOUND);
	assert_int_equal(read_it(s, T0, id, READER_CUSTOMS, ""), QUEUE_ILLEGAL);
	assert_int_equal(read_it(s, T0, id, READER_NONE, "nl"), QUEUE_ILLEGAL);
	assert_int_equal(read_it(s, T0, id, (enum queue_reader)(READER_PERSON + 1), "nl"),
		QUEUE_ILLEGAL);
	assert_int_equal(count_events(s, id, "document.read"), 0);
	assert_int_equal(read_it(s, T0, id, READER_CUSTOMS, "nl"), QUEUE_DONE);
	assert_true(store_refuses(s, "UPDATE readings SET reader='x'"));
	assert_true(store_refuses(s, "DELETE FROM readings"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_system_once_a_person_once_a_day),
		STORE_TEST(what_is_not_there_is_not_read),
	};

	return STORE_RUN(tests);
}

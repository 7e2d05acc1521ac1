/* SPDX-License-Identifier: EUPL-1.2 */
/* Papers of documents that were stored before the database knew of papers. */
#include "tests/unit/queue/paper_store.h"

static int fill(struct store *s, const char *id, const char *number)
{
	struct queue_paper_request q = { 0 };

	snprintf(q.id, sizeof(q.id), "%s", id);
	snprintf(q.number, sizeof(q.number), "%s", number);
	return STEP(s, engine_paper(s->engine, T0, &q));
}

/* Documents from before papers were known: noted once, and from then on as if they had
 * been all along. Who is at an end, or comes second, makes nothing; what replaced one
 * that named a paper stands for it. */
static void noted_afterwards(void **state)
{
	static const struct said SILENT = { .paper = "" };
	const struct said later = {
		.paper = "", .relation = RELATION_REPLACES, .original = "N1"
	};
	struct store *s = *state;
	struct queue_submission first, second, rival, refused;
	struct queue_document found;
	char id[DOCUMENT_ID_SIZE];

	make(&first, "N1", SILENT);
	assert_int_equal(put_first(s, &first, id), QUEUE_DONE);
	make(&second, "N2", later);
	assert_int_equal(put_first(s, &second, id), QUEUE_DONE);
	make(&rival, "N3", SILENT);
	assert_int_equal(put_first(s, &rival, id), QUEUE_DONE);
	make(&refused, "N4", (struct said){ .state = DOCUMENT_REFUSED, .paper = "" });
	assert_int_equal(put_first(s, &refused, id), QUEUE_DONE);

	assert_int_equal(fill(s, first.id, "ma paper  17"), QUEUE_DONE);
	assert_int_equal(fill(s, first.id, PAPER), QUEUE_DUPLICATE);
	assert_int_equal(fill(s, second.id, ""), QUEUE_DONE); /* the first one's */
	assert_int_equal(fill(s, rival.id, PAPER), QUEUE_DONE);
	assert_int_equal(fill(s, refused.id, PAPER), QUEUE_NOT_FOUND);
	assert_int_equal(fill(s, "01ARZ3NDEKTSV4RRFFQ69G5FAV", PAPER), QUEUE_NOT_FOUND);
	/* The one that replaced it has it, and a new one comes too late. */
	make(&first, "N5", USUAL);
	assert_int_equal(STEP(s, engine_find(s->engine, &first, &found)), QUEUE_PAPER);
	assert_string_equal(found.id, second.id);
	make(&first, "N6", SILENT);
	assert_int_equal(put_first(s, &first, id), QUEUE_DONE);
	assert_int_equal(fill(s, first.id, ""), QUEUE_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(noted_afterwards),
	};

	return STORE_RUN(tests);
}

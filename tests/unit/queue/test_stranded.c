/* SPDX-License-Identifier: EUPL-1.2 */
/* What a version before left waiting for what does not come goes or ends, and nothing
 * else does. */
#include "tests/unit/queue/related.h"

static void deliver(struct store *s, const char *destination)
{
	struct queue_claim claim;

	assert_int_equal(store_claim(s, T0 + 100, destination, &claim), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 100, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
}

/* A whole look. Return: how many it has settled. */
static int look(struct store *s)
{
	struct stranded_look at = { 0 };
	int r, settled = 0, steps = 0;

	do {
		assert_int_equal(engine_begin(s->engine), 0);
		r = engine_stranded(s->engine, T0 + 600, &at, &settled);
		assert_true(r >= 0);
		assert_int_equal(engine_commit(s->engine), 0);
		assert_true(++steps < 100);
	} while (r > 0);
	return settled;
}

static void by_hand(struct store *s, const char *sql)
{
	char text[512];

	snprintf(text, sizeof(text), "%s%s",
		s->postgresql[0] ? "SET sealgate.appliance='1';" : "", sql);
	assert_false(store_refuses(s, text));
}

static void note(struct store *s, const char *id, const char *event, const char *detail)
{
	struct queue_audit_request q = { .actor = "partner-a" };

	memcpy(q.id, id, sizeof(q.id));
	snprintf(q.event, sizeof(q.event), "%s", event);
	snprintf(q.detail, sizeof(q.detail), "%s", detail);
	assert_int_equal(STEP(s, engine_audit(s->engine, T0 + 20, &q)), QUEUE_DONE);
}

/* Two appliances did not see each other: the original has arrived, and what follows it
 * waits on. */
static void behind_what_has_ended(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim first;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &first), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	assert_int_equal(look(s), 0); /* it waits for its seal */
	seal(s, w);
	assert_int_equal(look(s), 0); /* and for what is under way */
	assert_delivery(s, w, "traces", "waiting");
	by_hand(s, "UPDATE deliveries SET state='delivered' WHERE state='sending'");
	assert_int_equal(look(s), 1);
	assert_delivery(s, w, "traces", "queued");
	assert_int_equal(count_events(s, w, "delivery.queued"), 1);
	assert_int_equal(look(s), 0);
}

/* What an operator holds stays held, for later. */
static void what_is_held_stays_held(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim first;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &first), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	seal(s, w);
	assert_int_equal(store_control(s, QUEUE_HOLD, w, "traces"), QUEUE_DONE);
	by_hand(s, "UPDATE deliveries SET state='delivered' WHERE state='sending'");
	assert_int_equal(look(s), 1);
	assert_delivery(s, w, "traces", "held");
	assert_int_equal(look(s), 0);
	assert_int_equal(store_control(s, QUEUE_RELEASE, w, "traces"), QUEUE_DONE);
	assert_delivery(s, w, "traces", "queued");
}

/* The first is everywhere, what replaces it was withdrawn before its seal, by one that
 * knows only one of the places. */
static void never_sealed(
	struct store *s, char ret_b[DOCUMENT_ID_SIZE], char ret_w[DOCUMENT_ID_SIZE])
{
	char a[DOCUMENT_ID_SIZE];

	store_add_sealed(s, "A", a);
	deliver(s, "traces");
	deliver(s, "customs-es");
	store_later(s, "B", "70", DOCUMENT_ACCEPTED, RELATION_REPLACES, "A", ret_b);
	/* of no number that is there, or it would be told of all by this version */
	store_later(s, "B", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N9", ret_w);
	by_hand(s, "UPDATE documents SET state='withdrawn' WHERE number='B'"
		   " AND status='70'");
	by_hand(s, "INSERT INTO related SELECT w.document,b.document FROM documents w,"
		   "documents b WHERE w.number='B' AND w.status='40'"
		   " AND b.number='B' AND b.status='70'");
	note(s, ret_b, "document.withdrawn", "{\"ended\":[]}");
}

static void behind_what_gets_no_seal(void **state)
{
	struct store *s = *state;
	char b[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	never_sealed(s, b, w);
	seal(s, w);
	assert_delivery(s, w, "traces", "waiting");
	assert_int_equal(look(s), 2); /* of b, and what waits for it goes with it */
	assert_document(s, b, "withdrawn");
	assert_delivery(s, b, "traces", "expired");
	assert_delivery(s, b, "customs-es", "expired");
	assert_delivery(s, w, "traces", "queued");
	assert_delivery(s, w, "customs-es", "queued"); /* where the first one is, too */
	assert_int_equal(count_events(s, b, "delivery.expired"), 2);
	assert_sound(s);
	assert_int_equal(store_claim(s, T0 + 700, "customs-es", &claim), QUEUE_DONE);
	assert_string_equal(claim.original, "A");
	assert_int_equal(look(s), 0);
}

/* The later one has no seal yet: it goes when it has. */
static void before_the_later_one_is_sealed(void **state)
{
	struct store *s = *state;
	char b[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];

	never_sealed(s, b, w);
	assert_int_equal(look(s), 2);
	assert_delivery(s, b, "traces", "expired");
	assert_delivery(s, w, "traces", "waiting");
	assert_sound(s);
	seal(s, w);
	assert_delivery(s, w, "traces", "queued");
	assert_delivery(s, w, "customs-es", "queued");
	assert_sound(s);
}

/* A look does not end at what is before: it goes on, some at a time. */
static void behind_many_that_wait(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], b[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];

	for (int i = 0; i < 70; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", i);
		store_add(s, number, DOCUMENT_HELD, id);
	}
	never_sealed(s, b, w);
	assert_int_equal(look(s), 2);
	assert_delivery(s, b, "traces", "expired");
	assert_delivery(s, id, "traces", "waiting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(behind_what_has_ended),
		STORE_TEST(what_is_held_stays_held),
		STORE_TEST(behind_what_gets_no_seal),
		STORE_TEST(before_the_later_one_is_sealed),
		STORE_TEST(behind_many_that_wait),
	};

	return STORE_RUN(tests);
}

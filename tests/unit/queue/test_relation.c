/* SPDX-License-Identifier: EUPL-1.2 */
/* Withdrawal and replacement: told to whoever has the document, in sequence, and nothing
 * of it is sent any more where it is not. */
#include "tests/unit/queue/related.h"

static void deliver(struct store *s, const char *destination, const char *id,
	enum delivery_state to, const char *reply)
{
	struct queue_delivery_result_request q = { .state = to };
	struct queue_claim claim;

	assert_int_equal(store_claim(s, T0 + 100, destination, &claim), QUEUE_DONE);
	assert_string_equal(claim.document.id, id);
	q.fence = claim.fence;
	memcpy(q.id, claim.document.id, sizeof(q.id));
	memcpy(q.destination, claim.destination, sizeof(q.destination));
	snprintf(q.reply_id, sizeof(q.reply_id), "%s", reply);
	assert_int_equal(
		STEP(s, engine_delivery_result(s->engine, T0 + 100, &q)), QUEUE_DONE);
}

/* One destination has it, the other does not yet: only the first is told. */
static void withdrawn_where_it_is(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	deliver(s, "customs-es", id, DELIVERY_DELIVERED, "CSW-1");
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	assert_document(s, id, "withdrawn");
	assert_delivery(s, id, "traces", "expired");
	assert_delivery(s, id, "customs-es", "delivered");
	assert_delivery(s, w, "customs-es", "waiting"); /* beyond its own route */
	seal(s, w);
	assert_int_equal(store_claim(s, T0 + 100, "customs-es", &claim), QUEUE_DONE);
	assert_string_equal(claim.document.id, w);
	assert_int_equal(claim.relation, RELATION_WITHDRAWS);
	assert_string_equal(claim.original, "N1");
	assert_string_equal(claim.original_reply, "CSW-1");
	assert_int_equal(claim.ended, 0);
	assert_int_equal(count_events(s, id, "document.withdrawn"), 1);
	assert_int_equal(count_events(s, w, "document.withdraws"), 1);
	assert_sound(s);
}

/* While the original is on its way there, the withdrawal waits; then it goes. */
static void in_sequence(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim first, none;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &first), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	seal(s, w);
	assert_delivery(s, w, "traces", "waiting");
	assert_int_equal(store_claim(s, T0 + 20, "traces", &none), QUEUE_EMPTY);
	assert_int_equal(
		store_result(s, T0 + 20, &first, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_delivery(s, w, "traces", "queued");
	deliver(s, "traces", w, DELIVERY_DELIVERED, "REF.2");
	assert_sound(s);
}

/* An attempt that was under way and did not arrive ends; it is not tried again. */
static void not_sent_again(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim first;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &first), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	assert_int_equal(
		store_result(s, T0 + 20, &first, DELIVERY_DEFERRED, T0 + 30), QUEUE_DONE);
	assert_int_equal(store_result(s, T0 + 20, &first, DELIVERY_DEFERRED, T0 + 30),
		QUEUE_DONE); /* told twice */
	assert_delivery(s, id, "traces", "expired");
	assert_int_equal(store_control(s, QUEUE_REDRIVE, id, "traces"), QUEUE_ILLEGAL);
	assert_sound(s);
}

/* An unknown outcome is looked up, and the claim says that it must not be sent. */
static void unknown_is_looked_up_only(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &claim), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 2, &claim, DELIVERY_UNKNOWN, T0 + 3), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	assert_delivery(s, id, "traces", "unknown");
	assert_int_equal(store_claim(s, T0 + 4, "traces", &claim), QUEUE_DONE);
	assert_int_equal(claim.look_up, 1);
	assert_int_equal(claim.ended, 1);
	assert_int_equal(
		store_result(s, T0 + 5, &claim, DELIVERY_EXPIRED, 0), QUEUE_DONE);
	assert_sound(s);
}

/* Refused after an attempt that may have arrived, redriven, and then withdrawn: it is not
 * taken for one that was never sent. */
static void what_is_in_doubt_is_looked_up_only(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	deliver(s, "traces", id, DELIVERY_UNKNOWN, "");
	deliver(s, "traces", id, DELIVERY_REFUSED, "");
	assert_int_equal(store_control(s, QUEUE_REDRIVE, id, "traces"), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	assert_delivery(s, id, "traces", "queued");
	assert_int_equal(store_claim(s, T0 + 500, "traces", &claim), QUEUE_DONE);
	assert_int_equal(claim.look_up, 1);
	assert_int_equal(claim.ended, 1);
	assert_int_equal(
		store_result(s, T0 + 500, &claim, DELIVERY_EXPIRED, 0), QUEUE_DONE);
	assert_sound(s);
}

/* What was refused or given up after an attempt that may have arrived may be there: its
 * replacement goes along, and stays on its way when it is withdrawn itself. */
static void what_ended_in_doubt_is_followed(void **state)
{
	static const enum delivery_state ENDS[] = { DELIVERY_REFUSED, DELIVERY_EXPIRED };
	struct store *s = *state;
	char a[DOCUMENT_ID_SIZE], b[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];

	for (int i = 0; i < 2; i++) {
		char first[16], second[16];

		snprintf(first, sizeof(first), "A%d", i);
		snprintf(second, sizeof(second), "B%d", i);
		store_add_sealed(s, first, a);
		deliver(s, "customs-es", a, DELIVERY_UNKNOWN, "");
		deliver(s, "customs-es", a, ENDS[i], "");
		deliver(s, "traces", a, ENDS[i], ""); /* and this one is not there */
		store_later(
			s, second, "70", DOCUMENT_ACCEPTED, RELATION_REPLACES, first, b);
		assert_delivery(s, b, "customs-es", "waiting"); /* beyond its own route */
		seal(s, b);
		assert_delivery(s, b, "customs-es", "queued");
		store_later(s, second, "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS,
			second, w);
		seal(s, w);
		assert_document(s, b, "withdrawn");
		assert_delivery(s, b, "traces", "expired");
		assert_delivery(s, b, "customs-es", "queued");
		assert_delivery(s, w, "customs-es", "waiting");
		deliver(s, "customs-es", b, DELIVERY_DELIVERED, "REF.2");
		deliver(s, "customs-es", w, DELIVERY_DELIVERED, "REF.3");
		deliver(s, "traces", w, DELIVERY_DELIVERED, "REF.4");
	}
	assert_sound(s);
}

/* A held withdrawal counts when it is accepted, and not before. */
static void held_has_no_effect_yet(void **state)
{
	struct queue_judgement j = { .state = DOCUMENT_ACCEPTED };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int64_t due;
	int fd = -1;

	store_add_sealed(s, "N1", id);
	store_later(s, "N1", "40", DOCUMENT_HELD, RELATION_WITHDRAWS, "N1", w);
	assert_document(s, id, "sealed");
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 60, 60, &claim, &fd, &due)),
		QUEUE_DONE);
	closep(&fd);
	assert_int_equal(STEP(s, engine_judged(s->engine, T0 + 61, w, claim.fence, &j,
					 span_str("later report"))),
		QUEUE_DONE);
	assert_document(s, id, "withdrawn");
	assert_sound(s);
}

/* Replaced, and the replacement withdrawn before it was sent: who has the first learns of
 * both, in this order; another partner's document of the number is untouched. */
static void chain_of_replacements(void **state)
{
	struct store *s = *state;
	char a[DOCUMENT_ID_SIZE], b[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];

	store_add_sealed(s, "N1", a);
	deliver(s, "traces", a, DELIVERY_DELIVERED, "REF.1");
	store_later(s, "N2", "70", DOCUMENT_ACCEPTED, RELATION_REPLACES, "N1", b);
	seal(s, b);
	assert_document(s, a, "replaced");
	store_later(s, "N2", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N2", w);
	seal(s, w);
	assert_document(s, b, "withdrawn");
	assert_document(s, a, "replaced");
	assert_delivery(s, b, "traces", "queued");
	assert_delivery(s, w, "traces", "waiting");
	deliver(s, "traces", b, DELIVERY_DELIVERED, "REF.2");
	deliver(s, "traces", w, DELIVERY_DELIVERED, "REF.3");
	assert_sound(s);
}

/* The same while the replacement has no seal, and never gets one: whoever has the first
 * learns of the last, under the number that is known there. */
static void what_was_never_sealed_is_passed_over(void **state)
{
	static const enum document_relation LAST[] = { RELATION_WITHDRAWS,
		RELATION_REPLACES };
	struct store *s = *state;
	char a[DOCUMENT_ID_SIZE], b[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	for (int i = 0; i < 2; i++) {
		char first[16], second[16], third[16];

		snprintf(first, sizeof(first), "A%d", i);
		snprintf(second, sizeof(second), "B%d", i);
		snprintf(third, sizeof(third), "%c%d", i ? 'C' : 'B', i);
		store_add_sealed(s, first, a);
		deliver(s, "traces", a, DELIVERY_DELIVERED, "REF.1");
		store_later(
			s, second, "70", DOCUMENT_ACCEPTED, RELATION_REPLACES, first, b);
		assert_delivery(s, b, "traces", "waiting");
		store_later(
			s, third, i ? "70" : "40", DOCUMENT_ACCEPTED, LAST[i], second, w);
		assert_delivery(s, b, "traces", "expired");
		assert_int_equal(
			store_control(s, QUEUE_REDRIVE, b, "traces"), QUEUE_ILLEGAL);
		seal(s, w);
		assert_int_equal(store_claim(s, T0 + 100, "traces", &claim), QUEUE_DONE);
		assert_string_equal(claim.document.id, w);
		assert_int_equal(claim.relation, LAST[i]);
		assert_string_equal(claim.original, first);
		assert_string_equal(claim.original_reply, "REF.1");
		assert_int_equal(store_result(s, T0 + 101, &claim, DELIVERY_DELIVERED, 0),
			QUEUE_DONE);
	}
	assert_sound(s);
}

/* And it waits for the first one, which is on its way. */
static void the_last_waits_for_the_first(void **state)
{
	struct store *s = *state;
	char a[DOCUMENT_ID_SIZE], b[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim first, claim;

	store_add_sealed(s, "N1", a);
	assert_int_equal(store_claim(s, T0 + 1, "customs-es", &first), QUEUE_DONE);
	store_later(s, "N2", "70", DOCUMENT_ACCEPTED, RELATION_REPLACES, "N1", b);
	assert_delivery(s, b, "customs-es", "waiting"); /* beyond its own route */
	store_later(s, "N2", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N2", w);
	assert_delivery(s, b, "customs-es", "expired");
	seal(s, w);
	assert_delivery(s, w, "customs-es", "waiting");
	assert_int_equal(
		store_result(s, T0 + 20, &first, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 100, "customs-es", &claim), QUEUE_DONE);
	assert_string_equal(claim.document.id, w);
	assert_string_equal(claim.original, "N1");
	assert_sound(s);
}

static void of_an_unknown_number(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];

	store_add_sealed(s, "N1", id);
	store_later(s, "N9", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N9", w);
	assert_document(s, id, "sealed");
	assert_document(s, w, "accepted");
	assert_sound(s);
}

/* What an operator holds before the seal waits its turn after the release. */
static void hold_keeps_the_sequence(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];
	struct queue_claim first;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &first), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	assert_int_equal(store_control(s, QUEUE_HOLD, w, "traces"), QUEUE_DONE);
	seal(s, w);
	assert_int_equal(store_control(s, QUEUE_RELEASE, w, "traces"), QUEUE_DONE);
	assert_delivery(s, w, "traces", "waiting");
	assert_int_equal(store_control(s, QUEUE_HOLD, w, "traces"), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 20, &first, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_delivery(s, w, "traces", "held");
	assert_int_equal(store_control(s, QUEUE_RELEASE, w, "traces"), QUEUE_DONE);
	assert_delivery(s, w, "traces", "queued");
	assert_sound(s);
}

/* Left waiting for what has ended: a redrive lets it go, and not before. */
static void redriven_when_nothing_comes_first(void **state)
{
	static const char ENDED[] = "UPDATE deliveries SET state='delivered'"
				    " WHERE state='sending'";
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE], sql[128];
	struct queue_claim first;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &first), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	assert_int_equal(store_control(s, QUEUE_REDRIVE, w, "traces"), QUEUE_ILLEGAL);
	seal(s, w);
	assert_int_equal(store_control(s, QUEUE_REDRIVE, w, "traces"), QUEUE_ILLEGAL);
	snprintf(sql, sizeof(sql), "%s%s",
		s->postgresql[0] ? "SET sealgate.appliance='1';" : "", ENDED);
	assert_false(store_refuses(s, sql));
	assert_delivery(s, w, "traces", "waiting");
	assert_int_equal(store_control(s, QUEUE_REDRIVE, w, "traces"), QUEUE_DONE);
	assert_delivery(s, w, "traces", "queued");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(withdrawn_where_it_is),
		STORE_TEST(in_sequence),
		STORE_TEST(not_sent_again),
		STORE_TEST(unknown_is_looked_up_only),
		STORE_TEST(what_is_in_doubt_is_looked_up_only),
		STORE_TEST(what_ended_in_doubt_is_followed),
		STORE_TEST(held_has_no_effect_yet),
		STORE_TEST(chain_of_replacements),
		STORE_TEST(what_was_never_sealed_is_passed_over),
		STORE_TEST(the_last_waits_for_the_first),
		STORE_TEST(of_an_unknown_number),
		STORE_TEST(hold_keeps_the_sequence),
		STORE_TEST(redriven_when_nothing_comes_first),
	};

	return STORE_RUN(tests);
}

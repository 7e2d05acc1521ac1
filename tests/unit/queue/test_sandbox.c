/* SPDX-License-Identifier: EUPL-1.2 */
/* Rehearsals: kept, found again, and never in the way of a real document. */
#include "store.h"

static void rehearsal_make(struct queue_submission *q, const char *number)
{
	submission_make(q, number, DOCUMENT_SANDBOX, span_str(number));
	snprintf(q->partner, sizeof(q->partner), "partner-a-sandbox");
	snprintf(q->type, sizeof(q->type), SANDBOX_PREFIX "851");
	q->destination_count = 0;
}

static int insert(struct store *s, const struct queue_submission *q)
{
	return store_insert(s, q, span_str(q->number));
}

static void nothing_of_it_is_sent(void **state)
{
	struct store *s = *state;
	struct queue_submission q;
	struct queue_claim claim;

	rehearsal_make(&q, "N1");
	q.destination_count = 1; /* it cannot even be committed with a destination */
	assert_int_equal(insert(s, &q), QUEUE_ILLEGAL);
	q.destination_count = 0;
	assert_int_equal(insert(s, &q), QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 10, 60, &claim), QUEUE_EMPTY);
	assert_int_equal(store_claim(s, T0 + 10, "traces", &claim), QUEUE_EMPTY);
	assert_true(store_refuses(s, "UPDATE documents SET state='accepted'"));
	assert_true(store_refuses(s, "UPDATE documents SET state='sealed'"));
}

static void keys_are_kept_apart(void **state)
{
	struct store *s = *state;
	struct queue_submission q, real;

	rehearsal_make(&q, "N1");
	assert_int_equal(insert(s, &q), QUEUE_DONE);
	submission_make(&real, "N1", DOCUMENT_ACCEPTED, span_str("N1"));
	assert_int_equal(insert(s, &real), QUEUE_DONE);
	/* Among rehearsals it is as among real ones. */
	assert_int_equal(id_new(q.id), 0);
	assert_int_equal(insert(s, &q), QUEUE_DUPLICATE);
	snprintf(q.partner, sizeof(q.partner), "partner-b-sandbox");
	assert_int_equal(insert(s, &q), QUEUE_CONFLICT);
}

static void neither_has_the_others_key(void **state)
{
	struct store *s = *state;
	struct queue_submission q;

	rehearsal_make(&q, "N1");
	snprintf(q.type, sizeof(q.type), "851");
	assert_int_equal(insert(s, &q), QUEUE_ILLEGAL);
	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_str("N1"));
	snprintf(q.type, sizeof(q.type), SANDBOX_PREFIX "851");
	assert_int_equal(insert(s, &q), QUEUE_ILLEGAL);
}

/* A later document about N1, real or rehearsed, of the same partner in both lanes: as
 * when its file was that of a sandbox once. */
static int later(struct store *s, const char *number, const char *status, bool rehearsal,
	enum document_relation relation)
{
	struct queue_submission q;
	char octets[64];

	(void)snprintf(octets, sizeof(octets), "%s %s %d", number, status, rehearsal);
	submission_make(&q, number, rehearsal ? DOCUMENT_SANDBOX : DOCUMENT_ACCEPTED,
		span_str(octets));
	if (rehearsal) {
		snprintf(q.type, sizeof(q.type), SANDBOX_PREFIX "851");
		q.destination_count = 0;
	}
	snprintf(q.status, sizeof(q.status), "%s", status);
	q.relation = relation;
	if (relation)
		snprintf(q.original, sizeof(q.original), "N1");
	return store_insert(s, &q, span_str(octets));
}

/* States of the documents under a number, in their order, with what was rehearsed. */
static void expect_states(struct store *s, const char *number, const char *states)
{
	struct queue_status_request q = { .at = T0, .scope = { .partner = "partner-a" } };
	_cleanup_json_ json_t *answer = NULL;
	char text[200] = "";
	size_t i;
	json_t *d;
	int fd = -1;

	snprintf(q.number, sizeof(q.number), "%s", number);
	assert_int_equal(STEP(s, engine_status_of(s->engine, &q, &fd)), QUEUE_DONE);
	answer = store_json(fd);
	json_array_foreach(json_object_get(answer, "documents"), i, d)
	{
		const char *rehearsed = json_string_of(d, "rehearsed");

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s;",
			json_string_of(d, "state"), rehearsed ? " " : "",
			rehearsed ? rehearsed : "");
	}
	assert_string_equal(text, states);
}

static void lanes_end_nothing_of_each_other(void **state)
{
	struct store *s = *state;
	int rounds = 0;

	assert_int_equal(later(s, "N1", "70", false, RELATION_NONE), QUEUE_DONE);
	assert_int_equal(later(s, "N1", "70", true, RELATION_NONE), QUEUE_DONE);
	assert_int_equal(later(s, "N2", "70", true, RELATION_REPLACES), QUEUE_DONE);
	expect_states(s, "N1", "accepted;sandbox replaced;");
	assert_int_equal(later(s, "N1", "40", false, RELATION_WITHDRAWS), QUEUE_DONE);
	expect_states(s, "N1", "withdrawn;sandbox replaced;accepted;");
	assert_int_equal(later(s, "N1", "39", true, RELATION_NONE), QUEUE_DONE);
	assert_int_equal(later(s, "N1", "39", false, RELATION_NONE), QUEUE_DONE);
	assert_int_equal(later(s, "N3", "70", false, RELATION_REPLACES), QUEUE_DONE);
	expect_states(s, "N1", "withdrawn;sandbox replaced;accepted;sandbox;replaced;");
	assert_int_equal(later(s, "N1", "40", true, RELATION_WITHDRAWS), QUEUE_DONE);
	expect_states(s, "N1",
		"withdrawn;sandbox replaced;accepted;sandbox withdrawn;replaced;"
		"sandbox;");
	while (rounds < 2) {
		assert_int_equal(engine_begin(s->engine), 0);
		rounds += engine_ledger_walk(s->engine, 10) == 0;
		engine_rollback(s->engine);
	}
	assert_null(engine_ledger_found(s->engine));
}

static void the_ledger_does_not_count_it(void **state)
{
	struct store *s = *state;
	_cleanup_json_ json_t *stats = NULL, *ledger = NULL;
	struct queue_submission q;
	int fd = -1;

	rehearsal_make(&q, "N1");
	assert_int_equal(insert(s, &q), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_stats(s->engine, T0, &fd)), QUEUE_DONE);
	stats = store_json(fd);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(stats, "ledger"), "accepted")),
		0);
	assert_int_equal(STEP(s, engine_ledger(s->engine, &fd)), QUEUE_DONE);
	ledger = store_json(fd);
	assert_true(json_is_true(json_object_get(ledger, "balanced")));
	assert_int_equal(json_array_size(json_object_get(ledger, "destinations")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(nothing_of_it_is_sent),
		STORE_TEST(keys_are_kept_apart),
		STORE_TEST(neither_has_the_others_key),
		STORE_TEST(lanes_end_nothing_of_each_other),
		STORE_TEST(the_ledger_does_not_count_it),
	};

	return STORE_RUN(tests);
}

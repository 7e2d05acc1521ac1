/* SPDX-License-Identifier: EUPL-1.2 */
/* Legal holds: all of them are listed, however many they are, and each says what it
 * keeps. */
#include "tests/unit/queue/retention.h"

#define MANY 1001 /* more than one answer has */

static json_t *status_behind(struct store *s, int64_t hold)
{
	int fd = -1;

	assert_int_equal(
		STEP(s, engine_retention_status(s->engine, LATE, hold, &fd)), QUEUE_DONE);
	return store_json(fd);
}

static void set_many(struct store *s, int64_t *ret_last)
{
	struct queue_legal_hold_request q = { .hold = { .ground = "legal",
						      .partner = "partner-a" },
		.operator_name = "Registrar",
		.reason = "case 12" };

	assert_int_equal(engine_begin(s->engine), 0);
	for (int i = 0; i < MANY; i++) {
		_cleanup_json_ json_t *answer = NULL;
		int fd = -1;

		assert_int_equal(engine_legal_hold(s->engine, LATE, &q, &fd), QUEUE_DONE);
		answer = store_json(fd);
		*ret_last = number(answer, "hold");
	}
	assert_int_equal(engine_commit(s->engine), 0);
}

static void the_newest_of_many_is_listed(void **state)
{
	struct store *s = *state;
	int64_t last = 0;

	set_many(s, &last);
	{
		_cleanup_json_ json_t *first = status_behind(s, 0), *rest = NULL;
		const json_t *holds = json_object_get(first, "holds");
		size_t n = json_array_size(holds);

		assert_int_equal(n, MANY - 1);
		assert_true(json_is_true(json_object_get(first, "more")));
		rest = status_behind(s, number(json_array_get(holds, n - 1), "hold"));
		holds = json_object_get(rest, "holds");
		assert_int_equal(json_array_size(holds), 1);
		assert_int_equal(number(json_array_get(holds, 0), "hold"), last);
		assert_false(json_is_true(json_object_get(rest, "more")));
	}
	assert_int_equal(legal_hold(s, (struct queue_legal_hold){ .lift = last }, &last),
		QUEUE_DONE);
}

/* Step by step, as whoever asks for the number does. */
static int keeps(struct store *s, int64_t hold, int *ret_steps)
{
	int64_t after = 0;
	bool more = true;
	int count = 0;

	for (*ret_steps = 0; more; (*ret_steps)++) {
		_cleanup_json_ json_t *step = NULL;
		int fd = -1;

		assert_int_equal(STEP(s, engine_legal_keeps(s->engine, hold, after, &fd)),
			QUEUE_DONE);
		step = store_json(fd);
		count += number(step, "documents");
		after = json_integer_value(json_object_get(step, "after"));
		more = json_is_true(json_object_get(step, "more"));
	}
	return count;
}

static int64_t hold_on(struct store *s, const char *partner, const char *type)
{
	struct queue_legal_hold h = { .ground = "legal" };
	int64_t hold = 0;

	snprintf(h.partner, sizeof(h.partner), "%s", partner);
	snprintf(h.type, sizeof(h.type), "%s", type);
	assert_int_equal(legal_hold(s, h, &hold), QUEUE_DONE);
	return hold;
}

static void what_one_keeps_is_counted(void **state)
{
	char id[DOCUMENT_ID_SIZE], gone[DOCUMENT_ID_SIZE];
	struct store *s = *state;
	int steps;

	ended(s, "N0", gone);
	assert_int_equal(erase(s, LATE, gone, claim(s, LATE, gone)), QUEUE_DONE);
	ended(s, "N1", id);
	ended(s, "N2", id);
	assert_int_equal(keeps(s, hold_on(s, "partner-a", ""), &steps), 2);
	assert_int_equal(steps, 1);
	assert_int_equal(keeps(s, hold_on(s, "", "851"), &steps), 2);
	assert_int_equal(keeps(s, hold_on(s, "partner-a", "851"), &steps), 2);
	assert_int_equal(keeps(s, hold_on(s, "partner-a", "8S1"), &steps), 0);
	assert_int_equal(keeps(s, hold_on(s, "partner-A", ""), &steps), 0);
	assert_int_equal(keeps(s, 99, &steps), 0); /* there is none */
}

/* Of one document it is said with the hold. */
static void what_one_on_a_document_keeps(void **state)
{
	static const struct {
		const char *partner;
		int documents;
	} CASES[] = { { "", 1 }, { "partner-a", 1 }, { "partner-b", 0 } };
	struct queue_legal_hold_request q = {
		.hold = { .ground = "legal" }, .operator_name = "Registrar", .reason = "x"
	};
	struct store *s = *state;

	ended(s, "N1", q.hold.id);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		_cleanup_json_ json_t *answer = NULL;
		int fd = -1;

		snprintf(q.hold.partner, sizeof(q.hold.partner), "%s", CASES[i].partner);
		assert_int_equal(
			STEP(s, engine_legal_hold(s->engine, LATE, &q, &fd)), QUEUE_DONE);
		answer = store_json(fd);
		assert_true(json_is_integer(json_object_get(answer, "documents")));
		assert_int_equal(number(answer, "documents"), CASES[i].documents);
	}
}

/* What top, status and the metrics say of holds. */
static json_t *legal_now(struct store *s)
{
	_cleanup_json_ json_t *f = NULL;
	int fd = -1;

	assert_int_equal(STEP(s, engine_stats(s->engine, LATE, &fd)), QUEUE_DONE);
	f = store_json(fd);
	return json_incref(json_object_get(f, "legal"));
}

/* Once all were looked at, which is after a while. Return: how often it was asked. */
static int assert_legal(struct store *s, int holds, int documents)
{
	_cleanup_json_ json_t *legal = NULL;
	int asked = 0;

	do {
		json_decref(legal);
		legal = legal_now(s);
		assert_int_equal(
			json_integer_value(json_object_get(legal, "holds")), holds);
	} while (++asked < 1000 && !json_is_integer(json_object_get(legal, "documents")));
	assert_true(json_is_integer(json_object_get(legal, "documents")));
	assert_int_equal(
		json_integer_value(json_object_get(legal, "documents")), documents);
	return asked;
}

static void hold_one(struct store *s, const char *id, const char *partner)
{
	struct queue_legal_hold h = { .ground = "legal" };
	int64_t hold;

	memcpy(h.id, id, sizeof(h.id));
	snprintf(h.partner, sizeof(h.partner), "%s", partner);
	assert_int_equal(legal_hold(s, h, &hold), QUEUE_DONE);
}

/* However many holds are on it, by its id or not. */
static void a_document_counts_once(void **state)
{
	struct queue_legal_hold all = { .ground = "legal", .type = "851" };
	char id[DOCUMENT_ID_SIZE], other[DOCUMENT_ID_SIZE], gone[DOCUMENT_ID_SIZE];
	struct store *s = *state;
	int64_t hold;

	ended(s, "N0", gone);
	assert_int_equal(erase(s, LATE, gone, claim(s, LATE, gone)), QUEUE_DONE);
	ended(s, "N1", id);
	ended(s, "N2", other);
	hold_one(s, id, "");
	hold_one(s, id, "partner-a");
	hold_one(s, other, "partner-b"); /* keeps nothing: it is of another */
	assert_legal(s, 3, 1);
	assert_int_equal(legal_hold(s, all, &hold), QUEUE_DONE);
	assert_legal(s, 4, 2);
	assert_legal(s, 4, 2); /* another round */
}

/* Who asks does not wait for all of them. */
static void many_are_counted_a_part_at_a_time(void **state)
{
	struct queue_legal_hold all = { .ground = "legal", .partner = "partner-a" };
	char id[DOCUMENT_ID_SIZE];
	struct store *s = *state;
	int64_t hold;

	for (int i = 0; i < 1001; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", i);
		store_add(s, number, DOCUMENT_ACCEPTED, id);
		if (i % 4 == 0)
			hold_one(s, id, "");
	}
	assert_legal(s, 251, 251);
	assert_int_equal(legal_hold(s, all, &hold), QUEUE_DONE);
	assert_true(assert_legal(s, 252, 1001) > 1);
}

static void legal_holds_by_selection(void **state)
{
	static const struct queue_legal_hold HOLDS[] = {
		{ .ground = "legal", .partner = "partner-a" },
		{ .ground = "dispute", .type = "851" },
		{ .ground = "legal", .partner = "partner-a", .type = "851" },
	};
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t hold = 0;

	ended(s, "N1", id);
	assert_legal(s, 0, 0);
	for (size_t i = 0; i < sizeof(HOLDS) / sizeof(HOLDS[0]); i++) {
		assert_int_equal(legal_hold(s, HOLDS[i], &hold), QUEUE_DONE);
		assert_int_equal(claim(s, LATE, id), 0);
		assert_legal(s, 1, 1);
		assert_int_equal(
			legal_hold(s, (struct queue_legal_hold){ .lift = hold }, &hold),
			QUEUE_DONE);
		/* once is enough */
		assert_int_equal(
			legal_hold(s, (struct queue_legal_hold){ .lift = hold }, &hold),
			QUEUE_NOT_FOUND);
	}
	assert_int_equal(
		legal_hold(s, (struct queue_legal_hold){ .ground = "legal" }, &hold),
		QUEUE_ILLEGAL);
	assert_int_equal(legal_hold(s,
				 (struct queue_legal_hold){
					 .ground = "whim", .partner = "partner-a" },
				 &hold),
		QUEUE_ILLEGAL);
	/* another's hold is not this document's */
	assert_int_equal(
		legal_hold(s,
			(struct queue_legal_hold){ .ground = "legal", .partner = "b" },
			&hold),
		QUEUE_DONE);
	assert_legal(s, 1, 0);
	assert_int_equal(claim(s, LATE, id), 1);
}

static void a_legal_hold_on_one(void **state)
{
	struct queue_legal_hold h = { .ground = "dispute" };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t hold = 0;
	uint64_t fence;
	int fd = -1;

	ended(s, "N1", id);
	fence = claim(s, LATE, id);
	memcpy(h.id, id, sizeof(h.id));
	assert_int_equal(legal_hold(s, h, &hold), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "operator.legal-hold"), 1);
	/* set between claim and erasure it is in time */
	assert_int_equal(erase(s, LATE, id, fence), QUEUE_ILLEGAL);
	assert_int_equal(part(s, id, QUEUE_CONTAINER), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_retention_status(s->engine, LATE, 0, &fd)), QUEUE_DONE);
	{
		_cleanup_json_ json_t *status = store_json(fd);
		const json_t *first = json_array_get(json_object_get(status, "holds"), 0);

		assert_string_equal(json_string_of(first, "by"), "Registrar");
		assert_string_equal(json_string_of(first, "reason"), "case 12");
		assert_int_equal(number(status, "claimed"), 1);
	}
	h.lift = hold;
	assert_int_equal(legal_hold(s, h, &hold), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "operator.legal-hold-end"), 1);
	assert_int_equal(erase(s, LATE, id, fence), QUEUE_DONE);
	h.lift = 0; /* too late, and whoever sets it is told so */
	assert_int_equal(legal_hold(s, h, &hold), QUEUE_STALE);
	memset(h.id, 'X', DOCUMENT_ID_SIZE - 1);
	h.lift = 0;
	assert_int_equal(legal_hold(s, h, &hold), QUEUE_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(the_newest_of_many_is_listed),
		STORE_TEST(what_one_keeps_is_counted),
		STORE_TEST(what_one_on_a_document_keeps),
		STORE_TEST(legal_holds_by_selection),
		STORE_TEST(a_document_counts_once),
		STORE_TEST(many_are_counted_a_part_at_a_time),
		STORE_TEST(a_legal_hold_on_one),
	};

	return STORE_RUN(tests);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* Partners take turns with what is to be sealed and delivered: a backlog is its owner's.
 */
#include "tests/unit/queue/store.h"

#define BACKLOG 40

static void add(struct store *s, const char *partner, int n)
{
	struct queue_submission q;
	char number[48];

	snprintf(number, sizeof(number), "%s-%d", partner, n);
	submission_make(&q, number, DOCUMENT_ACCEPTED, span_str(number));
	snprintf(q.partner, sizeof(q.partner), "%s", partner);
	assert_int_equal(store_insert(s, &q, span_str(number)), QUEUE_DONE);
}

/* Claim and seal the next one; whose it is and what it is called. */
static void seal(struct store *s, const char *number)
{
	struct queue_claim c;

	assert_int_equal(store_claim_seal(s, T0 + 1, 60, &c), QUEUE_DONE);
	assert_string_equal(c.document.number, number);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 1, c.document.id, c.fence,
					 span_str("container"))),
		QUEUE_DONE);
}

static void deliver(struct store *s, const char *destination, const char *number)
{
	struct queue_claim c;

	assert_int_equal(store_claim(s, T0 + 1, destination, &c), QUEUE_DONE);
	assert_string_equal(c.document.number, number);
	assert_int_equal(store_result(s, T0 + 1, &c, DELIVERY_DELIVERED, 0), QUEUE_DONE);
}

static void fill(struct store *s)
{
	for (int i = 0; i < BACKLOG; i++)
		add(s, "big", i);
	add(s, "small", 1);
	add(s, "tiny", 1);
	add(s, "tiny", 2);
}

static void sealing(void **state)
{
	struct store *s = *state;

	fill(s);
	seal(s, "big-0");
	seal(s, "small-1");
	seal(s, "tiny-1");
	seal(s, "big-1");
	/* what comes later does not wait for the backlog either */
	add(s, "small", 2);
	seal(s, "small-2");
	seal(s, "tiny-2");
	for (int i = 2; i < BACKLOG; i++) {
		char number[16];

		snprintf(number, sizeof(number), "big-%d", i);
		seal(s, number);
	}
}

/* Each destination has turns of its own. */
static void delivering(void **state)
{
	struct store *s = *state;
	struct queue_claim c;

	fill(s);
	for (int i = 0; i < BACKLOG + 3; i++) {
		int r = store_claim_seal(s, T0 + 1, 60, &c);

		assert_int_equal(r, QUEUE_DONE);
		assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 1, c.document.id,
						 c.fence, span_str("container"))),
			QUEUE_DONE);
	}
	deliver(s, "traces", "big-0");
	deliver(s, "traces", "small-1");
	deliver(s, "customs-es", "big-0");
	deliver(s, "traces", "tiny-1");
	deliver(s, "traces", "big-1");
	deliver(s, "traces", "tiny-2");
	deliver(s, "traces", "big-2");
	deliver(s, "customs-es", "small-1");
}

/* Whoever has nothing that is due is passed over, and comes again at its time. */
static void what_is_not_due_waits(void **state)
{
	struct store *s = *state;
	struct queue_claim c;
	int64_t due;
	int fds[3] = { -1, -1, -1 };

	add(s, "a", 1);
	add(s, "b", 1);
	assert_int_equal(store_claim_seal(s, T0 + 1, 60, &c), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_seal_failed(s->engine, T0 + 1, c.document.id,
					 c.fence, T0 + 30, "no token")),
		QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 1, 90, &c), QUEUE_DONE);
	assert_string_equal(c.document.number, "b-1");
	assert_int_equal(STEP(s, engine_claim_seal(s->engine, T0 + 2, 60, &c, fds, &due)),
		QUEUE_EMPTY);
	assert_int_equal(due, T0 + 30);
	assert_int_equal(store_claim_seal(s, T0 + 30, 60, &c), QUEUE_DONE);
	assert_string_equal(c.document.number, "a-1");
}

static void turns_of_many_destinations(void **state)
{
	struct store *s = *state;
	char destination[32];
	const struct turn *last;

	last = turn_at(s->engine, "d0");
	assert_ptr_equal(last, turn_at(s->engine, "d0"));
	for (int i = 1; i < 2 * TURNS_MAX; i++) {
		const struct turn *next;

		snprintf(destination, sizeof(destination), "d%d", i);
		next = turn_at(s->engine, destination);
		assert_true(i < TURNS_MAX ? next != last : next == last);
		last = next;
	}
	assert_ptr_equal(turn_at(s->engine, "d0"), &s->engine->turns[0].turn);
}

/* One of an urgency, a share and a rank. */
static void add_ranked(struct store *s, const char *partner, const char *number,
	enum urgency urgency, uint32_t share, int64_t rank)
{
	struct queue_submission q;

	submission_make(&q, number, DOCUMENT_ACCEPTED, span_str(number));
	snprintf(q.partner, sizeof(q.partner), "%s", partner);
	q.urgency = urgency;
	q.share = share;
	q.rank = rank;
	assert_int_equal(store_insert(s, &q, span_str(number)), QUEUE_DONE);
}

/* What arrives first goes first, whenever it came; in the line of a destination, too. */
static void first_to_arrive(void **state)
{
	struct store *s = *state;

	add_ranked(s, "a", "late", URGENCY_B, 1, T0 + 900);
	add_ranked(s, "a", "early", URGENCY_B, 1, T0 - 900);
	add_ranked(s, "a", "unknown", URGENCY_NONE, 0, 0);
	seal(s, "early");
	seal(s, "unknown");
	seal(s, "late");
	deliver(s, "traces", "early");
	deliver(s, "traces", "unknown");
	deliver(s, "traces", "late");
}

/* Four, two and one of seven; what finds nothing takes no time. */
static void urgent_has_more_turns(void **state)
{
	static const char *const ORDER[] = { "A0", "B0", "A1", "C0", "A2", "B1", "A3",
		"A4", "B2", "A5", "C1", "B3", "B4", "C2", "B5", "C3", "C4", "C5" };
	struct store *s = *state;
	char number[16];

	for (int i = 0; i < 6; i++)
		for (int u = URGENCY_A; u <= URGENCY_C; u++) {
			snprintf(number, sizeof(number), "%c%d", "-ABC"[u], i);
			add_ranked(s, "a", number, (enum urgency)u, 1, 0);
		}
	for (size_t i = 0; i < sizeof(ORDER) / sizeof(ORDER[0]); i++)
		seal(s, ORDER[i]);
}

/* A share of three is three in a row, in each urgency of its own. */
static void shares(void **state)
{
	static const char *const ORDER[] = { "big0", "big1", "big2", "one0", "big3",
		"big4", "big5", "one1", "one2" };
	struct store *s = *state;
	char number[16];

	for (int i = 0; i < 6; i++) {
		snprintf(number, sizeof(number), "big%d", i);
		add_ranked(s, "big", number, URGENCY_B, 3, 0);
	}
	for (int i = 0; i < 3; i++) {
		snprintf(number, sizeof(number), "one%d", i);
		add_ranked(s, "one", number, URGENCY_B, 1, 0);
	}
	for (size_t i = 0; i < sizeof(ORDER) / sizeof(ORDER[0]); i++)
		seal(s, ORDER[i]);
}

/* A pass goes through all partners that have something of its urgency. */
static void a_pass_serves_each_partner(void **state)
{
	struct store *s = *state;

	for (int i = 0; i < 2; i++) {
		add_ranked(s, "p", i ? "pA1" : "pA0", URGENCY_A, 1, 0);
		add_ranked(s, "q", i ? "qA1" : "qA0", URGENCY_A, 1, 0);
		add_ranked(s, "q", i ? "qB1" : "qB0", URGENCY_B, 1, 0);
	}
	seal(s, "pA0");
	seal(s, "qA0");
	seal(s, "qB0");
	seal(s, "pA1");
	seal(s, "qA1");
	seal(s, "qB1");
}

/* A pass whose line ran dry begins anew: what is there is found at once. */
static void a_pass_begins_anew(void **state)
{
	struct store *s = *state;

	add_ranked(s, "z", "zC", URGENCY_C, 1, 0);
	seal(s, "zC");
	add_ranked(s, "m", "mB", URGENCY_B, 1, 0);
	seal(s, "mB");
	add_ranked(s, "a", "aC", URGENCY_C, 1, 0);
	seal(s, "aC");
	add_ranked(s, "a", "aB", URGENCY_B, 1, 0);
	seal(s, "aB");
}

#define HONEST 10
#define TURNS 72

/* Who calls everything urgent has two turns for each of those in the middle, no more. */
static void everything_is_urgent(void **state)
{
	struct store *s = *state;
	int liar = 0, others[HONEST] = { 0 };

	for (int i = 0; i < TURNS; i++) {
		char number[32], name[8];

		snprintf(number, sizeof(number), "liar-%d", i);
		add_ranked(s, "liar", number, URGENCY_A, 1, 0);
		snprintf(name, sizeof(name), "h%d", i % HONEST);
		snprintf(number, sizeof(number), "%s-%d", name, i);
		add_ranked(s, name, number, URGENCY_B, 1, 0);
	}
	for (int i = 0; i < TURNS; i++) {
		struct queue_claim c;

		assert_int_equal(store_claim_seal(s, T0 + 1, 60, &c), QUEUE_DONE);
		if (strcmp(c.document.partner, "liar") == 0)
			liar++;
		else
			others[c.document.partner[1] - '0']++;
	}
	assert_int_equal(liar, 12);
	for (int i = 0; i < HONEST; i++)
		assert_int_equal(others[i], 6);
}

static void what_cannot_be_is_refused(void **state)
{
	struct store *s = *state;
	struct queue_submission q;

	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_str("x"));
	q.urgency = URGENCY_C + 1;
	assert_int_equal(store_insert(s, &q, span_str("x")), QUEUE_ILLEGAL);
	q.urgency = URGENCY_C;
	q.share = SHARE_MAX + 1;
	assert_int_equal(store_insert(s, &q, span_str("x")), QUEUE_ILLEGAL);
	q.share = SHARE_MAX;
	q.rank = -1;
	assert_int_equal(store_insert(s, &q, span_str("x")), QUEUE_ILLEGAL);
	q.rank = 1;
	assert_int_equal(store_insert(s, &q, span_str("x")), QUEUE_DONE);
	assert_true(store_refuses(s, "UPDATE documents SET rank=2"));
	assert_true(store_refuses(s, "UPDATE deliveries SET urgency=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(sealing),
		STORE_TEST(delivering),
		STORE_TEST(what_is_not_due_waits),
		STORE_TEST(turns_of_many_destinations),
		STORE_TEST(first_to_arrive),
		STORE_TEST(urgent_has_more_turns),
		STORE_TEST(shares),
		STORE_TEST(a_pass_serves_each_partner),
		STORE_TEST(a_pass_begins_anew),
		STORE_TEST(everything_is_urgent),
		STORE_TEST(what_cannot_be_is_refused),
	};

	return STORE_RUN(tests);
}

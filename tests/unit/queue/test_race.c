/* SPDX-License-Identifier: EUPL-1.2 */
/* Two appliances at one database: what one decides while the other has not committed. */
#include "tests/unit/queue/store.h"

#ifdef SEALGATE_POSTGRESQL
#include "tests/unit/queue/race.h"

static int run_sealed(struct store *s, const void *what)
{
	const struct queue_claim *c = what;

	return engine_sealed(
		s->engine, T0 + 11, c->document.id, c->fence, span_str("container"));
}

static int run_delivered(struct store *s, const void *what)
{
	const struct queue_claim *c = what;
	struct queue_delivery_result_request q = { .fence = c->fence,
		.state = DELIVERY_DELIVERED };

	memcpy(q.id, c->document.id, sizeof(q.id));
	memcpy(q.destination, c->destination, sizeof(q.destination));
	snprintf(q.reply_id, sizeof(q.reply_id), "REF.1");
	return engine_delivery_result(s->engine, T0 + 11, &q);
}

/* Either order; both come about. */
static void race_both(struct racer *first, struct racer *second)
{
	race(first, second);
	assert_int_equal(first->answer, QUEUE_DONE);
	assert_int_equal(second->answer, QUEUE_DONE);
}

/* A document on its way to traces, and the claim of its withdrawal, which is to be
 * sealed. */
static void withdrawal_begin(struct store *s, struct queue_claim *ret_original,
	struct queue_claim *ret_withdrawal)
{
	char id[DOCUMENT_ID_SIZE], w[DOCUMENT_ID_SIZE];

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", ret_original), QUEUE_DONE);
	store_later(s, "N1", "40", DOCUMENT_ACCEPTED, RELATION_WITHDRAWS, "N1", w);
	assert_int_equal(store_claim_seal(s, T0 + 10, 60, ret_withdrawal), QUEUE_DONE);
	assert_string_equal(ret_withdrawal->document.id, w);
}

static void sealed_while_the_original_arrives(struct store *s, bool sealed_first)
{
	struct queue_claim original, withdrawal, claim;
	struct racer a, b;

	race_open(s, &a, &b);
	withdrawal_begin(s, &original, &withdrawal);
	a.run = run_sealed;
	a.what = &withdrawal;
	b.run = run_delivered;
	b.what = &original;
	race_both(sealed_first ? &a : &b, sealed_first ? &b : &a);
	assert_delivery(s, withdrawal.document.id, "traces", "queued");
	assert_int_equal(store_claim(s, T0 + 20, "traces", &claim), QUEUE_DONE);
	assert_string_equal(claim.document.id, withdrawal.document.id);
	race_close(&b);
}

static void a_withdrawal_is_sealed_first(void **state)
{
	sealed_while_the_original_arrives(*state, true);
}

static void its_original_arrives_first(void **state)
{
	sealed_while_the_original_arrives(*state, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_withdrawal_is_sealed_first),
		STORE_TEST(its_original_arrives_first),
	};

	return STORE_RUN_SHARED(tests);
}
#else
int main(void)
{
	fputs("[  SKIPPED ] postgresql: built without libpq\n", stderr);
	return 0;
}
#endif

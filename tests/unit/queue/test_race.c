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

/* Step after step, as who asks for it goes on. */
static int run_act(struct store *s, const void *what)
{
	struct queue_act_request q = *(const struct queue_act_request *)what;
	bool more = true;
	int r = QUEUE_DONE;

	while (r == QUEUE_DONE && more) {
		json_t *answer;
		int fd = -1;

		r = engine_act(s->engine, T0 + 11, &q, &fd);
		if (r != QUEUE_DONE)
			break;
		answer = store_json(fd);
		more = json_is_true(json_object_get(answer, "more"));
		q.selection.state =
			(uint32_t)json_integer_value(json_object_get(answer, "state"));
		q.selection.after = json_integer_value(json_object_get(answer, "after"));
		json_decref(answer);
	}
	return r;
}

static int run_withdrawal(struct store *s, const void *what)
{
	struct queue_submission q;
	struct queue_document first;
	struct engine_parts p = { .report = span_str("report"),
		.document = span_str("withdrawal"),
		.receipt = span_str("receipt") };
	char *record;
	int r;

	submission_make(&q, what, DOCUMENT_ACCEPTED, p.document);
	snprintf(q.status, sizeof(q.status), "40");
	q.relation = RELATION_WITHDRAWS;
	snprintf(q.original, sizeof(q.original), "%s", (const char *)what);
	record = store_record(&q);
	p.record = span_str(record);
	r = engine_insert(s->engine, &q, &p, &first);
	free(record);
	return r;
}

/* All that is to go to traces goes to another one. */
static const struct queue_act_request ELSEWHERE = { .verb = QUEUE_REROUTE,
	.selection = { .destination = "traces" },
	.to = "traces-2",
	.operator_name = "op",
	.reason = "why" };

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

/* Whatever is rerouted goes on its way with the seal, or by itself when it has it. */
static void sealed_while_rerouted(struct store *s, bool sealed_first)
{
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim seal, claim;
	struct racer a, b;

	race_open(s, &a, &b);
	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(store_claim_seal(s, T0 + 10, 60, &seal), QUEUE_DONE);
	a.run = run_sealed;
	a.what = &seal;
	b.run = run_act;
	b.what = &ELSEWHERE;
	race_both(sealed_first ? &a : &b, sealed_first ? &b : &a);
	assert_document(s, id, "sealed");
	assert_delivery(s, id, "traces", "expired");
	assert_delivery(s, id, "traces-2", "queued");
	assert_int_equal(store_claim(s, T0 + 20, "traces-2", &claim), QUEUE_DONE);
	race_close(&b);
}

static void sealed_before_many_are_rerouted(void **state)
{
	sealed_while_rerouted(*state, true);
}

static void many_are_rerouted_before_the_seal(void **state)
{
	sealed_while_rerouted(*state, false);
}

/* What is withdrawn goes nowhere that its withdrawal does not go. */
static void withdrawn_while_rerouted(struct store *s, bool withdrawn_first)
{
	char id[DOCUMENT_ID_SIZE];
	struct racer a, b;

	race_open(s, &a, &b);
	store_add_sealed(s, "N1", id);
	a.run = run_withdrawal;
	a.what = "N1";
	b.run = run_act;
	b.what = &ELSEWHERE;
	race_both(withdrawn_first ? &a : &b, withdrawn_first ? &b : &a);
	assert_document(s, id, "withdrawn");
	assert_delivery(s, id, "traces", "expired");
	assert_delivery(s, id, "traces-2", withdrawn_first ? "absent" : "expired");
	race_close(&b);
}

static void withdrawn_before_many_are_rerouted(void **state)
{
	withdrawn_while_rerouted(*state, true);
}

static void many_are_rerouted_before_it_is_withdrawn(void **state)
{
	withdrawn_while_rerouted(*state, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_withdrawal_is_sealed_first),
		STORE_TEST(its_original_arrives_first),
		STORE_TEST(sealed_before_many_are_rerouted),
		STORE_TEST(many_are_rerouted_before_the_seal),
		STORE_TEST(withdrawn_before_many_are_rerouted),
		STORE_TEST(many_are_rerouted_before_it_is_withdrawn),
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

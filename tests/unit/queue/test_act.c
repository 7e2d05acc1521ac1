/* SPDX-License-Identifier: EUPL-1.2 */
/* Acts on many deliveries, another way for a document, and maintenance of a destination.
 */
#include "tests/unit/queue/store.h"

#include "queue/backend.h"

static struct queue_act_request act_of(enum queue_control verb)
{
	return (struct queue_act_request){
		.verb = verb, .operator_name = "op", .reason = "why"
	};
}

/* Answer after answer until there is no more; how many deliveries were changed. */
static json_int_t act(struct store *s, struct queue_act_request q)
{
	json_int_t done = 0;
	bool more = true;

	while (more) {
		_cleanup_json_ json_t *answer = NULL;
		int fd = -1;

		assert_int_equal(
			STEP(s, engine_act(s->engine, T0 + 500, &q, &fd)), QUEUE_DONE);
		answer = store_json(fd);
		done += json_integer_value(json_object_get(answer, "done"));
		more = json_is_true(json_object_get(answer, "more"));
		q.selection.state =
			(uint32_t)json_integer_value(json_object_get(answer, "state"));
		q.selection.after = json_integer_value(json_object_get(answer, "after"));
	}
	return done;
}

static int try_act(struct store *s, const struct queue_act_request *q)
{
	int fd = -1, r = STEP(s, engine_act(s->engine, T0 + 500, q, &fd));

	closep(&fd);
	return r;
}

static void assert_conserved(struct store *s)
{
	_cleanup_json_ json_t *ledger = NULL;
	int fd = -1;

	for (int rounds = 0; rounds < 2;) {
		int r = STEP(s, engine_ledger_walk(s->engine, 500) < 0 ? -1 : QUEUE_DONE);

		assert_int_equal(r, QUEUE_DONE);
		rounds++;
	}
	assert_null(engine_ledger_found(s->engine));
	assert_int_equal(STEP(s, engine_ledger(s->engine, &fd)), QUEUE_DONE);
	ledger = store_json(fd);
	assert_true(json_is_true(json_object_get(ledger, "balanced")));
}

static void many_in_steps(void **state)
{
	struct queue_act_request q = act_of(QUEUE_HOLD);
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	for (int i = 0; i < 130; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", i);
		store_add_sealed(s, number, id);
	}
	snprintf(q.selection.destination, DESTINATION_NAME_SIZE, "traces");
	assert_int_equal(act(s, q), 130);
	assert_delivery(s, id, "traces", "held");
	assert_delivery(s, id, "customs-es", "queued");
	assert_int_equal(act(s, q), 0);
	q.verb = QUEUE_RELEASE;
	snprintf(q.selection.partner, PARTNER_NAME_SIZE, "partner-b");
	assert_int_equal(act(s, q), 0);
	snprintf(q.selection.partner, PARTNER_NAME_SIZE, "partner-a");
	q.selection.before = T0;
	assert_int_equal(act(s, q), 0);
	q.selection.before = T0 + 1;
	assert_int_equal(act(s, q), 130);
	assert_int_equal(count_events(s, id, "operator.release"), 1);
	assert_conserved(s);
}

static void another_way(void **state)
{
	struct queue_act_request q = act_of(QUEUE_REROUTE);
	struct store *s = *state;
	char sealed[DOCUMENT_ID_SIZE], waiting[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", sealed);
	store_add(s, "N2", DOCUMENT_ACCEPTED, waiting);
	snprintf(q.selection.destination, DESTINATION_NAME_SIZE, "customs-es");
	snprintf(q.to, DESTINATION_NAME_SIZE, "customs-pt");
	assert_int_equal(act(s, q), 2);
	assert_delivery(s, sealed, "customs-es", "expired");
	assert_delivery(s, sealed, "customs-pt", "queued");
	assert_delivery(s, waiting, "customs-pt", "waiting");
	assert_int_equal(act(s, q), 0);
	assert_int_equal(store_claim_seal(s, T0 + 600, 60, &claim), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 600, waiting, claim.fence,
					 span_str("container"))),
		QUEUE_DONE);
	assert_delivery(s, waiting, "customs-pt", "queued");
	assert_int_equal(store_claim(s, T0 + 600, "customs-es", &claim), QUEUE_EMPTY);
	assert_int_equal(store_claim(s, T0 + 600, "customs-pt", &claim), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 600, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_conserved(s);
}

/* What may have arrived is not sent elsewhere. */
static void only_what_is_not_there(void **state)
{
	static const enum delivery_state STAYS[] = { DELIVERY_UNKNOWN,
		DELIVERY_DELIVERED };
	struct queue_act_request q = act_of(QUEUE_REROUTE);
	struct store *s = *state;
	struct queue_claim claim;

	snprintf(q.to, DESTINATION_NAME_SIZE, "elsewhere");
	for (size_t i = 0; i < 2; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", (int)i);
		store_add_sealed(s, number, q.selection.id);
		snprintf(q.selection.destination, DESTINATION_NAME_SIZE, "traces");
		assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
		assert_int_equal(try_act(s, &q), QUEUE_ILLEGAL); /* sending */
		assert_int_equal(
			store_result(s, T0, &claim, STAYS[i], T0 + 9000), QUEUE_DONE);
		assert_int_equal(try_act(s, &q), QUEUE_ILLEGAL);
	}
	/* refused stays refused, and goes elsewhere */
	store_add_sealed(s, "R", q.selection.id);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	assert_int_equal(store_result(s, T0, &claim, DELIVERY_REFUSED, 0), QUEUE_DONE);
	assert_int_equal(try_act(s, &q), QUEUE_DONE);
	assert_delivery(s, q.selection.id, "traces", "refused");
	assert_delivery(s, q.selection.id, "elsewhere", "queued");
	/* what was tried until its time was over is not there either */
	store_add_sealed(s, "E", q.selection.id);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	assert_int_equal(store_result(s, T0, &claim, DELIVERY_EXPIRED, 0), QUEUE_DONE);
	assert_int_equal(try_act(s, &q), QUEUE_DONE);
	assert_delivery(s, q.selection.id, "traces", "expired");
	assert_delivery(s, q.selection.id, "elsewhere", "queued");
	assert_conserved(s);
}

static int result_of(struct store *s, const struct queue_claim *claim,
	enum delivery_state state, uint32_t absent)
{
	struct queue_delivery_result_request q = {
		.fence = claim->fence, .state = state, .absent = absent
	};

	memcpy(q.id, claim->document.id, sizeof(q.id));
	memcpy(q.destination, claim->destination, sizeof(q.destination));
	return STEP(s, engine_delivery_result(s->engine, T0 + 500, &q));
}

/* Claim what is due at traces and end the attempt. Return: was it to be looked up? */
static uint32_t attempt(struct store *s, enum delivery_state state, uint32_t absent)
{
	struct queue_claim claim;

	assert_int_equal(store_claim(s, T0 + 500, "traces", &claim), QUEUE_DONE);
	assert_int_equal(result_of(s, &claim, state, absent), QUEUE_DONE);
	return claim.look_up;
}

/* An outcome that was not known stays in doubt through refusals, deferrals and expiry,
 * through holds and redrives, until a look-up says that it is not there. */
static void what_may_have_arrived_stays(void **state)
{
	static const enum delivery_state ENDS[] = { DELIVERY_REFUSED, DELIVERY_DEFERRED,
		DELIVERY_EXPIRED };
	struct queue_act_request q = act_of(QUEUE_REROUTE);
	struct store *s = *state;

	snprintf(q.to, DESTINATION_NAME_SIZE, "elsewhere");
	snprintf(q.selection.destination, DESTINATION_NAME_SIZE, "traces");
	for (size_t i = 0; i < 3; i++) {
		char number[16];
		const char *id = q.selection.id;

		snprintf(number, sizeof(number), "N%d", (int)i);
		store_add_sealed(s, number, q.selection.id);
		assert_int_equal(attempt(s, DELIVERY_UNKNOWN, 1), 0);
		assert_int_equal(attempt(s, ENDS[i], 0), 1);
		assert_int_equal(try_act(s, &q), QUEUE_ILLEGAL);
		assert_int_equal(
			store_control(s, QUEUE_REDRIVE, id, "traces"), QUEUE_DONE);
		assert_int_equal(store_control(s, QUEUE_HOLD, id, "traces"), QUEUE_DONE);
		assert_int_equal(try_act(s, &q), QUEUE_ILLEGAL);
		assert_int_equal(
			store_control(s, QUEUE_RELEASE, id, "traces"), QUEUE_DONE);
		assert_int_equal(attempt(s, ENDS[i], 1), 1);
		assert_int_equal(try_act(s, &q), QUEUE_DONE);
		assert_delivery(s, id, "elsewhere", "queued");
	}
	assert_conserved(s);
}

/* A slow worker whose claim was over before it went elsewhere has no say any more. */
static void a_late_result_changes_nothing(void **state)
{
	struct queue_act_request q = act_of(QUEUE_REROUTE);
	struct store *s = *state;
	struct queue_claim old, claim;

	snprintf(q.to, DESTINATION_NAME_SIZE, "elsewhere");
	store_add_sealed(s, "N", q.selection.id);
	snprintf(q.selection.destination, DESTINATION_NAME_SIZE, "traces");
	assert_int_equal(store_claim(s, T0, "traces", &old), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 900, "traces", &claim), QUEUE_DONE);
	assert_int_equal(claim.look_up, 1);
	assert_int_equal(
		store_result(s, T0 + 900, &claim, DELIVERY_DEFERRED, 0), QUEUE_DONE);
	assert_int_equal(try_act(s, &q), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 901, &old, DELIVERY_DEFERRED, 0), QUEUE_STALE);
	assert_int_equal(
		store_result(s, T0 + 901, &old, DELIVERY_DELIVERED, 0), QUEUE_STALE);
	assert_int_equal(
		store_result(s, T0 + 901, &claim, DELIVERY_DELIVERED, 0), QUEUE_ILLEGAL);
	assert_delivery(s, q.selection.id, "traces", "expired");
	assert_int_equal(store_claim(s, T0 + 902, "traces", &claim), QUEUE_EMPTY);
	assert_conserved(s);
}

/* It would be at both: only where it is named does it come back. */
static void what_went_elsewhere_stays_there(void **state)
{
	static const enum delivery_state ENDS[] = { DELIVERY_EXPIRED, DELIVERY_REFUSED,
		DELIVERY_DEFERRED };
	struct queue_act_request q = act_of(QUEUE_REROUTE), all = act_of(QUEUE_REDRIVE);
	struct store *s = *state;
	struct queue_claim claim;

	snprintf(all.selection.destination, DESTINATION_NAME_SIZE, "traces");
	q.selection.destination[0] = '\0';
	for (size_t i = 0; i < 3; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", (int)i);
		store_add_sealed(s, number, q.selection.id);
		assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
		assert_int_equal(
			store_result(s, T0, &claim, ENDS[i], T0 + 9000), QUEUE_DONE);
		snprintf(q.selection.destination, DESTINATION_NAME_SIZE, "traces");
		snprintf(q.to, DESTINATION_NAME_SIZE, "elsewhere");
		assert_int_equal(try_act(s, &q), QUEUE_DONE);
		snprintf(q.to, DESTINATION_NAME_SIZE, "a-third");
		assert_int_equal(try_act(s, &q), QUEUE_ILLEGAL);
	}
	assert_int_equal(act(s, all), 0);
	all.selection = q.selection;
	all.selection.destination[0] = '\0';
	assert_int_equal(try_act(s, &all), QUEUE_ILLEGAL);
	assert_int_equal(
		store_control(s, QUEUE_REDRIVE, q.selection.id, ""), QUEUE_ILLEGAL);
	assert_int_equal(
		store_control(s, QUEUE_REDRIVE, q.selection.id, "traces"), QUEUE_DONE);
	assert_delivery(s, q.selection.id, "traces", "queued");
	assert_conserved(s);
	/* and is one like any other again */
	assert_int_equal(store_claim(s, T0 + 500, "traces", &claim), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 500, &claim, DELIVERY_EXPIRED, 0), QUEUE_DONE);
	snprintf(all.selection.destination, DESTINATION_NAME_SIZE, "traces");
	all.selection.id[0] = '\0';
	assert_int_equal(act(s, all), 1);
	assert_conserved(s);
}

static void acts_that_are_none(void **state)
{
	struct queue_act_request good = act_of(QUEUE_HOLD), q;
	struct store *s = *state;

	assert_int_equal(try_act(s, &good), QUEUE_DONE);
#define REFUSED(change)                                                                  \
	do {                                                                             \
		q = good;                                                                \
		change;                                                                  \
		assert_int_equal(try_act(s, &q), QUEUE_ILLEGAL);                         \
	} while (0)
	REFUSED(q.verb = 0);
	REFUSED(q.verb = 9);
	REFUSED(q.verb = QUEUE_REROUTE);
	REFUSED(q.to[0] = 'x');
	REFUSED(q.operator_name[0] = '\0');
	REFUSED(q.reason[0] = '\0');
	REFUSED(q.selection.state = 99);
	REFUSED(q.selection.after = -1);
	q = good;
	snprintf(q.selection.id, DOCUMENT_ID_SIZE, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	assert_int_equal(try_act(s, &q), QUEUE_NOT_FOUND);
}

static int maintain(struct store *s, int64_t now, bool start, const char *destination,
	int64_t since, int64_t until)
{
	struct queue_maintenance_request q = { .start = start,
		.window = { .since = since, .until = until },
		.operator_name = "op",
		.reason = "why" };

	snprintf(q.destination, sizeof(q.destination), "%s", destination);
	return STEP(s, engine_maintenance(s->engine, now, &q));
}

static void maintenance_keeps_claims_away(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int64_t due;
	int fd = -1;

	store_add_sealed(s, "N1", id);
	assert_int_equal(maintain(s, T0, true, "traces", T0 + 100, T0 + 200), QUEUE_DONE);
	assert_int_equal(
		maintain(s, T0, true, "traces", T0 + 100, T0 + 99), QUEUE_ILLEGAL);
	assert_int_equal(store_claim(s, T0 + 100, "traces", &claim), QUEUE_EMPTY);
	assert_int_equal(STEP(s, engine_claim_delivery(s->engine, T0 + 150, "traces", 60,
					 0, &claim, &fd, &due)),
		QUEUE_EMPTY);
	assert_int_equal(due, T0 + 200);
	assert_int_equal(store_claim(s, T0 + 150, "customs-es", &claim), QUEUE_DONE);
	/* what is under way is finished */
	assert_int_equal(store_result(s, T0 + 151, &claim, DELIVERY_DEFERRED, T0 + 152),
		QUEUE_DONE);
	assert_int_equal(maintain(s, T0 + 160, true, "", 0, 0), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 160, "customs-es", &claim), QUEUE_EMPTY);
	assert_int_equal(store_claim(s, T0 + 250, "traces", &claim), QUEUE_EMPTY);
	assert_int_equal(maintain(s, T0 + 260, false, "", 0, 0), QUEUE_DONE);
	assert_int_equal(maintain(s, T0 + 261, false, "", 0, 0), QUEUE_ILLEGAL);
	assert_int_equal(store_claim(s, T0 + 261, "traces", &claim), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 261, "customs-es", &claim), QUEUE_DONE);
}

static void maintenance_is_seen(void **state)
{
	struct store *s = *state;
	_cleanup_json_ json_t *stats = NULL;
	const json_t *list;
	int fd = -1;

	assert_int_equal(maintain(s, T0, true, "traces", 0, T0 + 10), QUEUE_DONE);
	assert_int_equal(maintain(s, T0, true, "", T0 + 50, 0), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_stats(s->engine, T0 + 20, &fd)), QUEUE_DONE);
	stats = store_json(fd);
	list = json_object_get(stats, "maintenance");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_of(json_array_get(list, 0), "by"), "op");
	assert_true(json_is_false(json_object_get(json_array_get(list, 0), "now")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(many_in_steps),
		STORE_TEST(another_way),
		STORE_TEST(only_what_is_not_there),
		STORE_TEST(what_may_have_arrived_stays),
		STORE_TEST(a_late_result_changes_nothing),
		STORE_TEST(what_went_elsewhere_stays_there),
		STORE_TEST(acts_that_are_none),
		STORE_TEST(maintenance_keeps_claims_away),
		STORE_TEST(maintenance_is_seen),
	};

	return STORE_RUN(tests);
}

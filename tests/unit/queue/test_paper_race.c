/* SPDX-License-Identifier: EUPL-1.2 */
/* Two appliances at one database that want the same paper at the same time. */
#include "tests/unit/queue/store.h"

#ifdef SEALGATE_POSTGRESQL
#include <pthread.h>

struct rivals {
	struct store a, b;
};

static void open_pair(struct store *s, struct rivals *p)
{
	p->a = *s;
	p->b = *s;
	assert_int_equal(store_try(s, "second", &p->b.engine), 0);
}

/* An insert of its own, at another appliance at the same time. */
struct racer {
	struct store store;
	struct queue_submission q;
	struct queue_document first;
	int answer;
};

static int race_insert(struct store *s, const struct queue_submission *q,
	struct queue_document *ret_first)
{
	struct engine_parts parts = { .report = span_str("report"),
		.document = span_str(q->number),
		.receipt = span_str("receipt") };
	char *record = store_record(q);
	int r;

	parts.record = span_str(record);
	r = engine_insert(s->engine, q, &parts, ret_first);
	free(record);
	return r;
}

static void *race(void *arg)
{
	struct racer *r = arg;

	if (engine_begin(r->store.engine) == 0 && engine_mark(r->store.engine) == 0) {
		r->answer = race_insert(&r->store, &r->q, &r->first);
		if (engine_unmark(r->store.engine, r->answer == QUEUE_DONE) < 0 ||
			engine_commit(r->store.engine) < 0)
			r->answer = -EIO;
	}
	return NULL;
}

/* Until the server has somebody wait for a lock. */
static void wait_for_lock(struct store *s)
{
	for (int i = 0; i < 1000; i++) {
		char *n = store_query(s, "SELECT count(*) FROM pg_stat_activity"
					 " WHERE wait_event_type='Lock'");
		bool waits = strcmp(n, "0;") != 0;

		free(n);
		if (waits)
			return;
		usleep(10000);
	}
	fail_msg("nobody waits");
}

static void paper_make(struct queue_submission *q, const char *number)
{
	submission_make(q, number, DOCUMENT_ACCEPTED, span_str(number));
	snprintf(q->paper, sizeof(q->paper), "PAPER");
}

/* It waits, and names no paper. */
static void replacement_make(
	struct queue_submission *q, const char *number, const char *original)
{
	submission_make(q, number, DOCUMENT_HELD, span_str(number));
	q->relation = RELATION_REPLACES;
	snprintf(q->original, sizeof(q->original), "%s", original);
}

/* Both have found the paper free; the second waits for the first and then is told. */
static void race_for_paper(struct rivals *p, const struct queue_submission *first,
	const struct queue_submission *second)
{
	struct racer r = { .store = p->b, .q = *second };
	struct queue_document found;
	pthread_t thread;

	assert_int_equal(engine_begin(p->a.engine), 0);
	assert_int_equal(race_insert(&p->a, first, &found), QUEUE_DONE);
	assert_int_equal(pthread_create(&thread, NULL, race, &r), 0);
	wait_for_lock(&p->a);
	assert_int_equal(engine_commit(p->a.engine), 0);
	pthread_join(thread, NULL);
	assert_int_equal(r.answer, QUEUE_PAPER);
	assert_string_equal(r.first.id, first->id);
}

static void assert_papers(struct store *s, const char *expected)
{
	char *papers =
		store_query(s, "SELECT number||made FROM papers ORDER BY document");

	assert_string_equal(papers, expected);
	free(papers);
}

static void one_paper_is_made_once(void **state)
{
	struct store *s = *state;
	struct queue_submission withdrawal, first, second;
	struct rivals p;

	open_pair(s, &p);
	paper_make(&first, "N1");
	paper_make(&second, "N2");
	race_for_paper(&p, &first, &second);
	submission_make(&withdrawal, "N1", DOCUMENT_ACCEPTED, span_str("withdrawal"));
	snprintf(withdrawal.status, sizeof(withdrawal.status), "40");
	withdrawal.relation = RELATION_WITHDRAWS;
	snprintf(withdrawal.original, sizeof(withdrawal.original), "N1");
	assert_int_equal(
		store_insert(&p.a, &withdrawal, span_str("withdrawal")), QUEUE_DONE);
	/* the place of one that is at an end is taken as well once only */
	paper_make(&first, "N3");
	paper_make(&second, "N4");
	race_for_paper(&p, &first, &second);
	assert_papers(s, "PAPER0;PAPER1;");
	engine_close(p.b.engine);
}

static void one_takes_it_over(void **state)
{
	struct store *s = *state;
	struct queue_submission original, first, second;
	struct rivals p;

	open_pair(s, &p);
	paper_make(&original, "N1");
	assert_int_equal(store_insert(&p.a, &original, span_str("N1")), QUEUE_DONE);
	replacement_make(&first, "N2", "N1");
	replacement_make(&second, "N3", "N1");
	race_for_paper(&p, &first, &second);
	assert_papers(s, "PAPER1;PAPER0;");
	engine_close(p.b.engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(one_paper_is_made_once),
		STORE_TEST(one_takes_it_over),
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

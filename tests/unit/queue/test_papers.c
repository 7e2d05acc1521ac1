/* SPDX-License-Identifier: EUPL-1.2 */
/* A paper that was issued in an outage is made electronic by one document that is not at
 * an end, whatever else is said of that document. */
#include "tests/unit/queue/paper_store.h"

static int put(struct store *s, const char *number, struct said said)
{
	struct queue_submission q;
	char first[DOCUMENT_ID_SIZE];

	make(&q, number, said);
	return put_first(s, &q, first);
}

static void once(void **state)
{
	struct store *s = *state;
	struct queue_submission q, second;
	struct queue_document found;
	char first[DOCUMENT_ID_SIZE];

	make(&q, "N1", USUAL);
	assert_int_equal(put_first(s, &q, first), QUEUE_DONE);
	make(&second, "N2", USUAL);
	assert_int_equal(STEP(s, engine_find(s->engine, &second, &found)), QUEUE_PAPER);
	assert_string_equal(found.id, q.id);
	assert_int_equal(put_first(s, &second, first), QUEUE_PAPER);
	assert_string_equal(first, q.id);
	/* another partner of the country is no better, another country is another one */
	snprintf(second.partner, sizeof(second.partner), "partner-b");
	assert_int_equal(put_first(s, &second, first), QUEUE_PAPER);
	snprintf(second.country, sizeof(second.country), "TN");
	assert_int_equal(put_first(s, &second, first), QUEUE_DONE);
	assert_int_equal(
		put(s, "N3", (struct said){ .paper = "MA PAPER 18" }), QUEUE_DONE);
	assert_int_equal(put(s, "N4", (struct said){ .paper = "" }), QUEUE_DONE);
	assert_int_equal(put(s, "N5", (struct said){ .paper = "" }), QUEUE_DONE);
}

/* Nothing of a document that was not taken stays. */
static void nothing_stays(void **state)
{
	struct store *s = *state;
	struct queue_submission q;
	struct queue_document found;
	char first[DOCUMENT_ID_SIZE];
	int fd = -1;

	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	make(&q, "N2", USUAL);
	assert_int_equal(put_first(s, &q, first), QUEUE_PAPER);
	assert_int_equal(
		STEP(s, engine_get(s->engine, q.id, "", QUEUE_META, &found, &fd)),
		QUEUE_NOT_FOUND);
	make(&q, "N2", (struct said){ .paper = "" });
	assert_int_equal(put_first(s, &q, first), QUEUE_DONE);
}

/* The same number in another status speaks of the same document. */
static void other_statuses(void **state)
{
	struct store *s = *state;

	assert_int_equal(put(s, "N1", (struct said){ .status = "42" }), QUEUE_DONE);
	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	assert_int_equal(put(s, "N2", USUAL), QUEUE_PAPER);
}

/* What is held has it; once it is refused another one may. */
static void held_and_refused(void **state)
{
	struct store *s = *state;
	struct queue_judgement j = { .state = DOCUMENT_REFUSED };
	struct queue_claim claim;
	int fd = -1;
	int64_t due;

	assert_int_equal(
		put(s, "N0", (struct said){ .state = DOCUMENT_REFUSED }), QUEUE_DONE);
	assert_int_equal(
		put(s, "N1", (struct said){ .state = DOCUMENT_HELD }), QUEUE_DONE);
	assert_int_equal(put(s, "N2", USUAL), QUEUE_PAPER);
	assert_int_equal(
		put(s, "N2", (struct said){ .state = DOCUMENT_REFUSED }), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 100, 60, &claim, &fd, &due)),
		QUEUE_DONE);
	closep(&fd);
	assert_int_equal(STEP(s, engine_judged(s->engine, T0 + 100, claim.document.id,
					 claim.fence, &j, span_str("report"))),
		QUEUE_DONE);
	assert_int_equal(put(s, "N2", (struct said){ .status = "39" }), QUEUE_DONE);
	assert_int_equal(put(s, "N3", USUAL), QUEUE_PAPER);
}

/* It may be taken back and made anew; the withdrawal itself makes nothing. */
static void withdrawn(void **state)
{
	const struct said withdrawal = {
		.status = "40", .relation = RELATION_WITHDRAWS, .original = "N1"
	};
	struct store *s = *state;

	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	assert_int_equal(put(s, "N2", USUAL), QUEUE_PAPER);
	assert_int_equal(put(s, "N1", withdrawal), QUEUE_DONE);
	assert_int_equal(put(s, "N2", USUAL), QUEUE_DONE);
	assert_int_equal(put(s, "N3", USUAL), QUEUE_PAPER);
	assert_int_equal(put(s, "W9",
				 (struct said){ .status = "40",
					 .relation = RELATION_WITHDRAWS,
					 .original = "N9" }),
		QUEUE_DONE);
}

/* What replaces the one that has it says the same of its paper; nobody else may, neither
 * while that one is held nor after. */
static void replaced(void **state)
{
	const struct said n2 = { .relation = RELATION_REPLACES, .original = "N1" };
	struct store *s = *state;
	struct said held = n2;

	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	held.state = DOCUMENT_HELD;
	assert_int_equal(put(s, "N2", held), QUEUE_DONE);
	assert_int_equal(put(s, "N3", USUAL), QUEUE_PAPER);
	assert_int_equal(put(s, "N1",
				 (struct said){ .status = "40",
					 .relation = RELATION_WITHDRAWS,
					 .original = "N1" }),
		QUEUE_DONE);
	assert_int_equal(put(s, "N3", USUAL), QUEUE_PAPER);
	assert_int_equal(
		put(s, "N4",
			(struct said){ .relation = RELATION_REPLACES, .original = "N9" }),
		QUEUE_PAPER);
	assert_int_equal(
		put(s, "N5",
			(struct said){ .relation = RELATION_REPLACES, .original = "N2" }),
		QUEUE_DONE);
	assert_int_equal(put(s, "N6", USUAL), QUEUE_PAPER);
}

/* Answers of both looks, at first and at the commit, name the one that has the paper. */
static void assert_taken(struct store *s, const char *number, const char *by)
{
	struct queue_submission q;
	struct queue_document found = { 0 };
	char first[DOCUMENT_ID_SIZE];

	make(&q, number, USUAL);
	assert_int_equal(STEP(s, engine_find(s->engine, &q, &found)), QUEUE_PAPER);
	assert_string_equal(found.id, by);
	assert_int_equal(put_first(s, &q, first), QUEUE_PAPER);
	assert_string_equal(first, by);
}

static void silent(
	struct queue_submission *q, const char *number, const char *of, struct said said)
{
	said.paper = "";
	said.relation = RELATION_REPLACES;
	said.original = of;
	make(q, number, said);
}

/* What replaces the one that has it need not name it. */
static void taken_over(void **state)
{
	struct store *s = *state;
	struct queue_submission q;
	char first[DOCUMENT_ID_SIZE];

	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	silent(&q, "N2", "N1", USUAL);
	assert_int_equal(put_first(s, &q, first), QUEUE_DONE);
	assert_taken(s, "N3", q.id);
	silent(&q, "N4", "N2", USUAL);
	assert_int_equal(put_first(s, &q, first), QUEUE_DONE);
	assert_taken(s, "N3", q.id);
	/* nothing is taken over from what is at an end, nor by who names another */
	silent(&q, "N5", "N1", USUAL);
	assert_int_equal(put_first(s, &q, first), QUEUE_DONE);
	assert_int_equal(put(s, "N6",
				 (struct said){ .paper = "MA PAPER 18",
					 .relation = RELATION_REPLACES,
					 .original = "N4" }),
		QUEUE_DONE);
	assert_int_equal(put(s, "N3", USUAL), QUEUE_DONE);
}

/* Nor is it free when what waits to replace the one that has it is all there is; of two
 * that wait the second is told. */
static void taken_over_by_what_is_held(void **state)
{
	const struct said held = { .state = DOCUMENT_HELD };
	struct store *s = *state;
	struct queue_submission q, other;
	char first[DOCUMENT_ID_SIZE];

	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	silent(&q, "N2", "N1", held);
	assert_int_equal(put_first(s, &q, first), QUEUE_DONE);
	silent(&other, "N3", "N1", held);
	assert_int_equal(put_first(s, &other, first), QUEUE_PAPER);
	assert_string_equal(first, q.id);
	assert_int_equal(put(s, "N1",
				 (struct said){ .paper = "",
					 .status = "40",
					 .relation = RELATION_WITHDRAWS,
					 .original = "N1" }),
		QUEUE_DONE);
	assert_taken(s, "N4", q.id);
}

static void taken_over_in_a_rehearsal(void **state)
{
	const struct said sandbox = { .state = DOCUMENT_SANDBOX };
	struct store *s = *state;
	struct queue_submission q;
	char first[DOCUMENT_ID_SIZE];

	assert_int_equal(put(s, "N1", sandbox), QUEUE_DONE);
	silent(&q, "N2", "N1", sandbox);
	assert_int_equal(put_first(s, &q, first), QUEUE_DONE);
	assert_int_equal(put(s, "N3", sandbox), QUEUE_PAPER);
	silent(&q, "N4", "N1", USUAL); /* of real documents there is no N1 */
	assert_int_equal(put_first(s, &q, first), QUEUE_DONE);
	assert_int_equal(put(s, "N5", USUAL), QUEUE_DONE);
}

static void rehearsals_are_apart(void **state)
{
	struct store *s = *state;

	assert_int_equal(
		put(s, "N1", (struct said){ .state = DOCUMENT_SANDBOX }), QUEUE_DONE);
	assert_int_equal(put(s, "N2", USUAL), QUEUE_DONE);
	assert_int_equal(
		put(s, "N3", (struct said){ .state = DOCUMENT_SANDBOX }), QUEUE_PAPER);
	assert_int_equal(put(s, "N4", USUAL), QUEUE_PAPER);
	/* what was taken back in a rehearsal may be made anew in one */
	assert_int_equal(put(s, "N1",
				 (struct said){ .state = DOCUMENT_SANDBOX,
					 .status = "40",
					 .relation = RELATION_WITHDRAWS,
					 .original = "N1" }),
		QUEUE_DONE);
	assert_int_equal(
		put(s, "N3", (struct said){ .state = DOCUMENT_SANDBOX }), QUEUE_DONE);
	assert_int_equal(
		put(s, "N5", (struct said){ .state = DOCUMENT_SANDBOX }), QUEUE_PAPER);
	assert_int_equal(put(s, "N4", USUAL), QUEUE_PAPER);
}

static void explained(struct store *s, const char *key, const char *numbers)
{
	_cleanup_json_ json_t *told = NULL;
	char text[200] = "";
	size_t i;
	json_t *d;
	int fd = -1;

	if (STEP(s, engine_explain(s->engine, key, &fd)) != QUEUE_DONE) {
		assert_string_equal(numbers, "");
		return;
	}
	told = store_json(fd);
	json_array_foreach(json_object_get(told, "documents"), i, d)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s;",
			json_string_of(d, "number"), json_string_of(d, "paper"));
	assert_string_equal(text, numbers);
}

/* By the paper's number as well as by its own, however somebody writes it. */
static void found_by_its_number(void **state)
{
	struct store *s = *state;

	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	assert_int_equal(
		put(s, "N0", (struct said){ .state = DOCUMENT_REFUSED }), QUEUE_DONE);
	assert_int_equal(put(s, "X", (struct said){ .paper = "N1" }), QUEUE_DONE);
	assert_int_equal(put(s, "Y", (struct said){ .paper = "" }), QUEUE_DONE);
	explained(s, PAPER, "N1 " PAPER ";N0 " PAPER ";");
	explained(s, "  ma  paper 17", "N1 " PAPER ";N0 " PAPER ";");
	explained(s, "N1", "N1 " PAPER ";X N1;");
	explained(s, "Y", "Y ;");
	explained(s, "MA PAPER 19", "");
}

/* An original that was not there yet when the one that replaces it was taken. */
static void ended_by_what_says_nothing(void **state)
{
	struct store *s = *state;

	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	assert_int_equal(put(s, "N2", (struct said){ .paper = "" }), QUEUE_DONE);
	assert_int_equal(
		put(s, "N3", (struct said){ .paper = "MA PAPER 18" }), QUEUE_DONE);
	assert_int_equal(engine_begin(s->engine), 0);
	assert_int_equal(paper_take_over(s->engine, 2, 1), 0);
	assert_int_equal(paper_take_over(s->engine, 2, 3), 0);
	assert_int_equal(paper_take_over(s->engine, 3, 1), 0);
	assert_int_equal(engine_commit(s->engine), 0);
	explained(s, PAPER, "N1 " PAPER ";N2 " PAPER ";");
	assert_int_equal(put(s, "N1",
				 (struct said){ .status = "40",
					 .relation = RELATION_WITHDRAWS,
					 .original = "N1" }),
		QUEUE_DONE);
	assert_int_equal(put(s, "N4", USUAL), QUEUE_PAPER);
}

/* One of several of a transaction, as queued runs them. Return: the engine's answer. */
static int insert_marked(struct store *s, const struct queue_submission *q,
	const char *octets, const char *record)
{
	struct queue_document first = { 0 };
	struct engine_parts p = { .document = span_str(octets),
		.report = span_str("report"),
		.receipt = span_str("receipt"),
		.record = span_str(record) };
	int r, kept;

	assert_int_equal(engine_mark(s->engine), 0);
	r = engine_insert(s->engine, q, &p, &first);
	kept = engine_unmark(s->engine, r == QUEUE_DONE);
	if (kept < 0 && kept != -EINVAL)
		fail_msg("%s", engine_failure_text(s->engine));
	return kept < 0 ? kept : r;
}

static bool is_there(struct store *s, const char *id)
{
	struct queue_document d;
	_cleanup_(closep) int fd = -1;

	return STEP(s, engine_get(s->engine, id, "", QUEUE_REPORT, &d, &fd)) ==
	       QUEUE_DONE;
}

/* What is no UTF-8 in a text, as a worker that is broken into could have it written, is
 * stored as something; what is committed along with it is not touched. */
static void no_text_spoils_a_batch(void **state)
{
	static const size_t TEXTS[] = {
#define AT(member) offsetof(struct queue_submission, member)
		AT(import_country), AT(type), AT(number), AT(status), AT(policy_digest),
		AT(store_version), AT(correlation), AT(original), AT(paper),
		AT(destinations[0]), AT(partner), AT(country)
#undef AT
	};
	struct store *s = *state;

	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		struct queue_submission q[3];
		char number[16], octets[3][32], *record[3];

		for (size_t n = 0; n < 3; n++) {
			snprintf(number, sizeof(number), "T%zu-%zu", i, n);
			make(&q[n], number, (struct said){ .paper = number });
			snprintf(octets[n], sizeof(octets[n]), "%s 70", number);
			record[n] = store_record(&q[n]);
		}
		memcpy((char *)&q[1] + TEXTS[i], "\xC3", 2);
		q[1].relation = q[1].original[0] ? RELATION_REPLACES : RELATION_NONE;
		assert_int_equal(engine_begin(s->engine), 0);
		for (size_t n = 0; n < 3; n++)
			if (insert_marked(s, &q[n], octets[n], record[n]) != QUEUE_DONE)
				fail_msg("text %zu, document %zu", i, n);
		assert_int_equal(engine_commit(s->engine), 0);
		for (size_t n = 0; n < 3; n++) {
			assert_true(is_there(s, q[n].id));
			free(record[n]);
		}
	}
}

static void the_database_keeps_it(void **state)
{
	static const char *const ACTS[] = {
		"UPDATE papers SET number='x'",
		"UPDATE papers SET sandbox=1",
		"DELETE FROM papers",
		"UPDATE papers SET made=1 WHERE made=0",
		"INSERT INTO papers(document,country,number,sandbox,made)"
		" VALUES(3,'MA','" PAPER "',0,1)",
		"INSERT INTO papers(document,country,number,sandbox,made)"
		" VALUES(3,'MA','',0,1)",
	};
	struct store *s = *state;

	assert_int_equal(put(s, "N1", USUAL), QUEUE_DONE);
	assert_int_equal(put(s, "N1", (struct said){ .status = "42" }), QUEUE_DONE);
	assert_int_equal(put(s, "N2", (struct said){ .paper = "" }), QUEUE_DONE);
	store_keeps(s, ACTS, sizeof(ACTS) / sizeof(ACTS[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(once),
		STORE_TEST(nothing_stays),
		STORE_TEST(other_statuses),
		STORE_TEST(held_and_refused),
		STORE_TEST(withdrawn),
		STORE_TEST(replaced),
		STORE_TEST(taken_over),
		STORE_TEST(taken_over_by_what_is_held),
		STORE_TEST(taken_over_in_a_rehearsal),
		STORE_TEST(rehearsals_are_apart),
		STORE_TEST(found_by_its_number),
		STORE_TEST(ended_by_what_says_nothing),
		STORE_TEST(no_text_spoils_a_batch),
		STORE_TEST(the_database_keeps_it),
	};

	return STORE_RUN(tests);
}

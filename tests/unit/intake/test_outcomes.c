/* SPDX-License-Identifier: EUPL-1.2 */
/* The feed of outcomes over HTTP: cursors, acknowledgement, what is withheld. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json.h"
#include "connectors/withhold.h"
#include "stage.h"

#include <string.h>

static void ask(const char *uri, struct answer *ret)
{
	struct visit v = { .who = &house.kenya, .method = "GET", .uri = uri };

	visit(&server, &thread_links, &v, ret);
}

static void acknowledge(const char *type, const char *body, struct answer *ret)
{
	struct visit v = { .who = &house.kenya,
		.method = "POST",
		.uri = "/v1/outcomes/acknowledgement",
		.content_type = type,
		.body = body };

	visit(&server, &thread_links, &v, ret);
}

static void test_cursors(void **state)
{
	struct answer a;

	(void)state;
	queue.last = 12;
	ask("/v1/outcomes", &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(queue.outcomes.cursor, -1);
	assert_int_equal(queue.outcomes.limit, 100);
	assert_string_equal(queue.outcomes.partner, "ke-kephis");
	answer_done(&a);
	ask("/v1/outcomes?limit=500&after=12", &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(queue.outcomes.cursor, 12);
	assert_int_equal(queue.outcomes.limit, 500);
	answer_done(&a);
}

static void test_what_is_no_cursor(void **state)
{
	static const char *const BAD[] = { "after=13", "after=", "after=-1", "after=012",
		"after=1x", "after=%31", "after=9999999999999999999", "after=+1",
		"limit=0", "limit=501", "limit=x", "limit=" };
	struct answer a;
	char uri[64];

	(void)state;
	queue.last = 12;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		snprintf(uri, sizeof(uri), "/v1/outcomes?%s", BAD[i]);
		ask(uri, &a);
		expect_problem(&a, 400, "outcomes.cursor");
		answer_done(&a);
	}
}

static void test_acknowledgement(void **state)
{
	static const char *const BAD[] = { "", "{}", "12", "{\"cursor\":12}",
		"{\"cursor\":\"x\"}", "{\"cursor\":\"13\"}",
		"{\"cursor\":\"1\",\"cursor\":\"2\"}" };
	struct answer a;

	(void)state;
	queue.last = 12;
	queue.json = "{\"acknowledged\":\"12\"}";
	acknowledge("application/json", "{\"cursor\":\"12\"}", &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "acknowledged"), "12");
	assert_int_equal(queue.outcomes.cursor, 12);
	answer_done(&a);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		acknowledge("application/json", BAD[i], &a);
		expect_problem(&a, 400, "outcomes.cursor");
		answer_done(&a);
	}
	acknowledge("text/xml", "{\"cursor\":\"12\"}", &a);
	expect_problem(&a, 415, "http.content-type");
	answer_done(&a);
	queue.mood = QUEUE_CANNOT_WRITE;
	acknowledge("application/json", "{\"cursor\":\"12\"}", &a);
	expect_problem(&a, 503, "http.queue-away");
	answer_done(&a);
}

static void test_queue_away(void **state)
{
	struct answer a;

	(void)state;
	queue.mood = QUEUE_BREAKS_ALWAYS;
	ask("/v1/outcomes", &a);
	expect_problem(&a, 503, "http.queue-away");
	answer_done(&a);
}

#define WORDS                                                                            \
	"[{\"destination\":\"traces\",\"reply_id\":\"A\",\"detail\":\"B\"},"             \
	"{\"destination\":\"customs\",\"reply_id\":\"C\",\"detail\":\"D\"},"             \
	"{\"destination\":\"\",\"reply_id\":\"E\",\"detail\":\"F\"}]"

static void test_words_are_withheld(void **state)
{
	struct partner p = {
		.limited = true, .decisions = { "traces" }, .decision_count = 1
	};
	_cleanup_json_ json_t *list = json_read(span_str(WORDS), 4096);
	const char *const expected[] = { "B", "", "F" };

	(void)state;
	withhold_words(&p, list);
	for (size_t i = 0; i < 3; i++) {
		const json_t *o = json_array_get(list, i);

		assert_string_equal(json_string_of(o, "detail"), expected[i]);
		assert_int_equal(json_is_true(json_object_get(o, "withheld")), i == 1);
	}
	p.limited = false;
	p.decision_count = 0;
	json_array_remove(list, 1);
	withhold_words(&p, list);
	assert_null(json_object_get(json_array_get(list, 0), "withheld"));
}

static void test_records_are_withheld(void **state)
{
	static const char EVENTS[] =
		"[{\"record\":{\"event\":\"document.sealed\"},\"record_sha256\":\"1\"},"
		"{\"record\":{\"detail\":{\"destination\":\"customs\",\"text\":\"x\"}},"
		"\"record_sha256\":\"2\"}]";
	struct partner p = { .limited = true };
	_cleanup_json_ json_t *list = json_read(span_str(EVENTS), 4096);

	(void)state;
	withhold_records(&p, list);
	assert_true(json_is_object(json_object_get(json_array_get(list, 0), "record")));
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "record")));
	assert_string_equal(
		json_string_of(json_array_get(list, 1), "record_sha256"), "2");
}

/* Without the grounds for it nothing is said of a decision, not even that it was told. */
static void test_decisions_are_withheld(void **state)
{
	static const char LIST[] = "[{\"event\":\"document.cleared\"},"
				   "{\"destination\":\"traces\"},"
				   "{\"destination\":\"traces/decision\"}]";
	static const char EVENTS[] = "[{\"record\":{\"event\":\"document.cleared\"}},"
				     "{\"record\":{\"event\":\"delivery.refused\","
				     "\"detail\":{\"destination\":\"traces/decision\"}}},"
				     "{\"record\":{\"event\":\"document.sealed\"}}]";

	(void)state;
	for (int disclosed = 0; disclosed < 2; disclosed++) {
		struct partner p = { .disclosed = disclosed };
		_cleanup_json_ json_t *list = json_read(span_str(LIST), 4096);
		_cleanup_json_ json_t *events = json_read(span_str(EVENTS), 4096);

		withhold_decisions(&p, list);
		assert_int_equal(json_array_size(list), disclosed ? 3 : 1);
		withhold_records(&p, events);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(json_is_null(json_object_get(
						 json_array_get(events, i), "record")),
				!disclosed && i < 2);
		assert_int_equal(withhold_state(&p, DOCUMENT_CLEARED),
			disclosed ? DOCUMENT_CLEARED : DOCUMENT_SEALED);
		assert_int_equal(withhold_state(&p, DOCUMENT_HELD), DOCUMENT_HELD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_cursors),
		ON_STAGE(test_what_is_no_cursor),
		ON_STAGE(test_acknowledgement),
		ON_STAGE(test_queue_away),
		cmocka_unit_test(test_words_are_withheld),
		cmocka_unit_test(test_records_are_withheld),
		cmocka_unit_test(test_decisions_are_withheld),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

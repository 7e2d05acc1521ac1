/* SPDX-License-Identifier: EUPL-1.2 */
/* What may follow from an answer: only what it says keeps a document from a look-up, and
 * only what it says has it sent again after one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json.h"
#include "forward/forward.h"

static json_t *json_of(const char *text)
{
	json_t *value = text ? json_loads(text, 0, NULL) : NULL;

	assert_true(value || !text);
	return value;
}

static void test_submission(void **state)
{
	static const struct {
		long status;
		const char *reply;
		enum delivery_state state;
	} CASES[] = {
		{ 200, "{'kind':'ok','id':'T.1'}", DELIVERY_DELIVERED },
		{ 200, "{'kind':'ok'}", DELIVERY_UNKNOWN },
		{ 500, "{'kind':'ok','id':'T.1'}", DELIVERY_UNKNOWN },
		{ 200, "{'kind':'unreadable'}", DELIVERY_UNKNOWN },
		{ 500, "{'kind':'unreadable'}", DELIVERY_UNKNOWN },
		{ 503, "{'kind':'unreadable'}", DELIVERY_UNKNOWN },
		{ 429, "{'kind':'unreadable'}", DELIVERY_UNKNOWN },
		{ 503, "{}", DELIVERY_UNKNOWN },
		{ 500, "{'kind':'fault','fault_code':'s:Server'}", DELIVERY_UNKNOWN },
		{ 503, "{'kind':'fault','fault_code':'s:Server'}", DELIVERY_UNKNOWN },
		{ 500, "{'kind':'fault','fault_code':'s:Client'}", DELIVERY_DEFERRED },
		{ 200, "{'kind':'fault','fault_code':'s:Client'}", DELIVERY_UNKNOWN },
		{ 500, "{'kind':'fault','permanent':true}", DELIVERY_REFUSED },
		{ 500, "{'kind':'fault','already':true}", DELIVERY_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char text[128];
		struct delivery_attempt a = { 0 };
		_cleanup_json_ json_t *reply = NULL;

		snprintf(text, sizeof(text), "%s", CASES[i].reply);
		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		reply = json_of(text);
		soap_answer(CASES[i].status, reply, &a);
		if (a.state != CASES[i].state)
			fail_msg("%ld %s: %d", CASES[i].status, text, a.state);
	}
}

static int found(int outcome, long status, const char *reply, enum delivery_state state)
{
	struct destination_answer e = { .http_status = status };
	struct delivery_attempt a = { 0 };
	_cleanup_json_ json_t *value = json_of(reply);
	int r;

	e.outcome = outcome;
	r = soap_found(&e, value, &a);
	assert_int_equal(a.state, state);
	return r;
}

static void test_look_up(void **state)
{
	static const char THERE[] = "{\"kind\":\"ok\",\"found\":true,\"id\":\"T.1\"}",
			  ABSENT[] = "{\"kind\":\"ok\",\"found\":false}",
			  NEITHER[] = "{\"kind\":\"ok\"}",
			  UNREADABLE[] = "{\"kind\":\"unreadable\"}",
			  FAULT[] = "{\"kind\":\"fault\",\"found\":false}";

	(void)state;
	assert_int_equal(found(EXCHANGE_ANSWERED, 200, THERE, DELIVERY_DELIVERED), 1);
	assert_int_equal(found(EXCHANGE_ANSWERED, 200, ABSENT, DELIVERY_NONE), 0);
	assert_int_equal(found(EXCHANGE_ANSWERED, 200, NEITHER, DELIVERY_UNKNOWN), -1);
	assert_int_equal(found(EXCHANGE_ANSWERED, 200, UNREADABLE, DELIVERY_UNKNOWN), -1);
	assert_int_equal(found(EXCHANGE_ANSWERED, 200, FAULT, DELIVERY_UNKNOWN), -1);
	assert_int_equal(found(EXCHANGE_ANSWERED, 503, ABSENT, DELIVERY_UNKNOWN), -1);
	assert_int_equal(found(EXCHANGE_ANSWERED, 200, NULL, DELIVERY_UNKNOWN), -1);
	assert_int_equal(found(EXCHANGE_AMBIGUOUS, 200, ABSENT, DELIVERY_UNKNOWN), -1);
	assert_int_equal(found(EXCHANGE_NOT_SENT, 0, NULL, DELIVERY_UNKNOWN), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_submission),
		cmocka_unit_test(test_look_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

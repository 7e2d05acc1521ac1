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

typedef int (*look_up_answer)(const struct destination_answer *e, const json_t *reply,
	struct delivery_attempt *ret_attempt);

static int found_by(look_up_answer says, int outcome, long status, const char *reply,
	enum delivery_state state)
{
	struct destination_answer e = { .http_status = status };
	struct delivery_attempt a = { 0 };
	_cleanup_json_ json_t *value = json_of(reply);
	int r;

	e.outcome = outcome;
	r = says(&e, value, &a);
	assert_int_equal(a.state, state);
	return r;
}

static int found(int outcome, long status, const char *reply, enum delivery_state state)
{
	return found_by(soap_found, outcome, status, reply, state);
}

static int pushed_found(
	int outcome, long status, const char *reply, enum delivery_state state)
{
	return found_by(push_found, outcome, status, reply, state);
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

static enum delivery_state pushed(
	int outcome, long status, const char *reply, bool unknown)
{
	struct destination_answer e = { .http_status = status };
	struct delivery_attempt a = { 0 };
	_cleanup_json_ json_t *value = json_of(reply);

	e.outcome = outcome;
	push_answer(&e, value, unknown, &a);
	return a.state;
}

static void test_push(void **state)
{
	static const char ID[] = "{\"kind\":\"ok\",\"id\":\"C.1\"}",
			  OWN[] = "{\"kind\":\"fault\"}",
			  OTHER[] = "{\"kind\":\"unreadable\"}";
	static const struct {
		int outcome;
		long status;
		const char *reply;
		enum delivery_state first, again;
	} CASES[] = {
		{ EXCHANGE_ANSWERED, 200, ID, DELIVERY_DELIVERED, DELIVERY_DELIVERED },
		{ EXCHANGE_ANSWERED, 201, ID, DELIVERY_DELIVERED, DELIVERY_DELIVERED },
		{ EXCHANGE_ANSWERED, 200, OTHER, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 200, NULL, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 500, OWN, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 504, OTHER, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 503, OTHER, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 503, OWN, DELIVERY_DEFERRED, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 403, OWN, DELIVERY_DEFERRED, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 429, OTHER, DELIVERY_DEFERRED, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 408, OWN, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 202, ID, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 204, NULL, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 303, NULL, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
		{ EXCHANGE_ANSWERED, 422, OWN, DELIVERY_REFUSED, DELIVERY_REFUSED },
		{ EXCHANGE_NOT_SENT, 0, NULL, DELIVERY_DEFERRED, DELIVERY_UNKNOWN },
		{ EXCHANGE_AMBIGUOUS, 0, NULL, DELIVERY_UNKNOWN, DELIVERY_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(
			pushed(CASES[i].outcome, CASES[i].status, CASES[i].reply, false),
			CASES[i].first);
		assert_int_equal(
			pushed(CASES[i].outcome, CASES[i].status, CASES[i].reply, true),
			CASES[i].again);
	}
}

/* Only the destination's own words say that something is not there. */
static void test_push_look_up(void **state)
{
	static const char ID[] = "{\"kind\":\"ok\",\"id\":\"C.1\"}",
			  OWN[] = "{\"kind\":\"fault\"}",
			  OTHER[] = "{\"kind\":\"unreadable\"}";

	(void)state;
	assert_int_equal(pushed_found(EXCHANGE_ANSWERED, 200, ID, DELIVERY_DELIVERED), 1);
	assert_int_equal(pushed_found(EXCHANGE_ANSWERED, 404, OWN, DELIVERY_NONE), 0);
	assert_int_equal(
		pushed_found(EXCHANGE_ANSWERED, 404, OTHER, DELIVERY_UNKNOWN), -1);
	assert_int_equal(
		pushed_found(EXCHANGE_ANSWERED, 404, NULL, DELIVERY_UNKNOWN), -1);
	assert_int_equal(pushed_found(EXCHANGE_ANSWERED, 200, OWN, DELIVERY_UNKNOWN), -1);
	assert_int_equal(pushed_found(EXCHANGE_ANSWERED, 500, OWN, DELIVERY_UNKNOWN), -1);
	assert_int_equal(pushed_found(EXCHANGE_ANSWERED, 405, OWN, DELIVERY_UNKNOWN), -1);
	assert_int_equal(pushed_found(EXCHANGE_NOT_SENT, 0, NULL, DELIVERY_UNKNOWN), -1);
	assert_int_equal(pushed_found(EXCHANGE_AMBIGUOUS, 0, NULL, DELIVERY_UNKNOWN), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_submission),
		cmocka_unit_test(test_look_up),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_push_look_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* What the gate held, sealed: who may ask about what, and what cannot be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "evidence/receipt.h"
#include "stage.h"

#include <string.h>

static void ask(const char *uri, struct answer *ret)
{
	struct visit v = { .who = &house.kenya, .method = "GET", .uri = uri };

	visit(&server, &thread_links, &v, ret);
}

/* The claims of an answer that the certificate of receipts proves. */
static json_t *claims_of(const struct answer *a)
{
	_cleanup_(pki_material_freep) struct pki_material *m = pki_material_new();
	struct receipt_result result = { 0 };
	struct span text = span_of((uint8_t *)a->body, a->len);
	json_t *claims;

	assert_int_equal(a->status, 200);
	sk_X509_push(m->anchors, house.receipt.certificate);
	X509_up_ref(house.receipt.certificate);
	assert_int_equal(statement_verify(text, m, clock_now(), &result), 0);
	assert_int_equal(result.outcome, RECEIPT_PASSED);
	claims = json_incref(result.claims);
	receipt_result_done(&result);
	/* A statement never passes for a receipt. */
	assert_int_equal(receipt_verify(text, m, clock_now(), &result), 0);
	assert_int_equal(result.outcome, RECEIPT_MALFORMED);
	receipt_result_done(&result);
	return claims;
}

static void test_not_held(void **state)
{
	_cleanup_json_ json_t *claims = NULL;
	struct answer a;

	(void)state;
	queue.json = "{\"documents\":[],\"complete\":true,\"head\":{\"position\":1}}";
	ask("/v1/status-of?number=KE%2F2026%20x&at=2026-06-05T12:00:00Z", &a);
	claims = claims_of(&a);
	assert_string_equal(queue.status.number, "KE/2026 x");
	assert_int_equal(queue.status.at, 1780660800);
	assert_string_equal(queue.status.scope.partner, "ke-kephis");
	assert_string_equal(queue.status.scope.issued_by[0], "");
	assert_true(json_is_false(json_object_get(claims, "held")));
	assert_string_equal(json_string_of(claims, "authority"), "TRACES");
	assert_string_equal(json_string_of(claims, "number"), "KE/2026 x");
	assert_string_equal(json_string_of(claims, "at"), "2026-06-05T12:00:00Z");
	assert_string_equal(
		json_string_of(json_object_get(claims, "scope"), "partner"), "ke-kephis");
	answer_done(&a);
}

static void test_held(void **state)
{
	_cleanup_json_ json_t *claims = NULL;
	int64_t before = clock_now();
	struct answer a;

	(void)state;
	queue.json = "{\"documents\":[{\"id\":\"x\"}],\"complete\":true}";
	ask("/v1/status-of?number=KE-1", &a);
	claims = claims_of(&a);
	assert_true(queue.status.at >= before && queue.status.at <= clock_now());
	assert_true(json_is_true(json_object_get(claims, "held")));
	assert_int_equal(json_array_size(json_object_get(claims, "documents")), 1);
	answer_done(&a);
}

static void test_scope_is_policy(void **state)
{
	_cleanup_json_ json_t *claims = NULL;
	const json_t *scope;
	struct answer a;

	(void)state;
	house_policy(&house, "partners/ke-kephis.cfg",
		"name = \"ke-kephis\";\ncountry = \"KE\";\ntransport = ( \"%s\" );\n"
		"signers = ( );\ntypes = ( );\n"
		"status_of = { issued_by = ( \"*\" ); bound_for = ( \"NL\", \"BE\" ); "
		"};\n",
		house.kenya.sha256);
	server_done(&server);
	assert_int_equal(server_init(&server, &house.instance, &(char *){ NULL }), 0);
	queue.json = "{\"documents\":[],\"complete\":true}";
	ask("/v1/status-of?number=NZ-1", &a);
	claims = claims_of(&a);
	assert_string_equal(queue.status.scope.issued_by[0], "*");
	assert_string_equal(queue.status.scope.bound_for[1], "BE");
	assert_string_equal(queue.status.scope.bound_for[2], "");
	scope = json_object_get(claims, "scope");
	assert_int_equal(json_array_size(json_object_get(scope, "bound_for")), 2);
	answer_done(&a);
}

static void test_what_cannot_be_asked(void **state)
{
	static const char *const BAD[] = { "", "?", "?number=", "?number=%00",
		"?number=%4", "?number=%zz", "?number=a%0Ab", "?at=2026-06-05T12:00:00Z",
		"?number=a&at=", "?number=a&at=yesterday",
		"?number=a&at=9999-01-01T00:00:00Z" };
	struct answer a;
	char uri[96];

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		snprintf(uri, sizeof(uri), "/v1/status-of%s", BAD[i]);
		ask(uri, &a);
		expect_problem(&a, 400, "status-of.query");
		answer_done(&a);
	}
}

static void test_something_away(void **state)
{
	struct answer a;

	(void)state;
	queue.json = "{\"documents\":[],\"complete\":true}";
	signer.mood = SIGNER_IS_AWAY;
	ask("/v1/status-of?number=KE-1", &a);
	expect_problem(&a, 503, "http.signer-away");
	answer_done(&a);
	signer.mood = SIGNER_OTHER_KEY;
	ask("/v1/status-of?number=KE-1", &a);
	expect_problem(&a, 503, "http.signer-away");
	answer_done(&a);
	queue.mood = QUEUE_BREAKS_ALWAYS;
	ask("/v1/status-of?number=KE-1", &a);
	expect_problem(&a, 503, "http.queue-away");
	answer_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_not_held),
		ON_STAGE(test_held),
		ON_STAGE(test_scope_is_policy),
		ON_STAGE(test_what_cannot_be_asked),
		ON_STAGE(test_something_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

#include <stdio.h>

struct house house;
struct fake_verify verify;
struct fake_queue queue;
struct fake_signer signer;
struct server server;
struct links thread_links;

static char policies[128];

int stage_set_up(void **state)
{
	char *error = NULL;

	(void)state;
	house_build(&house);
	fake_verify_start(&verify, &house);
	snprintf(policies, sizeof(policies), "%s/policies", house.dir);
	verify.policies = policies;
	fake_queue_start(&queue, &house);
	fake_signer_start(&signer, &house);
	assert_int_equal(server_init(&server, &house.instance, &error), 0);
	links_init(&thread_links, server.queued_socket, server.signer_socket);
	return 0;
}

int stage_tear_down(void **state)
{
	(void)state;
	links_done(&thread_links);
	server_done(&server);
	fake_stop(&verify.daemon);
	fake_queue_stop(&queue);
	fake_stop(&signer.daemon);
	house_tear_down(&house);
	return 0;
}

void post_as(
	const struct person *who, const char *uri, const char *body, struct answer *ret)
{
	struct visit v = { .who = who, .method = "POST", .uri = uri, .body = body };

	visit(&server, &thread_links, &v, ret);
}

void post(const char *body, struct answer *ret)
{
	post_as(&house.kenya, "/v1/documents", body, ret);
}

void verify_refuses(const char *findings)
{
	fake_verify_accepts(&verify, "KE-1");
	verify.verdict.decision = DECISION_REFUSED;
	verify.verdict.error_count = 1;
	snprintf(verify.report, sizeof(verify.report), "{\"findings\":[%s]}", findings);
}

void verify_holds(const char *reason)
{
	fake_verify_accepts(&verify, "KE-1");
	verify.verdict.decision = DECISION_HELD;
	verify.verdict.hold_until = 2000000000;
	snprintf(verify.verdict.hold_reason, sizeof(verify.verdict.hold_reason), "%s",
		reason);
}

void expect_problem(const struct answer *a, int status, const char *code)
{
	assert_int_equal(a->status, status);
	assert_string_equal(answer_header(a, "Content-Type"), "application/problem+json");
	assert_string_equal(answer_text(a, "code"), code);
	assert_int_equal(json_integer_value(json_object_get(a->json, "status")), status);
	assert_string_equal(
		answer_text(a, "correlation"), "0123456789abcdef0123456789abcdef");
	assert_non_null(json_object_get(a->json, "received"));
	assert_true(*answer_text(a, "fix"));
	assert_non_null(json_object_get(a->json, "clause"));
	if (status == 503)
		assert_non_null(answer_header(a, "Retry-After"));
}

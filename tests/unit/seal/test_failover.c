/* SPDX-License-Identifier: EUPL-1.2 */
/* Two authorities, of which the first does every wrong thing there is: the second one's
 * token is taken, and what the first did is known by its name. */
#include "seal/stamp.h"

#include "common/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include <curl/curl.h>

#include "anchored.h"
#include "http.h"
#include "pki/token.h"

#define REPLY "application/timestamp-reply"

static struct daemon DAEMON = { .name = "seal", .socket = -1, .stop_fd = -1 };
static struct house STRANGER;
static struct seal_house GATE;
static struct http FIRST, SECOND;
static const char *mode;

static void stamp(int fd, const struct house *h, struct span query, int64_t offset)
{
	unsigned char *answer;
	size_t len = house_answer(h, query, clock_now() + offset, &answer);

	http_reply(fd, "200 OK", REPLY, answer, len);
	OPENSSL_free(answer);
}

/* A query over other octets, or with another nonce. */
static void stamp_another(int fd, struct span octets, uint64_t nonce)
{
	uint8_t digest[SHA256_SIZE], *query;
	size_t len;

	assert_int_equal(digest_sha256(octets, digest), 0);
	assert_int_equal(token_request(digest, nonce, &query, &len), 0);
	stamp(fd, &HOUSE_OF_TESTS, span_of(query, len), 0);
	free(query);
}

/* A token for this query, as if it had not asked for a policy. */
static void ignore_policy(int fd, struct span query)
{
	const unsigned char *p = query.data;
	TS_REQ *request = d2i_TS_REQ(NULL, &p, (long)query.len);
	uint64_t nonce;

	assert_non_null(request);
	assert_int_equal(ASN1_INTEGER_get_uint64(&nonce, TS_REQ_get_nonce(request)), 1);
	TS_REQ_free(request);
	stamp_another(fd, span_str("octets"), nonce);
}

static void spoil(int fd, struct span query)
{
	unsigned char *answer;
	size_t len = house_answer(&HOUSE_OF_TESTS, query, clock_now(), &answer);

	answer[len - 3] ^= 1;
	http_reply(fd, "200 OK", REPLY, answer, len);
	OPENSSL_free(answer);
}

static void first_answers(struct http *h, int fd, struct span body)
{
	static const uint8_t SYSTEM_FAILURE[] = { 0x30, 0x0c, 0x30, 0x0a, 2, 1, 2, 3, 5,
		6, 0, 0, 0, 0x40 };
	static const uint8_t BAD_ALGORITHM[] = { 0x30, 9, 0x30, 7, 2, 1, 2, 3, 2, 7,
		0x80 };

	(void)h;
	if (strcmp(mode, "503") == 0)
		http_reply(fd, "503 Busy", "text/plain", "", 0);
	else if (strcmp(mode, "401") == 0)
		http_reply(fd, "401 No", "text/plain", "", 0);
	else if (strcmp(mode, "system failure") == 0)
		http_reply(fd, "200 OK", REPLY, SYSTEM_FAILURE, sizeof(SYSTEM_FAILURE));
	else if (strcmp(mode, "bad algorithm") == 0)
		http_reply(fd, "200 OK", REPLY, BAD_ALGORITHM, sizeof(BAD_ALGORITHM));
	else if (strcmp(mode, "garbage") == 0)
		http_reply(fd, "200 OK", REPLY, "garbage", 7);
	else if (strcmp(mode, "nonce") == 0)
		stamp_another(fd, span_str("octets"), 1);
	else if (strcmp(mode, "imprint") == 0)
		stamp_another(fd, span_str("other octets"), 1);
	else if (strcmp(mode, "signature") == 0)
		spoil(fd, body);
	else if (strcmp(mode, "path") == 0)
		stamp(fd, &STRANGER, body, 0);
	else if (strcmp(mode, "fast") == 0)
		stamp(fd, &HOUSE_OF_TESTS, body, 90);
	else if (strcmp(mode, "slow") == 0)
		stamp(fd, &HOUSE_OF_TESTS, body, -90);
	else if (strcmp(mode, "policy") == 0)
		ignore_policy(fd, body);
	else if (strcmp(mode, "good") == 0)
		stamp(fd, &HOUSE_OF_TESTS, body, 0);
}

static void second_answers(struct http *h, int fd, struct span body)
{
	(void)h;
	stamp(fd, &HOUSE_OF_TESTS, body, 0);
}

static void two_authorities(size_t count)
{
	struct authorities *a = &GATE.authorities;

	authorities_only(a, FIRST.url);
	(void)snprintf(a->list[0].name, sizeof(a->list[0].name), "first");
	a->list[0].max_skew_s = 60;
	a->list[1] = a->list[0];
	(void)snprintf(a->list[1].name, sizeof(a->list[1].name), "second");
	(void)snprintf(a->list[1].url, sizeof(a->list[1].url), "%s", SECOND.url);
	a->count = count;
}

static int set_up(void **state)
{
	struct instance instance = { 0 };

	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	curl_global_init(CURL_GLOBAL_DEFAULT);
	house_open(&HOUSE_OF_TESTS, clock_now());
	house_open(&STRANGER, clock_now());
	make_folders();
	(void)snprintf(instance.dir, sizeof(instance.dir), "%s", FOLDER);
	GATE = (struct seal_house){ .daemon = &DAEMON, .lease_s = 60 };
	assert_int_equal(anchors_init(&GATE.anchors, &instance), 0);
	FIRST.answer = first_answers;
	SECOND.answer = second_answers;
	http_open(&FIRST);
	http_open(&SECOND);
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	http_close(&FIRST);
	http_close(&SECOND);
	anchors_done(&GATE.anchors);
	house_done(&HOUSE_OF_TESTS);
	house_done(&STRANGER);
	curl_global_cleanup();
	(void)snprintf(command, sizeof(command), "rm -r %s", FOLDER);
	return system(command);
}

static enum stamp stamp_once(char *reason, size_t size)
{
	struct seal_tools t = { .house = &GATE };
	uint8_t *token = NULL;
	int64_t gen_time = 0;
	size_t len = 0;
	enum stamp s = stamp_octets(
		&t, span_str("octets"), &token, &len, &gen_time, reason, size);

	assert_int_equal(token != NULL, s == STAMP_MADE);
	assert_int_equal(gen_time != 0, s == STAMP_MADE);
	free(token);
	seal_tools_done(&t);
	return s;
}

static const struct {
	const char *mode;
	enum tsa_answer answer;
	const char *words;
	enum stamp alone;
} FAULTS[] = {
	{ "hangs up", TSA_SILENT, "first", STAMP_NONE },
	{ "503", TSA_SILENT, "503", STAMP_NONE },
	{ "401", TSA_REFUSED, "401", STAMP_NONE },
	{ "system failure", TSA_SILENT, "refused", STAMP_NONE },
	{ "bad algorithm", TSA_REFUSED, "refused", STAMP_NONE },
	{ "garbage", TSA_WRONG, "not a time-stamp response", STAMP_NONE },
	{ "nonce", TSA_WRONG, "another request", STAMP_NONE },
	{ "imprint", TSA_WRONG, "other data", STAMP_NONE },
	{ "signature", TSA_WRONG, "not proven", STAMP_NONE },
	{ "path", TSA_WRONG, "not proven", STAMP_NONE },
	{ "fast", TSA_SKEWED, "60 s", STAMP_SKEWED },
	{ "slow", TSA_SKEWED, "60 s", STAMP_SKEWED },
};

static void the_second_helps_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
		const struct authority *first = &GATE.authorities.list[0];
		int asked = SECOND.requests;
		char reason[240] = "";

		mode = FAULTS[i].mode;
		two_authorities(2);
		assert_int_equal(stamp_once(reason, sizeof(reason)), STAMP_MADE);
		if (first->last != FAULTS[i].answer ||
			!strstr(first->reason, FAULTS[i].words))
			fail_msg("%s: %s, %s", mode, tsa_answer_text(first->last),
				first->reason);
		assert_int_equal(SECOND.requests, asked + 1);
	}
}

static void alone_it_gives_no_stamp(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
		char reason[240] = "";

		mode = FAULTS[i].mode;
		two_authorities(1);
		assert_int_equal(stamp_once(reason, sizeof(reason)), FAULTS[i].alone);
		assert_non_null(strstr(reason, FAULTS[i].words));
	}
}

/* Its policy must be the one that was agreed on. */
static void policies_are_compared(void **state)
{
	struct authority *first = &GATE.authorities.list[0];
	char reason[240] = "";

	(void)state;
	mode = "good";
	two_authorities(1);
	(void)snprintf(first->policy, sizeof(first->policy), HOUSE_POLICY);
	assert_int_equal(stamp_once(reason, sizeof(reason)), STAMP_MADE);
	/* This authority knows no such policy and says so ... */
	(void)snprintf(first->policy, sizeof(first->policy), "1.2.3.4");
	assert_int_equal(stamp_once(reason, sizeof(reason)), STAMP_NONE);
	assert_int_equal(first->last, TSA_REFUSED);
	/* ... or gives what it has. */
	mode = "policy";
	assert_int_equal(stamp_once(reason, sizeof(reason)), STAMP_NONE);
	assert_int_equal(first->last, TSA_WRONG);
	assert_non_null(strstr(reason, "another policy"));
}

/* Once it is known to be away, documents do not wait for it. */
static void the_first_is_not_asked_again_at_once(void **state)
{
	char reason[240] = "";
	int asked;

	(void)state;
	mode = "path";
	two_authorities(2);
	assert_int_equal(stamp_once(reason, sizeof(reason)), STAMP_MADE);
	asked = FIRST.requests;
	for (int i = 0; i < 5; i++)
		assert_int_equal(stamp_once(reason, sizeof(reason)), STAMP_MADE);
	assert_int_equal(FIRST.requests, asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_helps_out),
		cmocka_unit_test(alone_it_gives_no_stamp),
		cmocka_unit_test(policies_are_compared),
		cmocka_unit_test(the_first_is_not_asked_again_at_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

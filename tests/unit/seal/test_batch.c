/* SPDX-License-Identifier: EUPL-1.2 */
/* Documents that come together share one time-stamp, and each gets a record of its own.
 */
#include "seal/batch.h"

#include "common/clock.h"

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

#define REPLY "application/timestamp-reply"
#define MANY 12
#define LONG_MS 5000 /* no test waits so long: the batch is full before */

static struct daemon DAEMON = { .name = "seal", .socket = -1, .stop_fd = -1 };
static struct seal_house GATE;
static struct batches BATCHES;
static struct http AUTHORITY;
static bool away;

static void answer(struct http *h, int fd, struct span body)
{
	unsigned char *reply;
	size_t len;

	(void)h;
	if (away) {
		http_reply(fd, "503 Busy", "text/plain", "", 0);
		return;
	}
	len = house_answer(&HOUSE_OF_TESTS, body, clock_now(), &reply);
	http_reply(fd, "200 OK", REPLY, reply, len);
	OPENSSL_free(reply);
}

struct member {
	pthread_t thread;
	char text[32];
	struct buf record;
	enum stamp outcome;
	char reason[240];
};

static void *come(void *arg)
{
	struct seal_tools t = { .house = &GATE };
	struct member *m = arg;
	int64_t gen_time = 0;

	m->outcome = batch_record(&t, span_str(m->text), &m->record, &gen_time, m->reason,
		sizeof(m->reason));
	seal_tools_done(&t);
	return NULL;
}

static void all_come(struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		members[i] = (struct member){ 0 };
		snprintf(members[i].text, sizeof(members[i].text), "document %zu", i);
		buf_init(&members[i].record, RECORD_SIZE_MAX);
		assert_int_equal(
			pthread_create(&members[i].thread, NULL, come, &members[i]), 0);
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(members[i].thread, NULL);
}

static void rule(int documents, int wait_ms)
{
	authorities_only(&GATE.authorities, AUTHORITY.url);
	GATE.authorities.batch =
		(struct batch_rule){ .documents = documents, .wait_ms = wait_ms };
}

static void assert_proven(const struct member *m)
{
	struct pki_material *material = house_material(&HOUSE_OF_TESTS);
	struct record_result r;

	assert_int_equal(m->outcome, STAMP_MADE);
	assert_int_equal(record_verify(buf_span(&m->record), span_str(m->text), material,
				 clock_now(), &r),
		0);
	assert_int_equal(r.outcome, RECORD_PASSED);
	record_result_done(&r);
	pki_material_free(material);
}

static void full_batches_share(void **state)
{
	struct member members[MANY];
	int asked = AUTHORITY.requests;

	(void)state;
	rule(MANY / 3, LONG_MS);
	all_come(members, MANY);
	assert_int_equal(AUTHORITY.requests, asked + 3);
	for (size_t i = 0; i < MANY; i++) {
		assert_proven(&members[i]);
		buf_done(&members[i].record);
	}
	assert_null(BATCHES.open);
}

static void nobody_waits_for_ever(void **state)
{
	struct member one[1];
	int asked = AUTHORITY.requests;

	(void)state;
	rule(MANY, 1);
	all_come(one, 1);
	assert_int_equal(AUTHORITY.requests, asked + 1);
	assert_proven(&one[0]);
	buf_done(&one[0].record);
}

static void without_a_time_stamp_nobody_has_one(void **state)
{
	struct member members[2];

	(void)state;
	away = true;
	rule(2, LONG_MS);
	all_come(members, 2);
	away = false;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(members[i].outcome, STAMP_NONE);
		assert_non_null(strstr(members[i].reason, "503"));
		assert_int_equal(members[i].record.len, 0);
		buf_done(&members[i].record);
	}
}

static int set_up(void **state)
{
	struct instance instance = { 0 };

	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	curl_global_init(CURL_GLOBAL_DEFAULT);
	house_open(&HOUSE_OF_TESTS, clock_now());
	make_folders();
	(void)snprintf(instance.dir, sizeof(instance.dir), "%s", FOLDER);
	GATE = (struct seal_house){
		.daemon = &DAEMON, .lease_s = 60, .batches = &BATCHES
	};
	assert_int_equal(batches_init(&BATCHES), 0);
	assert_int_equal(anchors_init(&GATE.anchors, &instance), 0);
	AUTHORITY.answer = answer;
	http_open(&AUTHORITY);
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	http_close(&AUTHORITY);
	anchors_done(&GATE.anchors);
	batches_done(&BATCHES);
	house_done(&HOUSE_OF_TESTS);
	curl_global_cleanup();
	(void)snprintf(command, sizeof(command), "rm -r %s", FOLDER);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_batches_share),
		cmocka_unit_test(nobody_waits_for_ever),
		cmocka_unit_test(without_a_time_stamp_nobody_has_one),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* What a partner may send in an hour and a day, and how many at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HOUR_S 3600
#define DAY_S 86400

static long shift;

/* Ten minutes past noon when this begins, whenever that is: neither an hour nor a day
 * ends meanwhile. */
__attribute__((constructor)) static void begin_at_noon(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts);
	shift = DAY_S + 12 * HOUR_S + 600 - ts.tv_sec % DAY_S;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, clock, ts);

	if (r == 0 && clock == CLOCK_REALTIME)
		ts->tv_sec += shift;
	return (int)r;
}

static void enrol(const char *quotas)
{
	house_policy(&house, "partners/ke-kephis.cfg",
		"name = \"ke-kephis\"; country = \"KE\"; transport = ( \"%s\" );"
		" signers = ( ); types = ( \"PHYTO\" ); quotas = { %s };",
		house.kenya.sha256, quotas);
	snapshot_drop(snapshots_hold(&server.snapshots, true));
	verify.number_by_content = true;
}

static int posted(const char *body)
{
	struct answer a;
	int status;

	post(body, &a);
	status = a.status;
	answer_done(&a);
	return status;
}

static void expect_over(const char *body, const char *code, long most)
{
	struct answer a;
	const char *after;
	long seconds;

	post(body, &a);
	expect_problem(&a, 429, code);
	after = answer_header(&a, "Retry-After");
	assert_non_null(after);
	seconds = strtol(after, NULL, 10);
	assert_in_range(seconds, 1, most);
	answer_done(&a);
}

static json_int_t used(const char *quota)
{
	struct visit v = { .who = &house.kenya, .method = "GET", .uri = "/v1/status" };
	struct answer a;
	json_int_t n;

	visit(&server, &thread_links, &v, &a);
	assert_int_equal(a.status, 200);
	n = json_integer_value(json_object_get(
		json_object_get(json_object_get(a.json, "quotas"), quota), "used"));
	answer_done(&a);
	return n;
}

static void documents_of_a_day(void **state)
{
	(void)state;
	enrol("documents_per_day = 2;");
	assert_int_equal(posted("<a/>"), 202);
	assert_int_equal(posted("<a/>"), 200); /* sent before: no second one */
	assert_int_equal(posted("<b/>"), 202);
	assert_int_equal(used("documents_per_day"), 2);
	expect_over("<c/>", "quota.documents-day", 86400);
	assert_int_equal(posted("<a/>"), 200);
	assert_int_equal(queue.count, 2);
	assert_int_equal(verify.asked, 2); /* it cost nothing */
	assert_int_equal(queue.counts, 1); /* and what is stored was read once */
}

static void documents_of_an_hour(void **state)
{
	(void)state;
	enrol("documents_per_hour = 1;");
	assert_int_equal(posted("<a/>"), 202);
	expect_over("<b/>", "quota.documents-hour", 3600);
}

static void octets_of_a_day(void **state)
{
	(void)state;
	enrol("octets_per_day = 9;");
	assert_int_equal(posted("<a/>"), 202);
	assert_int_equal(posted("<b/>"), 202);
	assert_int_equal(used("octets_per_day"), 8);
	expect_over("<c/>", "quota.octets-day", 86400);
}

/* What was refused has cost as much; what was never committed is not counted. */
static void what_counts(void **state)
{
	struct answer a;

	(void)state;
	enrol("documents_per_day = 2;");
	verify_refuses("{\"code\":\"limit.size\",\"severity\":\"error\"}");
	post("<a/>", &a);
	assert_int_equal(used("documents_per_day"), 1);
	answer_done(&a);
	fake_verify_accepts(&verify, "KE-1");
	queue.mood = QUEUE_CANNOT_WRITE;
	assert_int_equal(posted("<b/>"), 503);
	queue.mood = QUEUE_NORMAL;
	assert_int_equal(used("documents_per_day"), 1);
	assert_int_equal(posted("<b/>"), 202);
	expect_over("<c/>", "quota.documents-day", 86400);
}

/* A start forgets nothing of this hour and day, however much it is. */
static void after_a_restart(void **state)
{
	int64_t day = clock_now() / 86400 * 86400;

	(void)state;
	queue.json = "{\"documents\":5000,\"octets\":70000,\"lately\":12}";
	enrol("documents_per_day = 5001; octets_per_day = 70004; documents_per_hour = "
	      "90;");
	assert_int_equal(used("documents_per_day"), 5000);
	assert_int_equal(used("documents_per_hour"), 12);
	assert_int_equal(used("octets_per_day"), 70000);
	assert_string_equal(queue.sent.partner, "ke-kephis");
	assert_int_equal(queue.sent.until - queue.sent.since, 86400);
	assert_in_range(queue.sent.since, day, day + 86400);
	assert_int_equal(queue.sent.lately % 3600, 0);
	assert_in_range(queue.sent.lately, queue.sent.since, queue.sent.until - 3600);
	assert_int_equal(posted("<a/>"), 202);
	expect_over("<b/>", "quota.documents-day", 86400);
	queue.json = NULL;
}

/* A clock that was ahead by hours or a day, and is right again: nothing of this hour and
 * day is forgotten, and what is under way still is. */
static void after_a_step_of_the_clock(void **state)
{
	static const int HOURS[] = { 1, 24 };

	(void)state;
	enrol("documents_per_hour = 3; documents_per_day = 9; concurrent = 1;");
	assert_int_equal(posted("<a/>"), 202);
	for (size_t i = 0; i < 2; i++) {
		struct quota_use *u = &server.quotas.list[0];
		int64_t hour = clock_now() / 3600 + HOURS[i];

		u->hour = hour;
		u->day = hour / 24;
		u->in_hour = u->in_day = u->octets = 0;
		u->running = 1;
		queue.json = "{\"documents\":7,\"octets\":70,\"lately\":3}";
		expect_over("<b/>", "quota.concurrent", 60);
		server.quotas.list[0].running = 0;
		expect_over("<b/>", "quota.documents-hour", 3600);
		assert_int_equal(used("documents_per_day"), 7);
		assert_int_equal(queue.counts, i + 2);
	}
	queue.json = NULL;
}

/* Two appliances at one database: what the other one took counts here, also what is
 * under way here and not stored yet; far from every quota it is read once a second. */
static void of_several_appliances(void **state)
{
	unsigned before;

	(void)state;
	server.quotas.shared = true;
	enrol("documents_per_day = 4; documents_per_hour = 4; octets_per_day = 100;");
	assert_int_equal(posted("<a/>"), 202);
	queue.json = "{\"documents\":3,\"octets\":50,\"lately\":2}";
	server.quotas.list[0].read_at--; /* what is told is a second old at most */
	assert_int_equal(used("documents_per_day"), 3);
	assert_int_equal(used("documents_per_hour"), 2);
	assert_int_equal(used("octets_per_day"), 50);
	assert_int_equal(posted("<b/>"), 202);
	queue.json = "{\"documents\":3,\"octets\":50,\"lately\":2}"; /* not stored yet */
	expect_over("<c/>", "quota.documents-day", 86400);
	queue.json = "{\"documents\":4,\"octets\":54,\"lately\":4}";
	expect_over("<c/>", "quota.documents-day", 86400);
	enrol("documents_per_day = 1000;");
	queue.json = "{\"documents\":700,\"octets\":54,\"lately\":4}";
	server.quotas.list[0].read_at--;
	assert_int_equal(used("documents_per_day"), 700);
	before = queue.counts;
	for (int i = 0; i < 9; i++)
		(void)used("documents_per_day");
	assert_in_range(queue.counts, before, before + 4);
	queue.mood = QUEUE_BREAKS_ALWAYS; /* nothing is committed, nor forgotten */
	server.quotas.list[0].read_at--;
	assert_int_equal(used("documents_per_day"), 700);
	queue.mood = QUEUE_NORMAL;
	queue.json = NULL;
	server.quotas.shared = false;
}

/* Of appliances that share a database: who is over a quota asks as often as it likes, and
 * what is stored is read once a second, also where another quota has a little left. */
static void who_is_over_costs_no_reading(void **state)
{
	static const char *const OVER[][2] = {
		{ "documents_per_hour = 2; documents_per_day = 100;",
			"quota.documents-hour" },
		{ "octets_per_day = 52; documents_per_day = 100;", "quota.octets-day" },
	};

	(void)state;
	server.quotas.shared = true;
	for (size_t i = 0; i < sizeof(OVER) / sizeof(OVER[0]); i++) {
		unsigned before;
		int64_t began;

		enrol(OVER[i][0]);
		queue.json = "{\"documents\":2,\"octets\":50,\"lately\":2}";
		(void)used("documents_per_day");
		before = (unsigned)queue.counts;
		began = clock_now();
		for (int n = 0; n < 40; n++)
			expect_over("<c/>", OVER[i][1], 86400);
		assert_in_range((unsigned)queue.counts - before, 0,
			(unsigned)(clock_now() - began) + 1);
	}
	queue.json = NULL;
	server.quotas.shared = false;
}

/* One that came in before the hour turned and is counted after another one of the new
 * hour is counted there, and nothing is read for it. */
static void while_the_hour_turns(void **state)
{
	struct quota_use *u;

	(void)state;
	enrol("documents_per_hour = 3;");
	assert_int_equal(posted("<a/>"), 202);
	u = &server.quotas.list[0];
	u->hour = u->furthest = clock_now() / 3600 + 1;
	u->latest = clock_now() + 30;
	assert_int_equal(posted("<b/>"), 202);
	assert_int_equal(used("documents_per_hour"), 2);
	assert_int_equal(queue.counts, 1);
}

/* Not known is not zero. */
static void while_the_queue_is_away(void **state)
{
	struct answer a;

	(void)state;
	enrol("documents_per_day = 2;");
	queue.mood = QUEUE_BREAKS_ALWAYS;
	post("<a/>", &a);
	expect_problem(&a, 503, "http.queue-away");
	answer_done(&a);
	queue.mood = QUEUE_NORMAL;
	assert_int_equal(posted("<a/>"), 202);
}

static void so_many_at_once(void **state)
{
	(void)state;
	enrol("concurrent = 1;");
	assert_int_equal(posted("<a/>"), 202);
	assert_int_equal(used("concurrent"), 0);
	server.quotas.list[0].running = 1;
	expect_over("<b/>", "quota.concurrent", 60);
	server.quotas.list[0].running = 0;
	assert_int_equal(posted("<b/>"), 202);
}

static void a_quota_of_nothing_is_a_slip(void **state)
{
	struct policy *p = NULL;
	char folder[128], *error = NULL;

	(void)state;
	enrol("documents_per_day = 0;");
	snprintf(folder, sizeof(folder), "%s/policies", house.dir);
	assert_int_equal(policy_load(folder, &p, &error), -EINVAL);
	assert_non_null(strstr(error, "documents_per_day must be above 0"));
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(documents_of_a_day),
		ON_STAGE(documents_of_an_hour),
		ON_STAGE(octets_of_a_day),
		ON_STAGE(what_counts),
		ON_STAGE(after_a_restart),
		ON_STAGE(after_a_step_of_the_clock),
		ON_STAGE(of_several_appliances),
		ON_STAGE(who_is_over_costs_no_reading),
		ON_STAGE(while_the_hour_turns),
		ON_STAGE(while_the_queue_is_away),
		ON_STAGE(so_many_at_once),
		ON_STAGE(a_quota_of_nothing_is_a_slip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

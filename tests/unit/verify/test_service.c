/* SPDX-License-Identifier: EUPL-1.2 */
/* The parent and its workers when checks misbehave. */
#include "verify/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench.h"

static void test_answers(void **state)
{
	struct answer a;

	(void)state;
	start("", usual());
	a = ask("ke", "good");
	assert_int_equal(a.result, 1);
	assert_int_equal(a.verdict.decision, DECISION_ACCEPTED);
	assert_string_equal(a.report, "{\"said\":\"good\"}");
	stop();
	assert_false(alive(a.pid));
}

static void test_one_subject(void **state)
{
	struct answer a, b, c;

	(void)state;
	start("", usual());
	a = ask("ke", "good");
	b = ask("ke", "good");
	assert_int_equal(a.pid, b.pid);
	b = ask("ug", "good");
	assert_int_not_equal(a.pid, b.pid);
	c = ask_mode(VERIFY_CONTAINER, "ke", "good");
	assert_int_not_equal(c.pid, a.pid);
	assert_int_not_equal(c.pid, b.pid);
	/* Two slots: the worker that was used least lately had to go. */
	assert_false(alive(a.pid));
	assert_true(alive(b.pid));
	stop();
}

static void test_replaced(void **state)
{
	struct limits l = usual();
	int first;

	(void)state;
	l.documents = 3;
	start("", l);
	first = ask("ke", "good").pid;
	assert_int_equal(ask("ke", "good").pid, first);
	assert_int_equal(ask("ke", "good").pid, first);
	assert_int_not_equal(ask("ke", "good").pid, first);
	assert_false(alive(first));
	stop();
}

static void test_loop(void **state)
{
	(void)state;
	start("", usual());
	assert_limit(ask("ke", "loop"));
	assert_int_equal(ask("ke", "good").verdict.decision, DECISION_ACCEPTED);
	stop();
}

static void test_memory(void **state)
{
	int before;

	(void)state;
	start("", usual());
	before = ask("ke", "good").pid;
	assert_limit(ask("ke", "eat"));
	assert_int_not_equal(ask("ke", "good").pid, before);
	stop();
}

/* More memory than is allowed cannot be had; less can. */
static void test_memory_enough(void **state)
{
	struct limits l = usual();

	(void)state;
	l.memory_mb = 600;
	start("", l);
	assert_int_equal(ask("ke", "eat").verdict.decision, DECISION_ACCEPTED);
	stop();
}

static void test_crash(void **state)
{
	static const char *const WORDS[] = { "crash", "open", "socket", "exec",
		"executable", "stop" };

	(void)state;
	start("", usual());
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		int before = ask("ke", "good").pid;

		assert_limit(ask("ke", WORDS[i]));
		assert_int_not_equal(ask("ke", "good").pid, before);
	}
	stop();
}

/* What the document did not do is not held against it: the asker hears nothing. */
static void test_undecided(void **state)
{
	static const char *const WORDS[] = { "undecided", "zero", "other", "exit" };

	(void)state;
	start("", usual());
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		int before = ask("ke", "good").pid;

		assert_int_equal(ask("ke", WORDS[i]).result, -ECONNRESET);
		assert_int_not_equal(ask("ke", "good").pid, before);
	}
	stop();
}

static void test_killed_when_idle(void **state)
{
	int before;

	(void)state;
	start("", usual());
	before = ask("ke", "good").pid;
	assert_true(before > 1);
	assert_int_equal(kill(before, SIGKILL), 0);
	while (alive(before)) /* the service reaps it */
		usleep(1000);
	assert_int_equal(ask("ke", "good").verdict.decision, DECISION_ACCEPTED);
	stop();
}

struct asked {
	const char *subject, *word;
	struct answer answer;
	pthread_t thread;
};

static void *ask_thread(void *arg)
{
	struct asked *a = arg;

	a->answer = ask(a->subject, a->word);
	return NULL;
}

static void begin(struct asked *a)
{
	assert_int_equal(pthread_create(&a->thread, NULL, ask_thread, a), 0);
}

/* Wait until the worker has used time: the loop has begun. */
static void wait_for_loop(int pid)
{
	clockid_t c;
	struct timespec t = { 0 };

	assert_int_equal(clock_getcpuclockid(pid, &c), 0);
	while (t.tv_sec == 0 && t.tv_nsec < 200000000) {
		assert_int_equal(clock_gettime(c, &t), 0);
		usleep(1000);
	}
}

/* A worker that is killed from outside in a document leaves it undecided. */
static void test_killed_from_outside(void **state)
{
	struct asked a = { .subject = "ke", .word = "loop" };
	struct limits l = usual();
	int pid;

	(void)state;
	l.cpu_ms = 8000;
	start("", l);
	pid = ask("ke", "good").pid;
	assert_true(pid > 1);
	begin(&a);
	wait_for_loop(pid);
	kill(pid, SIGKILL);
	pthread_join(a.thread, NULL);
	assert_int_equal(a.answer.result, -ECONNRESET);
	stop();
}

/* All workers taken: the question waits for one, and is told that the gate is busy. How
 * long the loop gets for its time on a busy machine is not what is asked here: it has
 * more of both than anybody waits, and is ended then. */
static void test_busy(void **state)
{
	struct asked a = { .subject = "ke", .word = "loop" };
	struct limits l = usual();
	int pid;

	(void)state;
	l.workers = 1;
	l.cpu_ms = 10 * WAIT_MAX_MS;
	start("", l);
	pid = ask("ke", "good").pid;
	assert_true(pid > 1);
	begin(&a);
	wait_for_loop(pid);
	assert_int_equal(ask("ug", "good").result, 0);
	assert_true(alive(pid));
	kill(pid, SIGKILL);
	pthread_join(a.thread, NULL);
	assert_int_equal(a.answer.result, -ECONNRESET);
	stop();
}

/* A question that finds all workers busy for a moment is served all the same. */
static void test_waits(void **state)
{
	struct asked many[20];

	(void)state;
	start("", usual());
	for (size_t i = 0; i < 20; i++) {
		many[i] =
			(struct asked){ .subject = i % 3 ? "ke" : "ug", .word = "good" };
		begin(&many[i]);
	}
	for (size_t i = 0; i < 20; i++) {
		pthread_join(many[i].thread, NULL);
		assert_int_equal(many[i].answer.result, 1);
	}
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers),
		cmocka_unit_test(test_one_subject), cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_loop), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_enough), cmocka_unit_test(test_crash),
		cmocka_unit_test(test_undecided), cmocka_unit_test(test_killed_when_idle),
		cmocka_unit_test(test_killed_from_outside), cmocka_unit_test(test_busy),
		cmocka_unit_test(test_waits) };

	log_open("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

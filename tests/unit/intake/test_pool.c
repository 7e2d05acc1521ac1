/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake/pool.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_int begun, ended, served;

static void *begin(void *arg)
{
	(void)arg;
	atomic_fetch_add(&begun, 1);
	return &begun;
}

static void end(void *arg, void *kept)
{
	(void)arg;
	assert_ptr_equal(kept, &begun);
	atomic_fetch_add(&ended, 1);
}

/* Serve until the eventfd says so. */
static void serve(void *arg, void *kept, int socket)
{
	eventfd_t value;

	(void)arg;
	(void)kept;
	eventfd_read(socket, &value);
	atomic_fetch_add(&served, 1);
}

static const struct pool_work WORK = { begin, serve, end, NULL };

static int set_up(void **state)
{
	(void)state;
	begun = ended = served = 0;
	return 0;
}

static void test_no_more_than_there_is_room_for(void **state)
{
	struct pool p;
	int work[3], kept[3];

	(void)state;
	assert_int_equal(pool_start(&p, 2, 2, &WORK), 0);
	for (int i = 0; i < 3; i++) {
		work[i] = eventfd(0, 0);
		kept[i] = dup(work[i]);
	}
	assert_true(pool_give(&p, work[0]));
	assert_true(pool_give(&p, work[1]));
	assert_false(pool_give(&p, work[2]));
	eventfd_write(kept[0], 1);
	eventfd_write(kept[1], 1);
	while (!pool_give(&p, work[2])) /* until one of the two is finished */
		sched_yield();
	eventfd_write(kept[2], 1);
	pool_stop(&p);
	assert_int_equal(served, 3);
	assert_int_equal(begun, 2);
	assert_int_equal(ended, 2);
	for (int i = 0; i < 3; i++)
		close(kept[i]);
}

/* What was given before the end is served, though no thread had taken it yet. */
static void test_stop_serves_what_waits(void **state)
{
	struct pool p;

	(void)state;
	assert_int_equal(pool_start(&p, 1, 8, &WORK), 0);
	for (int i = 0; i < 8; i++)
		assert_true(pool_give(&p, eventfd(1, 0)));
	pool_stop(&p);
	assert_int_equal(served, 8);
}

static size_t idle_threads(struct pool *p)
{
	size_t n = 0;

	pthread_mutex_lock(&p->lock);
	for (const struct pool_idle *i = p->idle; i; i = i->next)
		n++;
	pthread_mutex_unlock(&p->lock);
	return n;
}

static atomic_int who;

static void *begin_numbered(void *arg)
{
	static int names[4];
	int n = atomic_fetch_add(&begun, 1);

	(void)arg;
	names[n] = n;
	return &names[n];
}

static void tell(void *arg, void *kept, int socket)
{
	(void)arg;
	(void)socket;
	who = *(int *)kept;
}

/* Connections one after the other need one thread, and its connections, only. */
static void test_who_was_busy_last_is_called_first(void **state)
{
	static const struct pool_work work = { begin_numbered, tell, NULL, NULL };
	struct pool p;
	int first = -1;

	(void)state;
	assert_int_equal(pool_start(&p, 4, 4, &work), 0);
	for (int i = 0; i < 12; i++) {
		while (idle_threads(&p) < 4)
			sched_yield();
		if (i)
			assert_int_not_equal(who, -1);
		if (i == 1)
			first = who;
		if (i > 1)
			assert_int_equal(who, first);
		who = -1;
		assert_true(pool_give(&p, eventfd(1, 0)));
	}
	pool_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_more_than_there_is_room_for, set_up),
		cmocka_unit_test_setup(test_stop_serves_what_waits, set_up),
		cmocka_unit_test_setup(test_who_was_busy_last_is_called_first, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

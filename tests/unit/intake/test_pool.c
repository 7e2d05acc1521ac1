/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake/pool.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
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

static const struct pool_work WORK = { begin, serve, end, NULL, NULL, -1 };

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
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->idle;
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* Does every thread but this one sleep? */
static bool all_sleep(void)
{
	DIR *d = opendir("/proc/self/task");
	bool yes = d != NULL;
	struct dirent *e;

	while (yes && (e = readdir(d))) {
		char path[300], state = 'S';
		FILE *f;

		if (*e->d_name == '.' || strtol(e->d_name, NULL, 10) == gettid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", e->d_name);
		f = fopen(path, "re");
		yes = f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1 && state == 'S';
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return yes;
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
	static const struct pool_work work = { begin_numbered, tell, NULL, NULL, NULL,
		-1 };
	struct pool p;
	int first = -1;

	(void)state;
	assert_int_equal(pool_start(&p, 4, 4, &work), 0);
	for (int i = 0; i < 12; i++) {
		while ((i && who == -1) || idle_threads(&p) < 4 || !all_sleep())
			sched_yield();
		if (i == 1)
			first = who;
		if (i > 1)
			assert_int_equal(who, first);
		who = -1;
		assert_true(pool_give(&p, eventfd(1, 0)));
	}
	pool_stop(&p);
}

/* Its number in the order of accepting waits in the connection's eventfd. */
static atomic_int accepted, doors;

static int take_door(void *arg)
{
	eventfd_t one;

	if (eventfd_read(*(int *)arg, &one) < 0)
		return -1;
	atomic_fetch_add(&accepted, 1);
	return dup(doors);
}

static void await(const atomic_int *count, int value)
{
	while (atomic_load(count) != value)
		sched_yield();
}

/* Idle threads take connections where they come, one each; where none is idle, nobody
 * does, and who else could is told so. */
static void test_idle_threads_accept(void **state)
{
	int listener = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	struct pool_work work = { begin, serve, end, &listener, take_door, listener };
	struct pollfd crowded = { .events = POLLIN };
	struct pool p;

	(void)state;
	accepted = 0;
	doors = eventfd(0, EFD_SEMAPHORE);
	assert_int_equal(pool_start(&p, 3, 4, &work), 0);
	crowded.fd = p.crowded;
	while (idle_threads(&p) < 3)
		sched_yield();
	assert_false(pool_crowded(&p));
	assert_int_equal(poll(&crowded, 1, 0), 0);
	eventfd_write(listener, 2);
	await(&accepted, 2);
	while (idle_threads(&p) > 1)
		sched_yield();
	assert_false(pool_crowded(&p));
	eventfd_write(listener, 2);
	assert_int_equal(poll(&crowded, 1, 10000), 1);
	assert_true(pool_crowded(&p));
	assert_int_equal(poll(&crowded, 1, 0), 0);
	assert_int_equal(accepted, 3);
	/* one more may wait, and no further one */
	assert_true(pool_give(&p, dup(doors)));
	assert_false(pool_give(&p, doors));
	eventfd_write(doors, 5);
	await(&served, 5); /* with the fourth of the listener */
	eventfd_write(doors, 1);
	pool_stop(&p);
	assert_int_equal(accepted, 4);
	close(listener);
	close(doors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_more_than_there_is_room_for, set_up),
		cmocka_unit_test_setup(test_stop_serves_what_waits, set_up),
		cmocka_unit_test_setup(test_who_was_busy_last_is_called_first, set_up),
		cmocka_unit_test_setup(test_idle_threads_accept, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

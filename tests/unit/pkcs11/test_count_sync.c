/* SPDX-License-Identifier: EUPL-1.2 */
/* What the count makes of fsync: shared when it works, final when it fails. */
#include "count.h"

#include <sched.h>

/* After a failed fsync nothing is appended any more: what is on disk is not known. */
static void failed_sync_is_final(void **state)
{
	struct count_log *log = open_log(0);
	uint64_t count;

	(void)state;
	append_all(log, 1);
	atomic_store(&sync_error, 1);
	assert_int_equal(append(log, "seal", 0, &count), -EIO);
	assert_true(count_log_broken(log));
	assert_int_equal(append(log, "seal", 0, &count), -EIO);
	assert_int_equal(count_log_count(log, "seal"), 0);
	count_log_close(log);
}

#define THREADS 8
#define EACH 100

static void *many(void *data)
{
	uint64_t count, last = 0;

	for (int i = 0; i < EACH; i++) {
		if (append(data, "seal", 0, &count) != 0 || count <= last)
			return (void *)1;
		last = count;
	}
	return NULL;
}

/* Threads share an fsync: fewer of them than lines, and every line is there. */
static void threads_share_a_sync(void **state)
{
	struct count_log *log = open_log(0);
	struct count_state seen;
	pthread_t threads[THREADS];
	int before = atomic_load(&syncs);

	(void)state;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, many, log);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(count_log_count(log, "seal"), THREADS * EACH);
	count_log_close(log);
	assert_int_equal(verify(&seen), 0);
	assert_int_equal(seen.position, THREADS * EACH);
	assert_true(atomic_load(&syncs) - before < THREADS * EACH * 3 / 4);
}

static void *until_failure(void *data)
{
	uintptr_t done = 0;
	uint64_t count;

	while (append(data, "seal", 0, &count) == 0)
		done++;
	return (void *)done;
}

/* When a shared fsync fails, every thread of the batch and behind it is told, even if the
 * next fsync would not fail. */
static void threads_share_a_failure(void **state)
{
	struct count_log *log = open_log(0);
	pthread_t threads[THREADS];
	uintptr_t done = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, until_failure, log);
	while (count_log_count(log, "seal") < 50)
		sched_yield();
	atomic_store(&sync_error, 1);
	for (int i = 0; i < THREADS; i++) {
		void *each;

		pthread_join(threads[i], &each);
		done += (uintptr_t)each;
	}
	assert_true(count_log_broken(log));
	assert_true(count_log_count(log, "seal") == done);
	count_log_close(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(failed_sync_is_final),
		TEST(threads_share_a_sync),
		TEST(threads_share_a_failure),
	};

	return cmocka_run_group_tests(tests, folder_new, folder_remove);
}

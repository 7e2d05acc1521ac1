/* SPDX-License-Identifier: EUPL-1.2 */
#include "fixture.h"

#include "common/encode.h"

#include <signal.h>
#include <sys/resource.h>

static char folder[] = "/tmp/sealgate-count-XXXXXX";
static char path[64];

/* fdatasync, counted and made to fail once on demand: the definition here wins over
 * libc's. */
static atomic_int syncs, sync_error;

int fdatasync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	if (atomic_exchange(&sync_error, 0)) {
		usleep(50000); /* a slow failure: others have come meanwhile */
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

static int fresh(void **state)
{
	(void)state;
	atomic_store(&sync_error, 0);
	unlink(path);
	return 0;
}

static struct count_log *open_log(size_t expected_cut)
{
	_cleanup_(freep) char *error = NULL;
	struct count_log *log = NULL;
	size_t cut;

	if (count_log_open(path, &log, &cut, &error) < 0)
		fail_msg("%s", error);
	assert_int_equal(cut, expected_cut);
	return log;
}

static int append(
	struct count_log *log, const char *role, uint64_t total, uint64_t *count)
{
	uint8_t digest[32] = { 0xab };
	struct count_entry e = { .role = role,
		.digest = digest,
		.digest_len = 32,
		.document = DOCUMENT,
		.total = total };

	return count_log_append(log, &e, count);
}

static void append_all(struct count_log *log, size_t n)
{
	uint64_t count;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(append(log, i % 3 ? "seal" : "receipt", 0, &count), 0);
}

static int verify(struct count_state *state)
{
	_cleanup_(freep) char *error = NULL;

	return count_log_verify(path, NULL, state, &error);
}

static uint8_t *contents(size_t *len)
{
	uint8_t *data;

	assert_int_equal(file_read(path, 1u << 20, &data, len), 0);
	return data;
}

static void put_contents(const uint8_t *data, size_t len)
{
	assert_int_equal(durable_write(path, span_of(data, len), 0600), 0);
}

static void counts_by_role(void **state)
{
	struct count_state seen;
	struct count_log *log = open_log(0);
	uint64_t count;

	(void)state;
	append_all(log, 9);
	count_log_close(log);
	log = open_log(0);
	assert_int_equal(append(log, "seal", 0, &count), 0);
	assert_int_equal(count, 7);
	assert_int_equal(count_log_count(log, "receipt"), 3);
	assert_int_equal(count_log_count(log, "nobody"), 0);
	count_log_close(log);
	assert_int_equal(verify(&seen), 0);
	assert_int_equal(seen.position, 10);
}

/* The chain value, computed here from the documented rule alone. */
static void chain_rule(void **state)
{
	struct count_log *log = open_log(0);
	uint8_t data[32 + 512] = { 0 }, chain[32];
	char hex[65];
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	char *line, *rest;

	(void)state;
	append_all(log, 5);
	count_log_close(log);
	text = contents(&len);
	rest = (char *)text;
	while ((line = strsep(&rest, "\n")) && *line) {
		char *last = strrchr(line, ' ');
		size_t n = (size_t)(last - line);

		memcpy(data + 32, line, n);
		assert_int_equal(
			EVP_Digest(data, 32 + n, chain, NULL, EVP_sha256(), NULL), 1);
		hex_encode(chain, 32, hex);
		assert_string_equal(last + 1, hex);
		memcpy(data, chain, 32);
	}
}

static void every_change_is_found(void **state)
{
	struct count_log *log = open_log(0);
	_cleanup_(freep) uint8_t *good = NULL;
	struct count_state seen;
	size_t len;

	(void)state;
	append_all(log, 2);
	count_log_close(log);
	good = contents(&len);
	for (size_t i = 0; i < 8 * len; i++) {
		good[i / 8] ^= (uint8_t)(1 << i % 8);
		put_contents(good, len);
		good[i / 8] ^= (uint8_t)(1 << i % 8);
		if (verify(&seen) != -EBADMSG)
			fail_msg("bit %zu of octet %zu changed and nobody saw it", i % 8,
				i / 8);
	}
	put_contents(good, len);
	assert_int_equal(verify(&seen), 0);
}

static void removed_and_moved_lines(void **state)
{
	struct count_log *log = open_log(0);
	_cleanup_(freep) uint8_t *good = NULL;
	_cleanup_(freep) char *error = NULL;
	struct count_state seen;
	size_t len, first, second;
	uint8_t changed[4096];

	(void)state;
	append_all(log, 4);
	count_log_close(log);
	good = contents(&len);
	first = (size_t)((uint8_t *)memchr(good, '\n', len) - good) + 1;
	second = (size_t)((uint8_t *)memchr(good + first, '\n', len - first) - good) + 1;
	put_contents(good + first, len - first); /* the first is gone */
	assert_int_equal(verify(&seen), -EBADMSG);
	memcpy(changed, good, first); /* the second is gone */
	memcpy(changed + first, good + second, len - second);
	put_contents(changed, len - (second - first));
	assert_int_equal(verify(&seen), -EBADMSG);
	memcpy(changed, good + first, second - first); /* the first two change places */
	memcpy(changed + second - first, good, first);
	memcpy(changed + second, good + second, len - second);
	put_contents(changed, len);
	assert_int_equal(verify(&seen), -EBADMSG);
	/* A signer does not start on such a log either. */
	assert_int_equal(count_log_open(path, &log, &first, &error), -EBADMSG);
	assert_non_null(strstr(error, "line 1"));
}

static void cut_log_misses_the_mark(void **state)
{
	struct count_log *log = open_log(0);
	_cleanup_(freep) uint8_t *good = NULL;
	_cleanup_(freep) char *error = NULL;
	struct count_state end, seen;
	struct count_mark mark;
	size_t len, keep;

	(void)state;
	append_all(log, 4);
	count_log_state(log, &end);
	append_all(log, 1);
	count_log_close(log);
	mark.position = end.position;
	memcpy(mark.chain, end.chain, sizeof(mark.chain));
	assert_int_equal(count_log_verify(path, &mark, &seen, &error), 0);
	good = contents(&len);
	keep = (size_t)((uint8_t *)memchr(good, '\n', len) - good) + 1;
	put_contents(good, keep);
	assert_int_equal(verify(&seen), 0); /* the chain alone cannot know */
	assert_int_equal(count_log_verify(path, &mark, &seen, &error), -ENODATA);
	assert_non_null(error);
}

/* Killed at any octet of the last line: cut off, and the count goes on. */
static void torn_at_every_octet(void **state)
{
	struct count_log *log = open_log(0);
	_cleanup_(freep) uint8_t *good = NULL;
	struct count_state seen;
	size_t len, whole;
	uint64_t count;

	(void)state;
	append_all(log, 2);
	count_log_close(log);
	good = contents(&len);
	whole = (size_t)((uint8_t *)memchr(good, '\n', len) - good) + 1;
	for (size_t end = whole + 1; end < len; end++) {
		put_contents(good, end);
		assert_int_equal(verify(&seen), -EBADMSG);
		log = open_log(end - whole);
		assert_int_equal(append(log, "receipt", 0, &count), 0);
		assert_int_equal(count, 2);
		count_log_close(log);
		assert_int_equal(verify(&seen), 0);
		assert_int_equal(seen.position, 2);
	}
}

/* Zeros behind the last line, as a power cut may leave them. */
static void zeros_at_the_end(void **state)
{
	struct count_log *log = open_log(0);
	struct count_state seen;
	struct stat st;

	(void)state;
	append_all(log, 2);
	count_log_close(log);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size + 300), 0);
	log = open_log(300);
	append_all(log, 1);
	count_log_close(log);
	assert_int_equal(verify(&seen), 0);
	assert_int_equal(seen.position, 3);
}

static void one_signer_only(void **state)
{
	struct count_log *log = open_log(0), *other = NULL;
	_cleanup_(freep) char *error = NULL;
	size_t cut;

	(void)state;
	assert_int_equal(count_log_open(path, &other, &cut, &error), -EBUSY);
	assert_null(other);
	assert_non_null(strstr(error, "another signer"));
	count_log_close(log);
}

static void total_is_a_limit(void **state)
{
	struct count_log *log = open_log(0);
	struct count_state seen;
	uint64_t count;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(append(log, "seal", 3, &count), 0);
	assert_int_equal(append(log, "seal", 3, &count), -EDQUOT);
	assert_int_equal(append(log, "receipt", 3, &count), 0);
	count_log_close(log);
	assert_int_equal(verify(&seen), 0);
	assert_int_equal(seen.position, 4);
}

/* No room: nothing is counted, the file is as before, and it goes on when there is room.
 */
static void out_of_room(void **state)
{
	struct rlimit before, tight;
	struct count_log *log = open_log(0);
	struct count_state seen;
	struct stat st;
	uint64_t count;

	(void)state;
	append_all(log, 3);
	assert_int_equal(stat(path, &st), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	tight = before;
	tight.rlim_cur = (rlim_t)st.st_size + 50; /* half a line */
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &tight);
	for (int i = 0; i < 3; i++)
		assert_true(append(log, "seal", 0, &count) < 0);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_false(count_log_broken(log));
	assert_int_equal(verify(&seen), 0);
	assert_int_equal(seen.position, 3);
	append_all(log, 2);
	count_log_close(log);
	assert_int_equal(verify(&seen), 0);
	assert_int_equal(seen.position, 5);
}

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

/* Somebody cuts, extends or removes the file behind the signer's back. */
static void touched_by_others(void **state)
{
	uint64_t count;

	(void)state;
	for (int how = 0; how < 3; how++) {
		struct count_log *log = open_log(0);
		struct stat st;

		append_all(log, 2);
		assert_int_equal(stat(path, &st), 0);
		if (how == 2)
			assert_int_equal(unlink(path), 0);
		else
			assert_int_equal(truncate(path, st.st_size + (how ? 1 : -1)), 0);
		assert_int_equal(append(log, "seal", 0, &count), -EIO);
		assert_true(count_log_broken(log));
		count_log_close(log);
		unlink(path);
	}
}

static void clock_that_jumped_back(void **state)
{
	/* A line of the far future, made by the same code. */
	struct count_log *log = open_log(0);
	uint64_t count;

	(void)state;
	append_all(log, 1);
	count_log_close(log);
	unlink(path);
	{
		_cleanup_(freep) char *error = NULL;
		char text[512], chain[65];
		uint8_t data[32 + 512] = { 0 }, hash[32];
		int n = snprintf(text, sizeof(text),
			"1 seal %064d " DOCUMENT " 1 2999-01-01T00:00:00Z", 0);

		memcpy(data + 32, text, (size_t)n);
		EVP_Digest(data, 32 + (size_t)n, hash, NULL, EVP_sha256(), NULL);
		hex_encode(hash, 32, chain);
		snprintf(text + n, sizeof(text) - (size_t)n, " %s\n", chain);
		put_contents((const uint8_t *)text, strlen(text));
	}
	log = open_log(0);
	assert_int_equal(append(log, "seal", 0, &count), -ETIME);
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

static void not_a_log(void **state)
{
	static const char *const TEXTS[] = { "\n", "1\n", "1 2 3 4 5 6 7\n",
		"1 seal  x 1 t h\n", "1 a b c d e f g\n" };
	struct count_state seen;

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		put_contents((const uint8_t *)TEXTS[i], strlen(TEXTS[i]));
		assert_int_equal(verify(&seen), -EBADMSG);
	}
	put_contents((const uint8_t *)"", 0);
	assert_int_equal(verify(&seen), 0);
}

static int folder_new(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/count.log", folder);
	return 0;
}

static int folder_remove(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_by_role),
		TEST(chain_rule),
		TEST(every_change_is_found),
		TEST(removed_and_moved_lines),
		TEST(cut_log_misses_the_mark),
		TEST(torn_at_every_octet),
		TEST(zeros_at_the_end),
		TEST(one_signer_only),
		TEST(total_is_a_limit),
		TEST(out_of_room),
		TEST(failed_sync_is_final),
		TEST(touched_by_others),
		TEST(clock_that_jumped_back),
		TEST(threads_share_a_sync),
		TEST(threads_share_a_failure),
		TEST(not_a_log),
	};

	return cmocka_run_group_tests(tests, folder_new, folder_remove);
}

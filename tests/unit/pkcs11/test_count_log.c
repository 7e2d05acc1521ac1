/* SPDX-License-Identifier: EUPL-1.2 */
/* The chained count: what it finds, what it survives. */
#include "count.h"

#include <signal.h>
#include <sys/resource.h>

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

/* Write a log of one line with the chain value that belongs to it. */
static void forge(const char *line)
{
	uint8_t data[32 + 512] = { 0 }, hash[32];
	char text[512], chain[65];
	size_t len = strlen(line);

	memcpy(data + 32, line, len);
	EVP_Digest(data, 32 + len, hash, NULL, EVP_sha256(), NULL);
	hex_encode(hash, 32, chain);
	snprintf(text, sizeof(text), "%s %s\n", line, chain);
	put_contents((const uint8_t *)text, strlen(text));
}

/* A whole log whose chain is right and whose numbers are not: made by who knows the rule.
 */
static void right_chain_wrong_numbers(void **state)
{
	static const char *const FIRST[] = { "1 seal ab " DOCUMENT
					     " 2 2026-01-01T00:00:00Z",
		"2 seal ab " DOCUMENT " 1 2026-01-01T00:00:00Z",
		"01 seal ab " DOCUMENT " 1 2026-01-01T00:00:00Z",
		"1 seal abc " DOCUMENT " 1 2026-01-01T00:00:00Z",
		"1 seal ab " DOCUMENT " 1 yesterday" };
	struct count_state seen;

	(void)state;
	for (size_t i = 0; i < sizeof(FIRST) / sizeof(FIRST[0]); i++) {
		forge(FIRST[i]);
		assert_int_equal(verify(&seen), -EBADMSG);
	}
	forge("1 seal ab " DOCUMENT " 1 2026-01-01T00:00:00Z");
	assert_int_equal(verify(&seen), 0);
}

static void clock_that_jumped_back(void **state)
{
	struct count_log *log;
	char line[256];
	uint64_t count;

	(void)state;
	snprintf(line, sizeof(line), "1 seal %064d " DOCUMENT " 1 2999-01-01T00:00:00Z",
		0);
	forge(line);
	log = open_log(0);
	assert_int_equal(append(log, "seal", 0, &count), -ETIME);
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
		TEST(touched_by_others),
		TEST(right_chain_wrong_numbers),
		TEST(clock_that_jumped_back),
		TEST(not_a_log),
	};

	return cmocka_run_group_tests(tests, folder_new, folder_remove);
}

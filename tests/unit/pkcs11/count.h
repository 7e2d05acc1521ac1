/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A count log in a folder of its own and an fdatasync that can fail; never a token.
 */
#ifndef SEALGATE_TESTS_PKCS11_COUNT_H
#define SEALGATE_TESTS_PKCS11_COUNT_H

#include "fixture.h"

#include "common/encode.h"

static char folder[] = "/tmp/sealgate-count-XXXXXX";
static char path[64];

/* fdatasync, counted and made to fail once on demand: the definition here wins over
 * libc's. */
static atomic_int syncs, sync_error;

int fdatasync(int fd);
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

static UNUSED int fresh(void **state)
{
	(void)state;
	atomic_store(&sync_error, 0);
	unlink(path);
	return 0;
}

static UNUSED struct count_log *open_log(size_t expected_cut)
{
	_cleanup_(freep) char *error = NULL;
	struct count_log *log = NULL;
	size_t cut;

	if (count_log_open(path, &log, &cut, &error) < 0)
		fail_msg("%s", error);
	assert_int_equal(cut, expected_cut);
	return log;
}

static UNUSED int append(
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

static UNUSED void append_all(struct count_log *log, size_t n)
{
	uint64_t count;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(append(log, i % 3 ? "seal" : "receipt", 0, &count), 0);
}

static UNUSED int verify(struct count_state *state)
{
	_cleanup_(freep) char *error = NULL;

	return count_log_verify(path, NULL, state, &error);
}

static UNUSED uint8_t *contents(size_t *len)
{
	uint8_t *data;

	assert_int_equal(file_read(path, 1u << 20, &data, len), 0);
	return data;
}

static UNUSED void put_contents(const uint8_t *data, size_t len)
{
	assert_int_equal(durable_write(path, span_of(data, len), 0600), 0);
}

static UNUSED int folder_new(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/count.log", folder);
	return 0;
}

static UNUSED int folder_remove(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

#endif

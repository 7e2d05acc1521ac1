/* SPDX-License-Identifier: EUPL-1.2 */
/* Sealed memfds: one that can still change is never mapped. */
#include "common/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
	int fd = memfd_from("test", span_str("octets"));
	struct span data;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(memfd_map(fd, 6, &data), 0);
	assert_true(span_equal(data, span_str("octets")));
	memfd_unmap(&data);
	assert_int_equal(data.len, 0);
	memfd_unmap(&data);
	assert_int_equal(memfd_map(fd, 5, &data), -EFBIG);
	assert_int_equal(memfd_read(fd, 5, &data), -EFBIG);
	close(fd);
}

static void test_empty(void **state)
{
	int fd = memfd_from("test", span_of(NULL, 0));
	struct span data;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(memfd_map(fd, 0, &data), 0);
	assert_int_equal(data.len, 0);
	assert_non_null(data.data);
	memfd_unmap(&data);
	close(fd);
}

static void test_sealed_for_good(void **state)
{
	int fd = memfd_from("test", span_str("octets"));

	(void)state;
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_ptr_equal(
		mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	close(fd);
}

/* What is small is a copy, what is large a mapping; both are whole and let go of. */
static void test_read(void **state)
{
	static const size_t LENGTHS[] = { 0, 1, 4096, 65536, 65537, 300000 };
	static char octets[300000];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)(i % 251);
	for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
		int fd = memfd_from("test", span_of(octets, LENGTHS[i]));
		struct span data;

		assert_true(fd >= 0);
		assert_int_equal(memfd_read(fd, LENGTHS[i], &data), 0);
		close(fd);
		assert_true(span_equal(data, span_of(octets, LENGTHS[i])));
		memfd_release(&data);
		assert_null(data.data);
		memfd_release(&data);
	}
}

/* Each missing seal alone is enough to be refused. */
static void test_a_missing_seal(void **state)
{
	static const int SEALS[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW,
		F_SEAL_WRITE };

	(void)state;
	for (size_t missing = 0; missing < 4; missing++) {
		int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING), seals = 0;
		struct span data;

		assert_true(fd >= 0);
		for (size_t i = 0; i < 4; i++)
			if (i != missing)
				seals |= SEALS[i];
		assert_int_equal(write(fd, "abc", 3), 3);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
		assert_int_equal(memfd_map(fd, 100, &data), -EPERM);
		assert_int_equal(memfd_read(fd, 100, &data), -EPERM);
		close(fd);
	}
}

static void test_other_descriptors(void **state)
{
	int fds[2];
	struct span data;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(memfd_map(fds[0], 100, &data), -EPERM);
	assert_int_equal(memfd_map(-1, 100, &data), -EPERM);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_sealed_for_good),
		cmocka_unit_test(test_a_missing_seal),
		cmocka_unit_test(test_other_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* Whoever only has to read can do nothing else, also as root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NAME "/tmp/sealgate-confine-XXXXXX"

static char file[] = FILE_NAME;
static const char *path = file;

static int refused(long r)
{
	return r < 0 && errno == EPERM;
}

static int opens_to_write(void)
{
	return !refused(open(path, O_WRONLY)) || !refused(open(path, O_RDWR)) ||
	       !refused(open(path, O_RDONLY | O_TRUNC)) ||
	       !refused(open("/tmp/sealgate-confine-new", O_RDONLY | O_CREAT, 0600)) ||
	       !refused(openat(AT_FDCWD, path, O_WRONLY | O_APPEND));
}

static int speaks(void)
{
	int ends[2];

	return !refused(socket(AF_UNIX, SOCK_STREAM, 0)) ||
	       !refused(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
}

/* A pair is nobody else's; it runs programs and writes. */
static int looks_into_others(void)
{
	int ends[2];
	char octet;
	struct iovec mine = { &octet, 1 }, theirs = { &octet, 1 };

	return !refused(socket(AF_UNIX, SOCK_STREAM, 0)) ||
	       !refused(connect(0, (const struct sockaddr *)&ends, 2)) ||
	       !refused(bind(0, (const struct sockaddr *)&ends, 2)) ||
	       !refused((int)syscall(SYS_ptrace, 0x4206, getppid(), 0, 0)) ||
	       !refused((int)process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0)) ||
	       !refused((int)process_vm_writev(getppid(), &mine, 1, &theirs, 1, 0)) ||
	       !refused((int)syscall(SYS_pidfd_getfd, 0, 0, 0)) ||
	       !refused((int)syscall(SYS_io_uring_setup, 1, NULL));
}

static int is_kept_from_more(void)
{
	int ends[2], fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ||
	       kill(getppid(), 0) < 0;
}

static int acts(void)
{
	char *const argv[] = { "true", NULL };

	return !refused(execv("/bin/true", argv)) || !refused(kill(getppid(), 0)) ||
	       !refused((int)syscall(SYS_tgkill, getppid(), getppid(), 0)) ||
	       syscall(SYS_tgkill, getpid(), getpid(), 0) != 0 ||
	       !refused(unlink(path)) || !refused(rename(path, "/tmp/elsewhere")) ||
	       !refused(chmod(path, 0777)) || !refused(chown(path, 0, 0)) ||
	       !refused(mkdir("/tmp/sealgate-confine-new", 0700)) ||
	       !refused(truncate(path, 0)) || !refused(symlink(path, "/tmp/elsewhere"));
}

static int has_capability(void)
{
	char line[128];
	unsigned long long held = 1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "CapEff:", 7) == 0)
			held = strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return held != 0;
}

static int does_not_read(void)
{
	char octets[8] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return read(fd, octets, sizeof(octets)) != 4 || memcmp(octets, "kept", 4) != 0;
}

/* Its exit status says whether it is not what it should be. */
static int of_one(int (*confine)(void), int (*look)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(confine() < 0 ? 99 : look());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int of_a_confined(int (*look)(void))
{
	return of_one(confine_reader, look);
}

/* What it runs is no freer: verify is run so. */
static void test_it_speaks_to_nobody(void **state)
{
	(void)state;
	assert_int_equal(of_one(confine_mute, looks_into_others), 0);
	assert_int_equal(of_one(confine_mute, is_kept_from_more), 0);
	assert_int_equal(of_a_confined(looks_into_others), 0);
}

static void test_it_reads_and_no_more(void **state)
{
	(void)state;
	assert_int_equal(of_a_confined(does_not_read), 0);
	assert_int_equal(of_a_confined(opens_to_write), 0);
	assert_int_equal(of_a_confined(speaks), 0);
	assert_int_equal(of_a_confined(acts), 0);
	assert_int_equal(of_a_confined(has_capability), 0);
	assert_int_equal(does_not_read(), 0); /* it is as it was */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_reads_and_no_more),
		cmocka_unit_test(test_it_speaks_to_nobody),
	};
	int fd = mkostemp(file, O_CLOEXEC), r;

	if (fd < 0 || write(fd, "kept", 4) != 4)
		return EXIT_FAILURE;
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return r;
}

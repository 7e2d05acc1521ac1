/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/sandbox.h"

#include "common/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORKER_DESCRIPTORS 16

int sandbox_descriptors(int socket)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return -errno;
	/* A descriptor below 3 could be taken by an input and then be written to as if it
	 * were standard error. */
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (socket != SANDBOX_SOCKET && dup2(socket, SANDBOX_SOCKET) < 0)
		return -errno;
	return close_range(SANDBOX_SOCKET + 1, ~0u, 0) < 0 ? -errno : 0;
}

static int limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit l = { .rlim_cur = value, .rlim_max = value };

	return setrlimit(resource, &l) < 0 ? -errno : 0;
}

/* Address space in octets that the process has now: the first number of statm, in pages.
 */
static int address_space(rlim_t *ret_size)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	rlim_t pages = strtoul(text, NULL, 10);

	if (fd >= 0)
		close(fd);
	if (n <= 0 || pages == 0)
		return -EIO;
	*ret_size = pages * (rlim_t)sysconf(_SC_PAGESIZE);
	return 0;
}

int sandbox_limits(pid_t parent, size_t memory_mb)
{
	rlim_t base = 0;
	int r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return -ESRCH;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_NAME, "verify-worker") < 0)
		return -errno;
	r = address_space(&base);
	if (r == 0)
		r = limit(RLIMIT_AS, base + memory_mb * 1024 * 1024);
	if (r == 0)
		r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_FSIZE, LIMIT_REPORT);
	return r == 0 ? limit(RLIMIT_NOFILE, WORKER_DESCRIPTORS) : r;
}

/* What a worker does once it serves: memory, its socket, a memfd for the report, time. */
static const int ALLOWED[] = {
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(memfd_create),
	SCMP_SYS(write),
	SCMP_SYS(fstat),
	SCMP_SYS(close),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(sysinfo), /* qsort asks how much memory there is */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static int allow_conditional(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp get_seals = SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS);
	const struct scmp_arg_cmp add_seals = SCMP_A1(SCMP_CMP_EQ, F_ADD_SEALS);
	const struct scmp_arg_cmp by_fd = SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH);
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec);

	if (r == 0)
		r = seccomp_rule_add_array(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_exec);
	if (r == 0)
		r = seccomp_rule_add_array(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &get_seals);
	if (r == 0)
		r = seccomp_rule_add_array(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &add_seals);
	if (r == 0) /* fstat() of the C library */
		r = seccomp_rule_add_array(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, &by_fd);
	return r;
}

int sandbox_system_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < sizeof(ALLOWED) / sizeof(ALLOWED[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, ALLOWED[i], 0);
	if (r == 0)
		r = allow_conditional(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}

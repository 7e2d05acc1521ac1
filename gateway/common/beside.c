/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/beside.h"

#include "common/clock.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void reap(struct beside *b)
{
	while (b->count && waitpid(-1, NULL, WNOHANG) > 0)
		b->count--;
}

pid_t beside_start(struct beside *b)
{
	pid_t pid;

	if (beside_full(b))
		return -EBUSY;
	pid = fork();
	if (pid < 0)
		return -errno;
	b->count += pid > 0;
	return pid;
}

bool beside_full(struct beside *b)
{
	reap(b);
	return b->count >= b->most;
}

unsigned int beside_finish(struct beside *b, int ms)
{
	int64_t left, end = clock_monotonic_ms() + ms;
	sigset_t child;

	/* Blocked before it is looked for: an end in between is noticed, too. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (reap(b); b->count && (left = end - clock_monotonic_ms()) > 0; reap(b)) {
		struct timespec bound = { .tv_sec = left / 1000,
			.tv_nsec = left % 1000 * 1000000 };

		sigtimedwait(&child, NULL, &bound);
	}
	return b->count;
}

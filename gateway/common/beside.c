/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/beside.h"

#include "common/clock.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void forget(struct beside *b, pid_t pid)
{
	for (unsigned int i = 0; i < b->count; i++)
		if (b->runs[i].pid == pid) {
			b->runs[i] = b->runs[--b->count];
			return;
		}
}

static void reap(struct beside *b)
{
	pid_t pid;

	while (b->count && (pid = waitpid(-1, NULL, WNOHANG)) > 0)
		forget(b, pid);
}

pid_t beside_start(struct beside *b, const char *whose)
{
	pid_t pid;

	if (strlen(whose) >= BESIDE_WHOSE)
		return -ENAMETOOLONG;
	if (beside_full(b))
		return -EBUSY;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		struct beside_run *run = &b->runs[b->count++];

		run->pid = pid;
		(void)snprintf(run->whose, sizeof(run->whose), "%s", whose);
	}
	return pid;
}

bool beside_full(struct beside *b)
{
	reap(b);
	return b->count >= b->most || b->count >= BESIDE_MAX;
}

unsigned int beside_of(const struct beside *b, const char *whose)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < b->count; i++)
		count += strcmp(b->runs[i].whose, whose) == 0;
	return count;
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

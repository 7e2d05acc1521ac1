/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Processes that a daemon has beside itself, each for one request, so that it goes on
 * with the next; never more than it may have, and what they do is theirs.
 */
#ifndef SEALGATE_COMMON_BESIDE_H
#define SEALGATE_COMMON_BESIDE_H

#include <stdbool.h>
#include <sys/types.h>

/* How long a daemon that shall stop waits for them: less than whoever stops it waits. */
#define BESIDE_FINISH_MS 8000

#define BESIDE_MAX 8
#define BESIDE_WHOSE 64

struct beside {
	unsigned int most;  /* at once, BESIDE_MAX at most */
	unsigned int count; /* that run, or have ended without having been noticed yet */
	struct beside_run {
		pid_t pid;
		char whose[BESIDE_WHOSE];
	} runs[BESIDE_MAX];
};

/* Fork, unless as many run as may; whose it is, or "", at most BESIDE_WHOSE - 1 octets: a
 * name that is cut short would be nobody's, or another's. Return: 0 in the new process,
 * its pid, -ENAMETOOLONG, -EBUSY, -errno. */
pid_t beside_start(struct beside *b, const char *whose);

/* Are there as many as there may be? */
bool beside_full(struct beside *b);

/* How many are somebody's, of those that beside_full has not noticed the end of. */
unsigned int beside_of(const struct beside *b, const char *whose);

/* Wait up to ms for those that run. Return: how many run still. */
unsigned int beside_finish(struct beside *b, int ms);

#endif

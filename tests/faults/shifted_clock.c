/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Preloaded into the gate's programs: their clock of day is off by the seconds that the
 * file SHIFTED_CLOCK holds, from one moment to the next; the monotonic clock is not. With
 * SHIFTED_PROGRAM that of this program alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset; /* mapped, so that a sandbox changes nothing */

__attribute__((constructor)) static void map_offset(void)
{
	const char *path = getenv("SHIFTED_CLOCK"), *only = getenv("SHIFTED_PROGRAM");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	if (only && strcmp(only, program_invocation_short_name) != 0) {
		close(fd);
		return;
	}
	map = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		offset = map;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	int r;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	r = real(clock, ts);
	if (r == 0 && clock == CLOCK_REALTIME && offset)
		ts->tv_sec += *offset;
	return r;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts = { 0 };
	int r = clock_gettime(CLOCK_REALTIME, &ts);

	(void)zone;
	*tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	return r;
}

time_t time(time_t *ret)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Scope-bound release of handles; never used for roll-back, which is goto's.
 */
#ifndef SEALGATE_COMMON_CLEANUP_H
#define SEALGATE_COMMON_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Declare f##p(type *) that releases *p by f when it is not NULL. */
#define DEFINE_CLEANUP(type, f)                                                          \
	static inline __attribute__((unused)) void f##p(type *p)                         \
	{                                                                                \
		if (*p)                                                                  \
			f(*p);                                                           \
	}

static inline __attribute__((unused)) void freep(void *p)
{
	free(*(void **)p);
}

static inline __attribute__((unused)) void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Hand a pointer over: the local no longer owns it. */
#define TAKE(p)                                                                          \
	__extension__({                                                                  \
		__typeof__(p) taken_ = (p);                                              \
		(p) = NULL;                                                              \
		taken_;                                                                  \
	})

static inline __attribute__((unused)) int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif

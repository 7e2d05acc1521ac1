/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What changes the disk for good goes through here, so that it can be the last; what
 * happens then, power_goes(), is the test's. Never for anything but tests.
 */
#ifndef SEALGATE_TESTS_CTL_POWER_H
#define SEALGATE_TESTS_CTL_POWER_H

#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int steps, cut_at; /* 0: never */

static void power_goes(void);

static void step(void)
{
	if (cut_at && ++steps == cut_at)
		power_goes();
}

int rename(const char *from, const char *to)
{
	step();
	return (int)syscall(SYS_rename, from, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	step();
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int unlink(const char *path)
{
	step();
	return (int)syscall(SYS_unlink, path);
}

int unlinkat(int folder, const char *name, int flags)
{
	step();
	return (int)syscall(SYS_unlinkat, folder, name, flags);
}

#endif

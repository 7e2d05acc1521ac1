/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/layout.h"

#include "queue/engine_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who adds a migration decides here, before this compiles into a release, whether
 * programs of the layout before work on what it makes: tables and columns that are only
 * added, and that they need not fill, leave LEAST as it is; everything else, and whatever
 * nobody has tried with them, makes it DECIDED. Layout 22 adds what may have arrived: a
 * program of 21 leaves it alone, and what was marked outlives it. What such a program
 * puts off, refuses or gives up itself, while the machine is back at it, carries no mark:
 * the later one does not know that it may have arrived. Layout 23 adds a table of
 * releases that await review: a program before it leaves that alone. Layout 24 adds an
 * index. */
#define DECIDED 24
#define LEAST 21
#define MOST 1000000

int layout_version(void)
{
	return schema_versions();
}

int layout_least(void)
{
	return schema_versions() == DECIDED ? LEAST : schema_versions();
}

int layout_returns(const char *text, int here)
{
	char again[64], *rest;
	long version = strtol(text, &rest, 10), least = strtol(rest, NULL, 10);

	if (least < 1 || version < least || version > MOST)
		return -EINVAL;
	(void)snprintf(again, sizeof(again), "%ld %ld\n", version, least);
	return strcmp(again, text) == 0 ? least <= here : -EINVAL;
}

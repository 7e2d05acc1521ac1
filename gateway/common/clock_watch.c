/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock_watch.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/durable.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>

static const char RIGHT[] = "right\n", WRONG[] = "wrong\n";

bool clock_synchronised(void)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);

	return state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

static int path_of(const char *folder, char ret_path[PATH_MAX])
{
	int n = snprintf(ret_path, PATH_MAX, "%s/" CLOCK_WATCH_FILE, folder);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int clock_watch_tell(const char *folder, bool right)
{
	char path[PATH_MAX];
	int r = path_of(folder, path);

	return r < 0 ? r : durable_write(path, span_str(right ? RIGHT : WRONG), 0644);
}

static const char *fault_of(const char *folder)
{
	_cleanup_(freep) uint8_t *said = NULL;
	char path[PATH_MAX];
	struct stat st;
	size_t len;

	if (path_of(folder, path) < 0 || stat(path, &st) < 0 ||
		file_read(path, sizeof(RIGHT) - 1, &said, &len) < 0)
		return "whether the clock is right is not known";
	if (clock_now() - st.st_mtime > CLOCK_WATCH_FRESH_S ||
		st.st_mtime - clock_now() > CLOCK_WATCH_FRESH_S)
		return "whether the clock is right has not been said for minutes, or the "
		       "clock jumped";
	return strcmp((const char *)said, RIGHT) == 0
		       ? NULL
		       : "the clock is not synchronised with its sources";
}

static bool is_missing(const char *path)
{
	return access(path, F_OK) < 0 && errno == ENOENT;
}

/* A machine with sources has a watcher: one that cannot be seen says nothing. */
static bool has_sources(const struct instance *i)
{
	char path[PATH_MAX];

	return instance_path(i, CLOCK_WATCH_SOURCES, path) < 0 || !is_missing(path);
}

bool clock_watch_trusts(const struct instance *i, char *ret_reason, size_t size)
{
	const char *folder = i ? config_string(i->config, "seal.clock_watch") : "",
		   *fault;

	if (!*folder || (is_missing(folder) && !has_sources(i)))
		return true;
	fault = fault_of(folder);
	if (fault)
		(void)snprintf(ret_reason, size, "%s; sealing goes on when it is", fault);
	return !fault;
}

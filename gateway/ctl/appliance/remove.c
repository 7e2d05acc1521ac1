/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/cleanup.h"
#include "ctl/appliance/folder_each.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MOVED_MAX (1u << 20) /* somebody may be adding to it */

/* Others may have made the tree, as deep as they like: deeper than a path is long, or
 * than there are descriptors. So folders in folders are moved up into the topmost one,
 * until none is left, and two descriptors are enough. */
struct removal {
	int top;
	unsigned moved; /* up, so far */
};

/* Return: 0 it is gone, -ENOTEMPTY a folder, -errno. */
static int drop(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	return unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

static int move_up(int folder, const char *name, void *arg)
{
	struct removal *removal = arg;
	char to[32];
	int r = drop(folder, name);

	if (r != -ENOTEMPTY)
		return r;
	do {
		if (removal->moved == MOVED_MAX)
			return -E2BIG;
		(void)snprintf(to, sizeof(to), "moved-up-%u", ++removal->moved);
		r = renameat2(folder, name, removal->top, to, RENAME_NOREPLACE) == 0
			    ? 0
			    : -errno;
	} while (r == -EEXIST);
	return r;
}

static int empty(int folder, const char *name, void *arg)
{
	_cleanup_(closep) int inner = -1;
	int r = drop(folder, name);

	if (r != -ENOTEMPTY)
		return r;
	inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner < 0)
		return -errno;
	r = folder_each(inner, move_up, arg);
	return r < 0 ? r : drop(folder, name);
}

int appliance_remove(const char *path)
{
	_cleanup_(closep) int top = -1;
	struct removal removal = { 0 };
	unsigned before;
	int r = drop(AT_FDCWD, path);

	if (r != -ENOTEMPTY)
		return r;
	top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top < 0)
		return -errno;
	removal.top = top;
	do { /* what was moved up may not have been read any more */
		before = removal.moved;
		r = lseek(top, 0, SEEK_SET) < 0 ? -errno
						: folder_each(top, empty, &removal);
		if (r == 0)
			r = drop(AT_FDCWD, path);
	} while (r == -ENOTEMPTY && removal.moved > before);
	return r;
}

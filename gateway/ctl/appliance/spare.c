/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/spare.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/folder_each.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "spare"
#define RECORD "spare-record"

static int below(const struct swap_place *p, const char *name, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%s", p->work, name) >= PATH_MAX
		       ? -ENAMETOOLONG
		       : 0;
}

static int make_anew(const char *path)
{
	int r = appliance_remove(path);

	return r == 0 && mkdir(path, 0700) < 0 ? -errno : r;
}

static int stop_at(int folder, const char *name, void *arg)
{
	(void)folder;
	(void)name;
	(void)arg;
	return -ENOTEMPTY;
}

static bool is_empty(const char *path)
{
	_cleanup_(closep) int fd =
		open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && folder_each(fd, stop_at, NULL) == 0;
}

int spare_lay_by(const struct swap_place *p)
{
	static const uint8_t blank[SPARE_RECORD_MAX];
	char path[PATH_MAX];
	int r = below(p, FOLDER, path);

	/* what is there is that of another one on trial, until it is replaced */
	if (r == 0 && !(swap_is_ours(p, FOLDER) && is_empty(path)))
		r = make_anew(path);
	if (r == 0)
		r = swap_make_way(p, RECORD);
	if (r == 0)
		r = below(p, RECORD, path);
	return r < 0 ? r : durable_write(path, span_of(blank, sizeof(blank)), 0600);
}

bool spare_wanted(int r)
{
	return r == -ENOSPC || r == -EDQUOT;
}

int spare_folder(const struct swap_place *p, const char *name)
{
	char spare[PATH_MAX], path[PATH_MAX];
	int r = below(p, name, path);

	if (r == 0)
		r = below(p, FOLDER, spare);
	/* one that has nothing in it may be what was laid by, taken before a cut */
	if (r < 0 || (swap_is_ours(p, name) && is_empty(path)))
		return r;
	r = make_anew(path);
	if (!spare_wanted(r) || !swap_is_ours(p, FOLDER))
		return r;
	return rename(spare, path) < 0 ? -errno : 0;
}

int spare_record(const struct swap_place *p, const char *path, struct span text)
{
	uint8_t padded[SPARE_RECORD_MAX];
	_cleanup_(closep) int fd = -1;
	char spare[PATH_MAX];
	int r = below(p, RECORD, spare);

	if (r < 0 || text.len > sizeof(padded) || !swap_is_ours(p, RECORD))
		return r < 0 ? r : -ENOSPC;
	memset(padded, '\n', sizeof(padded));
	memcpy(padded, text.data, text.len);
	fd = open(spare, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : fd_write_all(fd, span_of(padded, sizeof(padded)));
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	return r == 0 && rename(spare, path) < 0 ? -errno : r;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/folder_each.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

int folder_each(
	int folder, int (*visit)(int folder, const char *name, void *arg), void *arg)
{
	int fd = fcntl(folder, F_DUPFD_CLOEXEC, 0), r = 0;
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!entries) {
		r = -errno;
		(void)closep(&fd);
		return r;
	}
	while (r == 0 && (e = readdir(entries)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = visit(folder, e->d_name, arg);
	(void)closedir(entries);
	return r;
}

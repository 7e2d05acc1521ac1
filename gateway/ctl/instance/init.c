/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/init.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64u * 1024 * 1024)
#define DEPTH_MAX 16

int init_shared_policies(char ret_path[PATH_MAX])
{
	static const char *const places[] = { "../share/sealgate/policies",
		"../../policies" };
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n < 0)
		return -errno;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(ret_path, PATH_MAX, "%s/%s", exe, places[i]) < PATH_MAX &&
			access(ret_path, R_OK) == 0)
			return 0;
	return -ENOENT;
}

static int copy_file(const char *from, const char *to)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r;

	if (access(to, F_OK) == 0)
		return 0;
	r = file_read(from, FILE_MAX, &data, &len);
	return r < 0 ? r : durable_write(to, span_of(data, len), 0644);
}

static int copy_folder(const char *from, const char *to, int depth);

static int copy_entry(const char *from, const char *to, const char *name, int depth)
{
	char source[PATH_MAX], target[PATH_MAX];
	struct stat st;

	if (snprintf(source, sizeof(source), "%s/%s", from, name) >= PATH_MAX ||
		snprintf(target, sizeof(target), "%s/%s", to, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (lstat(source, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return copy_folder(source, target, depth + 1);
	return S_ISREG(st.st_mode) ? copy_file(source, target) : 0;
}

static int copy_folder(const char *from, const char *to, int depth)
{
	DIR *folder;
	struct dirent *e;
	int r = 0;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	if (mkdir(to, 0755) < 0 && errno != EEXIST)
		return -errno;
	folder = opendir(from);
	if (!folder)
		return -errno;
	while (r == 0 && (e = readdir(folder)) != NULL)
		if (e->d_name[0] != '.')
			r = copy_entry(from, to, e->d_name, depth);
	closedir(folder);
	return r;
}

int init_copy_tree(const char *from, const char *to)
{
	return copy_folder(from, to, 0);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/program.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int program_beside(const char *name, char ret_path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return -errno;
	ret_path[n] = '\0';
	slash = strrchr(ret_path, '/');
	if (!slash || (size_t)(slash - ret_path) + strlen(name) + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(slash + 1, name, strlen(name) + 1);
	return access(ret_path, X_OK) < 0 ? -errno : 0;
}

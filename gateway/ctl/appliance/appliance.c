/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int appliance_fail(char **ret_error, int error, const char *where, const char *what)
{
	if (asprintf(ret_error, "%s: %s", where, what) < 0)
		*ret_error = NULL;
	return error;
}

bool appliance_sees(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

int appliance_run(const char *const argv[])
{
	pid_t pid;
	int status, r;

	r = posix_spawn(
		&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ);
	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

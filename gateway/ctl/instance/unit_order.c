/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/unit_order.h"

#include "common/program.h"
#include "ctl/appliance/appliance.h"
#include "ctl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void become(const char *program, const char *command)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (nowhere < 0 || dup2(nowhere, fd) < 0)
			_exit(EXIT_INTERNAL);
	execl(program, program, command, "ordered", (char *)NULL);
	_exit(EXIT_INTERNAL);
}

static int start_beside(const char *command)
{
	char program[PATH_MAX];
	int r = program_beside("sealgate", program);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		become(program, command);
	return pid < 0 ? -errno : 0;
}

int unit_order(const char *unit, const char *command)
{
	return appliance_has_units() ? appliance_start(unit, false)
				     : start_beside(command);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_program.h"

#include "ctl/backup/backup_tree.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WATCH_MS 50

extern char **environ;

static int spawn(const struct backup_program *p, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int e = posix_spawn_file_actions_init(&actions);

	if (e != 0)
		return -e;
	e = posix_spawn_file_actions_adddup2(&actions, out, p->takes);
	if (e == 0)
		e = posix_spawn(ret_pid, p->argv[0], &actions, NULL,
			(char *const *)(uintptr_t)p->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (e != 0)
		fprintf(stderr, "sealgate: %s: %s; install postgresql-client\n",
			p->argv[0], strerror(e));
	return -e;
}

/* What it says, as far as there is something. Return: false at its end. */
static bool listen_to(
	const struct backup_program *p, int in, char said[BACKUP_SAID_MAX], size_t *len)
{
	char part[512];
	ssize_t n = read(in, part, sizeof(part));
	size_t fits;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (p->takes == STDERR_FILENO)
		(void)fwrite(part, 1, (size_t)n, stderr);
	fits = BACKUP_SAID_MAX - 1 - *len;
	fits = (size_t)n < fits ? (size_t)n : fits;
	memcpy(said + *len, part, fits);
	*len += fits;
	said[*len] = '\0';
	return true;
}

/* Until it has said all. Return: 0, -ENOSPC: there is no room beside what it writes. */
static int watch(const struct backup_program *p, int in, char said[BACKUP_SAID_MAX])
{
	struct pollfd ready = { .fd = in, .events = POLLIN };
	size_t len = 0;

	while (listen_to(p, in, said, &len)) {
		if (p->leaves && backup_room(p->folder, p->leaves) == -ENOSPC)
			return -ENOSPC;
		(void)poll(&ready, 1, WATCH_MS);
	}
	return 0;
}

int backup_program(const struct backup_program *p, char ret_said[BACKUP_SAID_MAX])
{
	_cleanup_(closep) int in = -1;
	int ends[2], status = 0, r;
	pid_t pid = -1;

	*ret_said = '\0';
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	in = ends[0];
	(void)fcntl(ends[1], F_SETFL, 0); /* it writes as to a terminal */
	r = spawn(p, ends[1], &pid);
	close(ends[1]);
	if (r < 0)
		return r;
	r = watch(p, in, ret_said);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

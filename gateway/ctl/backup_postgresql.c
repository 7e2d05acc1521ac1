/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup_postgresql.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/backup_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define DUMP "/usr/bin/pg_dump"
#define RESTORE "/usr/bin/pg_restore"
#define PASSWORD_MAX 1024u
#define WATCH_MS 50

extern char **environ;

bool backup_is_postgresql(const struct instance *i)
{
	return *config_string(i->config, "queue.postgresql") != '\0';
}

/* libpq reads it from there; a program's arguments are seen by everybody. */
static int set_password(const char *path)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len = 0;
	int r;

	if (!*path)
		return 0;
	r = file_read(path, PASSWORD_MAX, &data, &len);
	if (r < 0) {
		fprintf(stderr, "sealgate: %s: %s\n", path, strerror(-r));
		return r;
	}
	data[strcspn((const char *)data, "\r\n")] = '\0';
	r = setenv("PGPASSWORD", (const char *)data, 1) < 0 ? -errno : 0;
	explicit_bzero(data, len);
	return r;
}

/* Is there room still, beside what a program writes? */
static int watch(pid_t pid, int folder, long long leaves, int *ret_status)
{
	pid_t ended;

	while ((ended = waitpid(pid, ret_status, WNOHANG)) == 0) {
		if (backup_room(folder, leaves) == -ENOSPC) {
			kill(pid, SIGKILL);
			(void)waitpid(pid, ret_status, 0);
			return -ENOSPC;
		}
		poll(NULL, 0, WATCH_MS);
	}
	return ended < 0 ? -errno : 0;
}

/* folder: where it writes. */
static int run(const char *const argv[], int folder, long long leaves)
{
	pid_t pid;
	int status, e = posix_spawn(&pid, argv[0], NULL, NULL,
			    (char *const *)(uintptr_t)argv, environ);

	if (e != 0) {
		fprintf(stderr, "sealgate: %s: %s; install postgresql-client\n", argv[0],
			strerror(e));
		return -e;
	}
	e = watch(pid, folder, leaves, &status);
	if (e < 0)
		return e;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EEXIST;
}

int backup_dump(const struct instance *i, const char *file, long long leaves)
{
	const char *const argv[] = { DUMP, "--format=custom", "--no-owner",
		"--no-privileges", "--lock-wait-timeout=60s", "--file", file, "--dbname",
		config_string(i->config, "queue.postgresql"), NULL };
	_cleanup_(freep) char *beside = strdup(file);
	_cleanup_(closep) int folder =
		beside ? open(dirname(beside), O_PATH | O_CLOEXEC) : -1;
	mode_t mask = umask(0077);
	int r = folder < 0
			? -errno
			: set_password(config_string(i->config, "queue.password_file"));

	if (r == 0)
		r = run(argv, folder, leaves);
	umask(mask);
	return r == -EEXIST ? -EIO : r;
}

int backup_undump(const char *file, const char *connection, const char *password)
{
	const char *const argv[] = { RESTORE, "--exit-on-error", "--single-transaction",
		"--no-owner", "--no-privileges", "--dbname", connection, file, NULL };
	int r = set_password(password);

	return r < 0 ? r : run(argv, -1, 0);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup_postgresql.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define DUMP "/usr/bin/pg_dump"
#define RESTORE "/usr/bin/pg_restore"
#define PASSWORD_MAX 1024u

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

static int run(const char *const argv[])
{
	pid_t pid;
	int status, e = posix_spawn(&pid, argv[0], NULL, NULL,
			    (char *const *)(uintptr_t)argv, environ);

	if (e != 0) {
		fprintf(stderr, "sealgate: %s: %s; install postgresql-client\n", argv[0],
			strerror(e));
		return -e;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EEXIST;
}

int backup_dump(const struct instance *i, const char *file)
{
	const char *const argv[] = { DUMP, "--format=custom", "--no-owner",
		"--no-privileges", "--lock-wait-timeout=60s", "--file", file, "--dbname",
		config_string(i->config, "queue.postgresql"), NULL };
	mode_t mask = umask(0077);
	int r = set_password(config_string(i->config, "queue.password_file"));

	if (r == 0)
		r = run(argv);
	umask(mask);
	return r == -EEXIST ? -EIO : r;
}

int backup_undump(const char *file, const char *connection, const char *password)
{
	const char *const argv[] = { RESTORE, "--exit-on-error", "--single-transaction",
		"--no-owner", "--no-privileges", "--dbname", connection, file, NULL };
	int r = set_password(password);

	return r < 0 ? r : run(argv);
}

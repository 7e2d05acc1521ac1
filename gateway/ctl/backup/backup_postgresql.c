/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_postgresql.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/backup/backup_program.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DUMP "/usr/bin/pg_dump"
#define RESTORE "/usr/bin/pg_restore"
#define ASK "/usr/bin/psql"
#define PASSWORD_MAX 1024u

bool backup_is_postgresql(const struct instance *i)
{
	return *config_string(i->config, "queue.postgresql") != '\0';
}

/* libpq reads it from there; a program's arguments are seen by everybody. */
static int set_password(const struct instance *i)
{
	const char *name = config_string(i->config, "queue.password_file");
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r;

	if (!*name)
		return 0;
	r = instance_secret(i, name, path);
	if (r == 0)
		r = file_read(path, PASSWORD_MAX, &data, &len);
	if (r < 0 || !data) {
		fprintf(stderr, "sealgate: queue.password_file, %s: %s\n", name,
			strerror(-r));
		return r;
	}
	data[strcspn((const char *)data, "\r\n")] = '\0';
	r = setenv("PGPASSWORD", (const char *)data, 1) < 0 ? -errno : 0;
	explicit_bzero(data, len);
	return r;
}

/* What the server's programs say, and what mends it: the first that is in it counts. */
static const struct {
	const char *said, *fix;
} FIXES[] = {
	{ "already exists",
		"the database is not empty: make an empty one and name it with "
		"--postgresql" },
	{ "permission denied",
		"the role may not do that in this database: let it own the database" },
	{ "database \"",
		"make the database, empty and in UTF8 (createdb), or name another with "
		"--postgresql" },
	{ "password",
		"the server wants another password: queue.password_file, or PGPASSWORD "
		"with --postgresql" },
	{ "role \"", "make the role at the server, or name one that is there" },
	{ "server version mismatch",
		"install the postgresql-client of the server's version" },
	{ "unsupported version",
		"install a postgresql-client that is not older than the one that made "
		"the copy" },
	{ "unrecognized configuration parameter",
		"the server is older than the one that the copy is of: restore to one of "
		"its version or later" },
	{ "No space left", "make room at the server" },
	{ "could not extend file", "make room at the server" },
	{ "could not connect", "start the server, or name another with --postgresql" },
	{ "connection to server", "start the server, or name another with --postgresql" },
	{ "could not translate", "the server's name is not known here" },
	{ "end of file", "the copy is not whole: take another backup" },
	{ "not appear to be a valid archive",
		"the copy is not whole: take another backup" },
};

static const char *fix_of(const char *said)
{
	for (size_t i = 0; i < sizeof(FIXES) / sizeof(FIXES[0]); i++)
		if (strstr(said, FIXES[i].said))
			return FIXES[i].fix;
	return "follow what the server's program says above";
}

/* The line with the reason, without the program's name. */
static int reason_in(const char *said, const char **ret_reason)
{
	const char *reason = strstr(said, "error: ");

	*ret_reason = reason ? reason + strlen("error: ") : said;
	return (int)strcspn(*ret_reason, "\n");
}

/* Return: 0, or -EEXIST after what happened, why, and what to do. */
static int judge(const struct backup_program *p, const char *what)
{
	char said[BACKUP_SAID_MAX];
	const char *reason;
	int len, r = backup_program(p, said);

	if (r <= 0)
		return r;
	len = reason_in(said, &reason);
	fprintf(stderr, "sealgate: %s\n  why: %.*s\n  fix: %s\n", what,
		len ? len : (int)strlen("it was killed"), len ? reason : "it was killed",
		fix_of(said));
	return -EEXIST;
}

int backup_dump(const struct instance *i, const char *file, long long leaves)
{
	const char *const argv[] = { DUMP, "--format=custom", "--no-owner",
		"--no-privileges", "--no-password", "--lock-wait-timeout=60s", "--file",
		file, "--dbname", config_string(i->config, "queue.postgresql"), NULL };
	_cleanup_(freep) char *beside = strdup(file);
	_cleanup_(closep) int folder =
		beside ? open(dirname(beside), O_PATH | O_CLOEXEC) : -1;
	const struct backup_program p = { argv, STDERR_FILENO, folder, leaves };
	mode_t mask = umask(0077);
	int r = folder < 0 ? -errno : set_password(i);

	if (r == 0)
		r = judge(&p, "the database could not be copied");
	umask(mask);
	return r;
}

int backup_undump(const struct instance *i, const char *file, const char *connection)
{
	const char *to =
		connection ? connection : config_string(i->config, "queue.postgresql");
	const char *const argv[] = { RESTORE, "--exit-on-error", "--single-transaction",
		"--no-owner", "--no-privileges", "--dbname", to, file, NULL };
	const struct backup_program p = { argv, STDERR_FILENO, -1, 0 };
	int r = connection ? 0 : set_password(i);

	return r < 0 ? r
		     : judge(&p, "the database was not restored, and no file was put "
				 "anywhere: it must be there and empty");
}

/* The octets of all rows, without the indices, which a copy makes anew. */
static const char ROWS_SIZE[] =
	"SELECT coalesce(sum(pg_table_size(c.oid)),0) FROM pg_class c"
	" JOIN pg_namespace n ON n.oid=c.relnamespace WHERE c.relkind IN('r','m')"
	" AND n.nspname NOT IN('pg_catalog','information_schema')";

int backup_database_size(const struct instance *i, long long *ret_size)
{
	const char *const argv[] = { ASK, "--no-psqlrc", "--no-align", "--tuples-only",
		"--no-password", "--dbname", config_string(i->config, "queue.postgresql"),
		"--command", ROWS_SIZE, NULL };
	const struct backup_program p = { argv, STDOUT_FILENO, -1, 0 };
	char said[BACKUP_SAID_MAX], *end;
	int r;

	*ret_size = 0;
	if (!backup_is_postgresql(i))
		return 0;
	r = set_password(i);
	if (r == 0)
		r = backup_program(&p, said);
	if (r != 0)
		return r < 0 ? r : -EEXIST;
	*ret_size = strtoll(said, &end, 10);
	return end == said || *ret_size < 0 ? -EBADMSG : 0;
}

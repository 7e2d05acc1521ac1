/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup_postgresql.h"
#include "ctl/backup_tree.h"
#include "ctl/command.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what, int error)
{
	fprintf(stderr, "sealgate: %s: %s\n", what, strerror(-error));
	return EXIT_INTERNAL;
}

/* The mark and the lines of a backup's list. Return: 0 or -EBADMSG. */
static int read_head(struct span *text, char ret_mark[128])
{
	const char *p = (const char *)text->data;
	const char *at = text->len > strlen(BACKUP_HEAD) &&
					 strncmp(p, BACKUP_HEAD, strlen(BACKUP_HEAD)) == 0
				 ? memmem(p, text->len, BACKUP_AT, strlen(BACKUP_AT))
				 : NULL;
	const char *end;
	size_t n;

	if (!at)
		return -EBADMSG;
	n = (size_t)(at - p) - strlen(BACKUP_HEAD);
	end = memchr(at + 1, '\n', text->len - (size_t)(at + 1 - p));
	if (n >= 128 || !end)
		return -EBADMSG;
	memcpy(ret_mark, p + strlen(BACKUP_HEAD), n);
	ret_mark[n] = '\0';
	n = (size_t)(end + 1 - p);
	*text = span_of(text->data + n, text->len - n);
	return 0;
}

/* The copy of a server's database goes into an empty one, before any file is put
 * anywhere: where that fails, nothing was done. connection: another one than the backup's
 * configuration names, or NULL. */
static int restore_database(const char *files, const char *connection)
{
	_cleanup_(freep) char *error = NULL;
	char dump[PATH_MAX];
	struct instance old;
	int r;

	if (snprintf(dump, sizeof(dump), "%s/" BACKUP_DUMP, files) >= PATH_MAX)
		return failed(files, -ENAMETOOLONG);
	if (access(dump, F_OK) < 0)
		return EXIT_CLEAN;
	r = instance_open(files, &old, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate: %s\n", error ? error : strerror(-r));
		return EXIT_INTERNAL;
	}
	r = backup_undump(dump,
		connection ? connection : config_string(old.config, "queue.postgresql"),
		connection ? "" : config_string(old.config, "queue.password_file"));
	instance_done(&old);
	if (r == -EEXIST)
		fputs("sealgate: the database was not restored: it must be there and "
		      "empty\n",
			stderr);
	return r == 0 ? EXIT_CLEAN : r == -EEXIST ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

static int restore(
	const char *files, struct span lines, const char *dir, const char *connection)
{
	_cleanup_(freep) char *path = NULL;
	char run[PATH_MAX], dump[PATH_MAX];
	int status, r = backup_compare(files, lines, &path);

	if (r < 0) {
		fprintf(stderr, "sealgate: %s is not what was backed up: %s\n",
			path ? path : "the list", strerror(-r));
		return EXIT_NOT_PASSED;
	}
	if (mkdir(dir, 0755) < 0 &&
		(errno != EEXIST || rmdir(dir) < 0 || mkdir(dir, 0755) < 0))
		return failed(dir, -errno);
	status = restore_database(files, connection);
	if (status != EXIT_CLEAN) {
		(void)rmdir(dir);
		return status;
	}
	r = backup_put(files, lines, dir);
	/* It is in the database now. */
	if (r == 0 && snprintf(dump, sizeof(dump), "%s/" BACKUP_DUMP, dir) < PATH_MAX &&
		unlink(dump) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0 && (snprintf(run, sizeof(run), "%s/run", dir) >= PATH_MAX ||
			      mkdir(run, 0755) < 0))
		r = -errno;
	return r < 0 ? failed(dir, r) : EXIT_CLEAN;
}

int cmd_restore(int argc, char **argv)
{
	static const struct option options[] = {
		{ "postgresql", required_argument, NULL, 'p' }, { 0 }
	};
	_cleanup_(freep) uint8_t *data = NULL;
	const char *connection = NULL;
	char path[PATH_MAX], files[PATH_MAX], mark[128];
	struct span text;
	size_t len;
	int c, r, status;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c != 'p')
			return command_usage("restore");
		connection = optarg;
	}
	if (command_arguments(argc, argv, 2, 2, "the backup and the instance") < 0)
		return command_usage("restore");
	if (snprintf(path, sizeof(path), "%s/" BACKUP_LIST, argv[optind]) >= PATH_MAX ||
		snprintf(files, sizeof(files), "%s/files", argv[optind]) >= PATH_MAX)
		return failed(argv[optind], -ENAMETOOLONG);
	r = file_read(path, BACKUP_LIST_MAX, &data, &len);
	text = span_of(data, r < 0 ? 0 : len);
	if (r == 0)
		r = read_head(&text, mark);
	if (r < 0)
		return failed(path, r);
	status = restore(files, text, argv[optind + 1], connection);
	if (status == EXIT_CLEAN)
		printf("restored: everything up to record %s\n", mark);
	return status;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_list.h"
#include "ctl/backup/backup_postgresql.h"
#include "ctl/backup/backup_tree.h"
#include "ctl/command.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "queue/client.h"

#include <errno.h>
#include <fcntl.h>
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

DEFINE_CLEANUP(FILE *, fclose)

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
	r = backup_undump(&old, dump, connection);
	instance_done(&old);
	return r == 0 ? EXIT_CLEAN : r == -EEXIST ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

/* A folder that is there after a power cut as well; its rights come with the list. */
static int make_folder(const char *dir, const char *name)
{
	_cleanup_(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || (mkdirat(fd, name, 0700) < 0 && errno != EEXIST) || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* By this the chain says at the next start that it was restored: before anything else is
 * there, which could be started without it. */
static int leave_mark(const char *dir, const char *mark)
{
	char path[PATH_MAX], state[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/" QUEUE_RESTORED_FILE, dir) >= PATH_MAX ||
		snprintf(state, sizeof(state), "%s/state", dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = make_folder(dir, "state");
	if (r == 0)
		r = make_folder(state, "queue");
	return r < 0 ? r : durable_write(path, span_str(mark), 0644);
}

/* list: at its lines. */
static int restore(const char *files, FILE *list, const char *mark, const char *dir,
	const char *connection)
{
	_cleanup_(freep) char *path = NULL;
	char run[PATH_MAX], dump[PATH_MAX];
	long lines = ftell(list);
	int status, r = lines < 0 ? -errno : backup_compare(files, list, &path);

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
	r = fseek(list, lines, SEEK_SET) < 0 ? -errno : leave_mark(dir, mark);
	if (r == 0)
		r = backup_put(files, list, dir);
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
	_cleanup_(fclosep) FILE *list = NULL;
	const char *connection = NULL;
	char path[PATH_MAX], files[PATH_MAX], mark[BACKUP_MARK_SIZE];
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
	list = fopen(path, "re");
	r = list ? backup_list_head(list, mark) : -errno;
	if (r < 0)
		return failed(path, r);
	status = restore(files, list, mark, argv[optind + 1], connection);
	if (status == EXIT_CLEAN)
		printf("restored: everything up to record %s\n", mark);
	return status;
}

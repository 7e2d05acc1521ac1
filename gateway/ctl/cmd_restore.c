/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup_tree.h"
#include "ctl/command.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

static int restore(const char *files, struct span lines, const char *dir)
{
	_cleanup_(freep) char *path = NULL;
	char run[PATH_MAX];
	int r = backup_compare(files, lines, &path);

	if (r < 0) {
		fprintf(stderr, "sealgate: %s is not what was backed up: %s\n",
			path ? path : "the list", strerror(-r));
		return EXIT_NOT_PASSED;
	}
	if (mkdir(dir, 0755) < 0 &&
		(errno != EEXIST || rmdir(dir) < 0 || mkdir(dir, 0755) < 0))
		return failed(dir, -errno);
	r = backup_put(files, lines, dir);
	if (r == 0 && (snprintf(run, sizeof(run), "%s/run", dir) >= PATH_MAX ||
			      mkdir(run, 0755) < 0))
		r = -errno;
	return r < 0 ? failed(dir, r) : EXIT_CLEAN;
}

int cmd_restore(int argc, char **argv)
{
	static const struct option options[] = { { 0 } };
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX], files[PATH_MAX], mark[128];
	struct span text;
	size_t len;
	int r, status;

	if (command_option(argc, argv, "", options) != -1 ||
		command_arguments(argc, argv, 2, 2, "the backup and the instance") < 0)
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
	status = restore(files, text, argv[optind + 1]);
	if (status == EXIT_CLEAN)
		printf("restored: everything up to record %s\n", mark);
	return status;
}

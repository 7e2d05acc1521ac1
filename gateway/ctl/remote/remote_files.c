/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/remote/remote_files.h"

#include "common/cleanup.h"
#include "ctl/appliance/manifest.h"
#include "ctl/command.h"
#include "ctl/remote/remote_parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_MAX ((size_t)1 << 20) /* octets: what a line that breaks costs again */
#define SMALL_MAX (256LL << 10)	  /* of a file that goes in a run */

struct listed {
	const char *name;
	long long size;
};

struct list {
	const char *dir;
	struct listed files[MANIFEST_FILES_MAX];
	size_t count;
	long long total; /* octets of all of them */
};

/* "SHA256 SIZE PATH" */
static bool read_line(char *line, struct list *l)
{
	struct listed *f = &l->files[l->count];
	char *size = strchr(line, ' '), *end = line;

	errno = 0;
	f->size = size ? strtoll(size, &end, 10) : -1;
	f->name = end + 1;
	return errno == 0 && f->size >= 0 && *end == ' ' && end[1] &&
	       !__builtin_add_overflow(l->total, f->size, &l->total);
}

static int read_list(char *text, struct list *l)
{
	char *save = NULL, *line;

	(void)strtok_r(text, "\n", &save); /* what it is */
	while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
		if (l->count == MANIFEST_FILES_MAX || !read_line(line, l)) {
			command_fault("%s/manifest is none", l->dir);
			return EXIT_NOT_PASSED;
		}
		l->count++;
	}
	return EXIT_CLEAN;
}

static int path_of(const struct list *l, const struct listed *f, char ret_path[PATH_MAX])
{
	int n = snprintf(ret_path, PATH_MAX, "%s/%s", l->dir, f->name);

	return n < 0 || n >= PATH_MAX ? EXIT_INTERNAL : EXIT_CLEAN;
}

static int send_named(struct sending *s, const struct list *l, size_t i)
{
	char path[PATH_MAX];
	int status = path_of(l, &l->files[i], path);

	return status == EXIT_CLEAN ? parcel_send_path(s, path, l->files[i].name)
				    : status;
}

static int send_all_named(struct sending *s, const struct list *l)
{
	int status = EXIT_CLEAN;

	for (size_t i = 0; status == EXIT_CLEAN && i < l->count; i++)
		status = send_named(s, l, i);
	return status;
}

/* The file that a position among the octets of all is in, or how many files there are.
 * *ret_before: octets of it before the position. */
static size_t find(const struct list *l, long long at, long long *ret_before)
{
	size_t i = 0;

	while (i < l->count && at >= l->files[i].size)
		at -= l->files[i++].size;
	*ret_before = at;
	return i;
}

static int read_part(
	const struct list *l, const struct listed *f, long long offset, struct buf *run)
{
	size_t len = (size_t)(f->size - offset);
	_cleanup_(freep) uint8_t *octets = malloc(len + 1);
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	if (!octets || path_of(l, f, path) != EXIT_CLEAN)
		return EXIT_INTERNAL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		command_fault("%s: %s", path, strerror(errno));
		return EXIT_NOT_PASSED;
	}
	if (st.st_size != f->size || pread(fd, octets, len, offset) != (ssize_t)len) {
		command_fault("%s: is not as long as the manifest says", path);
		return EXIT_NOT_PASSED;
	}
	buf_add_span(run, span_of(octets, len));
	return run->error ? EXIT_INTERNAL : EXIT_CLEAN;
}

/* The rest of a small file, and all of the small ones behind it as far as they fit. */
static int fill(const struct list *l, size_t i, long long before, struct buf *run)
{
	int status = EXIT_CLEAN;

	for (; status == EXIT_CLEAN && i < l->count; i++, before = 0) {
		const struct listed *f = &l->files[i];

		if (f->size > SMALL_MAX ||
			run->len + (size_t)(f->size - before) > RUN_MAX)
			break;
		status = read_part(l, f, before, run);
	}
	return status;
}

/* No octets, behind the last file, have the gate make those that have none. */
static int send_run(
	struct sending *s, const struct list *l, const char *name, long long *next)
{
	_cleanup_buf_ struct buf run = { 0 };
	long long before, have = 0;
	size_t i = find(l, *next, &before);
	int status;

	if (i < l->count && l->files[i].size > SMALL_MAX) {
		*next += l->files[i].size - before;
		return send_named(s, l, i);
	}
	buf_init(&run, RUN_MAX);
	status = fill(l, i, before, &run);
	if (status == EXIT_CLEAN)
		status = piece_send(s, name, *next, buf_span(&run), &have);
	if (status != EXIT_CLEAN || s->whole)
		return status;
	if (have <= *next || have > l->total) {
		command_fault("%s: the gate takes no more of it", name);
		return EXIT_INTERNAL;
	}
	*next = have;
	return EXIT_CLEAN;
}

int files_send(struct sending *s, const char *dir, char *list, const char *name)
{
	_cleanup_(freep) struct list *l = calloc(1, sizeof(*l));
	long long next = s->next;
	int status = EXIT_INTERNAL;

	if (l) {
		l->dir = dir;
		status = read_list(list, l);
	}
	if (status == EXIT_CLEAN && next < 0)
		return send_all_named(s, l);
	while (status == EXIT_CLEAN && !s->whole)
		status = send_run(s, l, name, &next);
	return status;
}

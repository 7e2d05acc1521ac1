/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/events.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where init, up or the manager's tmpfiles made them, they are there and whose they are.
 */
static int make_folder(const char *path)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, 0755) < 0 ? -errno : 0;
}

static int find(const struct instance *i, const char *program, char ret_path[PATH_MAX])
{
	char folder[PATH_MAX];
	int r = instance_path(i, EVENTS_FOLDER, folder);

	if (r == 0)
		r = make_folder(folder);
	if (r == 0 && snprintf(ret_path, PATH_MAX, "%s/%s", folder, program) >= PATH_MAX)
		r = -ENAMETOOLONG;
	if (r == 0)
		r = make_folder(ret_path);
	if (r == 0 && snprintf(ret_path, PATH_MAX, "%s/%s/" EVENTS_FILE, folder,
			      program) >= PATH_MAX)
		r = -ENAMETOOLONG;
	return r;
}

/* One form of a line; the caller frees. NULL: no memory. */
static char *line_of(const char *event, json_t *detail)
{
	_cleanup_json_ json_t *line = detail;
	char at[CLOCK_TEXT_SIZE];

	clock_format(clock_now(), at);
	if (!line || json_object_set_new(line, "at", json_string(at)) < 0 ||
		json_object_set_new(line, "event", json_string(event)) < 0)
		return NULL;
	return json_canonical(line);
}

/* Whoever reads has another uid, and whoever made it any umask. */
static int open_to_append(const char *path)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		((st.st_mode & 0777) == 0644 || fchmod(fd, 0644) == 0) &&
		flock(fd, LOCK_EX) == 0)
		return fd;
	close(fd);
	return -EACCES;
}

/* With the lock, so that nobody else's line comes between. */
static int append(int fd, const char *line)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last = '\n', text[EVENTS_LINE_MAX + 2];
	int n, r;

	if (size < 0 || (size > 0 && pread(fd, &last, 1, size - 1) != 1))
		return -EIO;
	n = snprintf(text, sizeof(text), "%s%s\n", last == '\n' ? "" : "\n", line);
	r = fd_write_all(fd, span_of(text, (size_t)n));
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	/* without room for all of it there shall be none of it */
	if (r < 0 && ftruncate(fd, size) < 0)
		return -EIO;
	return r;
}

int events_note(
	const struct instance *i, const char *program, const char *event, json_t *detail)
{
	_cleanup_(freep) char *line = line_of(event, detail);
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	int r;

	if (!line)
		return -ENOMEM;
	if (strlen(line) >= EVENTS_LINE_MAX)
		return -EMSGSIZE;
	r = find(i, program, path);
	if (r < 0)
		return r;
	fd = open_to_append(path);
	return fd < 0 ? fd : append(fd, line);
}

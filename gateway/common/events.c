/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/events.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS_LOCK "lock"
#define EVENTS_NEW "journal.new"
#define IMAGE_VERSION_SIZE 64
#define OS_RELEASE_MAX 65536
#define LOCK_MS 1000
#define LOCK_TRY_MS 10

/* Where init, up or the manager's tmpfiles made them, they are there and whose they are.
 */
static int find(const struct instance *i, const char *program, char ret_folder[PATH_MAX])
{
	char name[128];
	int r = instance_make_folder(i, EVENTS_FOLDER, 0755);

	if (snprintf(name, sizeof(name), EVENTS_FOLDER "/%s", program) >=
		(int)sizeof(name))
		return -ENAMETOOLONG;
	if (r == 0)
		r = instance_make_folder(i, name, 0755);
	return r < 0 ? r : instance_path(i, name, ret_folder);
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

/* What root makes in a program's folder is the program's, which appends to it later. */
static int give_to_owner(int fd, const char *folder)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(folder, &st) < 0)
		return -errno;
	return st.st_uid == 0 || fchown(fd, st.st_uid, st.st_gid) == 0 ? 0 : -errno;
}

/* With this mode, whoever made it with any umask. Return: its descriptor or -errno. */
static int open_as(const char *folder, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		((st.st_mode & 0777) == mode || fchmod(fd, mode) == 0) &&
		give_to_owner(fd, folder) == 0)
		return fd;
	close(fd);
	return -EACCES;
}

/* Nobody else may open this one, so that nobody else can hold it: the journal itself can
 * be locked by all who read it. Return: what holds it until it is closed, -EBUSY, -errno.
 */
static int lock(const char *folder)
{
	int64_t bound = clock_monotonic_ms() + LOCK_MS;
	int fd = open_as(folder, EVENTS_LOCK, 0600), r = 0;

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			r = -errno;
		else if (clock_monotonic_ms() > bound)
			r = -EBUSY;
		if (r < 0) {
			close(fd);
			return r;
		}
		poll(NULL, 0, LOCK_TRY_MS);
	}
	return fd;
}

/* Is its last line whole? *ret_size: of it. Return: 1, 0, -errno. */
static int whole(int fd, off_t *ret_size)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last = '\n';

	if (size < 0 || (size > 0 && pread(fd, &last, 1, size - 1) != 1))
		return -EIO;
	*ret_size = size;
	return last == '\n';
}

/* With the lock, so that nobody else's line comes between. */
static int append(int fd, const char *line)
{
	char text[EVENTS_LINE_MAX + 2];
	off_t size = 0;
	int n, r = whole(fd, &size);

	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text), "%s%s\n", r ? "" : "\n", line);
	r = fd_write_all(fd, span_of(text, (size_t)n));
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	/* without room for all of it there shall be none of it */
	if (r < 0 && ftruncate(fd, size) < 0)
		return -EIO;
	return r;
}

/* A full one gets no line behind what a power cut left of its last: that is ended all the
 * same, or queued would wait for the rest of it for ever. Return: 0 or -errno. */
static int end_last(int fd)
{
	off_t size;
	int r = whole(fd, &size);

	if (r != 0)
		return r < 0 ? r : 0;
	r = fd_write_all(fd, span_str("\n"));
	return r == 0 && fdatasync(fd) < 0 ? -errno : r;
}

/* Has queued taken over all of it, of this very file? */
static bool taken(const struct instance *i, const char *program, const struct stat *st)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX], wanted[160];
	size_t len = 0;

	if (instance_path(i, EVENTS_TAKEN, path) < 0 ||
		file_read_of_others(path, EVENTS_TAKEN_MAX, &text, &len) < 0)
		return false;
	snprintf(wanted, sizeof(wanted), "%s=%lld:%llu ", program, (long long)st->st_size,
		(unsigned long long)st->st_ino);
	return strstr((const char *)text, wanted) != NULL;
}

/* Another file takes its place: queued tells them apart. Return: its descriptor or
 * -errno. */
static int renew(const char *folder)
{
	char from[PATH_MAX], to[PATH_MAX];
	_cleanup_(closep) int fd = -1;

	if (snprintf(from, sizeof(from), "%s/" EVENTS_NEW, folder) >= PATH_MAX ||
		snprintf(to, sizeof(to), "%s/" EVENTS_FILE, folder) >= PATH_MAX)
		return -ENAMETOOLONG;
	(void)unlink(from);
	fd = open_as(folder, EVENTS_NEW, 0644);
	if (fd < 0)
		return fd;
	return rename(from, to) < 0 ? -errno : take_fd(&fd);
}

/* With the lock. Return: the journal's descriptor, with room for a line, or -errno. */
static int open_journal(const struct instance *i, const char *program, const char *folder)
{
	_cleanup_(closep) int fd = open_as(folder, EVENTS_FILE, 0644);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size + EVENTS_LINE_MAX + 2 <= EVENTS_MAX)
		return take_fd(&fd);
	if (taken(i, program, &st))
		return renew(folder);
	r = end_last(fd);
	return r < 0 ? r : -EFBIG;
}

const char *events_reason(int error)
{
	return error == -EFBIG
		       ? "its journal is full, and begins anew when sealgate-queued "
			 "has taken it over: start that"
		       : strerror(-error);
}

int events_note(
	const struct instance *i, const char *program, const char *event, json_t *detail)
{
	_cleanup_(freep) char *line = line_of(event, detail);
	_cleanup_(closep) int held = -1, fd = -1;
	char folder[PATH_MAX];
	int r;

	if (!line)
		return -ENOMEM;
	if (strlen(line) >= EVENTS_LINE_MAX)
		return -EMSGSIZE;
	r = find(i, program, folder);
	if (r < 0)
		return r;
	held = lock(folder);
	if (held < 0)
		return held;
	fd = open_journal(i, program, folder); /* whoever reads has another uid */
	return fd < 0 ? fd : append(fd, line);
}

/* The image of an appliance has a version of its own. Return: "" where there is none. */
static void image_version(char ret[IMAGE_VERSION_SIZE])
{
	_cleanup_(freep) uint8_t *text = NULL;
	const char *line;
	size_t len = 0;

	*ret = '\0';
	if (file_read("/usr/lib/os-release", OS_RELEASE_MAX, &text, &len) < 0)
		return;
	line = strstr((const char *)text, "\nIMAGE_VERSION=");
	if (!line)
		return;
	line += strlen("\nIMAGE_VERSION=");
	snprintf(ret, IMAGE_VERSION_SIZE, "%.*s", (int)strcspn(line, "\n"), line);
}

int events_note_program(
	const struct instance *i, const char *program, const char *event, json_t *detail)
{
	char image[IMAGE_VERSION_SIZE];

	image_version(image);
	if (detail)
		json_object_set_new(detail, "version", json_string(SEALGATE_VERSION));
	if (*image && detail)
		json_object_set_new(detail, "image", json_text(image));
	return events_note(i, program, event, detail);
}

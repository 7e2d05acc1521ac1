/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_orders.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/backup/backup_pieces.h"
#include "ctl/tree_remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPENED "opened."
#define OPENED_SIZE (sizeof(OPENED) - 1 + SHA256_TEXT_SIZE)

int backup_sealed_open(struct backup_sealed *ret)
{
	char path[PATH_MAX];
	uint8_t *text = NULL;
	size_t len = 0;
	int r = backup_place("sealed", path);

	*ret = (struct backup_sealed){ .folder = -1 };
	if (r < 0)
		return r;
	ret->folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret->folder < 0)
		return -errno;
	r = file_read_at(
		ret->folder, BACKUP_SEALED_LIST, BACKUP_SEALED_LIST_MAX, &text, &len);
	if (r < 0)
		return r;
	ret->list = (char *)text;
	memcpy(ret->name, REMOTE_NAME, sizeof(REMOTE_NAME));
	return digest_sha256_text(span_of(text, len), ret->name + strlen(REMOTE_NAME));
}

void backup_sealed_close(struct backup_sealed *s)
{
	if (s->folder >= 0)
		close(s->folder);
	free(s->list);
	*s = (struct backup_sealed){ .folder = -1 };
}

/* The folder's entries, from the first one on; NULL when it cannot be read. */
static DIR *entries(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

static bool is_open_to_any(int folder)
{
	DIR *d = entries(folder);
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)) != NULL)
		found = strncmp(e->d_name, OPENED, strlen(OPENED)) == 0;
	if (d)
		closedir(d);
	return found;
}

static int opened_file(const char *person, char ret_file[OPENED_SIZE])
{
	memcpy(ret_file, OPENED, sizeof(OPENED));
	return digest_sha256_text(span_str(person), ret_file + strlen(OPENED));
}

bool backup_sealed_is_open(const struct backup_sealed *s, const char *person)
{
	_cleanup_(freep) uint8_t *name = NULL;
	char file[OPENED_SIZE];
	size_t len = 0;

	if (!person)
		return is_open_to_any(s->folder);
	return opened_file(person, file) == 0 &&
	       file_read_at(s->folder, file, BACKUP_NAME_SIZE, &name, &len) == 0 &&
	       strcmp((char *)name, s->name) == 0;
}

int backup_sealed_give(const struct backup_sealed *s, const char *person)
{
	_cleanup_(closep) int fd = -1;
	char file[OPENED_SIZE];
	int r = opened_file(person, file);

	if (r < 0 || backup_sealed_is_open(s, person))
		return r;
	fd = openat(s->folder, file,
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, span_str(s->name));
	return r < 0 ? r : fsync(fd) < 0 || fsync(s->folder) < 0 ? -errno : 0;
}

int backup_sealed_piece(const struct backup_sealed *s, unsigned long number,
	uint8_t **ret_octets, size_t *ret_len)
{
	char file[64];

	(void)snprintf(file, sizeof(file), BACKUP_PIECE_FILE, number);
	return file_read_at(s->folder, file, 2 * BACKUP_PIECE_MAX, ret_octets, ret_len);
}

/* First what makes it one. That its folder still has its name is not known, but only an
 * empty one goes by it. */
int backup_sealed_remove(const struct backup_sealed *s)
{
	char path[PATH_MAX];
	const struct dirent *e;
	DIR *d;
	int r = backup_place("sealed", path);

	if (r < 0)
		return r;
	if (unlinkat(s->folder, BACKUP_SEALED_LIST, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	d = entries(s->folder);
	while (d && (e = readdir(d)) != NULL)
		(void)unlinkat(s->folder, e->d_name, 0);
	if (d)
		closedir(d);
	(void)rmdir(path);
	return 1;
}

int backup_expire(int64_t before)
{
	_cleanup_sealed_ struct backup_sealed s = { .folder = -1 };
	char path[PATH_MAX];
	struct stat st;
	int r = backup_sealed_open(&s);

	if (r == 0 && fstatat(s.folder, BACKUP_SEALED_LIST, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0)
		return st.st_mtime < before ? backup_sealed_remove(&s) : 0;
	/* Without a list it is none, but a rest of one. */
	if (r == -ENOENT && backup_place("sealed", path) == 0)
		tree_remove(path);
	return r == -ENOENT ? 0 : r;
}

/* "SHA256 SIZE NNNNNN.p7m" */
static bool read_piece(const char *line, size_t len, struct backup_piece *ret)
{
	char text[128], again[128];
	char *end;

	if (len >= sizeof(text) || len < SHA256_TEXT_SIZE)
		return false;
	memcpy(text, line, len);
	text[len] = '\0';
	memcpy(ret->sha256, text, SHA256_TEXT_SIZE - 1);
	ret->sha256[SHA256_TEXT_SIZE - 1] = '\0';
	ret->size = strtoll(text + SHA256_TEXT_SIZE, &end, 10);
	ret->number = *end == ' ' ? strtoul(end + 1, &end, 10) : 0;
	(void)snprintf(again, sizeof(again), "%s %lld " BACKUP_PIECE_FILE, ret->sha256,
		ret->size, ret->number);
	return strcmp(text, again) == 0 &&
	       strspn(ret->sha256, "0123456789abcdef") == SHA256_TEXT_SIZE - 1;
}

bool backup_next_piece(const char **line, struct backup_piece *ret_piece, bool *ret_bad)
{
	while (**line) {
		const char *end = strchr(*line, '\n'), *at = *line;

		*ret_bad = !end;
		if (!end)
			return false;
		*line = end + 1;
		/* Who made it, when, for whom. */
		if (strncmp(at, "to ", 3) == 0 || strncmp(at, "at ", 3) == 0 ||
			strncmp(at, "mark ", 5) == 0 ||
			strncmp(at, "sealgate-", 9) == 0 ||
			strncmp(at, BACKUP_WITHOUT, strlen(BACKUP_WITHOUT)) == 0)
			continue;
		*ret_bad = !read_piece(at, (size_t)(end - at), ret_piece);
		return !*ret_bad;
	}
	*ret_bad = false;
	return false;
}

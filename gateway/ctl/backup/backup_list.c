/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_list.h"

#include "ctl/backup/backup_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The rest of the next line after a word. Return: 0, -EBADMSG. */
static int read_line(FILE *list, const char *begins, char ret_rest[BACKUP_MARK_SIZE])
{
	char text[160];
	size_t n = fgets(text, sizeof(text), list) ? strlen(text) : 0;

	if (n == 0 || text[n - 1] != '\n' || strncmp(text, begins, strlen(begins)) != 0 ||
		n - strlen(begins) > BACKUP_MARK_SIZE)
		return -EBADMSG;
	text[n - 1] = '\0';
	(void)snprintf(ret_rest, BACKUP_MARK_SIZE, "%s", text + strlen(begins));
	return 0;
}

int backup_list_head(FILE *list, char ret_mark[BACKUP_MARK_SIZE])
{
	char rest[BACKUP_MARK_SIZE];
	int r = read_line(list, BACKUP_HEAD, rest);

	if (r == 0 && *rest)
		r = -EBADMSG;
	if (r == 0)
		r = read_line(list, BACKUP_MARK, ret_mark);
	return r < 0 ? r : read_line(list, BACKUP_AT, rest);
}

static bool path_ok(const char *path)
{
	return path[0] && path[0] != '/' && !strstr(path, "..") && !strstr(path, "//");
}

/* A number and the space after it. Return: what follows, or NULL. */
static const char *number(const char *p, int base, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(p, &end, base);
	return errno || end == p || *end != ' ' ? NULL : end + 1;
}

static const char *word(const char *p, char *ret, size_t size)
{
	size_t n = strcspn(p, " ");

	if (n == 0 || n >= size || p[n] != ' ')
		return NULL;
	memcpy(ret, p, n);
	ret[n] = '\0';
	return p + n + 1;
}

int backup_list_next(FILE *lines, struct backup_line *ret)
{
	char text[PATH_MAX + 160];
	const char *p;
	size_t n;

	errno = 0;
	if (!fgets(text, sizeof(text), lines))
		return !ferror(lines) ? 0 : errno ? -errno : -EIO;
	n = strlen(text); /* a NUL in it, or a line too long, has no end here */
	if (n < 2 || text[n - 1] != '\n')
		return -EBADMSG;
	text[n - 1] = '\0';
	p = word(text, ret->hex, sizeof(ret->hex));
	p = p ? number(p, 8, &ret->mode) : NULL;
	p = p ? number(p, 10, &ret->uid) : NULL;
	p = p ? number(p, 10, &ret->gid) : NULL;
	p = p ? number(p, 10, &ret->size) : NULL;
	if (!p || strlen(p) >= sizeof(ret->path))
		return -EBADMSG;
	memcpy(ret->path, p, strlen(p) + 1);
	return path_ok(ret->path) && ret->mode <= 07777 ? 1 : -EBADMSG;
}

bool backup_list_folder(const struct backup_line *l)
{
	return strcmp(l->hex, "-") == 0;
}

bool backup_list_state(const struct backup_line *l)
{
	return strcmp(l->path, "state") == 0 ||
	       strncmp(l->path, "state/", strlen("state/")) == 0;
}

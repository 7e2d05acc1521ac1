/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup_orders.h"

#include "common/clock.h"
#include "common/durable.h"
#include "ctl/tree_remove.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int backup_sealed_list(char **ret_list, char ret_name[BACKUP_NAME_SIZE])
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = backup_place("sealed/" BACKUP_SEALED_LIST, path);

	if (r == 0)
		r = file_read(path, BACKUP_SEALED_LIST_MAX, &text, &len);
	memcpy(ret_name, REMOTE_NAME, sizeof(REMOTE_NAME));
	if (r == 0)
		r = digest_sha256_text(
			span_of(text, len), ret_name + strlen(REMOTE_NAME));
	if (r < 0)
		return r;
	*ret_list = (char *)text;
	text = NULL;
	return 0;
}

/* First what makes it one. Return: 1, 0 there was none, -errno. */
static int remove_sealed(const char *list)
{
	char sealed[PATH_MAX];
	int r = backup_place("sealed", sealed), was = unlink(list) == 0;

	if (r < 0 || (!was && errno != ENOENT))
		return r < 0 ? r : -errno;
	tree_remove(sealed);
	return was;
}

int backup_expire(int64_t before)
{
	char list[PATH_MAX];
	struct stat st;
	int r = backup_place("sealed/" BACKUP_SEALED_LIST, list);

	if (r < 0)
		return r;
	if (stat(list, &st) == 0 && st.st_mtime >= before)
		return 0;
	return remove_sealed(list);
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
			strncmp(at, "mark ", 5) == 0 || strncmp(at, "sealgate-", 9) == 0)
			continue;
		*ret_bad = !read_piece(at, (size_t)(end - at), ret_piece);
		return !*ret_bad;
	}
	*ret_bad = false;
	return false;
}

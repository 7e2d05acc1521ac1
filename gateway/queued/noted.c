/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/noted.h"

#include "common/buf.h"
#include "common/durable.h"
#include "common/encode.h"
#include "queue/audit.h"
#include "queued/head.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define NOTES_MAX 32
#define LINE_MAX_SIZE (NOTED_SIZE + SHA256_TEXT_SIZE + 32)

static int path_of(const struct batch *b, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", b->folder, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

/* A line: POSITION:HASH TEXT. Return: the text, or NULL. */
static const char *parse(const char *line, struct engine_head *ret_head)
{
	const char *text = strchr(line, ' ');

	return text && audit_head_read(span_of(line, (size_t)(text - line)),
			       &ret_head->position, ret_head->chain) == 0
		       ? text + 1
		       : NULL;
}

/* Return: as noted_read(). */
static int read_line(const struct batch *b, const char *line, char ret_text[NOTED_SIZE])
{
	struct engine_head head;
	const char *text = parse(line, &head);
	int r;

	if (*line == '\0')
		return 0;
	/* without an end: as it was noted before there was any */
	r = text ? head_holds(b->engine, &head) : 1;
	if (r > 0 &&
		snprintf(ret_text, NOTED_SIZE, "%s", text ? text : line) >= NOTED_SIZE)
		return -EINVAL;
	return r;
}

int noted_read(const struct batch *b, const char *name, char ret_text[NOTED_SIZE])
{
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX], *at, *line;
	size_t len = 0;
	int r = path_of(b, name, path);

	if (r == 0)
		r = file_read(path, (size_t)NOTES_MAX * LINE_MAX_SIZE, &data, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	at = (char *)data;
	while (r == 0 && (line = strsep(&at, "\n")) != NULL)
		r = read_line(b, line, ret_text);
	return r;
}

/* The newest that were noted before. */
static void add_earlier(struct buf *all, const char *path)
{
	_cleanup_(freep) uint8_t *data = NULL;
	struct engine_head head;
	char *at, *line;
	size_t len = 0;

	if (file_read(path, (size_t)NOTES_MAX * LINE_MAX_SIZE, &data, &len) < 0)
		return;
	at = (char *)data;
	for (int n = 1; n < NOTES_MAX && (line = strsep(&at, "\n")) != NULL; n++)
		if (parse(line, &head))
			buf_addf(all, "%s\n", line);
}

int noted_write(const struct batch *b, const char *name, const char *text)
{
	_cleanup_buf_ struct buf all = { 0 };
	char path[PATH_MAX], hex[SHA256_TEXT_SIZE];
	int r = path_of(b, name, path);

	if (r == 0 && (strlen(text) >= NOTED_SIZE || strchr(text, '\n')))
		r = -EINVAL;
	if (r < 0)
		return r;
	buf_init(&all, (size_t)NOTES_MAX * LINE_MAX_SIZE);
	hex_encode(b->head.chain, SHA256_SIZE, hex);
	buf_addf(&all, "%lld:%s %s\n", (long long)b->head.position, hex, text);
	add_earlier(&all, path);
	return all.error ? all.error : durable_write(path, buf_span(&all), 0600);
}

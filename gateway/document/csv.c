/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/csv.h"

#include "common/durable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CSV_MAX (16u * 1024 * 1024)

static int fail(char **ret_error, const char *path, size_t line, const char *what)
{
	if (asprintf(ret_error, "%s:%zu: %s", path, line, what) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

/* Split a line into its cells. Return: how many there are, also beyond max. */
static size_t split(char *line, char **cells, size_t max)
{
	size_t n = 0;
	char *cell;

	while ((cell = strsep(&line, ",")) != NULL) {
		if (n < max)
			cells[n] = cell;
		n++;
	}
	return n;
}

static int split_lines(struct csv *c, const char *path, char **ret_error)
{
	char *rest = c->text, *line;
	size_t lines = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (!rest && *line == '\0')
			break; /* behind the last line feed */
		if (strchr(line, '\r') || strchr(line, '"'))
			return fail(ret_error, path, lines + 1,
				"carriage returns and quotation marks are not used here");
		if (split(line, c->cells + lines * c->columns, c->columns) != c->columns)
			return fail(ret_error, path, lines + 1,
				"the row is not as long as the header");
		lines++;
	}
	c->rows = lines - 1;
	return 0;
}

int csv_read(const char *path, struct csv *ret_csv, char **ret_error)
{
	struct csv c = { 0 };
	size_t len;
	int r = file_read(path, CSV_MAX, (uint8_t **)&c.text, &len);

	*ret_error = NULL;
	if (r < 0) {
		fail(ret_error, path, 0, strerror(-r));
		return r;
	}
	if (len == 0 || strlen(c.text) != len) {
		csv_done(&c);
		return fail(ret_error, path, 1, "the table is empty or not text");
	}
	c.columns = 1;
	for (const char *p = c.text; *p && *p != '\n'; p++)
		c.columns += *p == ',';
	c.cells = calloc((count(c.text, '\n') + 1) * c.columns, sizeof(*c.cells));
	r = c.cells ? 0 : -ENOMEM;
	if (r == 0 && c.columns > CSV_COLUMNS_MAX)
		r = fail(ret_error, path, 1, "there are too many columns");
	if (r == 0)
		r = split_lines(&c, path, ret_error);
	if (r < 0) {
		csv_done(&c);
		return r;
	}
	*ret_csv = c;
	return 0;
}

void csv_done(struct csv *c)
{
	free(c->text);
	free(c->cells);
	*c = (struct csv){ 0 };
}

int csv_column(const struct csv *c, const char *name)
{
	for (size_t i = 0; i < c->columns; i++)
		if (strcmp(c->cells[i], name) == 0)
			return (int)i;
	return -1;
}

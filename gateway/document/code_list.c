/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/code_list.h"

#include "common/clock.h"
#include "common/durable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 12
#define DAY_S 86400
#define NONE SIZE_MAX

struct code_list {
	char *text;	/* rows end in NUL, cells at commas */
	uint32_t *rows; /* of those that count, sorted by code */
	size_t count, columns;
	size_t from, until; /* columns, NONE without */
};

struct cell {
	const char *text;
	size_t len;
};

static int fail(char **ret_error, const char *path, size_t line, const char *what)
{
	if (asprintf(ret_error, "%s:%zu: %s", path, line, what) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static struct cell cell_of(const char *row, size_t column)
{
	struct cell c;

	while (column-- > 0)
		row = strchr(row, ',') + 1;
	c.text = row;
	c.len = strcspn(row, ",");
	return c;
}

static bool cell_is(struct cell c, const char *text, size_t len)
{
	return c.len == len && memcmp(c.text, text, len) == 0;
}

/* The column of a name in the header, or NONE. */
static size_t column_named(const char *header, const char *name, size_t len)
{
	size_t columns = 1;

	for (const char *p = header; *p; p++)
		columns += *p == ',';
	for (size_t i = 0; i < columns; i++)
		if (cell_is(cell_of(header, i), name, len))
			return i;
	return NONE;
}

static size_t commas(const char *row)
{
	size_t n = 0;

	for (; *row; row++)
		n += *row == ',';
	return n;
}

/* Midnight of a day at its beginning. Return: 1, 0 for an empty cell, -EINVAL. */
static int day_of(struct cell c, int64_t *ret_t)
{
	char text[32];

	if (c.len == 0)
		return 0;
	if (c.len != 10)
		return -EINVAL;
	(void)snprintf(text, sizeof(text), "%.10sT00:00:00Z", c.text);
	return clock_parse(text, ret_t) < 0 ? -EINVAL : 1;
}

static bool days_ok(const struct code_list *l, const char *row)
{
	int64_t from = 0, until = 0;
	int a = l->from == NONE ? 0 : day_of(cell_of(row, l->from), &from);
	int b = l->until == NONE ? 0 : day_of(cell_of(row, l->until), &until);

	return a >= 0 && b >= 0 && !(a && b && until < from);
}

/* What rows have to hold to count. */
struct condition {
	size_t column; /* NONE: all count */
	const char *value;
};

static int read_condition(const char *header, const char *where, struct condition *ret)
{
	size_t n = strcspn(where, "=");

	*ret = (struct condition){ .column = NONE };
	if (!*where)
		return 0;
	if (!where[n])
		return -EINVAL;
	ret->column = column_named(header, where, n);
	ret->value = where + n + 1;
	return ret->column == NONE ? -EINVAL : 0;
}

static const char *row_fault(const struct code_list *l, const char *row)
{
	if (strpbrk(row, "\r\""))
		return "carriage returns and quotation marks are not used here";
	if (commas(row) + 1 != l->columns)
		return "the row is not as long as the header";
	if (!days_ok(l, row))
		return "from and until are days as 2026-12-31, in this order, or empty";
	return NULL;
}

static int read_rows(struct code_list *l, char *at, const struct condition *condition,
	const char *path, char **ret_error)
{
	for (size_t line = 2; at && *at; line++) {
		char *row = strsep(&at, "\n");
		const char *fault = row_fault(l, row);

		if (fault)
			return fail(ret_error, path, line, fault);
		if (condition->column == NONE ||
			cell_is(cell_of(row, condition->column), condition->value,
				strlen(condition->value)))
			l->rows[l->count++] = (uint32_t)(row - l->text);
	}
	if (l->count)
		return 0;
	return condition->value ? -EINVAL
				: fail(ret_error, path, 1, "there are no codes");
}

static int compare_cells(struct cell a, struct cell b)
{
	int order = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_code(const void *a, const void *b, void *text)
{
	const char *base = text;

	return compare_cells(cell_of(base + *(const uint32_t *)a, 0),
		cell_of(base + *(const uint32_t *)b, 0));
}

static size_t lines_of(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int read_list(
	struct code_list *l, const char *path, const char *where, char **ret_error)
{
	struct condition condition;
	char *rest = l->text, *header;

	l->rows = calloc(lines_of(l->text), sizeof(*l->rows));
	if (!l->rows)
		return -ENOMEM;
	header = strsep(&rest, "\n");
	l->columns = commas(header) + 1;
	if (l->columns > COLUMNS_MAX)
		return fail(ret_error, path, 1, "there are too many columns");
	l->from = column_named(header, "from", 4);
	l->until = column_named(header, "until", 5);
	if (read_condition(header, where, &condition) < 0)
		return -EINVAL;
	return read_rows(l, rest, &condition, path, ret_error);
}

int code_list_load(const char *path, const char *where, struct code_list **ret_list,
	char **ret_error)
{
	_cleanup_(code_list_freep) struct code_list *l = calloc(1, sizeof(*l));
	size_t len = 0;
	int r = l ? file_read(path, CODE_LIST_MAX, (uint8_t **)&l->text, &len) : -ENOMEM;

	*ret_error = NULL;
	if (r < 0) {
		(void)fail(ret_error, path, 0, strerror(-r));
		return r;
	}
	if (strlen(l->text) != len || len == 0)
		return fail(ret_error, path, 1, "the list is empty or not text");
	r = read_list(l, path, where, ret_error);
	if (r < 0)
		return r;
	qsort_r(l->rows, l->count, sizeof(*l->rows), by_code, l->text);
	*ret_list = TAKE(l);
	return 0;
}

void code_list_free(struct code_list *l)
{
	if (!l)
		return;
	free(l->text);
	free(l->rows);
	free(l);
}

static const char *find_row(const struct code_list *l, const char *code)
{
	const struct cell wanted = { code, strlen(code) };
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *row = l->text + l->rows[middle];
		int order = compare_cells(wanted, cell_of(row, 0));

		if (order == 0)
			return row;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static enum code_answer give_day(
	enum code_answer answer, struct cell day, char ret_day[11])
{
	(void)snprintf(ret_day, 11, "%.*s", (int)day.len, day.text);
	return answer;
}

enum code_answer code_list_find(
	const struct code_list *l, const char *code, int64_t at, char ret_day[11])
{
	const char *row = strchr(code, ',') ? NULL : find_row(l, code);
	int64_t day;

	ret_day[0] = '\0';
	if (!row)
		return CODE_UNKNOWN;
	if (l->from != NONE && day_of(cell_of(row, l->from), &day) == 1 && at < day)
		return give_day(CODE_TOO_EARLY, cell_of(row, l->from), ret_day);
	if (l->until != NONE && day_of(cell_of(row, l->until), &day) == 1 &&
		at >= day + DAY_S)
		return give_day(CODE_TOO_LATE, cell_of(row, l->until), ret_day);
	return CODE_KNOWN;
}

size_t code_list_count(const struct code_list *l)
{
	return l->count;
}

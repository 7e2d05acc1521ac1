/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/code_list.h"

#include "common/clock.h"
#include "common/durable.h"
#include "document/code_index.h"
#include "document/code_list_model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define COLUMNS_MAX 12
#define DAY_S 86400
#define NONE SIZE_MAX

/* A file while it is read: rows end in NUL, cells at commas. */
struct reading {
	char *text; /* of the file; the codes move to its front */
	struct code_entry *entries;
	size_t count;
	size_t columns, from, until; /* columns, NONE without */
	char day_text[10]; /* the last day that was read, as most rows have it */
	int32_t day;
	size_t used; /* octets of codes */
	bool sorted; /* so far */
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

/* Return: 1, 0 for an empty cell, -EINVAL. */
static int day_of(struct reading *r, struct cell c, int32_t *ret_day)
{
	char text[32];
	int64_t t;

	*ret_day = CODE_NO_DAY;
	if (c.len == 0)
		return 0;
	if (c.len != sizeof(r->day_text))
		return -EINVAL;
	if (memcmp(c.text, r->day_text, c.len) != 0) {
		(void)snprintf(text, sizeof(text), "%.10sT00:00:00Z", c.text);
		if (clock_parse(text, &t) < 0)
			return -EINVAL;
		memcpy(r->day_text, c.text, c.len);
		r->day = (int32_t)(t / DAY_S);
	}
	*ret_day = r->day;
	return 1;
}

static bool days_ok(struct reading *r, const char *row, struct code_entry *ret)
{
	int a = 0, b = 0;

	ret->from = ret->until = CODE_NO_DAY;
	if (r->from != NONE)
		a = day_of(r, cell_of(row, r->from), &ret->from);
	if (r->until != NONE)
		b = day_of(r, cell_of(row, r->until), &ret->until);
	return a >= 0 && b >= 0 && !(a && b && ret->until < ret->from);
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

static const char *row_fault(struct reading *r, const char *row, struct code_entry *ret)
{
	if (strpbrk(row, "\r\""))
		return "carriage returns and quotation marks are not used here";
	if (commas(row) + 1 != r->columns)
		return "the row is not as long as the header";
	if (!days_ok(r, row, ret))
		return "from and until are days as 2026-12-31, in this order, or empty";
	return NULL;
}

/* Keep the code of a row; it moves to the front of the text, which is behind the reader.
 */
static void keep(struct reading *r, const char *row, const struct code_entry *days)
{
	struct code_entry *e = &r->entries[r->count];
	struct cell code = cell_of(row, 0);

	*e = *days;
	e->code = (uint32_t)r->used;
	memmove(r->text + r->used, code.text, code.len);
	r->text[r->used + code.len] = '\0';
	r->used += code.len + 1;
	if (r->count && strcmp(r->text + e[-1].code, r->text + e->code) > 0)
		r->sorted = false;
	r->count++;
}

static int read_rows(struct reading *r, char *at, const struct condition *condition,
	const char *path, char **ret_error)
{
	for (size_t line = 2; at && *at; line++) {
		char *row = strsep(&at, "\n");
		struct code_entry days;
		const char *fault = row_fault(r, row, &days);

		if (fault)
			return fail(ret_error, path, line, fault);
		if (condition->column == NONE ||
			cell_is(cell_of(row, condition->column), condition->value,
				strlen(condition->value)))
			keep(r, row, &days);
	}
	if (r->count)
		return 0;
	return condition->value ? -EINVAL
				: fail(ret_error, path, 1, "there are no codes");
}

static int by_code(const void *a, const void *b, void *text)
{
	const char *base = text;

	return strcmp(base + ((const struct code_entry *)a)->code,
		base + ((const struct code_entry *)b)->code);
}

static size_t lines_of(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int read_list(
	struct reading *r, const char *path, const char *where, char **ret_error)
{
	struct condition condition;
	char *rest = r->text, *header;

	r->entries = calloc(lines_of(r->text), sizeof(*r->entries));
	if (!r->entries)
		return -ENOMEM;
	header = strsep(&rest, "\n");
	r->columns = commas(header) + 1;
	if (r->columns > COLUMNS_MAX)
		return fail(ret_error, path, 1, "there are too many columns");
	r->from = column_named(header, "from", 4);
	r->until = column_named(header, "until", 5);
	if (read_condition(header, where, &condition) < 0)
		return -EINVAL;
	return read_rows(r, rest, &condition, path, ret_error);
}

/* Give back what the codes do not need; that it cannot be given back is no fault. */
static void shrink(struct reading *r)
{
	struct code_entry *entries;
	char *text = realloc(r->text, r->used);

	r->text = text ? text : r->text;
	entries = reallocarray(r->entries, r->count, sizeof(*entries));
	r->entries = entries ? entries : r->entries;
}

static int finish(struct reading *r, struct code_list **ret_list)
{
	struct code_list *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	shrink(r);
	if (!r->sorted)
		qsort_r(r->entries, r->count, sizeof(*r->entries), by_code, r->text);
	*l = (struct code_list){ .text_len = r->used, .count = r->count };
	l->text = l->owned_text = TAKE(r->text);
	l->entries = l->owned_entries = TAKE(r->entries);
	*ret_list = l;
	return 0;
}

static void reading_done(struct reading *r)
{
	free(r->text);
	free(r->entries);
}

int code_list_read(const char *path, const char *where, struct code_list **ret_list,
	char **ret_error)
{
	_cleanup_(reading_done) struct reading reading = { .sorted = true };
	size_t len = 0;
	int r = file_read(path, CODE_LIST_MAX, (uint8_t **)&reading.text, &len);

	*ret_error = NULL;
	if (r < 0) {
		(void)fail(ret_error, path, 0, strerror(-r));
		return r;
	}
	if (strlen(reading.text) != len || len == 0)
		return fail(ret_error, path, 1, "the list is empty or not text");
	r = read_list(&reading, path, where, ret_error);
	return r < 0 ? r : finish(&reading, ret_list);
}

/* An index has no columns for a condition to look at. */
int code_list_load(const char *path, const char *where, struct code_list **ret_list,
	char **ret_error)
{
	int r = *where ? -ENOENT : code_index_open(path, ret_list, ret_error);

	return r == -ENOENT ? code_list_read(path, where, ret_list, ret_error) : r;
}

void code_list_free(struct code_list *l)
{
	if (!l)
		return;
	free(l->owned_text);
	free(l->owned_entries);
	if (l->map)
		munmap(l->map, l->map_len);
	free(l);
}

/* A file that is mapped may become another while it is: what it says is never a reason to
 * read past its end, nor is a code that ends there without its NUL one.
 * Return: as strcmp. */
static int compare(
	const struct code_list *l, const char *code, const struct code_entry *e)
{
	size_t at = e->code, n = strlen(code) + 1;
	int order;

	if (at >= l->text_len)
		return 1;
	order = strncmp(code, l->text + at, l->text_len - at);
	return order == 0 && n > l->text_len - at ? 1 : order;
}

static const struct code_entry *find(const struct code_list *l, const char *code)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(l, code, &l->entries[middle]);

		if (order == 0)
			return &l->entries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static enum code_answer give_day(
	enum code_answer answer, int32_t day, char ret_day[CODE_DAY_SIZE])
{
	char text[CLOCK_TEXT_SIZE];

	clock_format((int64_t)day * DAY_S, text);
	(void)snprintf(ret_day, CODE_DAY_SIZE, "%.10s", text);
	return answer;
}

enum code_answer code_list_find(const struct code_list *l, const char *code, int64_t at,
	char ret_day[CODE_DAY_SIZE])
{
	const struct code_entry *e = find(l, code);

	ret_day[0] = '\0';
	if (!e)
		return CODE_UNKNOWN;
	if (e->from != CODE_NO_DAY && at < (int64_t)e->from * DAY_S)
		return give_day(CODE_TOO_EARLY, e->from, ret_day);
	if (e->until != CODE_NO_DAY && at >= ((int64_t)e->until + 1) * DAY_S)
		return give_day(CODE_TOO_LATE, e->until, ret_day);
	return CODE_KNOWN;
}

size_t code_list_count(const struct code_list *l)
{
	return l->count;
}

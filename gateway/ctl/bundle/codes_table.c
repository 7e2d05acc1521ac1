/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/codes_table.h"

#include "document/csv.h"

#include <errno.h>
#include <libxml/xmlstring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX 1000

/* A row of the table that is being made. */
struct row {
	char *code;
	size_t at, len;
};

struct reading {
	const char *at, *end;
	struct buf *out;
	size_t line, columns, field; /* columns: of the header, 0 before it is read */
	struct row *rows;
	size_t count;
	char **ret_error;
};

static int fail(const struct reading *r, const char *what)
{
	if (!*r->ret_error && asprintf(r->ret_error, "line %zu: %s", r->line, what) < 0)
		*r->ret_error = NULL;
	return -EINVAL;
}

static bool at_end(const struct reading *r)
{
	return r->at == r->end;
}

static bool line_ends(const struct reading *r)
{
	return at_end(r) || *r->at == '\n' || *r->at == '\r';
}

/* The next character of a field, or -1 at its end, -2 where it cannot stand. */
static int next_character(struct reading *r, bool quoted)
{
	if (at_end(r))
		return quoted ? -2 : -1;
	if (!quoted)
		return *r->at == ',' || line_ends(r) ? -1
		       : *r->at == '"'		     ? -2
						     : (unsigned char)*r->at++;
	if (*r->at == '\n' || *r->at == '\r')
		return -2;
	if (*r->at != '"')
		return (unsigned char)*r->at++;
	r->at++;
	if (at_end(r) || *r->at != '"')
		return -1;
	r->at++;
	return '"';
}

/* One field, made plain. */
static int read_field(struct reading *r, char field[FIELD_MAX])
{
	bool quoted = !at_end(r) && *r->at == '"';
	size_t n = 0;
	int c;

	r->at += quoted;
	while ((c = next_character(r, quoted)) != -1) {
		if (c == -2 || (c > 0 && c < 0x20 && c != '\t') || n + 1 == FIELD_MAX)
			return fail(r, "a quotation mark, a line feed or a length that "
				       "a field cannot have");
		field[n++] = (char)(c == ','	? ';'
				    : c == '"'	? '\''
				    : c == '\t' ? ' '
						: c);
	}
	field[n] = '\0';
	return 0;
}

static int note_code(struct reading *r, const char *field)
{
	struct row *rows;

	if (r->columns == 0)
		return strcmp(field, "code") == 0
			       ? 0
			       : fail(r, "the first column is not named code");
	if (!*field)
		return fail(r, "a code is empty");
	rows = reallocarray(r->rows, r->count + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	r->rows = rows;
	rows[r->count] = (struct row){ .code = strdup(field), .at = r->out->len };
	return rows[r->count++].code ? 0 : -ENOMEM;
}

/* A comma leads to another field. */
static bool take_comma(struct reading *r)
{
	if (at_end(r) || *r->at != ',')
		return false;
	r->at++;
	return true;
}

static int read_row(struct reading *r)
{
	size_t fields = 0;
	int s;

	do {
		char field[FIELD_MAX];

		s = read_field(r, field);
		if (s == 0 && fields == 0)
			s = note_code(r, field);
		if (s == 0)
			s = buf_addf(r->out, "%s%s", fields ? "," : "", field);
		fields++;
	} while (s == 0 && take_comma(r));
	if (s == 0 && !line_ends(r))
		return fail(r, "something follows a quoted field");
	if (s == 0 && r->columns && fields != r->columns)
		return fail(r, "the row is not as long as the header");
	if (s == 0 && fields > CSV_COLUMNS_MAX)
		return fail(r, "there are too many columns");
	if (s == 0)
		s = buf_add_str(r->out, "\n");
	if (r->columns == 0)
		r->columns = fields;
	else if (s == 0)
		r->rows[r->count - 1].len = r->out->len - r->rows[r->count - 1].at;
	return s;
}

static void end_line(struct reading *r)
{
	if (!at_end(r) && *r->at == '\r')
		r->at++;
	if (!at_end(r) && *r->at == '\n')
		r->at++;
	r->line++;
}

static int by_code(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->code, ((const struct row *)b)->code);
}

static int sort_rows(const struct reading *r)
{
	if (r->count == 0)
		return fail(r, "there are no codes");
	qsort(r->rows, r->count, sizeof(*r->rows), by_code);
	for (size_t i = 1; i < r->count; i++)
		if (strcmp(r->rows[i - 1].code, r->rows[i].code) == 0) {
			if (asprintf(r->ret_error, "the code %s is there twice",
				    r->rows[i].code) < 0)
				*r->ret_error = NULL;
			return -EINVAL;
		}
	return 0;
}

/* The header, then the rows by code: a list in order is there to be searched when it has
 * been read. */
static int put_rows(const struct reading *r, struct buf *out)
{
	size_t header = (size_t)(strchr(r->out->data, '\n') + 1 - r->out->data);
	int s = buf_add(out, r->out->data, header);

	for (size_t i = 0; s == 0 && i < r->count; i++)
		s = buf_add(out, r->out->data + r->rows[i].at, r->rows[i].len);
	return s;
}

int codes_table(struct span in, struct buf *out, size_t *ret_rows, char **ret_error)
{
	_cleanup_buf_ struct buf table = { 0 };
	struct reading r = { .at = (const char *)in.data,
		.end = (const char *)in.data + in.len,
		.out = &table,
		.line = 1,
		.ret_error = ret_error };
	int s = 0;

	*ret_error = NULL;
	buf_init(&table, out->max);
	if (in.len >= 3 && memcmp(r.at, "\xef\xbb\xbf", 3) == 0)
		r.at += 3;
	if (memchr(in.data, 0, in.len))
		s = fail(&r, "this is not text");
	while (s == 0 && !at_end(&r)) {
		s = read_row(&r);
		if (s == 0)
			end_line(&r);
	}
	if (s == 0 && (!table.data || !xmlCheckUTF8(BAD_CAST table.data)))
		s = fail(&r, "this is not UTF-8");
	if (s == 0)
		s = sort_rows(&r);
	if (s == 0)
		s = put_rows(&r, out);
	*ret_rows = r.count;
	for (size_t i = 0; i < r.count; i++)
		free(r.rows[i].code);
	free(r.rows);
	return s;
}

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Tables of comma-separated values as policies keep them: a header row, no quoting, every
 * row as long as the header; never guesses.
 */
#ifndef SEALGATE_DOCUMENT_CSV_H
#define SEALGATE_DOCUMENT_CSV_H

#include "common/cleanup.h"

#include <stddef.h>

#define CSV_COLUMNS_MAX 12

struct csv {
	char *text; /* owned; the cells point into it */
	size_t columns, rows;
	char **cells; /* (rows + 1) * columns, the header first */
};

/* Read a file. *ret_error: one line "FILE:LINE: what", the caller frees.
 * Return: 0, -EINVAL, -errno. */
int csv_read(const char *path, struct csv *ret_csv, char **ret_error);
void csv_done(struct csv *c);
#define _cleanup_csv_ _cleanup_(csv_done)

/* Index of a column by its name in the header, or -1. */
int csv_column(const struct csv *c, const char *name);

/* A cell of a row counted from 0, the header not being one. */
static inline const char *csv_cell(const struct csv *c, size_t row, int column)
{
	return c->cells[(row + 1) * c->columns + (size_t)column];
}

#endif

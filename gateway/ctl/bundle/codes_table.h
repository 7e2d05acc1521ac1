/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A code list as others publish it (RFC 4180: quoted fields, CRLF) made into a table as
 * policies keep it; never drops or invents a row.
 */
#ifndef SEALGATE_CTL_CODES_TABLE_H
#define SEALGATE_CTL_CODES_TABLE_H

#include "common/buf.h"
#include "common/span.h"

/* Append the table: fields without quotation marks, a comma in a field made a semicolon,
 * lines ended by LF, rows in the order of their codes. The first column is named code,
 * unique and never empty; every row is as long as the header. *ret_rows: codes.
 * *ret_error: "line N: what", the caller frees. Return: 0, -EINVAL, -ENOMEM. */
int codes_table(struct span in, struct buf *out, size_t *ret_rows, char **ret_error);

#endif

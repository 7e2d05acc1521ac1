/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One line of the chained count, made and checked by the same code; never touches a file.
 */
#ifndef SEALGATE_PKCS11_COUNT_CHECK_H
#define SEALGATE_PKCS11_COUNT_CHECK_H

#include "pkcs11/count_log.h"

#define COUNT_LINE_MAX 512

/* Advance state by an entry at a time and write its line, newline included.
 * Return: the line's length, -EDQUOT, -ENOSPC (too many roles), -EIO. */
int count_line_make(struct count_state *state, const struct count_entry *entry,
	int64_t now, char ret_line[COUNT_LINE_MAX]);

/* Advance state by a line (without its newline) that must be its successor.
 * Return: NULL, or what is wrong with the line. */
const char *count_line_check(struct count_state *state, const char *line, size_t len);

#endif

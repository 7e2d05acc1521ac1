/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The compiled index of a large code list, policies/codes/NAME.index beside NAME.csv: its
 * codes in order, mapped and searched where they lie, so that no process has a copy of
 * its own; never trusts the file, and never stands for a table that it was not made of.
 *
 * Form: "SGCODES\1"; count and octets of text, 32 bits each, little-endian; SHA-256 of
 * the table; for each code where it starts in the text and the days on which it begins
 * and ends (32 bits each, days since 1970, INT32_MIN for none); the codes, each ended by
 * NUL, in the order of strcmp, without repetition and without gaps.
 */
#ifndef SEALGATE_DOCUMENT_CODE_INDEX_H
#define SEALGATE_DOCUMENT_CODE_INDEX_H

#include "common/buf.h"
#include "document/code_list.h"

/* Tables from here on are given an index when they are imported. */
#define CODE_INDEX_ROWS 10000

/* The name of the index of a table: ".csv" made ".index". Return: 0, -EINVAL. */
int code_index_path(const char *table, char *ret_path, size_t size);

/* Append the index of a table, the same octets whenever and wherever. *ret_error: one
 * line "FILE:LINE: what", the caller frees. Return: 0, -EINVAL, -errno. */
int code_index_make(const char *table, struct buf *out, char **ret_error);

/* Whether octets are an index in its one form; *ret_list, which points into them, is
 * freed before they are. Return: 0, -EINVAL, -ENOMEM. */
int code_index_read(struct span octets, struct code_list **ret_list);

/* Map the index of a table. *ret_error as above: the index is none, or of another table.
 * Return: 0, -ENOENT without *ret_error when there is none, -EINVAL, -errno. */
int code_index_open(const char *table, struct code_list **ret_list, char **ret_error);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One code list, policies/codes/NAME.csv: is a code in it, and was it on a day; large
 * ones (UN/LOCODE, EPPO) too: its codes and days alone, in order. Never knows what a code
 * means.
 */
#ifndef SEALGATE_DOCUMENT_CODE_LIST_H
#define SEALGATE_DOCUMENT_CODE_LIST_H

#include "common/cleanup.h"

#include <stddef.h>
#include <stdint.h>

#define CODE_LIST_MAX (16u * 1024 * 1024) /* octets of a list */
#define CODE_DAY_SIZE 11

struct code_list;

/* Read a file, or without a condition its index, where there is one (code_index.h); where
 * is COLUMN=VALUE, which the rows that count have, or "". The columns `from` and `until`,
 * where there are any, hold days (2026-12-31, both included) or nothing. *ret_error: one
 * line "FILE:LINE: what", the caller frees; NULL when where is what is wrong. Return: 0,
 * -ENOENT, -EINVAL, -errno. */
int code_list_load(const char *path, const char *where, struct code_list **ret_list,
	char **ret_error);
void code_list_free(struct code_list *l);
DEFINE_CLEANUP(struct code_list *, code_list_free)

enum code_answer {
	CODE_UNKNOWN = 0,
	CODE_KNOWN,
	CODE_TOO_EARLY, /* it begins on the day that *ret_day names */
	CODE_TOO_LATE,	/* it ended on that day */
};

/* Look a code up as of a time in seconds. */
enum code_answer code_list_find(const struct code_list *l, const char *code, int64_t at,
	char ret_day[CODE_DAY_SIZE]);

/* How many rows count. */
size_t code_list_count(const struct code_list *l);

#endif

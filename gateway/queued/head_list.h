/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The files of sealed heads in state/queue/heads, which grows by one a minute for as long
 * as there is a gate: the newest, in memory that does not grow; never reads one.
 */
#ifndef SEALGATE_QUEUED_HEAD_LIST_H
#define SEALGATE_QUEUED_HEAD_LIST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the name of a time-stamp ends until the chain has its record; then it is tst. */
#define HEAD_STAMP_PENDING "tst.new"

#define HEAD_LIST_NEWEST 1024u

enum head_kind {
	HEAD_JSON,
	HEAD_STAMP,
	HEAD_PENDING,
};

struct head_file {
	int64_t position;
	enum head_kind kind;
};

struct head_list {
	struct head_file *files; /* by position and kind; owned */
	size_t count;
	bool cut; /* there are older ones */
};

/* The newest, most of them at least (SIZE_MAX: all), and all pending time-stamps. A
 * folder that is not there has none. Return: 0, or negative. Release with head_list_done.
 */
int head_list_read(const char *folder, size_t most, struct head_list *ret_list);
void head_list_done(struct head_list *l);

/* Where a file is, or is to be. Return: 0 or -ENAMETOOLONG. */
int head_file_path(
	const char *folder, const struct head_file *f, char ret_path[PATH_MAX]);

#endif

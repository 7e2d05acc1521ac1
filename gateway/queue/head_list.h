/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The files of sealed heads, of which there is one more a minute for as long as there is
 * a gate: where they lie, and some of them in order, in memory that does not grow with
 * their number; never reads one.
 *
 * The head at a position is POSITION.json, 18 digits, and its time-stamp POSITION.tst, in
 * a folder named by the first 13 of the digits: it has the heads of 100,000 records.
 * Earlier versions put them into no folder of their own; there they are found as well.
 */
#ifndef SEALGATE_QUEUE_HEAD_LIST_H
#define SEALGATE_QUEUE_HEAD_LIST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the name of a time-stamp ends until the chain has its record; then it is tst. It is
 * in no folder of its own until then: whoever looks for them looks in one place. */
#define HEAD_STAMP_PENDING "tst.new"

#define HEAD_LIST_NEWEST 1024u

#define HEAD_DIGITS 18		/* of a position in a name */
#define HEAD_FOLDER_DIGITS 13	/* of those, the ones that name the folder */
#define HEAD_FOLDER_SPAN 100000 /* positions */

enum head_kind {
	HEAD_JSON,
	HEAD_STAMP,
	HEAD_PENDING,
};

struct head_file {
	int64_t position;
	enum head_kind kind;
	bool flat; /* in no folder of its own */
};

struct head_list {
	struct head_file *files; /* by position and kind; owned */
	size_t count;
	bool cut; /* there are more of those that were asked for */
};

/* Which ones. */
struct head_wish {
	size_t most;	/* so many at least where there are more; SIZE_MAX: all */
	int64_t after;	/* only behind this position */
	int64_t below;	/* only before this one; 0: to the end */
	unsigned kinds; /* a bit for each, HEAD_BIT(); 0: all, and every pending one */
	bool oldest;	/* the oldest of them instead of the newest */
};

#define HEAD_BIT(kind) (1u << (kind))

/* All files of a position stay together. heads: the folder of the sealed heads; one that
 * is not there has none. Return: 0, or negative. Release with head_list_done. */
int head_list_read(
	const char *heads, const struct head_wish *wish, struct head_list *ret_list);
void head_list_done(struct head_list *l);

/* Is it the name of a file of heads, or of a folder of them? Return: whether, with what
 * the name says (flat is left alone), with the first position that belongs into it. */
bool head_file_name(const char *name, struct head_file *ret);
bool head_folder_name(const char *name, int64_t *ret_first);

/* The folder of a position. Return: 0 or -ENAMETOOLONG. */
int head_folder_path(const char *heads, int64_t position, char ret_path[PATH_MAX]);

/* Where a file is, or is to be. Return: 0 or -ENAMETOOLONG. */
int head_file_path(const char *heads, const struct head_file *f, char ret_path[PATH_MAX]);

/* The same, and its folder is there, until the power fails at least. Return: 0 or -errno.
 */
int head_file_place(
	const char *heads, const struct head_file *f, char ret_path[PATH_MAX]);

/* Look for the file of a position and a kind, also while it is being moved. Return: 0
 * with f->flat and its path, -ENOENT, -ENAMETOOLONG. */
int head_file_find(const char *heads, struct head_file *f, char ret_path[PATH_MAX]);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The list of a backup (backup_tree.h), line by line, whoever wrote it; never the files
 * that it names.
 */
#ifndef SEALGATE_CTL_BACKUP_LIST_H
#define SEALGATE_CTL_BACKUP_LIST_H

#include "common/digest.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#define BACKUP_MARK_SIZE 128

struct backup_line {
	char hex[SHA256_TEXT_SIZE]; /* "-": a folder */
	unsigned long mode, uid, gid, size;
	char path[PATH_MAX]; /* below the instance; no "..", no "//" */
};

/* Read its head and leave it at its lines. ret_mark: POSITION:CHAIN. Return: 0 or
 * -EBADMSG. */
int backup_list_head(FILE *list, char ret_mark[BACKUP_MARK_SIZE]);

/* Take the next line. Return: 1, 0 at the end, -EBADMSG, -errno. */
int backup_list_next(FILE *lines, struct backup_line *ret);

bool backup_list_folder(const struct backup_line *l);

/* Is it of the instance's state, and no configuration, policy or credential? */
bool backup_list_state(const struct backup_line *l);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files of an instance in a backup, each with digest, mode and owner in a list; never a
 * file that the list does not name, and none whose octets are others.
 *
 *   DIR/backup      "sealgate-backup 1", "mark POSITION:CHAIN", "at TIME", then lines
 *                   "SHA256|- MODE UID GID SIZE PATH" ("-": a folder)
 *   DIR/files/PATH
 */
#ifndef SEALGATE_CTL_BACKUP_TREE_H
#define SEALGATE_CTL_BACKUP_TREE_H

#include "common/buf.h"

#include "common/digest.h"

#include <sys/stat.h>

#define BACKUP_LIST "backup"
#define BACKUP_HEAD "sealgate-backup 1\nmark "
#define BACKUP_AT "\nat "
#define BACKUP_LIST_MAX (128u * 1024 * 1024)
#define BACKUP_SHARE (16u * 1024 * 1024)

/* Where a copy goes. */
struct backup_tree {
	const char *instance, *files;
	struct buf *list;
	long long leaves; /* octets that have to stay free where files is; 0: any */
	size_t share;	  /* of the list, in octets, for one folder of state: each is some
			     program's, and none keeps the others out */
};

/* Copy what is in a backup of an instance, besides the database, and add it to the list.
 * Nothing is followed out of it; what is no file and no folder, has a name that a list
 * does not take, lies too deep or is nearly all holes is left out and logged by name, and
 * what goes meanwhile is gone. The folders of state are other programs', none of which
 * can stop a backup. Return: 0, -ENOSPC, -errno. */
int backup_add_all(const struct backup_tree *t);

/* How many octets that would be, and those of the database. Return: 0 or -errno. */
int backup_measure(const char *instance, long long *ret_size);

/* Copy one file, as large as it is now, under another name in the backup. */
int backup_add_file(const struct backup_tree *t, const char *from, const char *path);

/* Add a file of one text, with mode and owner of as. */
int backup_add_text(const struct backup_tree *t, const char *text, const struct stat *as,
	const char *path);

/* Copy at most so many octets from one descriptor to another (-1: to nowhere) and hash
 * them, while there is room. *ret_size: how many there were. Return: 0, -ENOSPC, -errno.
 */
int backup_copy_octets(int from, int to, long long most, long long leaves,
	char ret_hex[SHA256_TEXT_SIZE], off_t *ret_size);

/* Are so many octets (0: any) free on the file system of a descriptor? Return: 0,
 * -ENOSPC, -errno. */
int backup_room(int fd, long long leaves);

/* Compare every file with its line; the first that differs, or is missing, is *ret_path
 * (which the caller frees). lines: the list after its head. Return: 0, -EBADMSG, -errno.
 */
int backup_compare(const char *files, struct span lines, char **ret_path);

/* Put everything into the instance's folder, with mode and, as root, owner.
 * Return: 0 or -errno. */
int backup_put(const char *files, struct span lines, const char *instance);

#endif

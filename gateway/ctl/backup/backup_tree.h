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

#include "common/digest.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#define BACKUP_LIST "backup"
#define BACKUP_HEAD "sealgate-backup 1"
#define BACKUP_MARK "mark "
#define BACKUP_AT "at "
#define BACKUP_PATIENCE_MS                                                               \
	60000 /* the kernel ends a lease after 45 s, proc_sys_fs(5)                      \
	       */

/* What one folder of state may take of a backup: each is some program's, and none keeps
 * the others out. */
struct backup_share {
	size_t lines;	 /* octets of the list */
	long long holes; /* octets by which its files are larger than on the disk */
};
#define BACKUP_SHARE                                                                     \
	{                                                                                \
		.lines = 16u * 1024 * 1024, .holes = 64LL * 1024 * 1024                  \
	}

/* Where a copy goes. */
struct backup_tree {
	const char *instance, *files;
	FILE *list;
	long long leaves; /* octets that have to stay free where files is; 0: any */
	struct backup_share share;
	unsigned int patience; /* ms, for all together that has to be there and that
				  somebody keeps shut */
	bool without_archive;
};

/* Copy what is in a backup of an instance, besides the database, and add it to the list.
 * Nothing is followed out of it; what is no file and no folder, has a name that a list
 * does not take, lies too deep or is more than its folder's share is left out and logged
 * by name, so is a file of a program's own that cannot be opened, and what goes meanwhile
 * is gone. What has to be there and cannot be read is named on standard error. What a
 * program's files really take on the disk is copied, and needs its room.
 * Return: 0, -ENOSPC, -errno. */
int backup_add_all(const struct backup_tree *t);

/* How many octets that and its list would take on a disk, and the database.
 * Return: 0 or -errno. */
int backup_measure(const char *instance, const struct backup_share *share,
	bool without_archive, long long *ret_size);

/* The same of the sealed heads of the audit chain with their time-stamps, up to a record:
 * what was sealed behind it speaks of what the database does not have. What was set aside
 * of lost chains is there whatever its number. */
int backup_add_heads(const struct backup_tree *t, int64_t upto);

/* Copy one file, as large as it is now, under another name in the backup; says on
 * standard error what fails. */
int backup_add_file(const struct backup_tree *t, const char *from, const char *path);

/* The same of one that is open, from where it stands. */
int backup_add_opened(const struct backup_tree *t, int in, const char *path);

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

/* Is there room for what is known, and for what is compressed to nobody knows how little?
 * Return: 0 also uncompressed, 1 perhaps, -ENOSPC surely not, -errno. */
int backup_room_about(int fd, long long known, long long compressed);

/* Compare every file with its line; the first that differs, or is missing, is *ret_path
 * (which the caller frees). lines: the list after its head. Return: 0, -EBADMSG, -errno.
 */
int backup_compare(const char *files, FILE *lines, char **ret_path);

/* Put everything into the instance's folder, with mode and, as root, owner.
 * Return: 0 or -errno. */
int backup_put(const char *files, FILE *lines, const char *instance);

#endif

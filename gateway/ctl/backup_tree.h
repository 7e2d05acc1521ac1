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

#include <sys/stat.h>

#define BACKUP_LIST "backup"
#define BACKUP_HEAD "sealgate-backup 1\nmark "
#define BACKUP_AT "\nat "
#define BACKUP_LIST_MAX (64u * 1024 * 1024)

/* Copy what lies at instance/path, a file or a folder with all below it, to files/path
 * and add it to the list. Sockets and the like are left out. Absent is nothing to do.
 * Return: 0 or -errno. */
int backup_add(
	const char *instance, const char *files, const char *path, struct buf *list);

/* Copy one file under another name in the backup. */
int backup_add_file(
	const char *from, const char *files, const char *path, struct buf *list);

/* Add a file of one text, with mode and owner of as. */
int backup_add_text(const char *text, const struct stat *as, const char *files,
	const char *path, struct buf *list);

/* Compare every file with its line; the first that differs, or is missing, is *ret_path
 * (which the caller frees). lines: the list after its head. Return: 0, -EBADMSG, -errno.
 */
int backup_compare(const char *files, struct span lines, char **ret_path);

/* Put everything into the instance's folder, with mode and, as root, owner.
 * Return: 0 or -errno. */
int backup_put(const char *files, struct span lines, const char *instance);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An opened backup as a medium has it that FAT can hold: the list, and the octets of the
 * files of state one after the other, as the list has them; no name of a file is one of
 * the medium's. Never says who made it: that its list is signed (firmware/sign-manifest)
 * does.
 *
 *   FOLDER/backup          the list (backup_tree.h), of the whole backup
 *   FOLDER/octets.NNNNNN   pieces, from 0; what belongs to configuration, policies or
 *                          credentials is not in them
 */
#ifndef SEALGATE_CTL_BACKUP_MEDIUM_H
#define SEALGATE_CTL_BACKUP_MEDIUM_H

#include "common/digest.h"

#define BACKUP_OCTETS "octets.%06u"
#define BACKUP_OCTETS_MAX 999999u
#define BACKUP_OCTETS_SIZE                                                               \
	(1LL << 30) /* of a piece: FAT has files of less than 4 GiB                      \
		     */

/* Make the folder out of the backup in dir, in pieces of so many octets, comparing every
 * file of state with its line. What was begun is removed when it fails. *ret_path: where
 * it did, the caller frees; NULL: the list. Return: 0; -EBADMSG it is not what was backed
 * up; -EXDEV its database is a server's; -EFBIG too many pieces; -errno. */
int backup_medium(const char *dir, const char *out, long long piece, char **ret_path);

/* The octets of a folder, from the first on. */
struct backup_octets {
	int folder, piece;
	unsigned int next;
};

void backup_octets_done(struct backup_octets *o);

/* Write the next ones to a descriptor (-1: nowhere). ret_hex: their digest. Return: 0,
 * -ENODATA there are not so many, or a piece is none; -errno. */
int backup_octets_take(struct backup_octets *o, int to, unsigned long size,
	char ret_hex[SHA256_TEXT_SIZE]);

/* Return: 0 there are no more, -EBADMSG there are, -errno. */
int backup_octets_end(struct backup_octets *o);

/* As the command `sealgate backup medium`. Return: the exit status. */
int backup_medium_command(int argc, char **argv);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A backup that leaves the machine: pieces of bounded size, each encrypted for those
 * whose certificates are named; never says who made them, nor judges what is in them,
 * which is what restoring does.
 *
 *   OUT/NNNNNN.p7m   CMS AuthEnvelopedData (RFC 5083), AES-256-GCM, DER, of
 *                    "sealgate-backup-piece 1 ID NUMBER more|last\n" and octets, which
 *                    one after the other are "SIZE PATH\n" and the octets of each file
 */
#ifndef SEALGATE_CTL_BACKUP_PIECES_H
#define SEALGATE_CTL_BACKUP_PIECES_H

#include <openssl/x509.h>

#define BACKUP_PIECE_MAX (2u * 1024 * 1024) /* octets of one, before it is encrypted */
#define BACKUP_PIECES_MAX 999999ul
#define BACKUP_PIECE_HEAD "sealgate-backup-piece 1 "
#define BACKUP_PIECE_ID 33 /* as text: by which pieces of two backups are told apart */
#define BACKUP_HEAD_MAX 96 /* octets of the line that a piece begins with */

/* Make the folder out with the files below dir in pieces, for any of the certificates.
 * leaves: octets that have to stay free there; 0: any. What was begun is removed when it
 * fails. Return: 0, -EFBIG, -ENOSPC, -errno. */
int backup_seal(const char *dir, const char *out, STACK_OF(X509) * to, long long leaves);

/* Make the folder dir of the pieces in a folder. What was begun is removed when it fails.
 * *ret_piece: the piece at which it did, from 0. Return: 0, -EKEYREJECTED it is not for
 * this key, or was changed; -EBADMSG it is of another backup, of another place, or not
 * what seal makes; -ENOENT it is missing; -errno. */
int backup_open(const char *pieces, const char *dir, EVP_PKEY *key, X509 *certificate,
	unsigned long *ret_piece);

#endif

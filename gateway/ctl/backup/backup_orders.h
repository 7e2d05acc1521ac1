/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Backups that are ordered, from afar too: made by a process of its own for those whose
 * certificates policy names, and kept until they are fetched, one piece at a time; never
 * for whom an order names, and never more than one.
 *
 *   state/backup/order     somebody wants one
 *   state/backup/failed    "TIME WHY", of the last attempt
 *   state/backup/work/     the copy, in clear, while it is made
 *   state/backup/sealing/  its pieces while they are made
 *   state/backup/sealed/   NNNNNN.p7m (backup_pieces.h); list; a file opened.SHA256 for
 *                          each person, by the name's digest, who may and has asked for
 *                          it: the backup's name
 *
 * The list is "sealgate-backup-list 1", "mark POSITION:CHAIN", "at TIME", "without
 * state/archive" where that had no room, a line "to SHA256 FILE" for each who may open
 * it, and a line "SHA256 SIZE NNNNNN.p7m" for each piece. The backup is called by
 * REMOTE_NAME and the SHA-256 of its list.
 */
#ifndef SEALGATE_CTL_BACKUP_ORDERS_H
#define SEALGATE_CTL_BACKUP_ORDERS_H

#include "common/digest.h"
#include "common/span.h"
#include "web/remote.h"

#include <openssl/x509.h>
#include <stdbool.h>

#define BACKUP_ORDERS "state/backup"
#define BACKUP_RECIPIENTS "backup" /* below policies: one PEM certificate a file */
#define BACKUP_SEALED_LIST "list"
#define BACKUP_LIST_HEAD "sealgate-backup-list 1\nmark "
#define BACKUP_SEALED_LIST_MAX REMOTE_OUTPUT_MAX
#define BACKUP_WITHOUT "without state/archive\n"
#define BACKUP_NAME_SIZE (sizeof(REMOTE_NAME) - 1 + SHA256_TEXT_SIZE)
#define BACKUP_PIECE_FILE "%06lu.p7m"
#define BACKUP_KEPT_S                                                                    \
	(7 * 24 * 3600) /* one that nobody discards goes after this long                 \
			 */

struct backup_bounds {
	long long leaves;     /* octets that stay free; 0: any */
	bool without_archive; /* none for it, or it is not wanted */
};

/* Copy the instance of SEALGATE_INSTANCE into the folder dir, which is made, while there
 * is room. *ret_mark: POSITION:CHAIN of the last
 * record in it, the caller frees. Says on standard error what fails. Return: EXIT_CLEAN,
 * another exit status, or -ENOSPC: there was no room. */
int backup_copy(const char *dir, const struct backup_bounds *bounds, char **ret_mark);

/* Is one that failed so made again, without the archive? Only where there was no room for
 * it, on the disk or in a list of pieces, and that might have been so (room 1, of
 * backup_leave_room): whatever else failed would fail again, and the archive be missing
 * for nothing. */
bool backup_is_made_again(int error, int room, const struct backup_bounds *bounds);

/* What of the instance dir an ordered backup in that folder may hold beside a database of
 * so many octets at its server (0: none), and what has to stay free. Twice: queued's copy
 * beside the copy of all, then that beside its pieces. What grows meanwhile finds an end
 * when so much is left. An archive that grows for years does not keep the ledger out:
 * where only it surely has no room, on the disk or in a list of pieces that is handed
 * out, ret->without_archive is set. Return: 0; 1 how well the database is compressed
 * decides, and what stays free is to be watched; -ENOSPC, -errno. */
int backup_leave_room(
	const char *dir, int folder, long long database, struct backup_bounds *ret);

/* A path below BACKUP_ORDERS of that instance; "": the folder itself. Return: 0, -errno.
 */
int backup_place(const char *name, char ret_path[PATH_MAX]);

/* The certificates in a folder of policy, sorted by file; at (seconds): without those
 * that are out of date then; 0: all. *ret_list: lines "to SHA256 FILE". What cannot be
 * encrypted for is an error, as is that nobody is left. *ret_error: one line, the caller
 * frees. Return: 0 with both, which the caller frees; negative. */
int backup_recipients(const char *policies, int64_t at, STACK_OF(X509) * *ret_to,
	char **ret_list, char **ret_error);

/* What is wrong with a certificate that a backup is to be encrypted for: RSA of 3072 bits
 * or more, or EC on P-256, P-384 or P-521, and a usage that allows it. Return: static
 * text, or NULL. */
const char *backup_recipient_fault(X509 *x);

/* Say what of the recipients in a policy cannot be used, and which files are ignored;
 * there may be none. Return: how many faults. */
int backup_recipients_check(const char *policies,
	void (*fault)(const void *data, const char *line), const void *data);

/* Order one, and have it made: by the unit of the image or of the package, or, under
 * `sealgate up`, by a process of our own. Return: 0, -EBUSY one is being made, or
 * negative; with *ret_error. */
int backup_order(char **ret_error);

/* In that unit: remove what is too old, and make what was ordered, if anything was. What
 * goes wrong is kept for who asks. Return: 0, 1 nothing was ordered, -errno. */
int backup_carry_out(void);

/* Remove what is too old, and what lies there in clear of one that was cut short, unless
 * one is being made. */
void backup_tidy(void);

/* Is one being made? */
bool backup_is_made(void);

/* The sealed one, held: what takes its place meanwhile is another one. */
struct backup_sealed {
	int folder;
	char *list;
	char name[BACKUP_NAME_SIZE];
};
#define _cleanup_sealed_ _cleanup_(backup_sealed_close)

/* Return: 0, -ENOENT there is none, -errno; to be closed in any case. */
int backup_sealed_open(struct backup_sealed *ret);
void backup_sealed_close(struct backup_sealed *s);

/* Are its pieces given out to a person (""; whoever is at the machine), or, person NULL,
 * to anybody? */
bool backup_sealed_is_open(const struct backup_sealed *s, const char *person);

/* From now on they are. Return: 0 or -errno. */
int backup_sealed_give(const struct backup_sealed *s, const char *person);

/* The octets of one piece, which the caller frees. Return: 0 or -errno. */
int backup_sealed_piece(const struct backup_sealed *s, unsigned long number,
	uint8_t **ret_octets, size_t *ret_len);

/* Remove it, and no other. Return: 1, 0 somebody else has, -errno. */
int backup_sealed_remove(const struct backup_sealed *s);

/* Remove the sealed one when it was made before the time, in seconds; by who has the lock
 * of whoever makes one. Return: 1 it was, 0, -errno. */
int backup_expire(int64_t before);

/* Of the form NNNNNN.p7m of a line of a list; *line moves on to the next one.
 * Return: true with all three, false at the end; sets *ret_bad when a line is none. */
struct backup_piece {
	char sha256[SHA256_TEXT_SIZE];
	long long size;
	unsigned long number;
};
bool backup_next_piece(const char **line, struct backup_piece *ret_piece, bool *ret_bad);

/* Fetch the sealed backup of a gate into a folder, which is made, or was begun before;
 * then have the gate discard it. Return: the exit status. */
struct peer;
int backup_fetch(const struct peer *peer, const char *dir);

/* Is the command line `backup fetch DIR`, DIR being no name? */
bool backup_fetch_wanted(int argc, char *const *argv);

/* Run the verb that the arguments after "backup" begin with. Return: false, it is none.
 */
bool backup_verb(int argc, char **argv, int *ret_status);

/* As the commands `sealgate backup seal` and `open`. Return: the exit status. */
int backup_seal_command(int argc, char **argv);
int backup_open_command(int argc, char **argv);

#endif

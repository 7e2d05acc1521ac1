/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Two configurations change places, also where the power is cut in between: what was
 * begun is on record before the first file moves, and is completed at the next start;
 * never judges what it puts in place.
 */
#ifndef SEALGATE_CTL_APPLIANCE_SWAP_H
#define SEALGATE_CTL_APPLIANCE_SWAP_H

#include <stdbool.h>
#include <stddef.h>

#define SWAP_SERIAL_MAX 64
#define SWAP_AFAR "afar" /* what afar.h notes in incoming/, and reads below work */
#define SWAP_TAKEN_BACK "taken-back" /* the serial of what was, last */

/* Both folders are on one file system whose journal keeps the order of renames (ext4):
 * after a power cut it is as it was at some moment before. Below work are incoming/,
 * previous/, dropped/, spare/ and spare-record (for a return without room), and the files
 * serial (of what was taken last), unproven and taken-back (serials, too): root's, or of
 * who takes configurations or puts a backup in place (appliance-place), and what lies
 * there of anybody else is not looked at. */
struct swap_place {
	const char *instance; /* what is in force */
	const char *work;
	const char *lock; /* a file that others cannot open, and so not hold: where it is
			   * not and cannot be made, and with NULL, work is that */
};

/* Is what has this name below work theirs, or one's own? Others may write beside it (who
 * keeps the floor of versions). Return: false when it is not there, too. */
bool swap_is_ours(const struct swap_place *p, const char *name);

/* What a note of that name says, as file_read: one that is not theirs is not there. */
int swap_read_note(const struct swap_place *p, const char *name, size_t max,
	char **ret_text, size_t *ret_len);

/* What others left in the place of a note goes, by who may remove what is not theirs from
 * a sticky folder (CAP_FOWNER). Return: 0 or -errno. */
int swap_make_way(const struct swap_place *p, const char *name);

/* Write one, after that. Return: 0 or -errno. */
int swap_write_note(const struct swap_place *p, const char *name, const char *text);

/* Is this serial above that of what was taken last? Serials are decimal and of any
 * length: longer is larger. Of a machine that was restored from a backup (restore.h) and
 * took nothing yet, the first one is as new as the backup is. Return: 1; 0 it is the same
 * or below; -EPERM it is below the backup's; -errno. */
int swap_serial_is_new(const struct swap_place *p, const char *serial);

/* Have what lies in incoming/ take the place of what is in force. What was in force is
 * kept in previous/, unless it was not proven while something proven lies there already.
 * Everything that needs room is on the disk before the first file moves. Return: 0 or
 * -errno; swap_resume then completes what was begun, if anything was. */
int swap_apply(const struct swap_place *p, const char *serial);

/* Nobody else changes anything while the descriptor that is returned is open; waits for
 * whoever does. Held around each of the functions here. Return: it, or -errno. */
int swap_lock(const struct swap_place *p);

/* The serial of what is in force and not proven, "" when all is proven: what a start goes
 * on with, and what its checks then speak of. Return: 0 or -errno. */
int swap_unproven(const struct swap_place *p, char ret_serial[SWAP_SERIAL_MAX + 1]);

/* Have what lies in previous/ take the place of what is in force and not proven, also
 * where there is no room: what that needs was laid by when it came. started:
 * swap_unproven at the start whose checks failed, NULL not known; what came since then
 * was checked by nobody and stays. Return: 0, 1 there is nothing to take back, -ENOENT
 * nothing to return to, -errno as above. */
int swap_return(const struct swap_place *p, const char *started);

/* What was in force at the start, which swap_unproven named, is proven: there is nothing
 * to return to. Return: 0, 1 it was already, or something else came since then,
 * -EBUSY something was begun and is not complete, -errno. */
int swap_keep(const struct swap_place *p, const char *started);

/* Complete what was begun, in either direction; before anybody reads what is in force.
 * Return: 0 done, 1 nothing was begun, -errno. */
int swap_resume(const struct swap_place *p);

#endif

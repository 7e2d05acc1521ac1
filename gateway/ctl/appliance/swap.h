/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Two configurations change places, also where the power is cut in between: what was
 * begun is on record before the first file moves, and is completed at the next start;
 * never judges what it puts in place.
 */
#ifndef SEALGATE_CTL_APPLIANCE_SWAP_H
#define SEALGATE_CTL_APPLIANCE_SWAP_H

#define SWAP_SERIAL_MAX 64

/* Both folders are on one file system whose journal keeps the order of renames (ext4):
 * after a power cut it is as it was at some moment before. Below work are incoming/,
 * previous/, dropped/, and the files serial (of what was taken last) and unproven. */
struct swap_place {
	const char *instance; /* what is in force */
	const char *work;
};

/* Have what lies in incoming/ take the place of what is in force; of its state/ what the
 * instance does not have is added. What was in force is kept in previous/, unless it was
 * not proven while something proven lies there already. Everything that needs room is on
 * the disk before the first file moves. Return: 0 or -errno; swap_resume then completes
 * what was begun, if anything was. */
int swap_apply(const struct swap_place *p, const char *serial);

/* Have what lies in previous/ take the place of what is in force and not proven. Return:
 * 0, 1 all is proven, -ENOENT there is nothing to return to, -errno as above. */
int swap_return(const struct swap_place *p);

/* What is in force is proven: there is nothing to return to. Return: 0, 1 it was already,
 * -EBUSY something was begun and is not complete, -errno. */
int swap_keep(const struct swap_place *p);

/* Complete what was begun, in either direction; before anybody reads what is in force.
 * Return: 0 done, 1 nothing was begun, -errno. */
int swap_resume(const struct swap_place *p);

#endif

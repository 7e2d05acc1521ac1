/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The floor of versions: what was healthy on this machine, and what may serve on it. Kept
 * in a folder of /var and, where there is one, in the TPM, whose part outlives /var;
 * never goes down.
 *
 *   FOLDER/floor    the version, as versions before the TPM's part read it
 *   FOLDER/counted  "COUNT VERSION LEAST": the TPM's counter once this was the floor
 *   TPM             the same two versions, and the counter
 *
 * The count goes up by one each time the floor does. /var is written first, so that of a
 * power cut it is at most one ahead; a /var that is behind is an old copy.
 */
#ifndef SEALGATE_CTL_FLOOR_H
#define SEALGATE_CTL_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#define FLOOR_VERSION_SIZE 64

/* Of the range that owners of a machine use (TCG registry of reserved handles). */
#define FLOOR_NV_RECORD 0x01805ea1u
#define FLOOR_NV_COUNTER 0x01805ea2u

struct floor_place {
	const char *folder;
	int tpm; /* a descriptor of ctl/appliance/tpm.h, or -errno: there is none */
};

struct floor {
	char version[FLOOR_VERSION_SIZE]; /* the highest that was healthy; "0" for none */
	char least[FLOOR_VERSION_SIZE];	  /* none before it may serve */
	bool in_tpm;
	uint64_t count;	 /* the TPM's, when it is */
	char fault[160]; /* why it is not, or why /var is not believed; else empty */
};

/* At a start, before anything else is in the folder: a new one belongs to the counter
 * that it finds, so that one without a count is known for an old copy. Return: as
 * floor_read. */
int floor_adopt(const struct floor_place *p);

/* Return: 0, -EPERM when the folder is an old copy, or the TPM no longer has what it has
 * counted (ret_floor->fault says which), -errno. */
int floor_read(const struct floor_place *p, struct floor *ret_floor);

/* Let it be at least this, in the folder what was proven with it alone; -EINVAL for a
 * least version that is above the version. A TPM that does not take it leaves it in the
 * folder, and ret_floor->fault says why. Return: as floor_read. */
int floor_raise(const struct floor_place *p, const char *version, const char *least,
	struct floor *ret_floor);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sending a signed folder to a gate piece by piece (parcel.h takes it there); never
 * judges what is signed.
 */
#ifndef SEALGATE_CTL_REMOTE_PARCEL_H
#define SEALGATE_CTL_REMOTE_PARCEL_H

#include "common/digest.h"
#include "ctl/peer.h"
#include "ctl/remote/remote_piece.h"
#include "web/remote.h"

#define PARCEL_NAME REMOTE_NAME
#define PARCEL_NAME_SIZE (sizeof(PARCEL_NAME) - 1 + SHA256_TEXT_SIZE)

/* Send what is not there yet of a file under a name. Return: EXIT_CLEAN, or another exit
 * status after saying what is wrong. */
int parcel_send_fd(struct sending *s, int fd, const char *name);
int parcel_send_path(struct sending *s, const char *path, const char *name);

/* Is the command line one that has a folder: appliance update|apply DIR? */
bool parcel_wanted(int argc, char *const *argv);

/* Send all of a folder that is not there yet. ret_name: how the gate calls it.
 * Return: EXIT_CLEAN, or another exit status after saying what is wrong. */
int parcel_send(
	const struct peer *peer, const char *dir, char ret_name[PARCEL_NAME_SIZE]);

#endif

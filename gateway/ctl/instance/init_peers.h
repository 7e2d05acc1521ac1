/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Under which uid each program of an instance runs: numbers of a private range, or the
 * users that systemd's units run as; never makes a user.
 */
#ifndef SEALGATE_CTL_INIT_PEERS_H
#define SEALGATE_CTL_INIT_PEERS_H

#include <stddef.h>
#include <sys/types.h>

#define INIT_PEERS 13

struct init_peer {
	const char *program;
	uid_t uid;
	gid_t gid;
};

/* Numbers of the private range. */
void init_peers_private(struct init_peer ret_peers[INIT_PEERS]);

/* Numbers of the users sealgate-PROGRAM and the group sealgate of this machine.
 * *ret_missing: the name that is not there. Return: 0 or -ENOENT. */
int init_peers_system(struct init_peer ret_peers[INIT_PEERS], char ret_missing[64]);

#endif

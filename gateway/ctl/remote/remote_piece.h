/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sending one piece of something to a gate: as it is, or, to a gate of an earlier
 * version, in base64; never knows what it is a piece of.
 */
#ifndef SEALGATE_CTL_REMOTE_PIECE_H
#define SEALGATE_CTL_REMOTE_PIECE_H

#include "common/span.h"
#include "ctl/peer.h"

#include <stdbool.h>

/* Which command takes the pieces there: two words, a name and an offset. */
struct sending {
	const struct peer *peer;
	const char *command, *verb;
	bool in_base64; /* the gate has said that it takes them no other way */
	bool whole;	/* and that all that its list has is there now */
	long long
		next; /* and that it takes runs of files, from here on; -1: it has not */
};

/* Octets of the largest piece that the gate takes, by what is known of it. */
size_t piece_most(const struct sending *s);

/* Send one, of at most piece_most octets; none asks what is there. *ret_have: octets that
 * are there then. Return: EXIT_CLEAN, or another exit status after saying what is wrong.
 */
int piece_send(struct sending *s, const char *name, long long offset, struct span piece,
	long long *ret_have);

#endif

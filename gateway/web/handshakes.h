/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records of client certificates that were not accepted: bounded files, newest first, one
 * a partner, one for customs and operators, and one for whoever is nobody's. Never says
 * who is a partner, and nothing that is in them lets anybody in.
 */
#ifndef SEALGATE_WEB_HANDSHAKES_H
#define SEALGATE_WEB_HANDSHAKES_H

#include "common/instance.h"

#include <jansson.h>

#define HANDSHAKES_PARTNER_MAX 32u  /* records of one partner that are kept */
#define HANDSHAKES_STRANGER_MAX 64u /* and of all strangers together */
#define HANDSHAKES_ADDRESS_MAX 8u   /* of which from one address */
#define HANDSHAKES_DAYS 90	    /* and for how long */
#define HANDSHAKES_FOLDER "state/handshakes"

/* How many records a file has places for. */
struct handshakes_room {
	size_t most;
	size_t of_address; /* from one address, of IPv6 one /64; 0: as many as there are
			    */
};

/* The file of a partner, by its name in policy, or of strangers (NULL).
 * Return: 0, -EINVAL for what is no name, -ENAMETOOLONG. */
int handshakes_path(
	const struct instance *i, const char *partner, char ret_path[PATH_MAX]);

/* The file of offices of customs and of operators, whose keys were proven: operators
 * alone read it. Return: 0, -ENAMETOOLONG. */
int handshakes_path_house(const struct instance *i, char ret_path[PATH_MAX]);

/* The records of a file that are not too old at `at`, newest first; none when there is no
 * file. Return: 0 with a new reference, -EPROTO it holds something else, -ENOMEM, -errno.
 */
int handshakes_read(const char *path, int64_t at, json_t **ret_records);

/* The same for who does not trust the program that writes them: those of the partner
 * (NULL: nobody's) alone, as many as are kept, and of each the members that a record has,
 * texts of bounded length. Return: as handshakes_read. */
int handshakes_told(
	const char *path, const char *partner, int64_t at, json_t **ret_records);

/* Put a record in front of a file's and keep the newest that there is room for. Members
 * that are set here: "first", "last" and "count". One of the same "listener",
 * "certificate", "verify", "protocol" and "address" as an earlier record takes its place
 * and counts on. A file that holds something else begins anew. Return: 0, 1 when it began
 * anew, -ENOMEM, -errno. */
int handshakes_note(
	const char *path, const struct handshakes_room *room, int64_t at, json_t *record);

#endif

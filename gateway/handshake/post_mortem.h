/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One connection whose client certificate nginx did not accept: what was sent, why it was
 * not accepted, whose it is; the record that is kept and the answer that the client gets.
 * Never an answer that lets anybody in, and never more in it than the client sent.
 */
#ifndef SEALGATE_HANDSHAKE_POST_MORTEM_H
#define SEALGATE_HANDSHAKE_POST_MORTEM_H

#include "handshake/known_here.h"
#include "web/request.h"

#include <jansson.h>
#include <stdbool.h>

/* Of a header with the largest certificate that OpenSSL takes from a client (100 KiB),
 * in PEM of which every character is escaped: it is not looked at, and on record. */
#define POST_MORTEM_HEADER_MAX (512u * 1024)

/* What is told of it. */
struct post_mortem {
	char partner[PARTNER_NAME_SIZE]; /* the key of whose certificate was proven, or ""
					  */
	enum listener listener;
	bool enrolled;	  /* the key was proven of somebody of the listener */
	json_t *record;	  /* owned: as web/handshakes.h keeps it */
	char *answer;	  /* owned: a problem document on one line */
	char language[8]; /* of its sentences where they are not English, or "" */
};

/* Examine a request as nginx hands it over (of its header nothing else is looked at:
 * LISTENER, CLIENT_VERIFY, CLIENT_CERTIFICATE, TLS_PROTOCOL, REMOTE_ADDR,
 * HTTP_ACCEPT_LANGUAGE), or
 * as intake and admin do where they did not let pass what nginx did (refused: with
 * REFUSED, the code of its problem, and REFUSED_REASON). Return: 0, -EINVAL when nobody
 * refused it, -ENOMEM. */
int post_mortem_make(const struct request *request, bool refused,
	const struct known_here *known, int64_t at, struct post_mortem *ret);
void post_mortem_done(struct post_mortem *p);

#define _cleanup_post_mortem_ _cleanup_(post_mortem_done)

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The options that name a gate and who asks it: --url, --ca, --cert, --key; never judges
 * what it answers.
 */
#ifndef SEALGATE_CTL_PEER_H
#define SEALGATE_CTL_PEER_H

#include "ctl/partner/http_client.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

struct peer {
	const char *url;
	struct http_identity identity;
};

/* Rows for a table of getopt_long. */
#define PEER_OPTIONS                                                                     \
	{ "url", required_argument, NULL, 'u' }, { "ca", required_argument, NULL, 'a' }, \
		{ "cert", required_argument, NULL, 'c' },                                \
	{                                                                                \
		"key", required_argument, NULL, 'k'                                      \
	}

/* Take an option by its letter. Return: false when it is none of these. */
bool peer_option(struct peer *p, int letter, const char *value);

/* What was not given comes from SEALGATE_REMOTE, SEALGATE_CA, SEALGATE_CERT and
 * SEALGATE_KEY, which the options before the command set. Return: true when all four are
 * there; else says which one is missing. */
bool peer_complete(struct peer *p);

/* The peer's URL with a path. Return: 0 or -ENAMETOOLONG. */
int peer_url(const struct peer *p, const char *path, char *ret, size_t size);

/* POST a JSON value (NULL: it could not be made) to a path of the peer; prints what comes
 * between. At most max octets are taken as an answer, which the caller releases in any
 * case. Return: 0 with whatever status, negative without an answer, as peer_url and
 * http_client. */
int peer_post(const struct peer *p, const char *path, const json_t *value, size_t max,
	long timeout_s, struct http_response *ret_answer);

/* The same of octets of a type. */
int peer_post_octets(const struct peer *p, const char *path, const char *type,
	struct span octets, size_t max, long timeout_s, struct http_response *ret_answer);

/* The exit status of a request without an answer, which http_client or peer_post
 * returned: whether what was named is wrong, or the gate does not answer
 * (docs/contracts.md). */
int peer_status(int error);

#endif

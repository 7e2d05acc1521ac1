/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The options that name a gate and who asks it: --url, --ca, --cert, --key; never asks.
 */
#ifndef SEALGATE_CTL_PEER_H
#define SEALGATE_CTL_PEER_H

#include "ctl/http_client.h"

#include <getopt.h>
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

/* Say which of the four is missing. */
void peer_complain(const struct peer *p);

/* True when all four were given; else says which one is missing. */
static inline bool peer_complete(const struct peer *p)
{
	if (p->url && p->identity.ca && p->identity.cert && p->identity.key)
		return true;
	peer_complain(p);
	return false;
}

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Requests to a destination, made from its profile's templates; never sends one.
 */
#ifndef SEALGATE_CONNECTORS_REQUEST_H
#define SEALGATE_CONNECTORS_REQUEST_H

#include "common/buf.h"
#include "connectors/profile.h"

#include <stdint.h>

/* Values for ${placeholders}: reference, number, type, status, country, import-country,
 * file-name, container-base64, sealed-base64, security, client-id, original-number,
 * original-reference.
 */
struct request_values {
	const char
		*reference; /* idempotency: the same for every attempt of one delivery */
	const char *number, *type, *status, *country, *import_country;
	const char *original_number;	/* that it withdraws or replaces, or NULL */
	const char *original_reference; /* what the destination calls that one */
	struct span sealed;    /* the document with the seal in it, where it is wanted */
	struct span container; /* empty for a look-up */
	const char *username, *key, *client_id; /* credentials; may be NULL */
	int64_t now;				/* for WS-Security Created and Expires */
};

/* Every ${placeholder} of a template is one of those, and ends. */
bool request_template_ok(const char *template);

/* Fill the operation's template; the WS-Security header (UsernameToken digest, Timestamp
 * of 60 s) stands where ${security} does. An unknown placeholder is -EINVAL. Return: 0,
 * -EINVAL, -E2BIG, -EIO (no randomness). */
int request_soap(const struct profile_operation *operation,
	const struct request_values *v, struct buf *ret);

#endif

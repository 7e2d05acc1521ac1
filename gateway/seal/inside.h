/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A seal in the document itself, for destinations that want it there: a role and a key of
 * its own, prepared by a verify worker of the partner; never parses the document.
 */
#ifndef SEALGATE_SEAL_INSIDE_H
#define SEALGATE_SEAL_INSIDE_H

#include "connectors/profile.h"
#include "queue/client.h"
#include "seal/attempt.h"
#include "xades/create.h"

#define INSIDE_ROLE "seal-inside"

enum inside_outcome {
	INSIDE_UNDECIDED = 0,
	INSIDE_MADE,
	INSIDE_IMPOSSIBLE, /* the document cannot have it; the reason says why */
	INSIDE_LATER,	   /* the signer or a worker did not do it */
	INSIDE_NO_STAMP,   /* no authority did */
	INSIDE_SKEWED,	   /* as STAMP_SKEWED */
};

struct inside_wish {
	enum xades_place place;
	const struct seal_input *input;
	bool level_b; /* without a time-stamp */
	int64_t now;
};

/* Make it: with the connection to the signer that t has. Appends the document with the
 * seal in it. *ret_reason unless made. */
enum inside_outcome inside_seal(struct seal_tools *t, const struct inside_wish *wish,
	struct buf *ret, char *ret_reason, size_t size);

/* Which seals the destinations of a document want in it. Return: 0 or negative. */
int inside_wanted(const struct profiles *profiles, struct queue *q,
	const char *document_id, struct inside_wants *ret);

#endif

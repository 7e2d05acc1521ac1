/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A proven time-stamp over octets: request, answer, token, its path; never a token that
 * was not verified.
 */
#ifndef SEALGATE_SEAL_STAMP_H
#define SEALGATE_SEAL_STAMP_H

#include "seal/attempt.h"

enum stamp {
	STAMP_NONE = 0,
	STAMP_MADE,
	STAMP_SKEWED, /* only authorities whose time is not ours answered rightly */
};

/* Have octets time-stamped by the first authority that does it rightly, one after the
 * other: the token answers this query, has the authority's policy, is proven with the
 * anchors of time-stamping authorities and agrees with our clock. The caller frees
 * *ret_token. Return: STAMP_MADE, or another with one line in ret_reason. */
enum stamp stamp_octets(struct seal_tools *t, struct span octets, uint8_t **ret_token,
	size_t *ret_len, int64_t *ret_gen_time, char *ret_reason, size_t size);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A proven time-stamp over octets: request, answer, token, its path; never a token that
 * was not verified.
 */
#ifndef SEALGATE_SEAL_STAMP_H
#define SEALGATE_SEAL_STAMP_H

#include "seal/attempt.h"

/* Have octets time-stamped and verify the token with the anchors of time-stamping
 * authorities. The caller frees *ret_token.
 * Return: true, or false with one line in ret_reason. */
bool stamp_octets(struct seal_tools *t, struct span octets, uint8_t **ret_token,
	size_t *ret_len, int64_t *ret_gen_time, char *ret_reason, size_t size);

#endif

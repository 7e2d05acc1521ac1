/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A time-stamp token of the house's authority over octets; for tests only.
 */
#ifndef SEALGATE_TESTS_EVIDENCE_STAMPED_H
#define SEALGATE_TESTS_EVIDENCE_STAMPED_H

#include "house.h"
#include "pki/token.h"

/* The caller frees *ret_token. */
HOUSE void stamped(const struct house *h, struct span octets, int64_t gen_time,
	uint8_t **ret_token, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *query = NULL;
	_cleanup_(freep) char *reason = NULL;
	uint8_t digest[SHA256_SIZE];
	unsigned char *answer;
	size_t len;

	assert_int_equal(digest_sha256(octets, digest), 0);
	assert_int_equal(token_request(digest, 7, &query, &len), 0);
	len = house_answer(h, span_of(query, len), gen_time, &answer);
	assert_int_equal(token_response(span_of(answer, len), digest, 7, ret_token,
				 ret_len, &reason),
		1);
	OPENSSL_free(answer);
}

#endif

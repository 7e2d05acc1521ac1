/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/stamp.h"

#include "common/clock.h"
#include "common/digest.h"
#include "pki/token.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#define TIMEOUT_MAX_MS 10000

static bool say(char *ret_reason, size_t size, const char *what, int error)
{
	(void)snprintf(ret_reason, size, "%s: %s", what, strerror(-error));
	return false;
}

/* One authority may use at most a third of the lease: signing and validating follow. */
static bool open_tsa(struct seal_tools *t, char *ret_reason, size_t size)
{
	int ms = t->house->lease_s * 1000 / 3;

	if (t->tsa)
		return true;
	if (!*t->house->tsa_url) {
		(void)snprintf(
			ret_reason, size, "seal.tsa_url is not set in sealgate.conf");
		return false;
	}
	t->tsa = tsa_new(t->house->tsa_url, ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS,
		t->house->daemon);
	return t->tsa || say(ret_reason, size, t->house->tsa_url, -ENOMEM);
}

static bool ask(struct seal_tools *t, const uint8_t digest[SHA256_SIZE], uint64_t nonce,
	uint8_t **ret_token, size_t *ret_len, char *ret_reason, size_t size)
{
	_cleanup_(freep) char *refusal = NULL;
	_cleanup_(freep) uint8_t *query = NULL;
	_cleanup_buf_ struct buf reply;
	size_t len;
	int r = token_request(digest, nonce, &query, &len);

	buf_init(&reply, TSA_REPLY_MAX);
	if (r < 0)
		return say(ret_reason, size, "no request", r);
	if (!tsa_ask(t->tsa, span_of(query, len), &reply, ret_reason, size))
		return false;
	r = token_response(buf_span(&reply), digest, nonce, ret_token, ret_len, &refusal);
	if (r > 0)
		return true;
	if (r < 0)
		return say(ret_reason, size, "the reply", r);
	(void)snprintf(ret_reason, size, "%s", refusal ? refusal : "refused");
	return false;
}

static bool prove(struct seal_tools *t, struct span token, struct span octets,
	int64_t *ret_gen_time, char *ret_reason, size_t size)
{
	const struct pki_material *material =
		anchors_borrow(&t->house->anchors, ret_reason, size);
	struct token_result result = { 0 };
	bool passed;
	int r;

	if (!material)
		return false;
	r = token_verify(token, octets, material, clock_now(), &result);
	anchors_release(&t->house->anchors);
	if (r < 0)
		return say(ret_reason, size, "the token", r);
	passed = result.outcome == TOKEN_PASSED;
	*ret_gen_time = result.gen_time;
	if (!passed)
		(void)snprintf(ret_reason, size, "the token is not proven: %s",
			result.reason ? result.reason : "");
	token_result_done(&result);
	return passed;
}

bool stamp_octets(struct seal_tools *t, struct span octets, uint8_t **ret_token,
	size_t *ret_len, int64_t *ret_gen_time, char *ret_reason, size_t size)
{
	_cleanup_(freep) uint8_t *token = NULL;
	uint8_t digest[SHA256_SIZE];
	uint64_t nonce;
	size_t len;

	if (digest_sha256(octets, digest) < 0 ||
		getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		return say(ret_reason, size, "digest and nonce", -EIO);
	if (!open_tsa(t, ret_reason, size) ||
		!ask(t, digest, nonce, &token, &len, ret_reason, size) ||
		!prove(t, span_of(token, len), octets, ret_gen_time, ret_reason, size))
		return false;
	*ret_token = TAKE(token);
	*ret_len = len;
	return true;
}

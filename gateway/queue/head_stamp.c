/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/head_stamp.h"

#include "common/digest.h"
#include "common/encode.h"
#include "common/json.h"
#include "pki/token.h"

#include <errno.h>
#include <string.h>

#define TYPE "sealgate-audit-head-time-stamp"

char *head_stamp_assemble(int64_t position, struct span head, struct span token)
{
	char sha256[SHA256_TEXT_SIZE];
	_cleanup_json_ json_t *stamp = NULL;

	if (digest_sha256_text(head, sha256) < 0)
		return NULL;
	stamp = json_pack("{s:s,s:I,s:o,s:s}", "head_sha256", sha256, "position",
		(json_int_t)position, "time_stamp", json_base64(token), "type", TYPE);
	return stamp ? json_canonical(stamp) : NULL;
}

static int say(char **ret_reason, const char *reason)
{
	*ret_reason = strdup(reason);
	return *ret_reason ? 0 : -ENOMEM;
}

static json_t *read_stamp(struct span text, int64_t *ret_position)
{
	_cleanup_json_ json_t *stamp = json_read(text, HEAD_STAMP_MAX);
	const char *type = json_string_of(stamp, "type");
	const json_t *position = json_object_get(stamp, "position");

	if (!type || strcmp(type, TYPE) != 0 || !json_is_integer(position) ||
		json_integer_value(position) <= 0)
		return NULL;
	*ret_position = json_integer_value(position);
	return TAKE(stamp);
}

int64_t head_stamp_position(struct span stamp)
{
	int64_t position = 0;

	json_decref(read_stamp(stamp, &position));
	return position;
}

/* Whoever took an authority's key dates tokens back: what was revoked since proves
 * nothing, whenever the token says that it was made. */
static int judge_path(struct span token, struct span head, struct token_context *c,
	struct head_stamp *stamp, struct token_result *result)
{
	int r;

	c->at = stamp->time;
	token_result_done(result);
	r = token_verify_in(token, head, c, result);
	if (r < 0 || result->outcome != TOKEN_PASSED)
		return r < 0 ? r : pki_outcome_wanting(result->path.outcome);
	c->at = c->known_at;
	token_result_done(result);
	r = token_verify_in(token, head, c, result);
	stamp->proven = r == 0 && result->path.outcome != PKI_REVOKED &&
			result->path.outcome != PKI_REVOKED_CA;
	return r < 0 ? r : 1;
}

static int verify_token(struct span token, struct span head,
	const struct pki_material *material, int64_t known_at, struct head_stamp *ret,
	char **ret_reason)
{
	struct token_context c = { .material = material, .known_at = known_at };
	struct token_result result = { 0 };
	int r = token_inspect(token, head, material, &result);

	ret->time = result.gen_time;
	ret->proven = false;
	if (r == 0 && result.outcome == TOKEN_PASSED)
		r = judge_path(token, head, &c, ret, &result);
	if (r >= 0 && !ret->proven &&
		say(ret_reason, result.reason ? result.reason
					      : "The time-stamp does not verify.") < 0)
		r = -ENOMEM;
	token_result_done(&result);
	return r;
}

int head_stamp_verify(struct span stamp, struct span head,
	const struct pki_material *material, int64_t known_at, struct head_stamp *ret,
	char **ret_reason)
{
	_cleanup_json_ json_t *json = read_stamp(stamp, &ret->position);
	const char *sha256 = json_string_of(json, "head_sha256");
	const char *text = json_string_of(json, "time_stamp");
	_cleanup_(freep) uint8_t *token = NULL;
	char found[SHA256_TEXT_SIZE];
	size_t len;

	if (!sha256 || !text)
		return say(ret_reason, "It is no time-stamp of a sealed head.");
	if (digest_sha256_text(head, found) < 0)
		return -EIO;
	if (strcmp(found, sha256) != 0)
		return say(ret_reason, "The time-stamp is over another head.");
	if (base64_decode(span_str(text), &token, &len) < 0)
		return say(ret_reason, "The token is not base64.");
	return verify_token(
		span_of(token, len), head, material, known_at, ret, ret_reason);
}

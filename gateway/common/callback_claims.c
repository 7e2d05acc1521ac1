/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/callback_claims.h"

#include "common/encode.h"
#include "common/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define TEXT_MAX 4096u

#define TEST_NOTICE                                                                      \
	"TEST: this call-back was made by a test instance and has no legal effect."

#define SANDBOX_NOTICE "SANDBOX: what this call-back tells is a rehearsal."

void callback_id(
	const char *partner, bool sandbox, int64_t cursor, char ret[CALLBACK_ID_SIZE])
{
	(void)snprintf(ret, CALLBACK_ID_SIZE, "%s%s-%" PRId64, sandbox ? "sandbox:" : "",
		partner, cursor);
}

/* Keys in their order: the text is canonical JSON. The caller frees; NULL: no memory. */
static char *header_text(const struct callback_claims *c)
{
	struct buf b;

	buf_init(&b, TEXT_MAX);
	json_add_open(&b, NULL, '{');
	json_add_text(&b, "alg", "ES256");
	json_add_text(&b, "kid", c->certificate_sha256);
	json_add_text(&b, "typ", CALLBACK_TYPE);
	json_add_close(&b, '}');
	return buf_take(&b, NULL);
}

static char *claims_text(const struct callback_claims *c)
{
	char id[CALLBACK_ID_SIZE], cursor[21];
	struct buf b;

	callback_id(c->partner, c->sandbox, c->cursor, id);
	(void)snprintf(cursor, sizeof(cursor), "%" PRId64, c->cursor);
	buf_init(&b, TEXT_MAX);
	json_add_open(&b, NULL, '{');
	json_add_text(&b, "aud", c->partner);
	json_add_integer(&b, "callback", CALLBACK_VERSION);
	json_add_text(&b, "cursor", cursor);
	json_add_integer(&b, "iat", c->time);
	json_add_text(&b, "iss", c->instance);
	json_add_text(&b, "jti", id);
	if (c->sandbox)
		json_add_text(&b, "notice", SANDBOX_NOTICE);
	else if (c->test)
		json_add_text(&b, "notice", TEST_NOTICE);
	if (c->sandbox)
		json_add_bool(&b, "sandbox", true);
	json_add_text(&b, "sha256", c->sha256);
	json_add_integer(&b, "size", (int64_t)c->size);
	json_add_bool(&b, "test", c->test);
	json_add_close(&b, '}');
	return buf_take(&b, NULL);
}

int callback_signing_input(const struct callback_claims *claims, char **ret_input)
{
	_cleanup_(freep) char *header = header_text(claims), *payload = NULL;
	_cleanup_(freep) char *first = NULL, *second = NULL;

	payload = header ? claims_text(claims) : NULL;
	first = payload ? base64url_encode(span_str(header)) : NULL;
	second = first ? base64url_encode(span_str(payload)) : NULL;
	*ret_input =
		second ? text_join((const char *[]){ first, ".", second, NULL }) : NULL;
	return *ret_input ? 0 : -ENOMEM;
}

int callback_assemble(const char *input, const uint8_t signature[CALLBACK_SIGNATURE_SIZE],
	char **ret_jws)
{
	_cleanup_(freep) char *encoded =
		base64url_encode(span_of(signature, CALLBACK_SIGNATURE_SIZE));

	*ret_jws =
		encoded ? text_join((const char *[]){ input, ".", encoded, NULL }) : NULL;
	return *ret_jws ? 0 : -ENOMEM;
}

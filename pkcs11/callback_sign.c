/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/callback_sign.h"

#include "common/callback_claims.h"
#include "common/clock.h"
#include "common/encode.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define MECHANISM "ecdsa-sha256" /* ES256 */

static enum signer_answer say(
	struct signer_result *result, enum signer_answer a, const char *reason)
{
	*result = (struct signer_result){ .answer = a };
	(void)snprintf(result->reason, sizeof(result->reason), "%s", reason);
	return a;
}

/* As names of partners are, which are names of files; nothing that needs an escape. */
static bool name_ok(const char *name)
{
	if (!isalnum((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (!isascii(*name) ||
			(!isalnum((unsigned char)*name) && !strchr("-_.", *name)))
			return false;
	return true;
}

/* The digest of the role's own certificate, the first of its DER. */
static int certificate_sha256(struct signing *s, size_t role, char ret[SHA256_TEXT_SIZE])
{
	_cleanup_(freep) uint8_t *der = NULL;
	const unsigned char *p;
	int tag, class, form;
	long body;
	size_t len;
	int r = token_certificates(s->token, role, &der, &len);

	if (r < 0)
		return r;
	p = der;
	form = ASN1_get_object(&p, &body, &tag, &class, (long)len);
	ERR_clear_error();
	if ((form & 0x81) || body < 0)
		return -EINVAL;
	return digest_sha256_text(span_of(der, (size_t)(p - der) + (size_t)body), ret);
}

/* Everything but who it is for and which body comes from here. */
static int input_of(const struct instance *instance, const struct signer_callback *q,
	const char *certificate, char **ret_input)
{
	char body[2 * sizeof(q->sha256) + 1];
	struct callback_claims claims = {
		.instance = config_string(instance->config, "instance.name"),
		.test = config_bool(instance->config, "instance.test"),
		.sandbox = q->sandbox == 1,
		.partner = q->partner,
		.cursor = q->cursor,
		.sha256 = body,
		.size = q->size,
		.time = clock_now(),
		.certificate_sha256 = certificate,
	};

	hex_encode(q->sha256, sizeof(q->sha256), body);
	return callback_signing_input(&claims, ret_input);
}

/* Sign and assemble, unless the role's certificate was replaced on the way. */
static enum signer_answer sign_input(struct signing *s, size_t role, const char *input,
	const char *certificate, char **ret_jws, struct signer_result *result)
{
	char after[SHA256_TEXT_SIZE] = "";
	uint8_t digest[SHA256_SIZE];
	enum signer_answer a;

	if (digest_sha256(span_str(input), digest) < 0)
		return say(result, SIGNER_AWAY, "no memory");
	a = sign_callback(s, role, span_of(digest, sizeof(digest)), result);
	if (a != SIGNER_SIGNED)
		return a;
	if (certificate_sha256(s, role, after) < 0 || strcmp(after, certificate) != 0)
		return say(result, SIGNER_AWAY, "the role's certificate was replaced");
	if (result->value_len != CALLBACK_SIGNATURE_SIZE ||
		callback_assemble(input, result->value, ret_jws) < 0)
		return say(result, SIGNER_AWAY, "no memory");
	/* It goes out within its form alone. */
	OPENSSL_cleanse(result->value, sizeof(result->value));
	result->value_len = 0;
	return SIGNER_SIGNED;
}

enum signer_answer callback_sign(const struct instance *instance, struct signing *s,
	const struct signer_callback *callback, char **ret_jws,
	struct signer_result *ret_result)
{
	_cleanup_(freep) char *input = NULL;
	char certificate[SHA256_TEXT_SIZE];
	int role = roles_find(s->roles, ROLE_OF_CALLBACKS);

	*ret_jws = NULL;
	if (!name_ok(callback->partner))
		return say(ret_result, SIGNER_REFUSED, "the partner is not a name");
	if (callback->sandbox > 1 || callback->cursor < 1 || callback->size < 1 ||
		callback->size > INT64_MAX)
		return say(ret_result, SIGNER_REFUSED,
			"the call-back has no cursor or no body");
	if (role < 0)
		return say(ret_result, SIGNER_REFUSED,
			"there is no role " ROLE_OF_CALLBACKS " in " ROLES_FILE);
	if (strcmp(s->roles->list[role].mechanism->name, MECHANISM) != 0)
		return say(ret_result, SIGNER_REFUSED,
			"call-backs are signed by " MECHANISM
			" alone: the role " ROLE_OF_CALLBACKS " has another");
	if (certificate_sha256(s, (size_t)role, certificate) < 0)
		return say(ret_result, SIGNER_AWAY,
			"the role's certificate is not known yet");
	if (input_of(instance, callback, certificate, &input) < 0)
		return say(ret_result, SIGNER_AWAY, "no memory");
	return sign_input(s, (size_t)role, input, certificate, ret_jws, ret_result);
}

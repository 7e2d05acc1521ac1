/* SPDX-License-Identifier: EUPL-1.2 */
#include "connectors/request.h"

#include "common/clock.h"
#include "common/encode.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#define WSSE "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
#define NONCE_SIZE 16
#define TIMESTAMP_S 60 /* the stricter of the published rules */

/* Base64(SHA-1(nonce octets, Created, key)), UsernameToken Profile 1.0 section 3.1. SHA-1
 * is what the profile prescribes; it authenticates inside TLS and proves nothing else. */
static char *password_digest(
	const uint8_t nonce[NONCE_SIZE], const char *created, const char *key)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) &&
		 EVP_DigestUpdate(ctx, nonce, NONCE_SIZE) &&
		 EVP_DigestUpdate(ctx, created, strlen(created)) &&
		 EVP_DigestUpdate(ctx, key, strlen(key)) &&
		 EVP_DigestFinal_ex(ctx, digest, &len);

	EVP_MD_CTX_free(ctx);
	return ok ? base64_encode(span_of(digest, len)) : NULL;
}

static int add_security(const struct request_values *v, struct buf *ret)
{
	char created[CLOCK_TEXT_SIZE], expires[CLOCK_TEXT_SIZE];
	_cleanup_(freep) char *nonce_text = NULL, *digest = NULL;
	uint8_t nonce[NONCE_SIZE];

	if (!v->username || !v->key)
		return -EINVAL;
	if (getrandom(nonce, sizeof(nonce), 0) != NONCE_SIZE)
		return -EIO;
	clock_format(v->now, created);
	clock_format(v->now + TIMESTAMP_S, expires);
	nonce_text = base64_encode(span_of(nonce, sizeof(nonce)));
	digest = password_digest(nonce, created, v->key);
	if (!nonce_text || !digest)
		return -ENOMEM;
	buf_add_str(ret,
		"<wsse:Security xmlns:wsse=\"" WSSE
		"wssecurity-secext-1.0.xsd\" xmlns:wsu=\"" WSSE
		"wssecurity-utility-1.0.xsd\"><wsse:UsernameToken><wsse:Username>");
	buf_add_xml(ret, v->username);
	buf_addf(ret,
		"</wsse:Username><wsse:Password Type=\"" WSSE
		"username-token-profile-1.0#PasswordDigest\">%s</wsse:Password>"
		"<wsse:Nonce EncodingType=\"" WSSE
		"soap-message-security-1.0#Base64Binary\">%s</wsse:Nonce>"
		"<wsu:Created>%s</wsu:Created></wsse:UsernameToken><wsu:Timestamp>"
		"<wsu:Created>%s</wsu:Created><wsu:Expires>%s</wsu:Expires></"
		"wsu:Timestamp>"
		"</wsse:Security>",
		digest, nonce_text, created, created, expires);
	return ret->error;
}

static int add_base64(struct span octets, struct buf *ret)
{
	_cleanup_(freep) char *text = base64_encode(octets);

	return text ? buf_add_str(ret, text) : -ENOMEM;
}

static const struct {
	const char *name;
	size_t offset;
} TEXTS[] = {
	{ "reference", offsetof(struct request_values, reference) },
	{ "number", offsetof(struct request_values, number) },
	{ "type", offsetof(struct request_values, type) },
	{ "status", offsetof(struct request_values, status) },
	{ "country", offsetof(struct request_values, country) },
	{ "import-country", offsetof(struct request_values, import_country) },
	{ "original-number", offsetof(struct request_values, original_number) },
	{ "original-reference", offsetof(struct request_values, original_reference) },
	{ "client-id", offsetof(struct request_values, client_id) },
};

static bool named(const char *name, size_t len, const char *wanted)
{
	return strlen(wanted) == len && memcmp(name, wanted, len) == 0;
}

static int add_value(
	const struct request_values *v, const char *name, size_t len, struct buf *ret)
{
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		const char *text;

		if (!named(name, len, TEXTS[i].name))
			continue;
		memcpy(&text, (const char *)v + TEXTS[i].offset, sizeof(text));
		return buf_add_xml(ret, text ? text : "");
	}
	if (named(name, len, "security"))
		return add_security(v, ret);
	if (named(name, len, "container-base64"))
		return add_base64(v->container, ret);
	if (named(name, len, "sealed-base64"))
		return add_base64(v->sealed, ret);
	if (named(name, len, "file-name")) {
		buf_add_xml(ret, v->reference);
		return buf_add_str(ret, v->sealed.len ? ".xml" : ".asice");
	}
	return -EINVAL;
}

static bool is_value(const char *name, size_t len)
{
	static const char *const OTHERS[] = { "security", "container-base64",
		"sealed-base64", "file-name" };

	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		if (named(name, len, TEXTS[i].name))
			return true;
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		if (named(name, len, OTHERS[i]))
			return true;
	return false;
}

bool request_template_ok(const char *template)
{
	const char *at = template, *end;

	while ((at = strstr(at, "${")) != NULL) {
		end = strchr(at, '}');
		if (!end || !is_value(at + 2, (size_t)(end - at) - 2))
			return false;
		at = end;
	}
	return true;
}

int request_soap(const struct profile_operation *operation,
	const struct request_values *v, struct buf *ret)
{
	const char *p = operation->template, *at, *end;

	while ((at = strstr(p, "${")) != NULL) {
		int r;

		end = strchr(at, '}');
		if (!end)
			return -EINVAL;
		buf_add(ret, p, (size_t)(at - p));
		r = add_value(v, at + 2, (size_t)(end - at) - 2, ret);
		if (r < 0)
			return r;
		p = end + 1;
	}
	return buf_add_str(ret, p);
}

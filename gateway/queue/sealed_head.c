/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/sealed_head.h"

#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"
#include "pki/certificate.h"
#include "pki/path.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define TYPE "sealgate-audit-head"
#define HALF (SEALED_HEAD_SIGNATURE_SIZE / 2)

char *sealed_head_statement(const char *id, const char *instance, bool test,
	int64_t position, const uint8_t chain[SHA256_SIZE], int64_t at)
{
	char hex[SHA256_TEXT_SIZE], time[CLOCK_TEXT_SIZE];
	_cleanup_json_ json_t *statement = NULL;

	hex_encode(chain, SHA256_SIZE, hex);
	clock_format(at, time);
	statement = json_pack("{s:s,s:s,s:s,s:o,s:I,s:b,s:s}", "at", time, "chain", hex,
		"id", id, "instance", json_text(instance), "position",
		(json_int_t)position, "test", (int)test, "type", TYPE);
	return statement ? json_canonical(statement) : NULL;
}

/* The certificates one by one, in base64. */
static json_t *certificates_json(struct span der)
{
	_cleanup_json_ json_t *list = json_array();

	while (der.len) {
		const unsigned char *p = der.data;
		X509 *x = d2i_X509(NULL, &p, (long)der.len);
		size_t n = x ? (size_t)(p - der.data) : 0;
		_cleanup_(freep) char *text = NULL;

		X509_free(x);
		text = n ? base64_encode(span_of(der.data, n)) : NULL;
		if (!text || json_array_append_new(list, json_string(text)) < 0)
			return NULL;
		der = span_of(der.data + n, der.len - n);
	}
	return json_array_size(list) ? TAKE(list) : NULL;
}

char *sealed_head_assemble(const char *statement, struct span certificates,
	const uint8_t signature[SEALED_HEAD_SIGNATURE_SIZE])
{
	_cleanup_(freep) char *encoded =
		base64_encode(span_of(signature, SEALED_HEAD_SIGNATURE_SIZE));
	json_t *list = encoded ? certificates_json(certificates) : NULL;
	_cleanup_json_ json_t *head =
		list ? json_pack("{s:o,s:s,s:s}", "certificates", list, "signature",
			       encoded, "statement", statement)
		     : NULL;

	return head ? json_canonical(head) : NULL;
}

/* -- verification ---------------------------------------------------------- */

static int say(char **ret_reason, const char *reason)
{
	*ret_reason = strdup(reason);
	return *ret_reason ? 0 : -ENOMEM;
}

static int read_statement(const char *text, struct sealed_head *ret)
{
	_cleanup_json_ json_t *s = json_read(span_str(text), SEALED_HEAD_MAX);
	const char *chain = json_string_of(s, "chain"), *at = json_string_of(s, "at"),
		   *type = json_string_of(s, "type"),
		   *instance = json_string_of(s, "instance");
	const json_t *position = json_object_get(s, "position");

	if (!chain || !at || !type || !instance || strcmp(type, TYPE) != 0 ||
		!json_is_integer(position) || json_integer_value(position) <= 0 ||
		strlen(chain) != SHA256_TEXT_SIZE - 1 ||
		hex_decode(chain, ret->chain, SHA256_SIZE) < 0 ||
		clock_parse(at, &ret->at) < 0)
		return -EBADMSG;
	ret->position = json_integer_value(position);
	ret->test = !json_is_false(json_object_get(s, "test"));
	(void)snprintf(ret->instance, sizeof(ret->instance), "%s", instance);
	return 0;
}

/* The signer's certificate; the others go into set, where there is one. */
static X509 *read_certificates(const json_t *list, struct pki_material *set)
{
	X509 *signer = NULL;
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		_cleanup_(freep) uint8_t *der = NULL;
		const char *text = json_string_value(item);
		size_t len;

		if (!text || base64_decode(span_str(text), &der, &len) < 0)
			break;
		if (i == 0)
			signer = pki_certificate_parse(span_of(der, len));
		if (!signer ||
			(set && pki_material_add_certificate(set, span_of(der, len)) < 0))
			break;
	}
	return signer;
}

static int verify_raw(EVP_PKEY *key, struct span data, const uint8_t *raw)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, HALF, NULL), *s = BN_bin2bn(raw + HALF, HALF, NULL);
	unsigned char *der = NULL;
	int len = 0, ok = -ENOMEM;

	if (md && sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
		r = s = NULL;
		len = i2d_ECDSA_SIG(sig, &der);
	}
	if (len > 0 && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1)
		ok = EVP_DigestVerify(md, der, (size_t)len, data.data, data.len) == 1;
	ERR_clear_error();
	OPENSSL_free(der);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
	return ok;
}

/* Return: 1, 0, negative. */
static int check_signature(const X509 *signer, const char *statement, const char *text)
{
	_cleanup_(freep) uint8_t *raw = NULL;
	EVP_PKEY *key = X509_get0_pubkey(signer);
	struct pki_key_info info;
	size_t len;

	if (!key || base64_decode(span_str(text), &raw, &len) < 0 ||
		len != SEALED_HEAD_SIGNATURE_SIZE)
		return 0;
	pki_key_info(key, &info);
	return strcmp(info.curve, "P-256") == 0
		       ? verify_raw(key, span_str(statement), raw)
		       : 0;
}

/* It passed at the time that it names, which nothing else proves. */
static int look_again(struct pki_path_request *q, int64_t known_at,
	struct sealed_head *head, char **ret_reason)
{
	struct pki_path_result path = { 0 };
	int r;

	q->at = known_at;
	r = pki_path_validate(q, &path);
	if (r == 0 && (path.outcome == PKI_REVOKED || path.outcome == PKI_REVOKED_CA)) {
		head->proven = false;
		head->revoked_at = path.revoked_at;
		r = say(ret_reason, path.reason ? path.reason : "The signer is revoked.");
	}
	pki_path_result_done(&path);
	return r;
}

static int check_path(X509 *signer, const struct pki_material *set, int64_t known_at,
	struct sealed_head *head, char **ret_reason)
{
	struct pki_path_request q = { .target = signer,
		.material = set,
		.at = head->at,
		.known_at = known_at,
		.purpose = PKI_DOCUMENTS };
	struct pki_path_result path = { 0 };
	int r = pki_path_validate(&q, &path);

	head->proven = r == 0 && path.outcome == PKI_PASSED;
	if (r == 0 && !head->proven)
		r = say(ret_reason,
			path.reason ? path.reason : pki_outcome_text(path.outcome));
	if (r == 0 && (head->proven || pki_outcome_wanting(path.outcome)))
		r = 1;
	pki_path_result_done(&path);
	if (!head->proven || known_at <= head->at)
		return r;
	r = look_again(&q, known_at, head, ret_reason);
	return r < 0 ? r : 1;
}

static int verify_parts(const json_t *head, struct pki_material *set, int64_t known_at,
	struct sealed_head *ret_head, char **ret_reason)
{
	const char *statement = json_string_of(head, "statement"),
		   *signature = json_string_of(head, "signature");
	_cleanup_(X509_freep) X509 *signer =
		read_certificates(json_object_get(head, "certificates"), set);
	int r;

	if (!statement || !signature || !signer ||
		read_statement(statement, ret_head) < 0)
		return say(ret_reason, "It is not a sealed head.");
	r = check_signature(signer, statement, signature);
	if (r <= 0)
		return r < 0 ? r : say(ret_reason, "The signature does not verify.");
	return set ? check_path(signer, set, known_at, ret_head, ret_reason) : 1;
}

int sealed_head_verify(struct span text, const struct pki_material *material,
	int64_t known_at, struct sealed_head *ret_head, char **ret_reason)
{
	_cleanup_json_ json_t *head = json_read(text, SEALED_HEAD_MAX);
	_cleanup_(pki_material_freep) struct pki_material *set =
		material ? pki_material_copy(material) : NULL;

	*ret_reason = NULL;
	if (material && !set)
		return -ENOMEM;
	ret_head->proven = false;
	ret_head->revoked_at = 0;
	return verify_parts(head, set, known_at, ret_head, ret_reason);
}

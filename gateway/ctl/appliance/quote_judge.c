/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/quote.h"

#include "common/encode.h"
#include "ctl/appliance/tpm_message.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

/* TPM 2.0 Library specification, part 2, 10.12.8 (TPMS_ATTEST) and 6.9 (TPM_ST). */
#define GENERATED 0xff544347u
#define KIND_QUOTE 0x8018u
#define CLOCK_SIZE 17u /* clock, resets, restarts, and whether it is safe */
#define VERSION_SIZE 8u

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

struct judged {
	const json_t *quote;
	json_t *reasons;
	struct span attested;
	uint8_t values[ATTEST_PCRS][SHA256_SIZE];
};

static void refuse(struct judged *j, const char *what, const char *why)
{
	json_array_append_new(j->reasons, json_sprintf("%s: %s", what, why));
}

static bool is(const uint8_t *at, const void *octets, size_t len)
{
	return at && memcmp(at, octets, len) == 0;
}

/* What the TPM has signed: a quote, over the nonce, of our registers and these values. */
static void judge_attested(struct judged *j, struct span nonce)
{
	struct tpm_message m = { .end = j->attested.len };
	uint8_t digest[SHA256_SIZE];
	const uint8_t *given;
	bool generated, over, of, same;
	size_t len;

	if (j->attested.len > sizeof(m.data) ||
		digest_sha256(span_of(j->values, sizeof(j->values)), digest) < 0) {
		refuse(j, "attested", "is too long");
		return;
	}
	memcpy(m.data, j->attested.data, j->attested.len);
	generated = tpm_get(&m, 4) == GENERATED && tpm_get(&m, 2) == KIND_QUOTE;
	(void)tpm_take(&m, (size_t)tpm_get(&m, 2)); /* the key's name */
	len = (size_t)tpm_get(&m, 2);
	given = tpm_take(&m, len);
	over = len == nonce.len && is(given, nonce.data, len);
	(void)tpm_take(&m, CLOCK_SIZE + VERSION_SIZE);
	of = tpm_get(&m, 4) == 1 && tpm_get(&m, 2) == ALG_SHA256 &&
	     tpm_get(&m, 1) == ATTEST_SELECT_SIZE &&
	     is(tpm_take(&m, ATTEST_SELECT_SIZE), ATTEST_SELECT, ATTEST_SELECT_SIZE);
	same = tpm_get(&m, 2) == SHA256_SIZE &&
	       is(tpm_take(&m, SHA256_SIZE), digest, SHA256_SIZE);
	if (!generated || m.len != m.end) {
		refuse(j, "attested", "is no quote that a TPM has made of our registers");
		return;
	}
	if (!over)
		refuse(j, "nonce",
			"the quote is about another one, and no answer to this question");
	if (!of)
		refuse(j, "attested", "is about other registers");
	if (!same)
		refuse(j, "pcrs", "the values are not those that were signed");
}

static int read_values(struct judged *j)
{
	const json_t *pcrs = json_object_get(j->quote, "pcrs");
	char number[QUOTE_NUMBER_SIZE];

	for (size_t i = 0; i < ATTEST_PCRS; i++) {
		const char *text;

		quote_number(i, number);
		text = json_string_of(pcrs, number);
		if (!text || strlen(text) != 2 * SHA256_SIZE ||
			hex_decode(text, j->values[i], SHA256_SIZE) < 0)
			return -EINVAL;
	}
	return 0;
}

static EVP_PKEY *key_of(const char *pem)
{
	_cleanup_(BIO_free_allp) BIO *in = BIO_new_mem_buf(pem, -1);

	return in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
}

static int fingerprint_of(EVP_PKEY *key, char ret[SHA256_TEXT_SIZE])
{
	_cleanup_(freep) uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	return len > 0 ? digest_sha256_text(span_of(der, (size_t)len), ret) : -EINVAL;
}

static bool verifies(EVP_PKEY *key, struct span signature, struct span attested)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx && EVP_PKEY_is_a(key, "EC") &&
	       EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, signature.data, signature.len, attested.data,
		       attested.len) == 1;
}

/* By the key that was noted at the installation, not by whichever one comes along. */
static void judge_signature(
	struct judged *j, struct span signature, const char *key_sha256, json_t *result)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_of(json_string_of(j->quote, "key"));
	char found[SHA256_TEXT_SIZE] = "";

	if (!key || fingerprint_of(key, found) < 0) {
		refuse(j, "key", "is none");
		return;
	}
	json_object_set_new(result, "key_sha256", json_string(found));
	if (strcmp(found, key_sha256) != 0)
		refuse(j, "key", "is not the one of this machine");
	if (!verifies(key, signature, j->attested))
		refuse(j, "signature", "is not by this key over what is attested");
}

static json_t *judge_pcr(
	struct judged *j, size_t i, const char *number, const json_t *predicted)
{
	const char *value = json_string_of(json_object_get(j->quote, "pcrs"), number);
	const json_t *expected = json_object_get(predicted, number);
	const char *wanted = json_string_of(expected, "value");
	const json_t *by = json_object_get(expected, "decided_by");
	bool same = wanted && strcasecmp(wanted, value) == 0;

	if (!wanted && i >= ATTEST_FIRMWARE)
		json_array_append_new(j->reasons,
			json_sprintf("PCR %s: nothing is predicted of it", number));
	if (wanted && !same)
		json_array_append_new(j->reasons,
			json_sprintf("PCR %s: %s, predicted %s", number, value, wanted));
	return json_pack("{s:s, s:o, s:O, s:o}", "value", value, "predicted",
		wanted ? json_string(wanted) : json_null(), "decided_by",
		by ? by : json_null(), "same", wanted ? json_boolean(same) : json_null());
}

static void judge_pcrs(struct judged *j, const json_t *predicted, json_t *result)
{
	json_t *all = json_object();
	char number[QUOTE_NUMBER_SIZE];
	const char *key;
	json_t *pcr;

	for (size_t i = 0; i < ATTEST_PCRS; i++) {
		quote_number(i, number);
		json_object_set_new(all, number, judge_pcr(j, i, number, predicted));
	}
	json_object_foreach((json_t *)(uintptr_t)predicted, key, pcr)
	{
		if (!json_object_get(all, key))
			refuse(j, "statement", "predicts a register that is not quoted");
	}
	json_object_set_new(result, "pcrs", all);
}

static void judge(struct judged *j, struct span nonce, const char *key_sha256,
	const json_t *predicted, json_t *result)
{
	_cleanup_(freep) uint8_t *attested = NULL, *signature = NULL;
	const char *format = json_string_of(j->quote, "format");
	const char *a = json_string_of(j->quote, "attested");
	const char *s = json_string_of(j->quote, "signature");
	const char *bank = json_string_of(j->quote, "bank");
	size_t attested_len = 0, signature_len = 0;

	if (!format || strcmp(format, "sealgate-quote 1") != 0 || !bank ||
		strcmp(bank, "sha256") != 0 || !json_string_of(j->quote, "key") || !a ||
		base64_decode(span_str(a), &attested, &attested_len) < 0 || !s ||
		base64_decode(span_str(s), &signature, &signature_len) < 0 ||
		read_values(j) < 0) {
		refuse(j, "quote", "has not the form of one");
		return;
	}
	j->attested = span_of(attested, attested_len);
	judge_signature(j, span_of(signature, signature_len), key_sha256, result);
	judge_attested(j, nonce);
	judge_pcrs(j, predicted, result);
}

json_t *quote_judge(const json_t *quote, struct span nonce, const char *key_sha256,
	const json_t *predicted)
{
	struct judged j = { .quote = quote, .reasons = json_array() };
	json_t *result = json_pack("{s:O}", "reasons", j.reasons);

	if (result) {
		judge(&j, nonce, key_sha256, predicted, result);
		json_object_set_new(
			result, "ok", json_boolean(json_array_size(j.reasons) == 0));
	}
	json_decref(j.reasons);
	return result;
}

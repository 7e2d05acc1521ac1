/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whole containers for tests, made as the gate makes them; every step can be spoilt.
 */
#ifndef SEALGATE_TESTS_EVIDENCE_SEALED_H
#define SEALGATE_TESTS_EVIDENCE_SEALED_H

#include "common/digest.h"
#include "common/limits.h"
#include "evidence/container.h"
#include "evidence/receipt.h"
#include "house.h"
#include "pki/token.h"

#define SEALED_ID "01J00000000000000000000000"
#define SEALED_DOCUMENT                                                                  \
	"<?xml version=\"1.0\"?>\r\n<SPSCertificate>\xc3\xa9</SPSCertificate>\n"
#define SEALED_POLICY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SEALED_STORE "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct sealed {
	char *report;  /* JSON; owned */
	char *receipt; /* owned */
	struct container_plan plan;
	const X509 *chain[1];
};

/* By how much receipts lie about the size. */
static size_t SEALED_SIZE_OFF;

HOUSE char *sealed_report(const char *document, const char *decision, const char *policy)
{
	char sha256[SHA256_TEXT_SIZE], *text;

	assert_int_equal(digest_sha256_text(span_str(document), sha256), 0);
	assert_true(asprintf(&text,
			    "{\"decision\":\"%s\",\"findings\":[],\"policy_digest\":\"%s"
			    "\",\"sha256\":\"%s\",\"signatures\":[],\"store_version\":"
			    "\"" SEALED_STORE "\"}",
			    decision, policy, sha256) > 0);
	return text;
}

/* A receipt over the document by the house's key for receipts, or by another. */
HOUSE char *sealed_receipt(const char *document, const char *state, bool test,
	EVP_PKEY *key, const X509 *certificate)
{
	char sha256[SHA256_TEXT_SIZE], *input, *text;
	uint8_t digest[SHA256_SIZE], value[64];
	struct receipt_signer *signer;
	unsigned char *der = NULL;
	int len = i2d_X509(certificate, &der);

	assert_int_equal(digest_sha256_text(span_str(document), sha256), 0);
	assert_int_equal(receipt_signer_new(span_of(der, (size_t)len), &signer), 0);
	assert_int_equal(
		receipt_signing_input(&(struct receipt_claims){ .instance = "unit",
					      .test = test,
					      .id = SEALED_ID,
					      .partner = "XX",
					      .sha256 = sha256,
					      .size = strlen(document) + SEALED_SIZE_OFF,
					      .received = 1780660800,
					      .state = state,
					      .hold_reason = "",
					      .type = "PHYTO",
					      .number = "1",
					      .status = "70",
					      .country = "XX",
					      .import_country = "BE",
					      .policy_digest = SEALED_POLICY,
					      .store_version = SEALED_STORE,
					      .audit_record_sha256 = SEALED_STORE },
			signer, &input),
		0);
	assert_int_equal(digest_sha256(span_str(input), digest), 0);
	house_sign(key, digest, sizeof(digest), value);
	assert_int_equal(receipt_assemble(input, value, &text), 0);
	receipt_signer_free(signer);
	OPENSSL_free(der);
	free(input);
	return text;
}

HOUSE void sealed_plan(struct sealed *s, const struct house *h)
{
	*s = (struct sealed){ .report = sealed_report(
				      SEALED_DOCUMENT, "accepted", SEALED_POLICY),
		.receipt = sealed_receipt(
			SEALED_DOCUMENT, "accepted", true, h->receipt_key, h->receipt) };
	s->plan = (struct container_plan){ .document = span_str(SEALED_DOCUMENT),
		.report = span_str(s->report),
		.receipt = span_str(s->receipt),
		.document_id = SEALED_ID,
		.instance = "unit",
		.test = true,
		.signer = h->seal,
		.chain = s->chain,
		.mechanism = "ecdsa-sha256",
		.signing_time = h->now };
}

HOUSE void sealed_done(struct sealed *s)
{
	free(s->report);
	free(s->receipt);
}

HOUSE void sealed_stamp(const struct house *h, struct container *c, int64_t gen_time)
{
	_cleanup_(freep) uint8_t *query = NULL, *token = NULL;
	_cleanup_(freep) char *reason = NULL;
	uint8_t digest[SHA256_SIZE];
	unsigned char *answer;
	struct buf octets;
	size_t len;

	buf_init(&octets, 65536);
	assert_int_equal(container_timestamp_octets(c, &octets), 0);
	assert_int_equal(digest_sha256(buf_span(&octets), digest), 0);
	assert_int_equal(token_request(digest, 7, &query, &len), 0);
	len = house_answer(h, span_of(query, len), gen_time, &answer);
	assert_int_equal(
		token_response(span_of(answer, len), digest, 7, &token, &len, &reason),
		1);
	assert_int_equal(container_add_timestamp(c, span_of(token, len)), 0);
	OPENSSL_free(answer);
	buf_done(&octets);
}

/* gen_time 0: without a time-stamp. The caller frees *ret. */
HOUSE void sealed_make(const struct house *h, const struct container_plan *plan,
	EVP_PKEY *key, int64_t gen_time, struct buf *ret)
{
	_cleanup_(container_freep) struct container *c = NULL;
	_cleanup_(freep) char *reason = NULL;
	uint8_t digest[64], value[64];
	size_t len;

	assert_int_equal(container_prepare(plan, &c, digest, &len, &reason), 0);
	assert_int_equal(len, 32);
	house_sign(key, digest, len, value);
	assert_int_equal(container_set_value(c, span_of(value, sizeof(value))), 0);
	if (gen_time)
		sealed_stamp(h, c, gen_time);
	buf_init(ret, LIMIT_CONTAINER);
	assert_int_equal(container_finish(c, ret), 0);
}

#endif

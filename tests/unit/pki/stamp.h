/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A time-stamping authority that answers at any time asked; never used outside tests.
 */
#ifndef SEALGATE_TESTS_PKI_STAMP_H
#define SEALGATE_TESTS_PKI_STAMP_H

#include "tests/unit/pki/fixture.h"

#include "common/digest.h"
#include "pki/token.h"

static UNUSED ASN1_INTEGER *one_serial(TS_RESP_CTX *ctx, void *data)
{
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	(void)ctx;
	(void)data;
	ASN1_INTEGER_set(serial, 42);
	return serial;
}

static UNUSED int fixed_time(
	TS_RESP_CTX *ctx, void *data, long *seconds, long *microseconds)
{
	(void)ctx;
	*seconds = (long)*(const int64_t *)data;
	*microseconds = 0;
	return 1;
}

/* A TimeStampToken of an authority over some octets. */
static UNUSED struct octets stamp(const struct party *tsa, struct span data, int64_t at)
{
	TS_RESP_CTX *ctx = TS_RESP_CTX_new();
	ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4.1", 1);
	uint8_t digest[32], *request;
	size_t len;
	struct octets out = { 0 };
	TS_RESP *response;
	BIO *in;

	assert_int_equal(digest_sha256(data, digest), 0);
	assert_int_equal(token_request(digest, 1, &request, &len), 0);
	in = BIO_new_mem_buf(request, (int)len);
	assert_true(TS_RESP_CTX_set_signer_cert(ctx, tsa->cert));
	assert_true(TS_RESP_CTX_set_signer_key(ctx, tsa->key));
	TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256());
	TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256());
	TS_RESP_CTX_add_md(ctx, EVP_sha256());
	TS_RESP_CTX_set_def_policy(ctx, policy);
	TS_RESP_CTX_set_serial_cb(ctx, one_serial, NULL);
	TS_RESP_CTX_set_time_cb(ctx, fixed_time, &at);
	response = TS_RESP_create_response(ctx, in);
	assert_non_null(response);
	out.len = i2d_PKCS7(TS_RESP_get_token(response), &out.data);
	assert_true(out.len > 0);
	TS_RESP_free(response);
	BIO_free(in);
	free(request);
	ASN1_OBJECT_free(policy);
	TS_RESP_CTX_free(ctx);
	return out;
}

#endif

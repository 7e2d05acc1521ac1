/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/fixture.h"

#include "pki/token.h"

#include <openssl/cms.h>

#define STAMPED "2026-06-05T12:00:00Z"
#define NOW "2026-06-05T12:10:00Z"

struct house {
	struct party ca, tsa;
	struct pki_material *m;
};

static const char DATA[] = "what was stamped";
static const uint64_t NONCE = 0x1122334455667788u;

static struct party tsa_of(const struct party *ca, const char *usage)
{
	return party_make((struct order){ .name = "TSA",
		.issuer = ca,
		.serial = 7,
		.extensions = { { NID_key_usage, "critical,digitalSignature" },
			{ NID_ext_key_usage, usage },
			{ NID_authority_key_identifier, "keyid" } } });
}

static struct house house_make(void)
{
	struct house h = { .m = pki_material_new() };

	h.ca = party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	h.tsa = tsa_of(&h.ca, "critical,timeStamping");
	trust_in(h.m, h.ca.cert);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-05T00:00:00Z",
			       .to = "2026-06-06T00:00:00Z" });
	return h;
}

static void house_done(struct house *h)
{
	party_done(&h->ca);
	party_done(&h->tsa);
	pki_material_free(h->m);
}

static ASN1_INTEGER *one_serial(TS_RESP_CTX *ctx, void *data)
{
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	(void)ctx;
	(void)data;
	ASN1_INTEGER_set(serial, 42);
	return serial;
}

static int fixed_time(TS_RESP_CTX *ctx, void *data, long *seconds, long *microseconds)
{
	(void)ctx;
	(void)data;
	*seconds = (long)when(STAMPED);
	*microseconds = 0;
	return 1;
}

/* Answer a request. The library itself refuses to use a certificate without the extended
 * key usage, so a wrong one is put in its place by the caller of with_key. */
static struct octets respond(const struct party *tsa, struct span request)
{
	TS_RESP_CTX *ctx = TS_RESP_CTX_new();
	ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4.1", 1);
	BIO *in = BIO_new_mem_buf(request.data, (int)request.len);
	struct octets out = { 0 };
	TS_RESP *response;

	assert_true(TS_RESP_CTX_set_signer_cert(ctx, tsa->cert));
	assert_true(TS_RESP_CTX_set_signer_key(ctx, tsa->key));
	TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256());
	TS_RESP_CTX_set_def_policy(ctx, policy);
	TS_RESP_CTX_add_md(ctx, EVP_sha256());
	TS_RESP_CTX_set_serial_cb(ctx, one_serial, NULL);
	TS_RESP_CTX_set_time_cb(ctx, fixed_time, NULL);
	TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256());
	response = TS_RESP_create_response(ctx, in);
	assert_non_null(response);
	out.len = i2d_TS_RESP(response, &out.data);
	TS_RESP_free(response);
	ASN1_OBJECT_free(policy);
	TS_RESP_CTX_free(ctx);
	BIO_free(in);
	return out;
}

static void digest_of(const char *data, uint8_t digest[32])
{
	assert_int_equal(digest_sha256(span_str(data), digest), 0);
}

/* A token over DATA by way of our own request and our own reading of the response. */
static struct octets stamp(const struct party *tsa)
{
	uint8_t digest[32], *request, *token = NULL;
	struct octets response, out = { 0 };
	size_t len, token_len;
	char *reason = NULL;

	digest_of(DATA, digest);
	assert_int_equal(token_request(digest, NONCE, &request, &len), 0);
	response = respond(tsa, span_of(request, len));
	assert_int_equal(token_response(span_of_octets(&response), digest, NONCE, &token,
				 &token_len, &reason),
		1);
	assert_null(reason);
	out.data = OPENSSL_memdup(token, token_len);
	out.len = (int)token_len;
	free(token);
	free(request);
	octets_done(&response);
	return out;
}

static struct token_result verify(const struct octets *token, const char *data,
	const struct pki_material *m, const char *at)
{
	struct token_result r = { 0 };

	assert_int_equal(
		token_verify(span_of_octets(token), span_str(data), m, when(at), &r), 0);
	assert_int_not_equal(r.outcome, TOKEN_UNDECIDED);
	assert_non_null(r.reason);
	return r;
}

static enum token_outcome outcome_of(const struct octets *token, const char *data,
	const struct pki_material *m, const char *at)
{
	struct token_result r = verify(token, data, m, at);
	enum token_outcome outcome = r.outcome;

	token_result_done(&r);
	return outcome;
}

static void a_token_passes(void **state)
{
	struct house h = house_make();
	struct octets token = stamp(&h.tsa);
	struct token_result r = verify(&token, DATA, h.m, NOW);

	(void)state;
	assert_int_equal(r.outcome, TOKEN_PASSED);
	assert_true(r.gen_time == when(STAMPED));
	assert_string_equal(r.digest_name, "SHA256");
	assert_string_equal(r.signature_digest, "SHA256");
	assert_string_equal(r.policy, "1.2.3.4.1");
	assert_string_equal(r.serial, "2a");
	assert_string_equal(r.key.algorithm, "EC");
	assert_int_equal(X509_cmp(r.signer, h.tsa.cert), 0);
	assert_int_equal(r.path.outcome, PKI_PASSED);
	assert_string_equal(token_outcome_text(&r), "");
	token_result_done(&r);
	octets_done(&token);
	house_done(&h);
}

static void about_other_data(void **state)
{
	struct house h = house_make();
	struct octets token = stamp(&h.tsa);
	struct token_result r = verify(&token, "something else", h.m, NOW);

	(void)state;
	assert_int_equal(r.outcome, TOKEN_IMPRINT_MISMATCH);
	assert_string_equal(token_outcome_text(&r), "HASH_FAILURE");
	assert_true(r.gen_time == when(STAMPED));
	token_result_done(&r);
	octets_done(&token);
	house_done(&h);
}

static void without_a_trusted_authority(void **state)
{
	struct house h = house_make();
	struct pki_material *none = pki_material_new();
	struct octets token = stamp(&h.tsa);
	struct token_result r = verify(&token, DATA, none, NOW);

	(void)state;
	assert_int_equal(r.outcome, TOKEN_PATH);
	assert_int_equal(r.path.outcome, PKI_NO_PATH);
	assert_string_equal(token_outcome_text(&r), "NO_CERTIFICATE_CHAIN_FOUND");
	token_result_done(&r);
	assert_int_equal(
		outcome_of(&token, DATA, h.m, "2026-07-05T12:00:00Z"), TOKEN_PATH);
	octets_done(&token);
	pki_material_free(none);
	house_done(&h);
}

static void intact_says_nothing_about_whose(void **state)
{
	struct house h = house_make();
	struct octets token = stamp(&h.tsa);
	struct token_result r = { 0 };

	(void)state;
	assert_int_equal(
		token_inspect(span_of_octets(&token), span_str(DATA), NULL, &r), 0);
	assert_int_equal(r.outcome, TOKEN_PASSED);
	assert_int_equal(r.path.outcome, PKI_UNDECIDED);
	token_result_done(&r);
	octets_done(&token);
	house_done(&h);
}

static void no_octet_may_change(void **state)
{
	struct house h = house_make();
	struct octets token = stamp(&h.tsa);
	int accepted = 0;

	(void)state;
	for (int i = 0; i < token.len; i++) {
		struct token_result r;

		token.data[i] ^= 0x04;
		r = verify(&token, DATA, h.m, NOW);
		/* Outside the signature a token holds the certificates: the time and the
		 * imprint that come out must be the signed ones whatever changes there.
		 */
		if (r.outcome == TOKEN_PASSED) {
			accepted++;
			assert_true(r.gen_time == when(STAMPED));
			assert_int_equal(X509_cmp(r.signer, h.tsa.cert), 0);
		}
		token_result_done(&r);
		token.data[i] ^= 0x04;
	}
	/* Algorithm parameters and versions outside the signed octets, a handful. */
	assert_true(accepted < 12);
	octets_done(&token);
	house_done(&h);
}

static void truncated_or_with_octets_behind(void **state)
{
	struct house h = house_make();
	struct octets token = stamp(&h.tsa);
	struct octets longer = { .data = OPENSSL_zalloc((size_t)token.len + 1),
		.len = token.len + 1 };

	(void)state;
	memcpy(longer.data, token.data, (size_t)token.len);
	assert_int_equal(outcome_of(&longer, DATA, h.m, NOW), TOKEN_MALFORMED);
	for (int len = 0; len < token.len; len += 7) {
		struct octets shorter = { .data = token.data, .len = len };

		assert_int_equal(outcome_of(&shorter, DATA, h.m, NOW), TOKEN_MALFORMED);
	}
	octets_done(&longer);
	octets_done(&token);
	house_done(&h);
}

/* The same TSTInfo as in token, signed anew by whoever; cades: with ESSCertIDv2. */
static struct octets sign_again(
	const struct octets *token, const struct party *who, bool cades)
{
	const unsigned char *p = token->data;
	CMS_ContentInfo *old = d2i_CMS_ContentInfo(NULL, &p, token->len);
	ASN1_OCTET_STRING *info = *CMS_get0_content(old);
	BIO *in = BIO_new_mem_buf(ASN1_STRING_get0_data(info), ASN1_STRING_length(info));
	CMS_ContentInfo *cms = CMS_sign(
		NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP);
	struct octets out = { 0 };

	CMS_set1_eContentType(cms, OBJ_nid2obj(NID_id_smime_ct_TSTInfo));
	assert_non_null(CMS_add1_signer(cms, who->cert, who->key, EVP_sha256(),
		CMS_BINARY | (cades ? (unsigned int)CMS_CADES : 0)));
	assert_true(CMS_final(cms, in, NULL, CMS_BINARY));
	out.len = i2d_CMS_ContentInfo(cms, &out.data);
	CMS_ContentInfo_free(cms);
	CMS_ContentInfo_free(old);
	BIO_free(in);
	return out;
}

static void signed_by(const struct house *h, const struct party *who, bool cades,
	enum token_outcome expected)
{
	struct octets token = stamp(&h->tsa), again = sign_again(&token, who, cades);

	assert_int_equal(outcome_of(&again, DATA, h->m, NOW), expected);
	octets_done(&token);
	octets_done(&again);
}

static void the_signer_has_to_be_for_this_alone(void **state)
{
	static const char *const wrong[] = { "timeStamping",
		"critical,timeStamping,clientAuth", "critical,clientAuth",
		"critical,anyExtendedKeyUsage" };
	struct house h = house_make();
	struct party none = party_make((struct order){ .name = "TSA",
		.issuer = &h.ca,
		.serial = 7,
		.extensions = { { NID_key_usage, "critical,digitalSignature" } } });

	(void)state;
	signed_by(&h, &h.tsa, true, TOKEN_PASSED);
	signed_by(&h, &none, true, TOKEN_SIGNATURE_WRONG);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct party tsa = tsa_of(&h.ca, wrong[i]);

		signed_by(&h, &tsa, true, TOKEN_SIGNATURE_WRONG);
		party_done(&tsa);
	}
	party_done(&none);
	house_done(&h);
}

static void the_signer_has_to_be_named(void **state)
{
	struct house h = house_make();

	(void)state;
	signed_by(&h, &h.tsa, false, TOKEN_SIGNATURE_WRONG);
	house_done(&h);
}

/* Another certificate of the same key, name and number in place of the one that is named.
 */
static void the_certificate_is_bound(void **state)
{
	struct house h = house_make();
	struct octets token = stamp(&h.tsa), genuine = der_of(h.tsa.cert), other = { 0 };
	unsigned char *place =
		memmem(token.data, (size_t)token.len, genuine.data, (size_t)genuine.len);

	(void)state;
	assert_non_null(place);
	/* An ECDSA signature varies in length by an octet or two. */
	while (other.len != genuine.len) {
		struct party twin = party_make((struct order){ .name = "TSA",
			.issuer = &h.ca,
			.serial = 7,
			.key = h.tsa.key,
			.to = "2027-01-01T00:00:00Z",
			.extensions = { { NID_key_usage, "critical,digitalSignature" },
				{ NID_ext_key_usage, "critical,timeStamping" },
				{ NID_authority_key_identifier, "keyid" } } });

		octets_done(&other);
		other = der_of(twin.cert);
		party_done(&twin);
	}
	memcpy(place, other.data, (size_t)other.len);
	assert_int_equal(outcome_of(&token, DATA, h.m, NOW), TOKEN_SIGNATURE_WRONG);
	octets_done(&genuine);
	octets_done(&other);
	octets_done(&token);
	house_done(&h);
}

static void responses_that_are_refused(void **state)
{
	struct house h = house_make();
	uint8_t digest[32], other[32], *request, *token = NULL;
	struct octets response;
	size_t len, token_len;
	char *reason = NULL;

	(void)state;
	digest_of(DATA, digest);
	digest_of("other", other);
	assert_int_equal(token_request(digest, NONCE, &request, &len), 0);
	response = respond(&h.tsa, span_of(request, len));
	assert_int_equal(token_response(span_of_octets(&response), other, NONCE, &token,
				 &token_len, &reason),
		0);
	assert_string_equal(reason, "the token is about other data");
	free(reason);
	assert_int_equal(token_response(span_of_octets(&response), digest, NONCE + 1,
				 &token, &token_len, &reason),
		0);
	assert_string_equal(reason, "the token answers another request");
	free(reason);
	octets_done(&response);
	/* A request that is none: the authority answers with a refusal. */
	response = respond(&h.tsa, span_str("0"));
	assert_int_equal(token_response(span_of_octets(&response), digest, NONCE, &token,
				 &token_len, &reason),
		0);
	assert_non_null(strstr(reason, "refused with status 2"));
	free(reason);
	octets_done(&response);
	assert_int_equal(token_response(span_str("<html>"), digest, NONCE, &token,
				 &token_len, &reason),
		0);
	assert_string_equal(reason, "it is not a time-stamp response");
	free(reason);
	assert_null(token);
	free(request);
	house_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_passes),
		cmocka_unit_test(about_other_data),
		cmocka_unit_test(without_a_trusted_authority),
		cmocka_unit_test(intact_says_nothing_about_whose),
		cmocka_unit_test(no_octet_may_change),
		cmocka_unit_test(truncated_or_with_octets_behind),
		cmocka_unit_test(the_signer_has_to_be_for_this_alone),
		cmocka_unit_test(the_signer_has_to_be_named),
		cmocka_unit_test(the_certificate_is_bound),
		cmocka_unit_test(responses_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

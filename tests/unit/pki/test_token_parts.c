/* SPDX-License-Identifier: EUPL-1.2 */
/* A token taken apart against the same token decoded whole. */
#include "tests/unit/pki/stamp.h"

#include "pki/token_parts.h"

#define STAMPED "2026-06-05T12:00:00Z"

static const char DATA[] = "what was stamped";

static struct octets make(void)
{
	struct party ca =
		party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	struct party tsa = party_make((struct order){ .name = "TSA",
		.issuer = &ca,
		.serial = 7,
		.extensions = { { NID_key_usage, "critical,digitalSignature" },
			{ NID_ext_key_usage, "critical,timeStamping" },
			{ NID_authority_key_identifier, "keyid" } } });
	struct octets token = stamp(&tsa, span_of(DATA, sizeof(DATA)), when(STAMPED));

	party_done(&ca);
	party_done(&tsa);
	return token;
}

/* What the library alone makes of it. */
static bool whole(struct span der, STACK_OF(X509) * *ret_carried)
{
	const unsigned char *p = der.data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.len);
	bool ok = cms && p == der.data + der.len;

	*ret_carried = ok ? CMS_get1_certs(cms) : NULL;
	CMS_ContentInfo_free(cms);
	return ok;
}

static void assert_same(struct span der)
{
	STACK_OF(X509) *expected = NULL, *carried = NULL;
	bool ok = whole(der, &expected);
	CMS_ContentInfo *cms = token_parts_read(der, &carried);

	assert_int_equal(cms != NULL, ok);
	assert_int_equal(sk_X509_num(carried), sk_X509_num(expected));
	for (int i = 0; i < sk_X509_num(expected); i++)
		assert_int_equal(
			X509_cmp(sk_X509_value(carried, i), sk_X509_value(expected, i)),
			0);
	CMS_ContentInfo_free(cms);
	sk_X509_pop_free(carried, X509_free);
	sk_X509_pop_free(expected, X509_free);
}

static void test_apart(void **state)
{
	struct octets token = make();
	STACK_OF(X509) *carried = NULL, *left;
	CMS_ContentInfo *cms;

	(void)state;
	cms = token_parts_read(span_of(token.data, (size_t)token.len), &carried);
	assert_non_null(cms);
	assert_int_equal(sk_X509_num(carried), 1);
	left = CMS_get1_certs(cms);
	assert_int_equal(sk_X509_num(left) <= 0, 1);
	sk_X509_pop_free(left, X509_free);
	sk_X509_pop_free(carried, X509_free);
	CMS_ContentInfo_free(cms);
	octets_done(&token);
}

static void test_every_octet(void **state)
{
	static const uint8_t FLIPS[] = { 0x01, 0x20, 0x80, 0xff };
	struct octets token = make();

	(void)state;
	for (int i = 0; i < token.len; i++)
		for (size_t f = 0; f < sizeof(FLIPS); f++) {
			token.data[i] ^= FLIPS[f];
			assert_same(span_of(token.data, (size_t)token.len));
			token.data[i] ^= FLIPS[f];
		}
	octets_done(&token);
}

static void test_every_length(void **state)
{
	struct octets token = make();
	uint8_t *longer = malloc((size_t)token.len + 1);

	(void)state;
	for (int i = 0; i <= token.len; i++)
		assert_same(span_of(token.data, (size_t)i));
	memcpy(longer, token.data, (size_t)token.len);
	longer[token.len] = 0;
	assert_same(span_of(longer, (size_t)token.len + 1));
	free(longer);
	octets_done(&token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

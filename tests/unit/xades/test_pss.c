/* SPDX-License-Identifier: EUPL-1.2 */
/* RSASSA-PSS with parameters (RFC 9231 2.3.9): the document chooses the digest, and the
 * catalogue judges what it chose. */
#include "tests/unit/xades/one_house.h"

#include "common/encode.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>

#define PSS_FIXED "\"http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1\"/>"
#define PSS_WITH(inside)                                                                 \
	"\"http://www.w3.org/2007/05/xmldsig-more#rsa-pss\">" inside                     \
	"</ds:SignatureMethod>"
#define PARAMETERS(inside)                                                               \
	PSS_WITH("<pss:RSAPSSParams "                                                    \
		 "xmlns:pss=\"http://www.w3.org/2007/05/xmldsig-more#\">" inside         \
		 "</pss:RSAPSSParams>")
#define DIGEST(uri) "<ds:DigestMethod Algorithm=\"" uri "\"></ds:DigestMethod>"
#define SHA1 DIGEST("http://www.w3.org/2000/09/xmldsig#sha1")
#define SHA384 DIGEST("http://www.w3.org/2001/04/xmldsig-more#sha384")

static int in_signed_info(void *data, xmlNode *n, xmlNode *parent)
{
	(void)data;
	/* A namespace is asked about with the element that has it. */
	for (n = n->type == XML_NAMESPACE_DECL ? parent : n; n; n = n->parent) {
		if (n->type == XML_ELEMENT_NODE &&
			strcmp((const char *)n->name, "SignedInfo") == 0)
			return 1;
		if (n->type == XML_DOCUMENT_NODE)
			break;
	}
	return 0;
}

/* The canonical SignedInfo; release with xmlFree. */
static xmlChar *signed_info_of(const char *text)
{
	xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), "", NULL, XML_PARSE_NONET);
	xmlOutputBuffer *out = xmlAllocOutputBuffer(NULL);
	xmlChar *octets;

	assert_non_null(doc);
	assert_true(xmlC14NExecute(doc, in_signed_info, NULL, XML_C14N_EXCLUSIVE_1_0,
			    NULL, 0, out) >= 0);
	octets = xmlStrdup(xmlOutputBufferGetContent(out));
	xmlOutputBufferClose(out);
	xmlFreeDoc(doc);
	assert_non_null(octets);
	return octets;
}

static size_t pss_value(EVP_PKEY *key, const EVP_MD *md, int salt, const xmlChar *octets,
	uint8_t value[512])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *inner;
	size_t len = 512;

	assert_int_equal(EVP_DigestSignInit(ctx, &inner, md, NULL, key), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, salt), 1);
	assert_int_equal(
		EVP_DigestSign(ctx, value, &len, octets, (size_t)xmlStrlen(octets)), 1);
	EVP_MD_CTX_free(ctx);
	return len;
}

/* Put the method in and sign anew. Only the signature value depends on it. */
static char *signed_with(const char *method, const EVP_MD *md, int salt)
{
	char *text = make(&h, (struct wish){ .place = XADES_ENVELOPED,
				      .signer = &h.rsa,
				      .method = "rsa-pss-sha256" });
	const char *from, *to;
	char *old, *new;
	xmlChar *octets;
	uint8_t value[512];
	size_t len;

	text = swap(text, PSS_FIXED, method);
	octets = signed_info_of(text);
	len = pss_value(h.rsa.key, md, salt, octets, value);
	xmlFree(octets);
	from = strchr(strstr(text, "<ds:SignatureValue"), '>') + 1;
	to = strstr(from, "</ds:SignatureValue>");
	old = strndup(from, (size_t)(to - from));
	new = base64_encode(span_of(value, len));
	assert_non_null(new);
	text = swap(text, old, new);
	free(old);
	free(new);
	return text;
}

/* The value verifies, and still: what it is made with proves nothing. */
static void too_weak(const char *method, const EVP_MD *md, int salt)
{
	char *text = signed_with(method, md, salt);

	for (int profile = XADES_GATE; profile <= XADES_EIDAS; profile++) {
		struct xades_report *r = validate(&h, text, (enum xades_profile)profile);

		assert_int_equal(r->count, 1);
		assert_true(r->signatures[0].sig_value_ok);
		assert_int_equal(r->indication, XADES_INDETERMINATE);
		assert_string_equal(
			r->sub_indication, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
		assert_true(findings_have(&r->findings, "sig.weak"));
		xades_report_free(r);
	}
	free(text);
}

static void passes(const char *method, const EVP_MD *md, int salt)
{
	char *text = signed_with(method, md, salt);

	expect(&h, strdup(text), XADES_EIDAS, XADES_TOTAL_PASSED, "");
	expect(&h, text, XADES_GATE, XADES_TOTAL_PASSED, "");
}

static void weak_digests_are_seen(void **state)
{
	(void)state;
	too_weak(PARAMETERS(SHA1), EVP_sha1(), 20);
	too_weak(PARAMETERS(SHA1 "<pss:SaltLength>8</pss:SaltLength>"), EVP_sha1(), 8);
}

/* The same method with digests that count: what was seen is the digest. */
static void strong_digests_count(void **state)
{
	(void)state;
	passes(PARAMETERS(SHA384), EVP_sha384(), 48);
	passes(PARAMETERS(SHA384 "<pss:SaltLength>20</pss:SaltLength>"), EVP_sha384(),
		20);
}

/* Without a digest SHA-256 is meant, never the one that somebody used. */
static void the_default_is_sha256(void **state)
{
	const char *const METHODS[] = { PSS_WITH(""), PARAMETERS("") };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		passes(METHODS[i], EVP_sha256(), 32);
		expect(&h, signed_with(METHODS[i], EVP_sha1(), 20), XADES_GATE,
			XADES_TOTAL_FAILED, "SIG_CRYPTO_FAILURE");
		expect(&h, signed_with(METHODS[i], EVP_sha1(), 20), XADES_EIDAS,
			XADES_TOTAL_FAILED, "SIG_CRYPTO_FAILURE");
	}
}

static void parameters_that_are_not_understood(void **state)
{
	(void)state;
	expect(&h, signed_with(PARAMETERS(DIGEST("urn:x")), EVP_sha256(), 32), XADES_GATE,
		XADES_TOTAL_FAILED, "SIG_CRYPTO_FAILURE");
	expect(&h,
		signed_with(PARAMETERS("<pss:TrailerField>2</pss:TrailerField>"),
			EVP_sha256(), 32),
		XADES_GATE, XADES_TOTAL_FAILED, "SIG_CRYPTO_FAILURE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weak_digests_are_seen),
		cmocka_unit_test(strong_digests_count),
		cmocka_unit_test(the_default_is_sha256),
		cmocka_unit_test(parameters_that_are_not_understood),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

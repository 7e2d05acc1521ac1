/* SPDX-License-Identifier: EUPL-1.2 */
/* The admission profile: what it refuses although the signature is cryptographically
 * right or general validators take it. */
#include "tests/unit/xades/one_house.h"

#include "xades/catalogue.h"

/* Valid in general, refused at the gate with this finding. */
static void only_general(char *text, const char *code)
{
	struct xades_report *r = validate(&h, text, XADES_EIDAS);

	if (r->indication != XADES_TOTAL_PASSED)
		fail_msg("%s: %s", r->sub_indication,
			r->findings.count ? r->findings.list[0].message : "");
	xades_report_free(r);
	r = validate(&h, text, XADES_GATE);
	assert_int_not_equal(r->indication, XADES_TOTAL_PASSED);
	if (!findings_have(&r->findings, code))
		fail_msg("no %s but %s", code,
			r->findings.count ? r->findings.list[0].reason->code : "nothing");
	xades_report_free(r);
	free(text);
}

/* EN 319 132-1 4.3.1: the properties name their signature. */
static void target(void **state)
{
	(void)state;
	only_general(swap(plain(), "Target=\"#s1\"", "Target=\"#s2\""), "sig.target");
	only_general(swap(plain(), " Target=\"#s1\"", ""), "sig.target");
}

static void key_info_shapes(void **state)
{
	(void)state;
	only_general(
		swap(plain(), "</ds:KeyInfo>", "<ds:KeyName>n</ds:KeyName></ds:KeyInfo>"),
		"sig.key-info");
	only_general(swap(plain(), "<ds:KeyInfo>",
			     "<ds:KeyInfo><ds:RetrievalMethod URI=\"#s1\"/>"),
		"sig.key-info");
}

static void more_objects(void **state)
{
	(void)state;
	only_general(swap(plain(), "</ds:Signature>",
			     "<ds:Object>hidden</ds:Object></ds:Signature>"),
		"sig.format");
}

/* A signature somewhere below: it may say more than the eye sees. */
static void place(void **state)
{
	char *text = plain();

	(void)state;
	text = swap(text, "<ds:Signature ", "<a:x><ds:Signature ");
	text = swap(text, "</ds:Signature>", "</ds:Signature></a:x>");
	expect(&h, text, XADES_GATE, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
}

/* Identifiers that nobody refers to are unique, too. */
static void identifiers(void **state)
{
	char *text = make(&h, (struct wish){ .place = XADES_PARALLEL,
				      .document = span_str("<d><a Id=\"q\"></a>"
							   "<b ID=\"q\"></b></d>") });

	(void)state;
	only_general(text, "xml.duplicate-id");
}

/* Only a part is signed: built from a reference over an element. */
static void coverage(void **state)
{
	char *text = plain();
	struct xades_report *r;

	(void)state;
	text = swap(text, " URI=\"\"", " URI=\"#xades-s1\"");
	r = validate(&h, text, XADES_GATE);
	assert_int_equal(r->indication, XADES_TOTAL_FAILED);
	assert_true(findings_have(&r->findings, "sig.coverage"));
	xades_report_free(r);
	free(text);
}

static void small_key(void **state)
{
	struct party weak = signer_of(&h.ca, "Weak", 900, NULL, 1024);
	char *text = make(&h, (struct wish){ .place = XADES_ENVELOPED,
				      .signer = &weak,
				      .method = "rsa-sha256" });

	(void)state;
	expect(&h, strdup(text), XADES_EIDAS, XADES_INDETERMINATE,
		"CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
	expect(&h, text, XADES_GATE, XADES_INDETERMINATE,
		"CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
	/* What a signature must have is judged before what its path's algorithms are
	 * worth. */
	text = make(&h, (struct wish){ .place = XADES_ENVELOPED,
				.signer = &weak,
				.method = "rsa-sha256",
				.signed_at = "2020-01-01T00:00:00Z" });
	expect(&h, text, XADES_EIDAS, XADES_INDETERMINATE, "SIG_CONSTRAINTS_FAILURE");
	party_done(&weak);
}

static void too_many_signatures(void **state)
{
	struct buf b;
	struct xades_report *r;

	(void)state;
	buf_init(&b, 1u << 20);
	buf_add_str(&b, "<d>");
	for (int i = 0; i < 100; i++)
		buf_add_str(&b,
			"<Signature "
			"xmlns=\"http://www.w3.org/2000/09/xmldsig#\"></Signature>");
	buf_add_str(&b, "</d>");
	for (int profile = XADES_GATE; profile <= XADES_EIDAS; profile++) {
		r = validate(&h, b.data, (enum xades_profile)profile);
		assert_int_equal(r->indication, XADES_TOTAL_FAILED);
		assert_true(findings_have(&r->findings, "sig.too-many"));
		xades_report_free(r);
	}
	buf_done(&b);
}

/* TS 119 312: SHA-1 until 2012-08-01, RSA 1900 until 2029, ECDSA 256 without end. */
static void catalogue(void **state)
{
	struct pki_key_info rsa = { "RSA", "", 2048 }, ec = { "EC", "P-256", 256 };
	struct pki_key_info ed = { "Ed25519", "", 256 };

	(void)state;
	assert_true(catalogue_digest(XADES_EIDAS, "SHA1", when("2012-07-31T23:59:59Z")));
	assert_false(catalogue_digest(XADES_EIDAS, "SHA1", when("2012-08-01T00:00:00Z")));
	assert_false(catalogue_digest(XADES_GATE, "SHA1", when("2012-07-31T23:59:59Z")));
	assert_true(catalogue_digest(XADES_GATE, "SHA256", when("2100-01-01T00:00:00Z")));
	assert_false(catalogue_digest(XADES_EIDAS, "CRC32", 0));
	assert_false(catalogue_digest(XADES_EIDAS, NULL, 0));
	assert_true(catalogue_key(XADES_GATE, &rsa, false, when("2028-12-31T00:00:00Z")));
	assert_false(
		catalogue_key(XADES_GATE, &rsa, false, when("2029-01-01T00:00:00Z")));
	rsa.bits = 2047;
	assert_false(catalogue_key(XADES_GATE, &rsa, false, when(NOW)));
	assert_true(catalogue_key(XADES_EIDAS, &rsa, false, when(NOW)));
	rsa.bits = 3072;
	assert_false(
		catalogue_key(XADES_GATE, &rsa, false, when("2030-01-01T00:00:00Z")));
	assert_true(catalogue_key(XADES_GATE, &rsa, true, when("2030-01-01T00:00:00Z")));
	assert_true(catalogue_key(XADES_GATE, &ec, false, when("2100-01-01T00:00:00Z")));
	ec.bits = 224;
	assert_false(catalogue_key(XADES_GATE, &ec, false, when("2020-01-01T00:00:00Z")));
	assert_false(catalogue_key(XADES_GATE, &ed, false, when(NOW)));
}

static void replace_catalogue(const char *text, bool works)
{
	char path[] = "/tmp/sealgate-test-XXXXXX", *error = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(xades_catalogue_load(path, &error) == 0, works);
	assert_int_equal(error != NULL, !works);
	free(error);
	unlink(path);
}

/* Data of an instance takes the place of what was compiled in, whole or not at all. */
static void catalogue_of_an_instance(void **state)
{
	static const char STRICT[] =
		"digests = ({ name = \"SHA512\"; });\n"
		"keys = ({ algorithm = \"EC\"; bits = 384; until = \"2026-06-06\"; });\n"
		"gate = { digests = [ \"SHA512\" ]; rsa_bits = 4096; ec_bits = 384; };\n";
	char before[SHA256_TEXT_SIZE], *error = NULL;

	(void)state;
	memcpy(before, xades_policy_digest(), sizeof(before));
	replace_catalogue("digests = (", false);
	replace_catalogue("digests = ();", false);
	replace_catalogue("@include \"/etc/passwd\"\n", false);
	replace_catalogue("digests = ({ name = \"SHA512\"; until = \"soon\"; });", false);
	assert_string_equal(xades_policy_digest(), before);
	assert_true(catalogue_digest(XADES_GATE, "SHA256", when(NOW)));
	replace_catalogue(STRICT, true);
	assert_string_not_equal(xades_policy_digest(), before);
	assert_false(catalogue_digest(XADES_GATE, "SHA256", when(NOW)));
	expect(&h, plain(), XADES_GATE, XADES_INDETERMINATE,
		"CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
	assert_int_equal(
		xades_catalogue_load("policies/signature/algorithms.cfg", &error), 0);
	assert_string_equal(xades_policy_digest(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(target),
		cmocka_unit_test(key_info_shapes),
		cmocka_unit_test(more_objects),
		cmocka_unit_test(place),
		cmocka_unit_test(identifiers),
		cmocka_unit_test(coverage),
		cmocka_unit_test(small_key),
		cmocka_unit_test(too_many_signatures),
		cmocka_unit_test(catalogue),
		cmocka_unit_test(catalogue_of_an_instance),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

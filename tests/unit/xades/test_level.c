/* SPDX-License-Identifier: EUPL-1.2 */
/* EN 319 132-1 6.3 and 132-2: the level by the properties that are there. */
#include "tests/unit/xades/one_house.h"

#define NS_141 "http://uri.etsi.org/01903/v1.4.1#"
#define AFTER_STAMP "</xades:SignatureTimeStamp>"
#define SIGNED "<xades:SignedSignatureProperties>"

static void level(char *text, const char *expected)
{
	struct xades_report *r = validate(&h, text, XADES_EIDAS);

	assert_int_equal(r->count, 1);
	assert_string_equal(r->signatures[0].level, expected);
	xades_report_free(r);
	free(text);
}

static void baseline(void **state)
{
	(void)state;
	level(plain(), "XAdES-BASELINE-B");
	level(stamped(), "XAdES-BASELINE-T");
}

static void references_to_validation_data(void **state)
{
	(void)state;
	level(swap(stamped(), AFTER_STAMP,
		      AFTER_STAMP "<xades:CompleteCertificateRefs/>"
				  "<xades:CompleteRevocationRefs/>"),
		"XAdES-C");
	level(swap(stamped(), AFTER_STAMP,
		      AFTER_STAMP "<x:CompleteCertificateRefsV2 xmlns:x=\"" NS_141
				  "\"/><xades:CompleteRevocationRefs/>"),
		"XAdES-C");
	/* One without the other is none. */
	level(swap(stamped(), AFTER_STAMP,
		      AFTER_STAMP "<xades:CompleteCertificateRefs/>"),
		"XAdES-T");
}

static char *without_certificate(char *text)
{
	return swap(swap(text, "<xades:SigningCertificateV2>", "<xades:Other>"),
		"</xades:SigningCertificateV2>", "</xades:Other>");
}

static void policies(void **state)
{
	(void)state;
	level(without_certificate(plain()), "XAdES-BES");
	level(swap(without_certificate(plain()), SIGNED,
		      SIGNED "<xades:SignaturePolicyIdentifier>"
			     "<xades:SignaturePolicyImplied/>"
			     "</xades:SignaturePolicyIdentifier>"),
		"XAdES-EPES");
	/* A policy without its digest is none. */
	level(swap(without_certificate(plain()), SIGNED,
		      SIGNED "<xades:SignaturePolicyIdentifier>"
			     "<xades:SignaturePolicyId/>"
			     "</xades:SignaturePolicyIdentifier>"),
		"XAdES-BES");
}

static void formats_about_nothing(void **state)
{
	(void)state;
	level(swap(plain(), "<xades:DataObjectFormat ObjectReference=\"#",
		      "<xades:DataObjectFormat ObjectReference=\"#no-"),
		"XML-NOT-ETSI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(baseline),
		cmocka_unit_test(references_to_validation_data),
		cmocka_unit_test(policies),
		cmocka_unit_test(formats_about_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

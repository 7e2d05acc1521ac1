/* SPDX-License-Identifier: EUPL-1.2 */
/* TS 119 612 5.5.9.2: which certificates a qualifier is for; EN 319 412-5: what one says.
 */
#include "trust/criteria.h"
#include "trust/rules.h"
#include "trust/statements.h"
#include "xml/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#define NS "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"
#define HEAD                                                                             \
	"<Extension xmlns='http://uri.etsi.org/02231/v2#' xmlns:q='" NS "' "             \
	"xmlns:x='http://uri.etsi.org/01903/v1.3.2#' "                                   \
	"xmlns:t='http://uri.etsi.org/02231/v2/additionaltypes#'>"                       \
	"<q:Qualifications><q:QualificationElement><q:Qualifiers>"                       \
	"<q:Qualifier uri='http://u/SvcInfoExt/QCWithQSCD'/></q:Qualifiers>"
#define TAIL "</q:QualificationElement></q:Qualifications></Extension>"
#define POLICY(oid)                                                                      \
	"<q:PolicySet><q:PolicyIdentifier><x:Identifier "                                \
	"Qualifier='OIDAsURN'>urn:oid:" oid                                              \
	"</x:Identifier></q:PolicyIdentifier></q:PolicySet>"
#define USAGE(name, value)                                                               \
	"<q:KeyUsage><q:KeyUsageBit name='" name "'>" value                              \
	"</q:KeyUsageBit></q:KeyUsage>"

static int setup(void **state)
{
	(void)state;
	xml_setup();
	return 0;
}

static void extend(X509 *x, const char *name, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	e = X509V3_EXT_conf(NULL, &ctx, name, value);
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* Policy 1.2.3.4, digitalSignature alone, purpose emailProtection; all in DER. */
static X509 *certificate(const char *statements)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	X509_set_version(x, 2);
	X509_set_pubkey(x, key);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 60);
	extend(x, "certificatePolicies", "DER:3007300506032A0304");
	extend(x, "keyUsage", "DER:03020780");
	extend(x, "extendedKeyUsage", "DER:300A06082B06010505070304");
	if (statements)
		extend(x, "1.3.6.1.5.5.7.1.3", statements);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	EVP_PKEY_free(key);
	return x;
}

/* The qualifiers that a certificate has by qualifications, written as tables. */
static unsigned int qualifiers_of(const json_t *qualifications, X509 *x)
{
	struct buf b[5];
	struct rules_writer w = { &b[0], &b[1], &b[2], &b[3], &b[4] };
	struct rules_view v;
	struct certificate_facts f;
	uint32_t first, count;
	unsigned int found;

	for (size_t i = 0; i < 5; i++)
		buf_init(&b[i], 1 << 16);
	assert_int_equal(rules_write(&w, qualifications, &first, &count), 0);
	v = (struct rules_view){ (const void *)b[0].data, (const void *)b[1].data,
		(const void *)b[2].data, (const void *)b[3].data,
		(const uint8_t *)b[4].data };
	certificate_facts_read(x, &f);
	found = rules_qualifiers(&v, first, count, &f);
	certificate_facts_done(&f);
	for (size_t i = 0; i < 5; i++)
		buf_done(&b[i]);
	return found;
}

static bool qualifies(const char *criteria)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	json_t *qualifications = NULL;
	X509 *x = certificate(NULL);
	char text[4096];
	unsigned int found;

	snprintf(text, sizeof(text), HEAD "%s" TAIL, criteria);
	assert_int_equal(xml_read(span_str(text), XML_READ_EIDAS, &f, &doc), 1);
	assert_int_equal(criteria_read(xmlDocGetRootElement(doc), &qualifications), 0);
	found = qualifiers_of(qualifications, x);
	assert_int_equal(found & ~(unsigned int)QUALIFIER_QSCD, 0);
	json_decref(qualifications);
	X509_free(x);
	return found != 0;
}

static void assertions(void **state)
{
	(void)state;
	assert_true(qualifies(
		"<q:CriteriaList assert='all'>" POLICY("1.2.3.4") "</q:CriteriaList>"));
	assert_false(qualifies("<q:CriteriaList assert='all'>" POLICY("1.2.3.4")
			POLICY("1.2.3.5") "</q:CriteriaList>"));
	assert_true(qualifies("<q:CriteriaList assert='atLeastOne'>" POLICY("1.2.3.4")
			POLICY("1.2.3.5") "</q:CriteriaList>"));
	assert_false(qualifies(
		"<q:CriteriaList assert='none'>" POLICY("1.2.3.4") "</q:CriteriaList>"));
	assert_true(qualifies(
		"<q:CriteriaList assert='none'>" POLICY("1.2.3.5") "</q:CriteriaList>"));
}

static void usages(void **state)
{
	(void)state;
	assert_true(qualifies("<q:CriteriaList assert='all'>" USAGE("digitalSignature",
		"true") USAGE("nonRepudiation", "false") "</q:CriteriaList>"));
	assert_false(qualifies("<q:CriteriaList assert='all'>" USAGE(
		"nonRepudiation", "true") "</q:CriteriaList>"));
}

static void purposes_and_nesting(void **state)
{
	(void)state;
	assert_true(qualifies("<q:CriteriaList assert='all'><q:otherCriteriaList>"
			      "<t:ExtendedKeyUsage><t:KeyPurposeId><x:Identifier>"
			      "1.3.6.1.5.5.7.3.4</x:Identifier></t:KeyPurposeId>"
			      "</t:ExtendedKeyUsage></q:otherCriteriaList>"
			      "<q:CriteriaList assert='none'>" POLICY(
				      "1.2.3.5") "</q:CriteriaList></q:CriteriaList>"));
}

/* What is not understood picks nobody, whatever else holds. */
static void unknown_criteria(void **state)
{
	(void)state;
	assert_false(qualifies("<q:CriteriaList assert='all'>" POLICY(
		"1.2.3.4") "<q:Other/></q:CriteriaList>"));
	assert_false(qualifies(
		"<q:CriteriaList assert='some'>" POLICY("1.2.3.4") "</q:CriteriaList>"));
	assert_false(qualifies(""));
}

static void statements(void **state)
{
	/* SEQUENCE of: QcCompliance, QcSSCD, QcType { eseal }; then QcCClegislation. */
	X509 *x = certificate("DER:3029"
			      "3008060604008E460101"
			      "3008060604008E460104"
			      "3013060604008E46010630090607"
			      "04008E46010602");
	struct statements s;

	(void)state;
	statements_read(x, &s);
	assert_true(s.compliance && s.sscd && s.eseal && !s.esign && !s.web);
	X509_free(x);
	x = certificate("DER:301A3008060604008E460101300E060604008E460107300413024A50");
	statements_read(x, &s);
	assert_true(!s.compliance && s.esign && !s.sscd);
	X509_free(x);
	x = certificate(NULL);
	statements_read(x, &s);
	assert_false(s.compliance || s.esign || s.eseal);
	X509_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assertions),
		cmocka_unit_test(usages),
		cmocka_unit_test(purposes_and_nesting),
		cmocka_unit_test(unknown_criteria),
		cmocka_unit_test(statements),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

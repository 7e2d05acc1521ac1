/* SPDX-License-Identifier: EUPL-1.2 */
/* TS 119 612 5.5.9.2: which certificates a qualifier is for; EN 319 412-5: what one says.
 */
#include "trust/criteria.h"
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

static bool qualifies(const char *criteria)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	json_t *qualifications = NULL;
	X509 *x = certificate(NULL);
	char text[4096];
	bool yes, other;

	snprintf(text, sizeof(text), HEAD "%s" TAIL, criteria);
	assert_int_equal(xml_read(span_str(text), XML_READ_EIDAS, &f, &doc), 1);
	assert_int_equal(criteria_read(xmlDocGetRootElement(doc), &qualifications), 0);
	yes = criteria_qualifies(qualifications, x, "QCWithQSCD");
	other = criteria_qualifies(qualifications, x, "QCNoQSCD");
	assert_false(other);
	json_decref(qualifications);
	X509_free(x);
	return yes;
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

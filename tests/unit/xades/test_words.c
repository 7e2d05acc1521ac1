/* SPDX-License-Identifier: EUPL-1.2 */
/* Every sub-indication of EN 319 102-1 (table 3 and clause 5.1.4) is reached by a
 * signature that deserves it: WORDS is the standard's list, CASES is ours, and a word
 * without a case fails. */
#include "tests/unit/xades/archive.h"
#include "tests/unit/xades/resign.h"

#include "common/durable.h"

#include <unistd.h>

#define LATER "2026-06-25T00:00:00Z"
#define POLICY_ID "urn:oid:1.2.3.4"
#define RULES "policies/signature/rules.cfg"

static const char *const WORDS[] = { "FORMAT_FAILURE", "HASH_FAILURE",
	"SIG_CRYPTO_FAILURE", "REVOKED", "EXPIRED", "NOT_YET_VALID",
	"SIG_CONSTRAINTS_FAILURE", "CHAIN_CONSTRAINTS_FAILURE",
	"CERTIFICATE_CHAIN_GENERAL_FAILURE", "CRYPTO_CONSTRAINTS_FAILURE",
	"POLICY_PROCESSING_ERROR", "SIGNATURE_POLICY_NOT_AVAILABLE",
	"TIMESTAMP_ORDER_FAILURE", "NO_SIGNING_CERTIFICATE_FOUND",
	"NO_CERTIFICATE_CHAIN_FOUND", "NO_CERTIFICATE_CHAIN_FOUND_NO_POE",
	"REVOKED_NO_POE", "REVOKED_CA_NO_POE", "OUT_OF_BOUNDS_NOT_REVOKED",
	"OUT_OF_BOUNDS_NO_POE", "REVOCATION_OUT_OF_BOUNDS_NO_POE",
	"CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "NO_POE", "TRY_LATER",
	"SIGNED_DATA_NOT_FOUND" };

static struct house h;
static struct party brief, late, wrong_use, weak; /* signers */

static int set_up(void **state)
{
	(void)state;
	house_open(&h);
	brief = party_make((struct order){ .name = "Brief",
		.issuer = &h.ca,
		.serial = 310,
		.to = "2026-06-20T00:00:00Z",
		.extensions = SIGNER_EXTENSIONS });
	late = party_make((struct order){ .name = "Late",
		.issuer = &h.ca,
		.serial = 311,
		.from = "2026-06-02T00:00:00Z",
		.to = "2026-06-20T00:00:00Z",
		.extensions = SIGNER_EXTENSIONS });
	wrong_use = party_make((struct order){ .name = "Wrong use",
		.issuer = &h.ca,
		.serial = 312,
		.extensions = { { NID_key_usage, "critical,keyAgreement" },
			{ NID_authority_key_identifier, "keyid" } } });
	weak = party_make((struct order){ .name = "Weak",
		.issuer = &h.ca,
		.serial = 313,
		.rsa_bits = 1024,
		.extensions = SIGNER_EXTENSIONS });
	return 0;
}

static int tear_down(void **state)
{
	char *error = NULL;

	(void)state;
	assert_int_equal(xades_rules_load(RULES, &error), 0);
	party_done(&brief);
	party_done(&late);
	party_done(&wrong_use);
	party_done(&weak);
	house_close(&h);
	return 0;
}

static struct xades_report *judge(char *text, struct xades_options options)
{
	struct xades_report *r = NULL;

	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	free(text);
	return r;
}

static struct xades_report *general(char *text)
{
	return judge(
		text, (struct xades_options){
			      .profile = XADES_EIDAS, .at = when(NOW), .material = h.m });
}

static char *plain(void)
{
	return make(&h, (struct wish){ .place = XADES_ENVELOPED });
}

static char *signed_by(const struct party *signer, const char *stamped_at)
{
	return make(&h,
		(struct wish){ .place = XADES_ENVELOPED,
			.signer = signer,
			.method = EVP_PKEY_is_a(signer->key, "RSA") ? "rsa-sha256" : NULL,
			.stamped_at = stamped_at });
}

/* The root and the CA with CRLs that say what is asked. */
static struct pki_material *with_crls(struct entry of_root, struct entry of_ca)
{
	struct pki_material *m = pki_material_new();

	trust_in(m, h.root.cert);
	know(m, h.ca.cert);
	revoke_by(m, (struct crl_order){ .issuer = &h.root,
			     .from = "2026-06-04T00:00:00Z",
			     .to = "2026-07-01T00:00:00Z",
			     .entries = { of_root } });
	revoke_by(m, (struct crl_order){ .issuer = &h.ca,
			     .from = "2026-06-04T00:00:00Z",
			     .to = "2026-07-01T00:00:00Z",
			     .entries = { of_ca } });
	return m;
}

static struct xades_report *judge_with(
	char *text, struct pki_material *m, const char *at, enum xades_profile profile)
{
	struct xades_report *r =
		judge(text, (struct xades_options){
				    .profile = profile, .at = when(at), .material = m });

	pki_material_free(m);
	return r;
}

static const struct entry NOBODY = { 0 };

static struct xades_report *format(void)
{
	return general(swap(plain(), "<a:v>", "<a:v Id=\"xades-s1\">"));
}

static struct xades_report *hash(void)
{
	return general(swap(plain(), "<a:v>1<", "<a:v>2<"));
}

static struct xades_report *value(void)
{
	return general(swap(plain(), "ecdsa-sha256", "ecdsa-sha384"));
}

/* What was signed was stamped after the certificate was revoked: signed after it. */
static struct xades_report *revoked(void)
{
	return judge_with(content_stamped(&h, &h.ec, "2026-06-02T00:00:00Z",
				  "xmldsig-more#ecdsa-sha256", EVP_sha256()),
		with_crls(NOBODY, (struct entry){ 301, "2026-06-01T12:00:00Z", 1 }), NOW,
		XADES_EIDAS);
}

static struct xades_report *expired(void)
{
	return judge_with(content_stamped(&h, &brief, "2026-06-21T00:00:00Z",
				  "xmldsig-more#ecdsa-sha256", EVP_sha256()),
		with_crls(NOBODY, NOBODY), LATER, XADES_EIDAS);
}

static struct xades_report *not_yet_valid(void)
{
	return judge_with(signed_by(&late, STAMPED_AT), with_crls(NOBODY, NOBODY), LATER,
		XADES_EIDAS);
}

static struct xades_report *constraints(void)
{
	return general(make(&h, (struct wish){ .place = XADES_ENVELOPED,
					.signed_at = "2024-06-01T00:00:00Z" }));
}

static struct xades_report *chain_constraints(void)
{
	return general(signed_by(&wrong_use, NULL));
}

static struct xades_report *chain_general(void)
{
	struct pki_material *m = pki_material_new();

	trust_in(m, h.root.cert);
	know(m, h.ca.cert);
	return judge_with(plain(), m, NOW, XADES_EIDAS);
}

/* SHA-1 ended before what was signed was stamped. */
static struct xades_report *crypto(void)
{
	return general(content_stamped(&h, &h.ec, "2026-06-01T09:00:00Z",
		"xmldsig-more#ecdsa-sha1", EVP_sha1()));
}

static char *under_policy(void)
{
	static const uint8_t DIGEST[32] = { 1, 2, 3 };
	struct wish w = { .place = XADES_ENVELOPED };

	w.more.policy_id = POLICY_ID;
	w.more.policy_sha256 = DIGEST;
	return make(&h, w);
}

static struct xades_report *gate_with_policies(const char *policies)
{
	char path[] = "/tmp/sealgate-rules-XXXXXX", *error = NULL, *text;
	uint8_t *rules;
	size_t len;
	int fd = mkstemp(path);

	assert_int_equal(file_read(RULES, 1 << 20, &rules, &len), 0);
	text = swap(strdup((const char *)rules), "policies = ( );", policies);
	assert_int_equal(fd_write_all(fd, span_str(text)), 0);
	assert_int_equal(xades_rules_load(path, &error), 0);
	close(fd);
	unlink(path);
	free(text);
	free(rules);
	return judge(under_policy(),
		(struct xades_options){
			.profile = XADES_GATE, .at = when(NOW), .material = h.m });
}

static struct xades_report *policy_unknown(void)
{
	return gate_with_policies("policies = ( );");
}

static struct xades_report *policy_another(void)
{
	return gate_with_policies(
		"policies = ( { id = \"" POLICY_ID "\"; digest = \"SHA256\"; "
		"value = \"AQIEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"; } );");
}

static struct xades_report *order(void)
{
	return judge(archived(&h, "2026-05-31T00:00:00Z"),
		(struct xades_options){
			.profile = XADES_GATE, .at = when(NOW), .material = h.m });
}

static struct xades_report *no_signer(void)
{
	char *text = plain(), *start = strstr(text, "<ds:KeyInfo>");
	char *end = strstr(text, "</ds:KeyInfo>");

	memmove(start + strlen("<ds:KeyInfo>"), end, strlen(end) + 1);
	return general(text);
}

static struct xades_report *no_chain(void)
{
	return judge(plain(),
		(struct xades_options){ .profile = XADES_EIDAS, .at = when(NOW) });
}

static struct xades_report *until(char *text, const char *sunset)
{
	const struct xades_sunset sunsets[] = { { h.root.cert, when(sunset) } };

	return judge(text, (struct xades_options){ .profile = XADES_EIDAS,
				   .at = when(NOW),
				   .material = h.m,
				   .sunsets = sunsets,
				   .sunset_count = 1 });
}

static struct xades_report *no_chain_no_poe(void)
{
	return until(plain(), "2026-06-04T00:00:00Z");
}

static struct xades_report *revoked_no_poe(void)
{
	return judge_with(plain(),
		with_crls(NOBODY, (struct entry){ 301, "2026-06-03T00:00:00Z", 1 }), NOW,
		XADES_EIDAS);
}

static struct xades_report *below_revoked_ca(char *text)
{
	return judge_with(text,
		with_crls((struct entry){ 2, "2026-06-02T00:00:00Z", 2 }, NOBODY), NOW,
		XADES_EIDAS);
}

static struct xades_report *revoked_ca(void)
{
	return below_revoked_ca(signed_by(&h.ec, STAMPED_AT));
}

static struct xades_report *not_revoked(void)
{
	return judge_with(
		signed_by(&brief, NULL), with_crls(NOBODY, NOBODY), LATER, XADES_EIDAS);
}

/* The CA ended before its signer did. */
static struct xades_report *out_of_bounds(void)
{
	struct party ca = party_make((struct order){ .name = "Short CA",
		.issuer = &h.root,
		.serial = 20,
		.to = "2026-06-20T00:00:00Z",
		.extensions = CA_EXTENSIONS });
	struct party signer = signer_of(&ca, "Outlives", 400, NULL, 0);
	struct pki_material *m = with_crls(NOBODY, NOBODY);
	struct xades_report *r;

	know(m, ca.cert);
	revoke_by(m, (struct crl_order){ .issuer = &ca,
			     .from = "2026-06-04T00:00:00Z",
			     .to = "2026-07-01T00:00:00Z" });
	r = judge_with(signed_by(&signer, NULL), m, LATER, XADES_EIDAS);
	party_done(&ca);
	party_done(&signer);
	return r;
}

/* The OCSP responder's certificate ended: nothing proves that its answer is older. */
static struct xades_report *revocation_out_of_bounds(void)
{
	struct party responder = party_make((struct order){ .name = "Responder",
		.issuer = &h.ca,
		.serial = 401,
		.to = "2026-06-20T00:00:00Z",
		.extensions = { { NID_key_usage, "critical,digitalSignature" },
			{ NID_ext_key_usage, "OCSPSigning" },
			{ NID_id_pkix_OCSP_noCheck, "yes" },
			{ NID_authority_key_identifier, "keyid" } } });
	struct pki_material *m = pki_material_new();
	struct xades_report *r;

	trust_in(m, h.root.cert);
	know(m, h.ca.cert);
	revoke_by(m, (struct crl_order){ .issuer = &h.root,
			     .from = "2026-06-04T00:00:00Z",
			     .to = "2026-07-01T00:00:00Z" });
	answer_by(m, (struct ocsp_order){ .responder = &responder,
			     .about = h.ec.cert,
			     .issuer = h.ca.cert,
			     .status = V_OCSP_CERTSTATUS_GOOD,
			     .from = "2026-06-04T00:00:00Z",
			     .to = "2026-07-01T00:00:00Z" });
	r = judge_with(plain(), m, LATER, XADES_EIDAS);
	party_done(&responder);
	return r;
}

static struct xades_report *too_weak(void)
{
	return general(signed_by(&weak, NULL));
}

/* Archived after the CA was revoked: what says that the signer is not, may be forged. */
static struct xades_report *no_poe(void)
{
	return below_revoked_ca(archived(&h, "2026-06-03T00:00:00Z"));
}

static struct xades_report *try_later(void)
{
	return judge(plain(), (struct xades_options){ .profile = XADES_GATE,
				      .at = when("2026-08-01T00:00:00Z"),
				      .material = h.m });
}

static struct xades_report *no_data(void)
{
	return general(swap(plain(), " URI=\"\"", " URI=\"#nowhere\""));
}

static const struct {
	const char *word;
	struct xades_report *(*reach)(void);
	enum xades_indication indication;
} CASES[] = {
	{ "FORMAT_FAILURE", format, XADES_TOTAL_FAILED },
	{ "HASH_FAILURE", hash, XADES_TOTAL_FAILED },
	{ "SIG_CRYPTO_FAILURE", value, XADES_TOTAL_FAILED },
	{ "REVOKED", revoked, XADES_TOTAL_FAILED },
	{ "EXPIRED", expired, XADES_TOTAL_FAILED },
	{ "NOT_YET_VALID", not_yet_valid, XADES_TOTAL_FAILED },
	{ "SIG_CONSTRAINTS_FAILURE", constraints, XADES_INDETERMINATE },
	{ "CHAIN_CONSTRAINTS_FAILURE", chain_constraints, XADES_INDETERMINATE },
	{ "CERTIFICATE_CHAIN_GENERAL_FAILURE", chain_general, XADES_INDETERMINATE },
	{ "CRYPTO_CONSTRAINTS_FAILURE", crypto, XADES_INDETERMINATE },
	{ "POLICY_PROCESSING_ERROR", policy_another, XADES_INDETERMINATE },
	{ "SIGNATURE_POLICY_NOT_AVAILABLE", policy_unknown, XADES_INDETERMINATE },
	{ "TIMESTAMP_ORDER_FAILURE", order, XADES_INDETERMINATE },
	{ "NO_SIGNING_CERTIFICATE_FOUND", no_signer, XADES_INDETERMINATE },
	{ "NO_CERTIFICATE_CHAIN_FOUND", no_chain, XADES_INDETERMINATE },
	{ "NO_CERTIFICATE_CHAIN_FOUND_NO_POE", no_chain_no_poe, XADES_INDETERMINATE },
	{ "REVOKED_NO_POE", revoked_no_poe, XADES_INDETERMINATE },
	{ "REVOKED_CA_NO_POE", revoked_ca, XADES_INDETERMINATE },
	{ "OUT_OF_BOUNDS_NOT_REVOKED", not_revoked, XADES_INDETERMINATE },
	{ "OUT_OF_BOUNDS_NO_POE", out_of_bounds, XADES_INDETERMINATE },
	{ "REVOCATION_OUT_OF_BOUNDS_NO_POE", revocation_out_of_bounds,
		XADES_INDETERMINATE },
	{ "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", too_weak, XADES_INDETERMINATE },
	{ "NO_POE", no_poe, XADES_INDETERMINATE },
	{ "TRY_LATER", try_later, XADES_INDETERMINATE },
	{ "SIGNED_DATA_NOT_FOUND", no_data, XADES_INDETERMINATE },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void every_word_has_a_case(void **state)
{
	(void)state;
	assert_int_equal(COUNT(WORDS), 25);
	for (size_t w = 0; w < COUNT(WORDS); w++) {
		size_t n = 0;

		for (size_t i = 0; i < COUNT(CASES); i++)
			n += strcmp(CASES[i].word, WORDS[w]) == 0;
		if (n != 1)
			fail_msg("%s has %zu cases", WORDS[w], n);
	}
	assert_int_equal(COUNT(CASES), COUNT(WORDS));
}

static void every_case_reaches_its_word(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct xades_report *r = CASES[i].reach();

		if (strcmp(r->sub_indication, CASES[i].word) != 0 ||
			r->indication != CASES[i].indication) {
			print_error("%s: %s %s: %s\n", CASES[i].word,
				xades_indication_text(r->indication), r->sub_indication,
				r->findings.count ? r->findings.list[0].message : "");
			wrong++;
		}
		xades_report_free(r);
	}
	assert_int_equal(wrong, 0);
}

static void passes(struct xades_report *r)
{
	if (r->indication != XADES_TOTAL_PASSED)
		fail_msg("%s", r->sub_indication);
	xades_report_free(r);
}

/* An anchor's sunset: what is proven to be older counts, with an anchor that stays, too.
 */
static void before_sunset(void **state)
{
	struct xades_report *r;

	(void)state;
	passes(until(plain(), "2026-06-06T00:00:00Z"));
	r = until(signed_by(&h.ec, STAMPED_AT), "2026-06-04T00:00:00Z");
	/* The time-stamp's own anchor counts no more, and nothing is older than it. */
	assert_string_equal(r->sub_indication, "NO_CERTIFICATE_CHAIN_FOUND_NO_POE");
	assert_string_equal(r->signatures[0].timestamps[0].sub_indication,
		"NO_CERTIFICATE_CHAIN_FOUND_NO_POE");
	xades_report_free(r);
	trust_in(h.m, h.tsa.cert);
	passes(until(signed_by(&h.ec, STAMPED_AT), "2026-06-04T00:00:00Z"));
	r = until(signed_by(&h.ec, STAMPED_AT), "2026-06-01T00:00:00Z");
	assert_string_equal(r->sub_indication, "NO_CERTIFICATE_CHAIN_FOUND_NO_POE");
	xades_report_free(r);
	trust_in(h.m, h.ca.cert);
	passes(until(plain(), "2026-06-04T00:00:00Z"));
}

/* EN 319 102-1 5.6.2.2: archived before the CA was revoked. */
static void proven_before_revocation(void **state)
{
	(void)state;
	passes(below_revoked_ca(archived(&h, "2026-06-01T12:00:00Z")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_has_a_case),
		cmocka_unit_test(every_case_reaches_its_word),
		cmocka_unit_test(proven_before_revocation),
		cmocka_unit_test(before_sunset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* Anchors of signers and anchors of time-stamps are apart: a CA of signers makes no proof
 * of existence, and a CA of authorities for time-stamps no signer. */
#include "tests/unit/xades/fixture.h"

#define REVOKED_AT "2026-06-03T00:00:00Z"

static struct house h;
static struct party stamps;	 /* root of the time-stamping authority */
static struct party authority;	 /* under it */
static struct party intruder;	 /* a signer under it */
static struct party own;	 /* a time-stamping authority of the CA */
static struct pki_material *all; /* both roots */
static struct pki_material *for_signers, *for_tsa; /* one each */

static struct party tsa_of(const struct party *issuer, const char *name, long serial)
{
	return party_make((struct order){ .name = name,
		.issuer = issuer,
		.serial = serial,
		.extensions = { { NID_key_usage, "critical,digitalSignature" },
			{ NID_ext_key_usage, "critical,timeStamping" },
			{ NID_authority_key_identifier, "keyid" } } });
}

static void list_by(
	struct pki_material *m, const struct party *issuer, struct entry entry)
{
	revoke_by(m, (struct crl_order){ .issuer = issuer,
			     .from = "2026-06-04T00:00:00Z",
			     .to = "2026-07-01T00:00:00Z",
			     .entries = { entry } });
}

/* Both roots, with lists; entry: of the CA. */
static struct pki_material *material_with(struct entry entry)
{
	struct pki_material *m = pki_material_new();

	trust_in(m, h.root.cert);
	trust_in(m, stamps.cert);
	know(m, h.ca.cert);
	list_by(m, &h.root, (struct entry){ 0 });
	list_by(m, &stamps, (struct entry){ 0 });
	list_by(m, &h.ca, entry);
	return m;
}

static int set_up(void **state)
{
	(void)state;
	house_open(&h);
	stamps = party_make(
		(struct order){ .name = "Stamps", .extensions = ROOT_EXTENSIONS });
	authority = tsa_of(&stamps, "Authority for stamps", 20);
	own = tsa_of(&h.ca, "Stamps of the CA", 400);
	intruder = signer_of(&stamps, "Intruder", 21, NULL, 0);
	all = material_with((struct entry){ 0 });
	for_signers = pki_material_new();
	trust_in(for_signers, h.root.cert);
	for_tsa = pki_material_new();
	trust_in(for_tsa, stamps.cert);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	party_done(&stamps);
	party_done(&authority);
	party_done(&own);
	party_done(&intruder);
	pki_material_free(all);
	pki_material_free(for_signers);
	pki_material_free(for_tsa);
	house_close(&h);
	return 0;
}

/* Signed by a signer, stamped by a TSA (NULL: not stamped). */
static char *document(const struct party *signer, const struct party *tsa)
{
	struct house with = h;

	if (tsa)
		with.tsa = *tsa;
	return make(&with, (struct wish){ .place = XADES_ENVELOPED,
				   .signer = signer,
				   .stamped_at = tsa ? STAMPED_AT : NULL });
}

static struct xades_report *judged(const char *text, enum xades_profile profile,
	const struct pki_material *m, const struct pki_material *signers,
	const struct pki_material *tsa)
{
	struct xades_options options = { .profile = profile,
		.at = when(NOW),
		.material = m,
		.signer_anchors = signers,
		.tsa_anchors = tsa };
	struct xades_report *r = NULL;

	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	assert_int_equal(r->count, 1);
	return r;
}

static void is(struct xades_report *r, enum xades_indication indication, const char *sub)
{
	assert_string_equal(r->sub_indication, sub);
	assert_int_equal(r->indication, indication);
	xades_report_free(r);
}

static void each_under_its_own(void **state)
{
	char *text = document(&h.ec, &authority);
	struct xades_report *r = judged(text, XADES_GATE, all, for_signers, for_tsa);

	(void)state;
	assert_string_equal(r->signatures[0].timestamps[0].indication, "PASSED");
	assert_int_equal(r->signatures[0].best_signature_time, when(STAMPED_AT));
	is(r, XADES_TOTAL_PASSED, "");
	free(text);
}

static void a_stamp_of_the_signers_ca_does_not_count(void **state)
{
	char *text = document(&h.ec, &own);
	struct xades_report *r = judged(text, XADES_GATE, all, NULL, NULL);

	(void)state;
	/* But for the anchors nothing is wrong with it. */
	assert_int_equal(r->signatures[0].best_signature_time, when(STAMPED_AT));
	is(r, XADES_TOTAL_PASSED, "");
	for (int profile = XADES_GATE; profile <= XADES_EIDAS; profile++) {
		const struct xades_timestamp *t;

		r = judged(text, (enum xades_profile)profile, all, for_signers, for_tsa);
		t = &r->signatures[0].timestamps[0];
		assert_string_equal(t->indication, "INDETERMINATE");
		assert_string_equal(t->sub_indication, "NO_CERTIFICATE_CHAIN_FOUND");
		assert_int_equal(r->signatures[0].best_signature_time, when(NOW));
		assert_true(findings_have(&r->findings, "sig.timestamp"));
		if (profile == XADES_GATE)
			assert_int_not_equal(r->indication, XADES_TOTAL_PASSED);
		xades_report_free(r);
	}
	free(text);
}

/* What it would be good for: a signature of a key that is revoked, made to look older. */
static void nor_does_it_outlive_a_revocation(void **state)
{
	struct pki_material *m = material_with((struct entry){ 301, REVOKED_AT, 1 });
	char *rightly = document(&h.ec, &authority), *backdated = document(&h.ec, &own);

	(void)state;
	is(judged(rightly, XADES_EIDAS, m, for_signers, for_tsa), XADES_TOTAL_PASSED, "");
	is(judged(backdated, XADES_EIDAS, m, for_signers, for_tsa), XADES_INDETERMINATE,
		"REVOKED_NO_POE");
	free(rightly);
	free(backdated);
	pki_material_free(m);
}

static void a_signer_under_a_ca_of_stamps_does_not_pass(void **state)
{
	char *text = document(&intruder, NULL);

	(void)state;
	is(judged(text, XADES_GATE, all, NULL, NULL), XADES_TOTAL_PASSED, "");
	is(judged(text, XADES_GATE, all, NULL, for_tsa), XADES_TOTAL_PASSED, "");
	is(judged(text, XADES_GATE, all, for_signers, for_tsa), XADES_INDETERMINATE,
		"NO_CERTIFICATE_CHAIN_FOUND");
	is(judged(text, XADES_EIDAS, all, for_signers, for_tsa), XADES_INDETERMINATE,
		"NO_CERTIFICATE_CHAIN_FOUND");
	free(text);
}

/* A set without anchors is not the same as none. */
static void no_anchors_are_not_any_anchors(void **state)
{
	struct pki_material *nothing = pki_material_new();
	char *text = document(&h.ec, &authority);

	(void)state;
	is(judged(text, XADES_GATE, all, nothing, for_tsa), XADES_INDETERMINATE,
		"NO_CERTIFICATE_CHAIN_FOUND");
	is(judged(text, XADES_GATE, all, for_signers, nothing), XADES_INDETERMINATE,
		"NO_CERTIFICATE_CHAIN_FOUND");
	free(text);
	pki_material_free(nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_under_its_own),
		cmocka_unit_test(a_stamp_of_the_signers_ca_does_not_count),
		cmocka_unit_test(nor_does_it_outlive_a_revocation),
		cmocka_unit_test(a_signer_under_a_ca_of_stamps_does_not_pass),
		cmocka_unit_test(no_anchors_are_not_any_anchors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* What revocation and the end of certificates mean for a signature, with and without a
 * time-stamp. */
#include "tests/unit/xades/one_house.h"

static struct xades_report *at(char *text, const struct pki_material *m, const char *time,
	enum xades_profile profile)
{
	struct xades_options options = {
		.profile = profile, .at = when(time), .material = m
	};
	struct xades_report *r = NULL;

	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	free(text);
	return r;
}

static void is(struct xades_report *r, enum xades_indication indication, const char *sub)
{
	assert_string_equal(r->sub_indication, sub);
	assert_int_equal(r->indication, indication);
	xades_report_free(r);
}

/* The house with other CRLs: of the CA of signers as given, of the root fresh. */
static struct pki_material *with_crl(struct crl_order crl)
{
	struct pki_material *m = pki_material_new();

	trust_in(m, h.root.cert);
	know(m, h.ca.cert);
	revoke_by(m, (struct crl_order){ .issuer = &h.root,
			     .from = "2026-06-04T00:00:00Z",
			     .to = "2027-07-01T00:00:00Z" });
	crl.issuer = &h.ca;
	revoke_by(m, crl);
	return m;
}

/* EN 319 102-1 5.5: revoked after the time-stamp is no harm in general. The gate refuses
 * it: whoever holds a stolen key can show a time-stamp of before. */
static void revoked(void **state)
{
	const struct {
		const char *when;
		bool stamped;
		enum xades_profile profile;
		enum xades_indication indication;
		const char *sub;
	} CASES[] = {
		{ "2026-06-03T00:00:00Z", true, XADES_EIDAS, XADES_TOTAL_PASSED, "" },
		{ "2026-06-03T00:00:00Z", true, XADES_GATE, XADES_INDETERMINATE,
			"REVOKED_NO_POE" },
		{ "2026-06-03T00:00:00Z", false, XADES_EIDAS, XADES_INDETERMINATE,
			"REVOKED_NO_POE" },
		{ "2026-05-03T00:00:00Z", true, XADES_EIDAS, XADES_INDETERMINATE,
			"REVOKED_NO_POE" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct pki_material *m =
			with_crl((struct crl_order){ .from = "2026-06-04T00:00:00Z",
				.to = "2026-07-01T00:00:00Z",
				.entries = { { 301, CASES[i].when, 1 } } });

		is(at(CASES[i].stamped ? stamped() : plain(), m, NOW, CASES[i].profile),
			CASES[i].indication, CASES[i].sub);
		pki_material_free(m);
	}
}

/* A time-stamp makes no revocation data fresh at the gate. */
static void stale_although_stamped(void **state)
{
	struct pki_material *m = with_crl((struct crl_order){
		.from = "2026-06-01T00:00:00Z", .to = "2026-06-08T00:00:00Z" });

	(void)state;
	is(at(stamped(), m, "2026-06-07T00:00:00Z", XADES_GATE), XADES_TOTAL_PASSED, "");
	is(at(stamped(), m, "2026-08-01T00:00:00Z", XADES_GATE), XADES_INDETERMINATE,
		"TRY_LATER");
	is(at(stamped(), m, "2026-08-01T00:00:00Z", XADES_EIDAS), XADES_TOTAL_PASSED, "");
	pki_material_free(m);
}

/* A time-stamp proves against the end of a certificate, when data of that end says that
 * it was not revoked until then. */
static void expired_although_stamped(void **state)
{
	struct party officer = party_make((struct order){ .name = "Officer, short",
		.issuer = &h.ca,
		.serial = 310,
		.to = "2026-06-20T00:00:00Z",
		.extensions = SIGNER_EXTENSIONS });
	struct wish w = {
		.place = XADES_ENVELOPED, .signer = &officer, .stamped_at = STAMPED_AT
	};
	struct pki_material *m = with_crl((struct crl_order){
		.from = "2026-06-19T00:00:00Z", .to = "2026-07-01T00:00:00Z" });
	struct pki_material *old = with_crl((struct crl_order){
		.from = "2026-06-01T00:00:00Z", .to = "2026-06-08T00:00:00Z" });
	struct pki_material *revoked =
		with_crl((struct crl_order){ .from = "2026-06-19T00:00:00Z",
			.to = "2026-07-01T00:00:00Z",
			.entries = { { 310, "2026-06-10T00:00:00Z", 1 } } });

	(void)state;
	is(at(make(&h, w), m, "2026-06-25T00:00:00Z", XADES_GATE), XADES_TOTAL_PASSED,
		"");
	is(at(make(&h, w), old, "2026-06-25T00:00:00Z", XADES_GATE), XADES_INDETERMINATE,
		"TRY_LATER");
	is(at(make(&h, w), revoked, "2026-06-25T00:00:00Z", XADES_GATE),
		XADES_INDETERMINATE, "REVOKED_NO_POE");
	w.stamped_at = NULL;
	is(at(make(&h, w), m, "2026-06-25T00:00:00Z", XADES_GATE), XADES_INDETERMINATE,
		"OUT_OF_BOUNDS_NOT_REVOKED");
	pki_material_free(m);
	pki_material_free(old);
	pki_material_free(revoked);
	party_done(&officer);
}

/* Stale revocation data: the gate waits, the general validator takes it. */
static void stale(void **state)
{
	(void)state;
	is(at(plain(), h.m, "2026-08-01T00:00:00Z", XADES_GATE), XADES_INDETERMINATE,
		"TRY_LATER");
	is(at(plain(), h.m, "2026-08-01T00:00:00Z", XADES_EIDAS), XADES_TOTAL_PASSED, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(revoked),
		cmocka_unit_test(stale_although_stamped),
		cmocka_unit_test(expired_although_stamped),
		cmocka_unit_test(stale),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

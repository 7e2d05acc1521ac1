/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/house.h"

static void passes_and_gives_the_chain(void **state)
{
	struct house h = house_with_crls();
	struct pki_path_request request = { .target = h.signer.cert,
		.material = h.m,
		.at = when(NOW),
		.purpose = PKI_SIGNING };
	struct pki_path_result result = { 0 };

	(void)state;
	assert_int_equal(pki_path_validate(&request, &result), 0);
	assert_int_equal(result.outcome, PKI_PASSED);
	assert_int_equal(sk_X509_num(result.chain), 3);
	assert_int_equal(X509_cmp(sk_X509_value(result.chain, 0), h.signer.cert), 0);
	assert_int_equal(X509_cmp(sk_X509_value(result.chain, 2), h.root.cert), 0);
	assert_string_equal(pki_outcome_text(result.outcome), "");
	pki_path_result_done(&result);
	house_done(&h);
}

static void without_anchor_there_is_no_path(void **state)
{
	struct house h = house_with_crls();
	struct pki_material *m = pki_material_new();
	struct pki_path_request request = {
		.target = h.signer.cert, .material = m, .at = when(NOW)
	};

	(void)state;
	know(m, h.ca.cert);
	know(m, h.root.cert);
	assert_int_equal(ask(&request), PKI_NO_PATH);
	pki_material_free(m);
	house_done(&h);
}

static void a_forged_signature_is_no_path(void **state)
{
	struct house h = house_with_crls();
	struct party false_ca =
		party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	struct party forged = party_make((struct order){ .name = "Signer",
		.issuer = &false_ca,
		.serial = 3,
		.extensions = SIGNER_EXTENSIONS });

	(void)state;
	assert_int_equal(at(&h, forged.cert, NOW), PKI_NO_PATH);
	party_done(&false_ca);
	party_done(&forged);
	house_done(&h);
}

static void validity_of_the_target(void **state)
{
	struct house h = house_make();
	struct pki_path_request request = { .target = h.signer.cert,
		.material = h.m,
		.at = when("2028-02-01T00:00:00Z"),
		.skip_revocation = true };

	(void)state;
	/* The CA ends with the signer, so it is a CA that lasts longer which decides. */
	assert_int_equal(ask(&request), PKI_CA_EXPIRED);
	trust_in(h.m, h.ca.cert);
	assert_int_equal(ask(&request), PKI_EXPIRED);
	request.target_may_be_expired = true;
	assert_int_equal(ask(&request), PKI_PASSED);
	request.at = when("2024-12-31T23:59:59Z");
	assert_int_equal(ask(&request), PKI_NOT_YET_VALID);
	request.at = when("2025-01-01T00:00:00Z");
	assert_int_equal(ask(&request), PKI_PASSED);
	house_done(&h);
}

static void missing_revocation_data_is_never_good(void **state)
{
	struct house h = house_make();

	(void)state;
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_NO_REVOCATION_DATA);
	crl_of(&h, &h.ca);
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_NO_REVOCATION_DATA);
	crl_of(&h, &h.root);
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_PASSED);
	house_done(&h);
}

static void out_of_date_data_is_told_apart(void **state)
{
	struct house h = house_with_crls();

	(void)state;
	assert_int_equal(at(&h, h.signer.cert, "2026-06-08T00:00:00Z"), PKI_PASSED);
	assert_int_equal(
		at(&h, h.signer.cert, "2026-06-08T00:00:01Z"), PKI_STALE_REVOCATION);
	/* Issued later than the time asked: it does not exist yet. */
	assert_int_equal(
		at(&h, h.signer.cert, "2026-05-31T00:00:00Z"), PKI_NO_REVOCATION_DATA);
	house_done(&h);
}

static void what_is_known_later_counts_when_asked(void **state)
{
	struct house h = house_with_crls();
	struct pki_path_request request = { .target = h.signer.cert,
		.material = h.m,
		.at = when("2026-05-31T00:00:00Z"),
		.known_at = when("2026-06-02T00:00:00Z") };

	(void)state;
	assert_int_equal(ask(&request), PKI_PASSED);
	house_done(&h);
}

static void a_limit_of_age(void **state)
{
	struct house h = house_with_crls();
	struct pki_path_request request = { .target = h.signer.cert,
		.material = h.m,
		.at = when(NOW),
		.revocation_max_age = 86400 };

	(void)state;
	assert_int_equal(ask(&request), PKI_STALE_REVOCATION);
	request.revocation_max_age = 10 * 86400;
	assert_int_equal(ask(&request), PKI_PASSED);
	house_done(&h);
}

static void revocation_counts_from_its_date(void **state)
{
	struct house h = house_make();
	struct pki_path_request request = {
		.target = h.signer.cert, .material = h.m, .at = when(NOW)
	};
	struct pki_path_result result = { 0 };

	(void)state;
	crl_of(&h, &h.root);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-05T13:00:00Z",
			       .to = "2026-06-12T00:00:00Z",
			       .entries = { { 3, "2026-06-05T12:30:00Z", 1 } } });
	request.known_at = when("2026-06-05T14:00:00Z");
	assert_int_equal(ask(&request), PKI_PASSED);
	request.at = when("2026-06-05T12:30:00Z");
	assert_int_equal(pki_path_validate(&request, &result), 0);
	assert_int_equal(result.outcome, PKI_REVOKED);
	assert_true(result.revoked_at == when("2026-06-05T12:30:00Z"));
	assert_string_equal(pki_outcome_text(result.outcome), "REVOKED_NO_POE");
	pki_path_result_done(&result);
	house_done(&h);
}

static void a_revoked_ca(void **state)
{
	struct house h = house_make();

	(void)state;
	crl_of(&h, &h.ca);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.root,
			       .from = "2026-06-01T00:00:00Z",
			       .to = "2026-06-08T00:00:00Z",
			       .entries = { { 2, "2026-05-01T00:00:00Z", -1 } } });
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_REVOKED_CA);
	house_done(&h);
}

static void revoked_outweighs_expired(void **state)
{
	struct house h = house_make();

	(void)state;
	crl_of(&h, &h.root);
	trust_in(h.m, h.ca.cert);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2027-12-01T00:00:00Z",
			       .to = "2028-06-08T00:00:00Z",
			       .entries = { { 3, "2026-05-01T00:00:00Z", 0 } } });
	assert_int_equal(at(&h, h.signer.cert, "2028-02-01T00:00:00Z"), PKI_REVOKED);
	house_done(&h);
}

static void a_hold_ends_with_a_newer_list(void **state)
{
	struct house h = house_make();

	(void)state;
	crl_of(&h, &h.root);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-01T00:00:00Z",
			       .to = "2026-06-30T00:00:00Z",
			       .entries = { { 3, "2026-05-20T00:00:00Z",
				       CRL_REASON_CERTIFICATE_HOLD } } });
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_ON_HOLD);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-04T00:00:00Z",
			       .to = "2026-06-30T00:00:00Z" });
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_PASSED);
	house_done(&h);
}

static void a_newer_list_that_forgets_does_not_unrevoke(void **state)
{
	struct house h = house_make();

	(void)state;
	crl_of(&h, &h.root);
	crl_of(&h, &h.ca);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-05-20T00:00:00Z",
			       .to = "2026-05-27T00:00:00Z",
			       .entries = { { 3, "2026-05-20T00:00:00Z",
				       CRL_REASON_KEY_COMPROMISE } } });
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_REVOKED);
	house_done(&h);
}

/* A CRL issued after the certificate's end says nothing about it unless it keeps such. */
static void lists_that_forget_expired_certificates(void **state)
{
	struct house h = house_make();
	struct party old = party_make((struct order){ .name = "Old",
		.issuer = &h.ca,
		.serial = 9,
		.from = "2025-01-01T00:00:00Z",
		.to = "2026-01-01T00:00:00Z",
		.extensions = SIGNER_EXTENSIONS });
	struct extension keeps[] = { { OBJ_create("2.5.29.60", "expiredCertsOnCRL", NULL),
		"DER:180F32303230303130313030303030305A" } };

	(void)state;
	assert_int_not_equal(keeps[0].nid, NID_undef);
	crl_of(&h, &h.root);
	crl_of(&h, &h.ca);
	assert_int_equal(at(&h, old.cert, NOW), PKI_NO_REVOCATION_DATA);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-02T00:00:00Z",
			       .to = "2026-06-09T00:00:00Z",
			       .extensions = { { keeps[0].nid, keeps[0].value } } });
	assert_int_equal(at(&h, old.cert, NOW), PKI_EXPIRED);
	party_done(&old);
	house_done(&h);
}

static void lists_without_an_end_are_believed_for_a_week(void **state)
{
	struct house h = house_make();

	(void)state;
	crl_of(&h, &h.root);
	revoke_by(h.m,
		(struct crl_order){ .issuer = &h.ca, .from = "2026-06-01T00:00:00Z" });
	assert_int_equal(at(&h, h.signer.cert, "2026-06-08T00:00:00Z"), PKI_PASSED);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.root,
			       .from = "2026-06-02T00:00:00Z",
			       .to = "2026-07-01T00:00:00Z" });
	assert_int_equal(
		at(&h, h.signer.cert, "2026-06-08T00:00:01Z"), PKI_STALE_REVOCATION);
	house_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_and_gives_the_chain),
		cmocka_unit_test(without_anchor_there_is_no_path),
		cmocka_unit_test(a_forged_signature_is_no_path),
		cmocka_unit_test(validity_of_the_target),
		cmocka_unit_test(missing_revocation_data_is_never_good),
		cmocka_unit_test(out_of_date_data_is_told_apart),
		cmocka_unit_test(what_is_known_later_counts_when_asked),
		cmocka_unit_test(a_limit_of_age),
		cmocka_unit_test(revocation_counts_from_its_date),
		cmocka_unit_test(a_revoked_ca),
		cmocka_unit_test(revoked_outweighs_expired),
		cmocka_unit_test(a_hold_ends_with_a_newer_list),
		cmocka_unit_test(a_newer_list_that_forgets_does_not_unrevoke),
		cmocka_unit_test(lists_that_forget_expired_certificates),
		cmocka_unit_test(lists_without_an_end_are_believed_for_a_week),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

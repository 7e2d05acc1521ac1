/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/pair.h"

#include "pki/crl.h"

static struct crl_order list_of(const struct party *issuer)
{
	return (struct crl_order){ .issuer = issuer,
		.from = "2026-06-01T00:00:00Z",
		.to = "2026-06-08T00:00:00Z" };
}

static void a_delta_list_brings_up_to_date(void **state)
{
	struct house h = house_make();
	struct crl_order base = list_of(&h.ca), delta = list_of(&h.ca);

	(void)state;
	base.extensions[0] = (struct extension){ NID_crl_number, "5" };
	revoke_by(h.m, base);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	/* It starts from a later list than the one at hand. */
	delta.extensions[0] = (struct extension){ NID_crl_number, "8" };
	delta.extensions[1] = (struct extension){ NID_delta_crl, "6" };
	delta.entries[0] = (struct entry){ 3, "2026-06-02T00:00:00Z", 1 };
	revoke_by(h.m, delta);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	delta.extensions[1] = (struct extension){ NID_delta_crl, "4" };
	revoke_by(h.m, delta);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_REVOKED);
	house_done(&h);
}

static void a_delta_list_takes_a_hold_back(void **state)
{
	struct house h = house_make();
	struct crl_order base = list_of(&h.ca), delta = list_of(&h.ca);

	(void)state;
	base.extensions[0] = (struct extension){ NID_crl_number, "5" };
	base.entries[0] =
		(struct entry){ 3, "2026-05-02T00:00:00Z", CRL_REASON_CERTIFICATE_HOLD };
	revoke_by(h.m, base);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_ON_HOLD);
	delta.extensions[0] = (struct extension){ NID_crl_number, "6" };
	delta.extensions[1] = (struct extension){ NID_delta_crl, "5" };
	delta.entries[0] =
		(struct entry){ 3, "2026-06-02T00:00:00Z", CRL_REASON_REMOVE_FROM_CRL };
	revoke_by(h.m, delta);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	house_done(&h);
}

static void a_delta_list_alone_is_no_data(void **state)
{
	struct house h = house_make();
	struct crl_order delta = list_of(&h.ca);

	(void)state;
	delta.extensions[0] = (struct extension){ NID_crl_number, "6" };
	delta.extensions[1] = (struct extension){ NID_delta_crl, "5" };
	revoke_by(h.m, delta);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	house_done(&h);
}

static void a_list_for_others_does_not_count(void **state)
{
	static const char *const scopes[] = { "critical,onlyCA:TRUE",
		"critical,onlyAA:TRUE", "critical,onlyuser:TRUE,onlyCA:TRUE",
		"critical,fullname:URI:http://x.invalid/crl" };
	struct house h = house_make();

	(void)state;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		struct crl_order o = list_of(&h.ca);

		o.extensions[0] =
			(struct extension){ NID_issuing_distribution_point, scopes[i] };
		revoke_by(h.m, o);
	}
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	house_done(&h);
}

static void a_list_for_some_reasons_is_a_part(void **state)
{
	struct house h = house_make();
	struct crl_order o = list_of(&h.ca);

	(void)state;
	o.extensions[0] = (struct extension){ NID_issuing_distribution_point,
		"critical,onlysomereasons:keyCompromise" };
	revoke_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	o.entries[0] =
		(struct entry){ 3, "2026-06-01T00:00:00Z", CRL_REASON_KEY_COMPROMISE };
	revoke_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_REVOKED);
	house_done(&h);
}

static void a_list_with_an_unknown_critical_extension(void **state)
{
	struct house h = house_make();
	struct crl_order o = list_of(&h.ca);
	int nid = OBJ_create("1.2.3.4.5.6", "unknownThing", "an unknown thing");

	(void)state;
	o.extensions[0] = (struct extension){ nid, "critical,DER:0500" };
	revoke_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	house_done(&h);
}

static void a_list_signed_by_another_key(void **state)
{
	struct house h = house_make();
	struct party twin =
		party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });

	(void)state;
	revoke_by(h.m, list_of(&twin));
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	know(h.m, twin.cert);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	party_done(&twin);
	house_done(&h);
}

static void an_issuer_that_may_not_sign_lists(void **state)
{
	struct house h = { .m = pki_material_new() };

	(void)state;
	h.ca = party_make((struct order){ .name = "CA",
		.extensions = { { NID_basic_constraints, "critical,CA:TRUE" },
			{ NID_key_usage, "critical,keyCertSign" },
			{ NID_subject_key_identifier, "hash" } } });
	h.signer = party_make((struct order){ .name = "Signer",
		.issuer = &h.ca,
		.serial = 3,
		.extensions = SIGNER_EXTENSIONS });
	trust_in(h.m, h.ca.cert);
	revoke_by(h.m, list_of(&h.ca));
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	house_done(&h);
}

static void alone_a_list_is_judged_too(void **state)
{
	struct house h = house_make();
	struct octets o = crl_make(list_of(&h.ca));
	X509_CRL *crl = pki_crl_parse(span_of_octets(&o));
	const char *reason;

	(void)state;
	assert_non_null(crl);
	assert_int_equal(pki_crl_verify(crl, h.ca.cert, when(NOW), &reason), 1);
	assert_string_equal(reason, "");
	assert_int_equal(pki_crl_verify(crl, h.signer.cert, when(NOW), &reason), 0);
	assert_int_equal(
		pki_crl_verify(crl, h.ca.cert, when("2026-07-01T00:00:00Z"), &reason), 0);
	assert_string_equal(reason, "it is out of date");
	assert_int_equal(
		pki_crl_verify(crl, h.ca.cert, when("2026-05-01T00:00:00Z"), &reason), 0);
	X509_CRL_free(crl);
	octets_done(&o);
	house_done(&h);
}

static void no_octet_of_a_list_may_change(void **state)
{
	struct house h = house_make();
	struct octets o = crl_make(list_of(&h.ca));

	(void)state;
	flipped(&h, &o, true);
	octets_done(&o);
	house_done(&h);
}

/* Forged lists and lookalikes of the CA: the work is bounded, and what was not looked at
 * may be the revocation. */
static void a_crowd_of_forged_lists_comes_to_an_end(void **state)
{
	struct house h = house_make();
	struct party twins[36];

	(void)state;
	revoke_by(h.m, list_of(&h.ca));
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	for (size_t i = 0; i < 36; i++) {
		twins[i] = party_make((struct order){ .name = "CA",
			.serial = (long)i + 100,
			.extensions = ROOT_EXTENSIONS });
		know(h.m, twins[i].cert);
	}
	for (size_t i = 0; i < 36; i++) {
		struct party stranger = party_make((struct order){ .name = "CA" });

		revoke_by(h.m, list_of(&stranger));
		party_done(&stranger);
	}
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	for (size_t i = 0; i < 36; i++)
		party_done(&twins[i]);
	house_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delta_list_brings_up_to_date),
		cmocka_unit_test(a_delta_list_takes_a_hold_back),
		cmocka_unit_test(a_delta_list_alone_is_no_data),
		cmocka_unit_test(a_list_for_others_does_not_count),
		cmocka_unit_test(a_list_for_some_reasons_is_a_part),
		cmocka_unit_test(a_list_with_an_unknown_critical_extension),
		cmocka_unit_test(a_list_signed_by_another_key),
		cmocka_unit_test(an_issuer_that_may_not_sign_lists),
		cmocka_unit_test(alone_a_list_is_judged_too),
		cmocka_unit_test(no_octet_of_a_list_may_change),
		cmocka_unit_test(a_crowd_of_forged_lists_comes_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

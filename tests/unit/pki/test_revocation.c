/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/fixture.h"

#include "pki/crl.h"
#include "pki/ocsp.h"
#include "pki/path.h"

#define NOW "2026-06-05T12:00:00Z"

/* An anchor that issued a signer: one certificate whose revocation is asked. */
struct house {
	struct party ca, signer;
	struct pki_material *m;
};

static struct house house_make(void)
{
	struct house h = { .m = pki_material_new() };

	h.ca = party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	h.signer = party_make((struct order){ .name = "Signer",
		.issuer = &h.ca,
		.serial = 3,
		.extensions = SIGNER_EXTENSIONS });
	trust_in(h.m, h.ca.cert);
	return h;
}

static void house_done(struct house *h)
{
	party_done(&h->ca);
	party_done(&h->signer);
	pki_material_free(h->m);
}

static enum pki_outcome outcome_of(const struct house *h, X509 *target)
{
	struct pki_path_request request = {
		.target = target, .material = h->m, .at = when(NOW)
	};
	struct pki_path_result result = { 0 };
	enum pki_outcome outcome;

	assert_int_equal(pki_path_validate(&request, &result), 0);
	outcome = result.outcome;
	pki_path_result_done(&result);
	return outcome;
}

static struct ocsp_order good_answer(const struct house *h, const struct party *responder)
{
	return (struct ocsp_order){ .responder = responder,
		.about = h->signer.cert,
		.issuer = h->ca.cert,
		.status = V_OCSP_CERTSTATUS_GOOD,
		.from = "2026-06-05T11:00:00Z",
		.to = "2026-06-06T11:00:00Z" };
}

static struct party responder_of(
	const struct party *issuer, const char *usage, bool nocheck)
{
	struct order o = { .name = "Responder",
		.issuer = issuer,
		.serial = 30,
		.extensions = { { NID_key_usage, "critical,digitalSignature" },
			{ NID_ext_key_usage, usage } } };

	if (nocheck)
		o.extensions[2] =
			(struct extension){ NID_id_pkix_OCSP_noCheck, "ignored" };
	return party_make(o);
}

static void ocsp_by_the_issuer(void **state)
{
	struct house h = house_make();

	(void)state;
	answer_by(h.m, good_answer(&h, &h.ca));
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	house_done(&h);
}

static void ocsp_with_another_hash(void **state)
{
	struct house h = house_make();
	struct ocsp_order o = good_answer(&h, &h.ca);

	(void)state;
	o.id_md = EVP_sha256();
	answer_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	house_done(&h);
}

static void ocsp_by_a_delegate(void **state)
{
	struct house h = house_make();
	struct party r = responder_of(&h.ca, "OCSPSigning", true);

	(void)state;
	answer_by(h.m, good_answer(&h, &r));
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	party_done(&r);
	house_done(&h);
}

static void ocsp_without_its_signer(void **state)
{
	struct house h = house_make();
	struct party r = responder_of(&h.ca, "OCSPSigning", true);
	struct ocsp_order o = good_answer(&h, &r);

	(void)state;
	o.without_certificate = true;
	answer_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	know(h.m, r.cert);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	party_done(&r);
	house_done(&h);
}

static void ocsp_by_whom_nobody_asked(void **state)
{
	struct house h = house_make();
	struct party no_usage = responder_of(&h.ca, "clientAuth", true);
	struct party stranger_ca =
		party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	struct party stranger = responder_of(&stranger_ca, "OCSPSigning", true);

	(void)state;
	answer_by(h.m, good_answer(&h, &no_usage));
	answer_by(h.m, good_answer(&h, &stranger));
	answer_by(h.m, good_answer(&h, &h.signer));
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	/* Configured as an anchor, a responder may answer for anybody. */
	trust_in(h.m, stranger.cert);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	party_done(&no_usage);
	party_done(&stranger_ca);
	party_done(&stranger);
	house_done(&h);
}

static void a_delegate_needs_revocation_data_of_its_own(void **state)
{
	struct house h = house_make();
	struct party r = responder_of(&h.ca, "OCSPSigning", false);

	(void)state;
	answer_by(h.m, good_answer(&h, &r));
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	{
		struct ocsp_order about_r = good_answer(&h, &h.ca);

		about_r.about = r.cert;
		answer_by(h.m, about_r);
	}
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	party_done(&r);
	house_done(&h);
}

static void a_revoked_delegate_proves_nothing(void **state)
{
	struct house h = house_make();
	struct party r = responder_of(&h.ca, "OCSPSigning", false);
	struct ocsp_order about_r = good_answer(&h, &h.ca);

	(void)state;
	answer_by(h.m, good_answer(&h, &r));
	about_r.about = r.cert;
	about_r.status = V_OCSP_CERTSTATUS_REVOKED;
	about_r.revoked_at = "2026-06-01T00:00:00Z";
	answer_by(h.m, about_r);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	party_done(&r);
	house_done(&h);
}

static void ocsp_states(void **state)
{
	struct house h = house_make();
	struct ocsp_order o = good_answer(&h, &h.ca);

	(void)state;
	o.status = V_OCSP_CERTSTATUS_UNKNOWN;
	answer_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	o.status = V_OCSP_CERTSTATUS_GOOD;
	o.from = "2026-06-01T00:00:00Z";
	o.to = "2026-06-02T00:00:00Z";
	answer_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_STALE_REVOCATION);
	o.status = V_OCSP_CERTSTATUS_REVOKED;
	o.reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE;
	o.revoked_at = "2026-06-01T00:00:00Z";
	answer_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_REVOKED);
	house_done(&h);
}

static void ocsp_from_the_future_or_about_another(void **state)
{
	struct house h = house_make();
	struct party other = party_make((struct order){ .name = "Other",
		.issuer = &h.ca,
		.serial = 4,
		.extensions = SIGNER_EXTENSIONS });
	struct ocsp_order o = good_answer(&h, &h.ca);

	(void)state;
	o.from = "2026-06-05T13:00:00Z";
	answer_by(h.m, o);
	o = good_answer(&h, &h.ca);
	o.about = other.cert;
	answer_by(h.m, o);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	assert_int_equal(outcome_of(&h, other.cert), PKI_PASSED);
	party_done(&other);
	house_done(&h);
}

static void revoked_by_one_source_is_revoked(void **state)
{
	struct house h = house_make();

	(void)state;
	answer_by(h.m, good_answer(&h, &h.ca));
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-01T00:00:00Z",
			       .to = "2026-06-08T00:00:00Z",
			       .entries = { { 3, "2026-05-01T00:00:00Z", 1 } } });
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_REVOKED);
	house_done(&h);
}

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

static int alone(
	const struct ocsp_order *order, X509 *issuer, X509 *about, const char *time)
{
	struct octets o = ocsp_make(*order);
	OCSP_BASICRESP *basic = pki_ocsp_parse(span_of_octets(&o));
	const char *reason;
	int r;

	assert_non_null(basic);
	r = pki_ocsp_verify(basic, issuer, about, when(time), &reason);
	assert_true(r >= 0);
	assert_int_equal(r == 1, reason[0] == '\0');
	OCSP_BASICRESP_free(basic);
	octets_done(&o);
	return r;
}

static void alone_a_response_is_judged_too(void **state)
{
	struct house h = house_make();
	struct party delegate = responder_of(&h.ca, "OCSPSigning", true);
	struct party other = responder_of(&h.ca, "clientAuth", true);
	struct ocsp_order o = good_answer(&h, &h.ca);

	(void)state;
	assert_int_equal(alone(&o, h.ca.cert, h.signer.cert, NOW), 1);
	assert_int_equal(alone(&o, h.ca.cert, NULL, NOW), 1);
	assert_int_equal(alone(&o, h.signer.cert, h.signer.cert, NOW), 0);
	assert_int_equal(alone(&o, h.ca.cert, delegate.cert, NOW), 0);
	assert_int_equal(alone(&o, h.ca.cert, h.signer.cert, "2026-06-05T10:00:00Z"), 0);
	assert_int_equal(alone(&o, h.ca.cert, h.signer.cert, "2026-06-07T00:00:00Z"), 0);
	o.responder = &delegate;
	assert_int_equal(alone(&o, h.ca.cert, h.signer.cert, NOW), 1);
	o.responder = &other;
	assert_int_equal(alone(&o, h.ca.cert, h.signer.cert, NOW), 0);
	o.responder = &h.ca;
	o.status = V_OCSP_CERTSTATUS_UNKNOWN;
	assert_int_equal(alone(&o, h.ca.cert, h.signer.cert, NOW), 0);
	party_done(&delegate);
	party_done(&other);
	house_done(&h);
}

/* Whatever single octet of a CRL or a response changes, nothing else is accepted from it.
 */
static void flipped(const struct house *h, struct octets *o, bool crl)
{
	for (int i = 0; i < o->len; i++) {
		struct house other = *h;

		o->data[i] ^= 0x20;
		other.m = pki_material_copy(h->m);
		if (crl)
			pki_material_add_crl(other.m, span_of_octets(o));
		else
			pki_material_add_ocsp(other.m, span_of_octets(o));
		if (outcome_of(&other, h->signer.cert) == PKI_PASSED)
			fail_msg("octet %d of %d makes no difference", i, o->len);
		pki_material_free(other.m);
		o->data[i] ^= 0x20;
	}
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

static void no_octet_of_a_response_may_change(void **state)
{
	struct house h = house_make();
	struct ocsp_order order = good_answer(&h, &h.ca);
	struct octets o;

	(void)state;
	order.without_certificate = true;
	o = ocsp_make(order);
	flipped(&h, &o, false);
	octets_done(&o);
	house_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ocsp_by_the_issuer),
		cmocka_unit_test(ocsp_with_another_hash),
		cmocka_unit_test(ocsp_by_a_delegate),
		cmocka_unit_test(ocsp_without_its_signer),
		cmocka_unit_test(ocsp_by_whom_nobody_asked),
		cmocka_unit_test(a_delegate_needs_revocation_data_of_its_own),
		cmocka_unit_test(a_revoked_delegate_proves_nothing),
		cmocka_unit_test(ocsp_states),
		cmocka_unit_test(ocsp_from_the_future_or_about_another),
		cmocka_unit_test(revoked_by_one_source_is_revoked),
		cmocka_unit_test(a_delta_list_brings_up_to_date),
		cmocka_unit_test(a_delta_list_takes_a_hold_back),
		cmocka_unit_test(a_delta_list_alone_is_no_data),
		cmocka_unit_test(a_list_for_others_does_not_count),
		cmocka_unit_test(a_list_for_some_reasons_is_a_part),
		cmocka_unit_test(a_list_with_an_unknown_critical_extension),
		cmocka_unit_test(a_list_signed_by_another_key),
		cmocka_unit_test(an_issuer_that_may_not_sign_lists),
		cmocka_unit_test(alone_a_list_is_judged_too),
		cmocka_unit_test(alone_a_response_is_judged_too),
		cmocka_unit_test(no_octet_of_a_list_may_change),
		cmocka_unit_test(no_octet_of_a_response_may_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

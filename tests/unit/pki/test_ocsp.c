/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/pair.h"

#include "pki/ocsp.h"

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

/* A document may carry whatever it likes: no number of good answers hides a revocation.
 */
static void no_crowd_hides_a_revocation(void **state)
{
	struct house h = house_make();
	struct ocsp_order o = good_answer(&h, &h.ca);

	(void)state;
	for (int minute = 0; minute < 70; minute++) {
		char from[CLOCK_TEXT_SIZE];

		clock_format(when("2026-06-05T10:00:00Z") + minute * 60, from);
		o.from = from;
		answer_by(h.m, o);
	}
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-01T00:00:00Z",
			       .to = "2026-06-08T00:00:00Z",
			       .entries = { { 3, "2026-05-01T00:00:00Z", 1 } } });
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_REVOKED);
	house_done(&h);
}

/* Nor does a crowd of lookalikes of the responder that says revoked. */
static void no_crowd_hides_a_responder(void **state)
{
	struct house h = house_make();
	struct party r = responder_of(&h.ca, "OCSPSigning", true);
	struct ocsp_order revoked = good_answer(&h, &r);

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct party twin = party_make((struct order){ .name = "Responder" });

		know(h.m, twin.cert);
		party_done(&twin);
	}
	answer_by(h.m, good_answer(&h, &h.ca));
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	revoked.status = V_OCSP_CERTSTATUS_REVOKED;
	revoked.revoked_at = "2026-06-01T00:00:00Z";
	revoked.without_certificate = true;
	answer_by(h.m, revoked);
	know(h.m, r.cert);
	assert_int_not_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	party_done(&r);
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
		cmocka_unit_test(alone_a_response_is_judged_too),
		cmocka_unit_test(no_octet_of_a_response_may_change),
		cmocka_unit_test(no_crowd_hides_a_revocation),
		cmocka_unit_test(no_crowd_hides_a_responder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

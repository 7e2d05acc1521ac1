/* SPDX-License-Identifier: EUPL-1.2 */
/* More revocation data than is looked at: no revocation is lost in it, and nothing passes
 * because of what was not looked at. */
#include "tests/unit/pki/pair.h"

#include "pki/revocation.h"

/* What the CA answers about the signer: good. */
static OCSP_BASICRESP *good_answer(const struct house *h)
{
	struct octets o = ocsp_make((struct ocsp_order){ .responder = &h->ca,
		.about = h->signer.cert,
		.issuer = h->ca.cert,
		.status = V_OCSP_CERTSTATUS_GOOD,
		.from = "2026-06-05T11:00:00Z" });
	const unsigned char *p = o.data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, o.len);
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);

	assert_non_null(basic);
	OCSP_RESPONSE_free(response);
	octets_done(&o);
	return basic;
}

/* The same signed answer n times. The certificates beside it are not signed: anybody may
 * add some and have other octets. */
static void answer_times(const struct house *h, size_t n)
{
	OCSP_BASICRESP *basic = good_answer(h);

	for (size_t i = 0; i < n; i++) {
		struct octets o = { 0 };

		o.len = i2d_OCSP_BASICRESP(basic, &o.data);
		assert_int_equal(pki_material_add_ocsp(h->m, span_of_octets(&o)), 0);
		octets_done(&o);
		assert_true(OCSP_basic_add1_cert(basic, h->signer.cert));
	}
	OCSP_BASICRESP_free(basic);
	assert_int_equal(h->m->ocsp_count, n);
}

static void revoke_signer(const struct house *h, int reason)
{
	revoke_by(h->m, (struct crl_order){ .issuer = &h->ca,
				.from = "2026-06-01T00:00:00Z",
				.to = "2026-06-08T00:00:00Z",
				.entries = { { 3, "2026-05-01T00:00:00Z", reason } } });
}

static void copies_of_an_answer_hide_no_revocation(void **state)
{
	struct house h = house_make();

	(void)state;
	answer_times(&h, 70);
	revoke_signer(&h, 1);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_REVOKED);
	house_done(&h);
}

/* A list that holds the signer is older than the answers: nothing final, but there is
 * more than was looked at. */
static void a_hold_in_a_crowd_is_no_pass(void **state)
{
	struct house h = house_make();

	(void)state;
	answer_times(&h, 70);
	revoke_signer(&h, CRL_REASON_CERTIFICATE_HOLD);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	house_done(&h);
}

static void more_than_is_looked_at_is_no_data(void **state)
{
	struct house h = house_make();

	(void)state;
	answer_times(&h, PKI_FACTS_MAX);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_PASSED);
	house_done(&h);
	h = house_make();
	answer_times(&h, PKI_FACTS_MAX + 1);
	assert_int_equal(outcome_of(&h, h.signer.cert), PKI_NO_REVOCATION_DATA);
	house_done(&h);
}

/* What a question finds when others before it have spent all work but some. */
static enum revocation_status status_with(const struct house *h, unsigned int left)
{
	unsigned int work = PKI_WORK_MAX - left;
	const struct pki_nest nest = { .work = &work };
	const struct pki_path_request request = {
		.target = h->signer.cert, .material = h->m, .at = when(NOW)
	};
	struct revocation_question q = {
		.request = &request, .chain = sk_X509_new_null(), .nest = &nest
	};
	struct revocation found;

	sk_X509_push(q.chain, h->signer.cert);
	sk_X509_push(q.chain, h->ca.cert);
	assert_int_equal(pki_revocation_judge(&q, &found), 0);
	sk_X509_free(q.chain);
	return found.status;
}

/* One answer and one list take a signature each. */
static void work_that_ran_out_is_no_pass(void **state)
{
	struct house h = house_make();

	(void)state;
	answer_times(&h, 1);
	revoke_signer(&h, 1);
	assert_int_equal(status_with(&h, 2), REVOCATION_REVOKED);
	assert_int_equal(status_with(&h, 1), REVOCATION_NONE);
	assert_int_equal(status_with(&h, 0), REVOCATION_NONE);
	house_done(&h);
}

/* One response with many answers, each of which has to be looked at. */
static void looks_at_answers_are_work(void **state)
{
	struct house h = house_make();
	OCSP_BASICRESP *basic = good_answer(&h);
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha256(), h.ca.cert, h.ca.cert);
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)when("2026-06-05T11:00:00Z"));
	struct octets o = { 0 };

	(void)state;
	for (int i = 0; i < 64 * 10; i++)
		assert_non_null(OCSP_basic_add1_status(
			basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, from, NULL));
	assert_true(OCSP_basic_sign(
		basic, h.ca.cert, h.ca.key, EVP_sha256(), NULL, OCSP_NOTIME));
	o.len = i2d_OCSP_BASICRESP(basic, &o.data);
	assert_int_equal(pki_material_add_ocsp(h.m, span_of_octets(&o)), 0);
	assert_int_equal(status_with(&h, 10 + 2), REVOCATION_GOOD);
	assert_int_equal(status_with(&h, 10), REVOCATION_NONE);
	octets_done(&o);
	ASN1_TIME_free(from);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	house_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_an_answer_hide_no_revocation),
		cmocka_unit_test(a_hold_in_a_crowd_is_no_pass),
		cmocka_unit_test(more_than_is_looked_at_is_no_data),
		cmocka_unit_test(work_that_ran_out_is_no_pass),
		cmocka_unit_test(looks_at_answers_are_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* The nth allocation fails, for every n: whatever comes out, it is never an acceptance of
 * what must not be accepted. */
#include "tests/unit/pki/house.h"

#include "pki/errors.h"
#include "pki/parsed.h"
#include "pki/proof.h"

#include <openssl/crypto.h>

static long fail_at; /* allocations left until one fails; 0: none fails */
static bool failed;

static bool now_fails(void)
{
	if (fail_at == 0 || --fail_at > 0)
		return false;
	failed = true;
	pki_errors_out_of_memory();
	return true;
}

static void *take(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return now_fails() ? NULL : malloc(size);
}

static void *take_again(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return now_fails() ? NULL : realloc(p, size);
}

static void give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* Ask with the nth allocation failing. Return: the outcome, UNDECIDED for a negative
 * return; *ret_failed: an allocation failed at all. */
static enum pki_outcome ask_with(
	const struct pki_path_request *request, long n, bool *ret_failed)
{
	struct pki_path_result result = { 0 };
	enum pki_outcome outcome = PKI_UNDECIDED;
	int r;

	pki_proof_forget();
	failed = false;
	fail_at = n;
	r = pki_path_validate(request, &result);
	fail_at = 0;
	if (r == 0) {
		assert_int_not_equal(result.outcome, PKI_UNDECIDED);
		outcome = result.outcome;
		pki_path_result_done(&result);
	}
	*ret_failed = failed;
	return outcome;
}

/* Every n until none fails any more. Nothing may pass but what passes with all memory. */
static void sweep(const struct pki_path_request *request, enum pki_outcome expected)
{
	bool some = true;
	long n;

	for (n = 1; some; n++) {
		enum pki_outcome outcome = ask_with(request, n, &some);

		if (!some)
			assert_int_equal(outcome, expected);
		else if (expected != PKI_PASSED && outcome == PKI_PASSED)
			fail_msg("accepted when allocation %ld failed", n);
	}
	assert_true(n > 20);
}

static struct pki_path_request request_of(const struct house *h)
{
	return (struct pki_path_request){
		.target = h->signer.cert, .material = h->m, .at = when(NOW)
	};
}

static void a_good_path(void **state)
{
	struct house h = house_with_crls();
	struct pki_path_request request = request_of(&h);

	(void)state;
	sweep(&request, PKI_PASSED);
	house_done(&h);
}

static void a_revoked_signer(void **state)
{
	struct house h = house_make();
	struct pki_path_request request = request_of(&h);

	(void)state;
	crl_of(&h, &h.root);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-01T00:00:00Z",
			       .to = "2026-06-08T00:00:00Z",
			       .entries = { { 3, "2026-05-01T00:00:00Z", 1 } } });
	sweep(&request, PKI_REVOKED);
	house_done(&h);
}

static void revoked_by_a_delta_list(void **state)
{
	struct house h = house_make();
	struct pki_path_request request = request_of(&h);

	(void)state;
	crl_of(&h, &h.root);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-01T00:00:00Z",
			       .to = "2026-06-08T00:00:00Z",
			       .extensions = { { NID_crl_number, "5" } } });
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-02T00:00:00Z",
			       .to = "2026-06-08T00:00:00Z",
			       .entries = { { 3, "2026-05-01T00:00:00Z", 1 } },
			       .extensions = { { NID_crl_number, "6" },
				       { NID_delta_crl, "5" } } });
	sweep(&request, PKI_REVOKED);
	house_done(&h);
}

static void a_list_for_others(void **state)
{
	struct house h = house_make();
	struct pki_path_request request = request_of(&h);

	(void)state;
	crl_of(&h, &h.root);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-01T00:00:00Z",
			       .to = "2026-06-08T00:00:00Z",
			       .extensions = { { NID_issuing_distribution_point,
				       "critical,onlyCA:TRUE" } } });
	sweep(&request, PKI_NO_REVOCATION_DATA);
	house_done(&h);
}

static void revoked_by_ocsp_while_a_list_says_good(void **state)
{
	struct house h = house_with_crls();
	struct pki_path_request request = request_of(&h);

	(void)state;
	answer_by(h.m, (struct ocsp_order){ .responder = &h.ca,
			       .about = h.signer.cert,
			       .issuer = h.ca.cert,
			       .status = V_OCSP_CERTSTATUS_REVOKED,
			       .revoked_at = "2026-06-01T00:00:00Z",
			       .from = "2026-06-05T11:00:00Z" });
	sweep(&request, PKI_REVOKED);
	house_done(&h);
}

static void constraints_and_policies(void **state)
{
	static const char *const others[] = { "1.2.3.5", NULL };
	struct house h = house_make();
	struct pki_path_request request = request_of(&h);

	(void)state;
	request.skip_revocation = true;
	request.explicit_policy = true;
	request.policy_oids = others;
	sweep(&request, PKI_CONSTRAINTS);
	house_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_path),
		cmocka_unit_test(a_revoked_signer),
		cmocka_unit_test(revoked_by_a_delta_list),
		cmocka_unit_test(a_list_for_others),
		cmocka_unit_test(revoked_by_ocsp_while_a_list_says_good),
		cmocka_unit_test(constraints_and_policies),
	};

	/* Before the library's first allocation, or it keeps its own. */
	if (!CRYPTO_set_mem_functions(take, take_again, give_back))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

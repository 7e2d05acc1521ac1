/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/house.h"

#include "pki/proof.h"

static void an_anchor_is_not_asked_what_it_is(void **state)
{
	struct pki_material *m = pki_material_new();
	struct party self = party_make((struct order){ .name = "Self",
		.extensions = { { NID_basic_constraints, "critical,CA:FALSE" },
			{ NID_subject_key_identifier, "hash" } } });
	struct party below = party_make((struct order){ .name = "Below",
		.issuer = &self,
		.serial = 2,
		.extensions = SIGNER_EXTENSIONS });
	struct pki_path_request request = { .target = self.cert,
		.material = m,
		.at = when(NOW),
		.purpose = PKI_SIGNING };

	(void)state;
	assert_int_equal(ask(&request), PKI_NO_PATH);
	trust_in(m, self.cert);
	assert_int_equal(ask(&request), PKI_PASSED);
	request.at = when("2029-01-01T00:00:00Z");
	assert_int_equal(ask(&request), PKI_EXPIRED);
	request.at = when(NOW);
	request.target = below.cert;
	assert_int_equal(ask(&request), PKI_NO_REVOCATION_DATA);
	request.skip_revocation = true;
	assert_int_equal(ask(&request), PKI_PASSED);
	party_done(&self);
	party_done(&below);
	pki_material_free(m);
}

static void who_is_no_ca_issues_nothing(void **state)
{
	struct house h = house_with_crls();
	struct party below = party_make((struct order){ .name = "Below",
		.issuer = &h.signer,
		.serial = 4,
		.extensions = SIGNER_EXTENSIONS });
	struct pki_path_request request = { .target = below.cert,
		.material = h.m,
		.at = when(NOW),
		.skip_revocation = true };

	(void)state;
	know(h.m, h.signer.cert);
	assert_int_equal(ask(&request), PKI_CHAIN_INVALID);
	party_done(&below);
	house_done(&h);
}

/* A key usage alone makes no CA, nor does a certificate of version 1. */
static void a_ca_is_a_ca_by_its_basic_constraints(void **state)
{
	struct house h = house_make();
	struct party half = party_make((struct order){ .name = "Half",
		.issuer = &h.root,
		.serial = 41,
		.extensions = { { NID_key_usage, "critical,keyCertSign" } } });
	struct party below = party_make(
		(struct order){ .name = "Below", .issuer = &half, .serial = 42 });
	struct pki_path_request request = { .target = below.cert,
		.material = h.m,
		.at = when(NOW),
		.skip_revocation = true };

	(void)state;
	know(h.m, half.cert);
	assert_int_equal(ask(&request), PKI_CHAIN_INVALID);
	party_done(&half);
	party_done(&below);
	house_done(&h);
}

static void the_good_one_of_several_paths_counts(void **state)
{
	struct house h = house_make();
	struct party expired = party_make((struct order){ .name = "CA",
		.issuer = &h.root,
		.serial = 7,
		.key = h.ca.key,
		.from = "2020-01-01T00:00:00Z",
		.to = "2021-01-01T00:00:00Z",
		.extensions = CA_EXTENSIONS });
	struct party other = party_make(
		(struct order){ .name = "Other root", .extensions = ROOT_EXTENSIONS });
	struct party cross = party_make((struct order){ .name = "CA",
		.issuer = &other,
		.serial = 8,
		.key = h.ca.key,
		.extensions = CA_EXTENSIONS });
	struct pki_material *m = pki_material_new();
	struct pki_path_request request = { .target = h.signer.cert,
		.material = m,
		.at = when(NOW),
		.skip_revocation = true };

	(void)state;
	know(m, cross.cert);
	know(m, expired.cert);
	trust_in(m, h.root.cert);
	assert_int_equal(ask(&request), PKI_CA_EXPIRED);
	know(m, h.ca.cert);
	assert_int_equal(ask(&request), PKI_PASSED);
	pki_material_free(m);
	party_done(&expired);
	party_done(&other);
	party_done(&cross);
	house_done(&h);
}

static void authorities_that_certify_each_other_come_to_an_end(void **state)
{
	struct party a =
		party_make((struct order){ .name = "A", .extensions = ROOT_EXTENSIONS });
	struct party b = party_make(
		(struct order){ .name = "B", .issuer = &a, .extensions = CA_EXTENSIONS });
	struct party a_by_b = party_make((struct order){
		.name = "A", .issuer = &b, .key = a.key, .extensions = CA_EXTENSIONS });
	struct party end = party_make((struct order){
		.name = "E", .issuer = &a, .extensions = SIGNER_EXTENSIONS });
	struct pki_material *m = pki_material_new();
	struct pki_path_request request = {
		.target = end.cert, .material = m, .at = when(NOW)
	};

	(void)state;
	know(m, b.cert);
	know(m, a_by_b.cert);
	assert_int_equal(ask(&request), PKI_NO_PATH);
	pki_material_free(m);
	party_done(&a);
	party_done(&b);
	party_done(&a_by_b);
	party_done(&end);
}

static void a_maze_of_one_name_is_given_up(void **state)
{
	struct pki_material *m = pki_material_new();
	struct party keys[6], end;
	struct pki_path_request request = { .material = m, .at = when(NOW) };
	struct pki_path_result result = { 0 };
	int serial = 100;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		keys[i] = party_make((struct order){ .name = "Maze",
			.extensions = {
				{ NID_basic_constraints, "critical,CA:TRUE" } } });
	for (size_t i = 0; i < 6; i++)
		for (size_t j = 0; j < 6; j++) {
			struct party p = party_make((struct order){ .name = "Maze",
				.issuer = &keys[i],
				.key = keys[j].key,
				.serial = serial++,
				.extensions = { { NID_basic_constraints,
					"critical,CA:TRUE" } } });

			know(m, p.cert);
			party_done(&p);
		}
	end = party_make((struct order){ .name = "End", .issuer = &keys[0] });
	request.target = end.cert;
	assert_int_equal(pki_path_validate(&request, &result), 0);
	assert_int_equal(result.outcome, PKI_NO_PATH);
	assert_non_null(strstr(result.reason, "more than are tried"));
	pki_path_result_done(&result);
	for (size_t i = 0; i < 6; i++)
		party_done(&keys[i]);
	party_done(&end);
	pki_material_free(m);
}

static void weak_keys_and_digests(void **state)
{
	struct house h = house_with_crls();
	struct party small = party_make((struct order){ .name = "Small",
		.issuer = &h.ca,
		.serial = 5,
		.rsa_bits = 1024,
		.extensions = SIGNER_EXTENSIONS });
	struct party sha1 = party_make((struct order){ .name = "Sha1",
		.issuer = &h.ca,
		.serial = 6,
		.md = EVP_sha1(),
		.extensions = SIGNER_EXTENSIONS });

	(void)state;
	assert_int_equal(at(&h, small.cert, NOW), PKI_WEAK);
	assert_int_equal(at(&h, sha1.cert, NOW), PKI_WEAK);
	party_done(&small);
	party_done(&sha1);
	house_done(&h);
}

static void weak_revocation_data_is_weak(void **state)
{
	struct house h = house_make();

	(void)state;
	crl_of(&h, &h.root);
	revoke_by(h.m, (struct crl_order){ .issuer = &h.ca,
			       .from = "2026-06-01T00:00:00Z",
			       .to = "2026-06-08T00:00:00Z",
			       .md = EVP_sha1() });
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_WEAK);
	crl_of(&h, &h.ca);
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_PASSED);
	house_done(&h);
}

static bool nothing_is_strong(
	void *context, const char *digest, const struct pki_key_info *key, int64_t time)
{
	(void)key;
	(void)time;
	(*(int *)context)++;
	return strcmp(digest, "SHA256") != 0;
}

static void the_caller_may_judge_strength(void **state)
{
	struct house h = house_with_crls();
	int asked = 0;
	struct pki_path_request request = { .target = h.signer.cert,
		.material = h.m,
		.at = when(NOW),
		.strength = nothing_is_strong,
		.strength_context = &asked };

	(void)state;
	assert_int_equal(ask(&request), PKI_WEAK);
	assert_true(asked > 0);
	house_done(&h);
}

static void purposes(void **state)
{
	struct house h = house_with_crls();
	struct party client = party_make((struct order){ .name = "Client",
		.issuer = &h.ca,
		.serial = 8,
		.extensions = { { NID_key_usage, "critical,digitalSignature" },
			{ NID_ext_key_usage, "clientAuth" } } });
	struct party cipher = party_make((struct order){ .name = "Cipher",
		.issuer = &h.ca,
		.serial = 9,
		.extensions = { { NID_key_usage, "critical,keyEncipherment" } } });
	struct pki_path_request request = { .target = client.cert,
		.material = h.m,
		.at = when(NOW),
		.purpose = PKI_TLS_CLIENT };

	(void)state;
	assert_int_equal(ask(&request), PKI_PASSED);
	request.purpose = PKI_TLS_SERVER;
	assert_int_equal(ask(&request), PKI_CONSTRAINTS);
	request.purpose = PKI_TIME_STAMPING;
	assert_int_equal(ask(&request), PKI_CONSTRAINTS);
	request.purpose = PKI_OCSP;
	assert_int_equal(ask(&request), PKI_CONSTRAINTS);
	request.target = cipher.cert;
	request.purpose = PKI_SIGNING;
	assert_int_equal(ask(&request), PKI_CONSTRAINTS);
	trust_in(h.m, client.cert);
	request.target = client.cert;
	request.purpose = PKI_TLS_SERVER;
	assert_int_equal(ask(&request), PKI_CONSTRAINTS);
	party_done(&client);
	party_done(&cipher);
	house_done(&h);
}

static void policies(void **state)
{
	static const char *const ours[] = { "1.2.3.4", NULL };
	static const char *const others[] = { "1.2.3.5", NULL };
	struct house h = house_make();
	struct party ca = party_make((struct order){ .name = "Policy CA",
		.issuer = &h.root,
		.serial = 11,
		.extensions = { { NID_basic_constraints, "critical,CA:TRUE" },
			{ NID_key_usage, "critical,keyCertSign,cRLSign" },
			{ NID_certificate_policies, "1.2.3.4" } } });
	struct party end = party_make((struct order){ .name = "End",
		.issuer = &ca,
		.serial = 12,
		.extensions = { { NID_certificate_policies, "1.2.3.4" } } });
	struct pki_path_request request = { .target = end.cert,
		.material = h.m,
		.at = when(NOW),
		.skip_revocation = true,
		.explicit_policy = true };

	(void)state;
	know(h.m, ca.cert);
	assert_int_equal(ask(&request), PKI_PASSED);
	request.policy_oids = ours;
	assert_int_equal(ask(&request), PKI_PASSED);
	request.policy_oids = others;
	assert_int_equal(ask(&request), PKI_CONSTRAINTS);
	request.policy_oids = NULL;
	request.target = h.signer.cert;
	assert_int_equal(ask(&request), PKI_CONSTRAINTS);
	party_done(&ca);
	party_done(&end);
	house_done(&h);
}

static void strict_asks_for_the_profile(void **state)
{
	struct house h = house_make();
	struct party loose = party_make((struct order){ .name = "Loose CA",
		.issuer = &h.root,
		.serial = 21,
		.extensions = { { NID_basic_constraints, "CA:TRUE" },
			{ NID_key_usage, "critical,keyCertSign,cRLSign" },
			{ NID_subject_key_identifier, "hash" },
			{ NID_authority_key_identifier, "keyid" } } });
	struct party end = party_make((struct order){ .name = "End",
		.issuer = &loose,
		.serial = 22,
		.extensions = SIGNER_EXTENSIONS });
	struct pki_path_request request = { .target = end.cert,
		.material = h.m,
		.at = when(NOW),
		.skip_revocation = true };

	(void)state;
	know(h.m, loose.cert);
	assert_int_equal(ask(&request), PKI_PASSED);
	request.strict = true;
	assert_int_equal(ask(&request), PKI_CHAIN_INVALID);
	request.target = h.signer.cert;
	assert_int_equal(ask(&request), PKI_PASSED);
	party_done(&loose);
	party_done(&end);
	house_done(&h);
}

/* What was proven for one key is not proven for another of the same name. */
static void proofs_do_not_cross_keys(void **state)
{
	struct house h = house_with_crls();
	struct party twin = party_make(
		(struct order){ .name = "Root", .extensions = ROOT_EXTENSIONS });
	struct pki_material *m = pki_material_new();
	struct pki_path_request request = { .target = h.signer.cert,
		.material = m,
		.at = when(NOW),
		.skip_revocation = true };

	(void)state;
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_PASSED);
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_PASSED);
	trust_in(m, twin.cert);
	know(m, h.ca.cert);
	assert_int_equal(ask(&request), PKI_NO_PATH);
	pki_proof_forget();
	assert_int_equal(at(&h, h.signer.cert, NOW), PKI_PASSED);
	pki_material_free(m);
	party_done(&twin);
	house_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_anchor_is_not_asked_what_it_is),
		cmocka_unit_test(who_is_no_ca_issues_nothing),
		cmocka_unit_test(a_ca_is_a_ca_by_its_basic_constraints),
		cmocka_unit_test(the_good_one_of_several_paths_counts),
		cmocka_unit_test(authorities_that_certify_each_other_come_to_an_end),
		cmocka_unit_test(a_maze_of_one_name_is_given_up),
		cmocka_unit_test(weak_keys_and_digests),
		cmocka_unit_test(weak_revocation_data_is_weak),
		cmocka_unit_test(the_caller_may_judge_strength),
		cmocka_unit_test(purposes),
		cmocka_unit_test(policies),
		cmocka_unit_test(strict_asks_for_the_profile),
		cmocka_unit_test(proofs_do_not_cross_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

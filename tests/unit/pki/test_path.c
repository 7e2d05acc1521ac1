/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/fixture.h"

#include "pki/path.h"
#include "pki/proof.h"

#define NOW "2026-06-05T12:00:00Z"

/* Root, CA, signer; fresh CRLs of root and CA unless a test adds its own. */
struct house {
	struct party root, ca, signer;
	struct pki_material *m;
};

static void crl_of(struct house *h, const struct party *issuer)
{
	revoke_by(h->m, (struct crl_order){ .issuer = issuer,
				.from = "2026-06-01T00:00:00Z",
				.to = "2026-06-08T00:00:00Z" });
}

static struct house house_make(void)
{
	struct house h = { .m = pki_material_new() };

	assert_non_null(h.m);
	h.root = party_make(
		(struct order){ .name = "Root", .extensions = ROOT_EXTENSIONS });
	h.ca = party_make((struct order){ .name = "CA",
		.issuer = &h.root,
		.serial = 2,
		.extensions = CA_EXTENSIONS });
	h.signer = party_make((struct order){ .name = "Signer",
		.issuer = &h.ca,
		.serial = 3,
		.extensions = SIGNER_EXTENSIONS });
	trust_in(h.m, h.root.cert);
	know(h.m, h.ca.cert);
	return h;
}

static struct house house_with_crls(void)
{
	struct house h = house_make();

	crl_of(&h, &h.root);
	crl_of(&h, &h.ca);
	return h;
}

static void house_done(struct house *h)
{
	party_done(&h->root);
	party_done(&h->ca);
	party_done(&h->signer);
	pki_material_free(h->m);
}

static enum pki_outcome ask(const struct pki_path_request *request)
{
	struct pki_path_result result = { 0 };
	enum pki_outcome outcome;

	assert_int_equal(pki_path_validate(request, &result), 0);
	assert_int_not_equal(result.outcome, PKI_UNDECIDED);
	assert_non_null(result.reason);
	outcome = result.outcome;
	pki_path_result_done(&result);
	return outcome;
}

static enum pki_outcome at(const struct house *h, X509 *target, const char *time)
{
	struct pki_path_request request = {
		.target = target, .material = h->m, .at = when(time)
	};

	return ask(&request);
}

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
		cmocka_unit_test(an_anchor_is_not_asked_what_it_is),
		cmocka_unit_test(who_is_no_ca_issues_nothing),
		cmocka_unit_test(a_ca_is_a_ca_by_its_basic_constraints),
		cmocka_unit_test(lists_without_an_end_are_believed_for_a_week),
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

/* SPDX-License-Identifier: EUPL-1.2 */
/* Mechanisms, limits, keys, production and PIN on a real software token. */
#include "hooks.h"

#include "common/clock.h"
#include "pkcs11/mechanism.h"

#include <openssl/rsa.h>
#include <signal.h>
#include <sys/resource.h>

/* Mechanisms ------------------------------------------------------------------------- */

/* Every kind of key that a role may name, by each of its mechanisms. */
static const char ROLES_ALL[] =
	"p1: { label = \"a\"; mechanism = \"rsa-sha256\"; key = \"RSA-2048\"; peer = "
	"\"seal\"; };\n"
	"p2: { label = \"b\"; mechanism = \"rsa-sha512\"; key = \"RSA-3072\"; peer = "
	"\"seal\"; };\n"
	"p3: { label = \"c\"; mechanism = \"rsa-sha384\"; key = \"RSA-4096\"; peer = "
	"\"seal\"; };\n"
	"s1: { label = \"d\"; mechanism = \"rsa-pss-sha256\"; key = \"RSA-3072\"; peer = "
	"\"seal\"; };\n"
	"s2: { label = \"e\"; mechanism = \"rsa-pss-sha384\"; key = \"RSA-2048\"; peer = "
	"\"seal\"; };\n"
	"s3: { label = \"f\"; mechanism = \"rsa-pss-sha512\"; key = \"RSA-4096\"; peer = "
	"\"seal\"; };\n"
	"e1: { label = \"g\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\"; };\n"
	"e2: { label = \"h\"; mechanism = \"ecdsa-sha384\"; peer = \"seal\"; };\n"
	"e3: { label = \"i\"; mechanism = \"ecdsa-sha512\"; peer = \"queued\"; };\n";

/* Verify over the message by OpenSSL's own route, not by ours over the digest. */
static void verify_message(
	struct fixture *f, size_t role, const struct signer_result *result)
{
	const struct mechanism *m = f->roles.list[role].mechanism;
	uint8_t *der = NULL, sig[SIGNER_VALUE_MAX + 16];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	const uint8_t *p;
	X509 *own, *ca;
	size_t len;
	int n;

	assert_int_equal(token_certificates(f->token, role, &der, &len), 0);
	p = der;
	own = d2i_X509(NULL, &p, (long)len);
	ca = d2i_X509(NULL, &p, (long)(len - (size_t)(p - der)));
	assert_non_null(own);
	assert_non_null(ca);
	assert_ptr_equal(p, der + len);
	assert_int_equal(X509_verify(own, X509_get0_pubkey(ca)), 1);
	n = mechanism_der(m, span_of(result->value, result->value_len), sig, sizeof(sig));
	assert_true(n > 0);
	assert_int_equal(EVP_DigestVerifyInit(md, &ctx, EVP_get_digestbyname(m->digest),
				 NULL, X509_get0_pubkey(own)),
		1);
	if (m->scheme == SCHEME_RSA_PSS) {
		assert_int_equal(
			EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(
			EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
	}
	assert_int_equal(
		EVP_DigestVerify(md, sig, (size_t)n, (const uint8_t *)"message", 7), 1);
	EVP_MD_CTX_free(md);
	X509_free(own);
	X509_free(ca);
	free(der);
}

static void each_mechanism(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_ALL);

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	for (size_t i = 0; i < f->roles.count; i++) {
		const struct mechanism *m = f->roles.list[i].mechanism;
		uint8_t digest[SIGNER_DIGEST_MAX];
		struct signer_result result;

		assert_int_equal(EVP_Digest("message", 7, digest, NULL,
					 EVP_get_digestbyname(m->digest), NULL),
			1);
		assert_int_equal(sign_for(&f->signing, i, span_of(digest, m->digest_len),
					 DOCUMENT, &result),
			SIGNER_SIGNED);
		assert_string_equal(result.mechanism, m->name);
		assert_int_equal(result.count, 2); /* the request was the first */
		verify_message(f, i, &result);
	}
	fixture_done(f);
}

/* A role that names another kind of key than the token has signs nothing: the key would
 * be one that nobody decided on. */
static void kind_of_key_is_checked(void **state)
{
	struct fixture *f =
		made(CONF_STANDARD, "a: { label = \"a\"; mechanism = \"ecdsa-sha256\"; "
				    "peer = \"seal\"; };\n");
	struct token_view view;

	(void)state;
	fixture_configure(f, CONF_STANDARD,
		"a: { label = \"a\"; mechanism = \"ecdsa-sha256\"; key = \"P-384\"; peer "
		"= "
		"\"seal\"; };\n");
	assert_int_equal(fixture_start(f), TOKEN_FORBIDDEN);
	token_view(f->token, &view);
	assert_non_null(strstr(view.reason, "kind"));
	fixture_done(f);
}

/* Limits ----------------------------------------------------------------------------- */

static void limits(void **state)
{
	struct fixture *f = made(CONF_STANDARD,
		"minute: { label = \"a\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\";"
		" max_per_minute = 3; };\n"
		"total: { label = \"b\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\"; "
		"total = 4; };\n"
		"past: { label = \"c\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\";"
		" not_after = \"2020-01-01T00:00:00Z\"; };\n"
		"future: { label = \"d\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\";"
		" not_before = \"2999-01-01T00:00:00Z\"; };\n");
	struct signer_result r;
	uint8_t digest[64] = { 1 };

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sign(f, "minute", &r), SIGNER_SIGNED);
	assert_int_equal(sign(f, "minute", &r), SIGNER_AWAY);
	assert_non_null(strstr(r.reason, "minute"));
	for (int i = 0; i < 3; i++) /* the request was the first of four */
		assert_int_equal(sign(f, "total", &r), SIGNER_SIGNED);
	assert_int_equal(sign(f, "total", &r), SIGNER_REFUSED);
	assert_int_equal(sign(f, "past", &r), SIGNER_REFUSED);
	assert_int_equal(sign(f, "future", &r), SIGNER_REFUSED);
	for (size_t len = 0; len <= 64; len++)
		if (len != 32)
			assert_int_equal(sign_for(&f->signing, 0, span_of(digest, len),
						 DOCUMENT, &r),
				SIGNER_REFUSED);
	assert_true(count_log_count(f->log, "minute") == 4);
	assert_true(count_log_count(f->log, "past") == 1);
	fixture_done(f);
}

static void expired_certificate(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct token_lease lease;
	struct signer_result r;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(token_lend(f->token, 0, 100, &lease), 0);
	((struct role_key *)(uintptr_t)lease.key)->not_after = clock_now() - 1;
	token_return(f->token, &lease, CKR_OK);
	assert_int_equal(sign(f, "seal", &r), SIGNER_REFUSED);
	assert_non_null(strstr(r.reason, "not valid now"));
	fixture_done(f);
}

/* Keys ------------------------------------------------------------------------------- */

struct flaw {
	bool extractable, insensitive, imported, twice;
};

/* A key pair under the role's label with the flaw, made past our own set-up. */
static void flawed_key(struct fixture *f, const char *label, const struct flaw *flaw)
{
	CK_BBOOL yes = CK_TRUE, extractable = flaw->extractable,
		 sensitive = !flaw->insensitive;
	struct setup s = { .instance = &f->instance };
	uint8_t oid[16], *p = oid, scalar[32] = { 0, 1 }, id[4] = { 1, 2, 3, 4 };
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_EC;
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG oid_len =
		(CK_ULONG)i2d_ASN1_OBJECT(OBJ_nid2obj(NID_X9_62_prime256v1), &p);
	CK_ATTRIBUTE public[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, oid, oid_len },
		{ CKA_ID, id, 4 } };
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 },
		{ CKA_SIGN, &yes, 1 }, { CKA_SENSITIVE, &sensitive, 1 },
		{ CKA_EXTRACTABLE, &extractable, 1 }, { CKA_ID, id, 4 },
		{ CKA_LABEL, (char *)(uintptr_t)label, strlen(label) },
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_EC_PARAMS, oid, oid_len },
		{ CKA_VALUE, scalar, sizeof(scalar) } };
	CK_OBJECT_HANDLE handles[2];

	assert_int_equal(token_environment(&f->instance), 0);
	assert_int_equal(setup_open(&s), 0);
	for (int i = 0; i <= flaw->twice; i++) {
		CK_RV rv = flaw->imported ? s.module.f->C_CreateObject(
						    s.session, private, 11, handles)
					  : s.module.f->C_GenerateKeyPair(s.session,
						    &mechanism, public, 3, private, 7,
						    &handles[0], &handles[1]);

		assert_int_equal(rv, CKR_OK);
	}
	setup_close(&s);
}

static void flawed_keys_are_refused(void **state)
{
	static const struct {
		struct flaw flaw;
		const char *words;
	} CASES[] = {
		{ { .extractable = true }, "EXTRACTABLE" },
		{ { .insensitive = true }, "SENSITIVE" },
		{ { .imported = true }, "CKA_LOCAL" },
		{ { .twice = true }, "two keys" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
		struct token_view view;
		struct signer_result r;

		fixture_configure(f, CONF_STANDARD,
			"seal: { label = \"flawed\"; mechanism = \"ecdsa-sha256\"; peer "
			"= \"seal\"; };\n");
		flawed_key(f, "flawed", &CASES[i].flaw);
		assert_int_equal(fixture_start(f), TOKEN_FORBIDDEN);
		token_view(f->token, &view);
		if (!strstr(view.reason, CASES[i].words))
			fail_msg("%s", view.reason);
		assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
		assert_int_equal(
			SETUP(f, "init-token"), 1); /* nor does it mend such a key */
		fixture_done(f);
	}
}

static void key_without_certificate(void **state)
{
	static struct fixture f;
	char out[PATH_MAX];
	struct signer_result r;

	(void)state;
	fixture_new(&f, CONF_STANDARD, ROLES_STANDARD);
	hook_module(&f);
	snprintf(out, sizeof(out), "%s/out", f.dir);
	assert_int_equal(setup_to(&f, out, 1, (const char *[]){ "init-token" }), 0);
	assert_int_equal(fixture_start(&f), TOKEN_READY);
	assert_int_equal(sign(&f, "seal", &r), SIGNER_AWAY);
	assert_non_null(strstr(r.reason, "no certificate"));
	fixture_stop(&f);
	assert_int_equal(certify(&f, "seal", 86400), 0);
	assert_int_equal(fixture_start(&f), TOKEN_READY);
	assert_int_equal(sign(&f, "seal", &r), SIGNER_SIGNED);
	assert_int_equal(sign(&f, "receipt", &r), SIGNER_AWAY);
	fixture_done(&f);
}

/* Production ------------------------------------------------------------------------- */

static const char CONF_PRODUCTION[] =
	"instance = { name = \"unit\"; test = false; };\n"
	"signer = { softhsm_conf = \"state/signer/softhsm2.conf\"; threads = 4; };\n";

static void production_refuses_software(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct token_view view;
	struct signer_result r;

	(void)state;
	fixture_configure(f, CONF_PRODUCTION, ROLES_STANDARD);
	assert_int_equal(SETUP(f, "init-token"), 1);
	assert_int_equal(SETUP(f, "csr", "seal"), 1);
	assert_int_equal(fixture_start(f), TOKEN_FORBIDDEN);
	token_view(f->token, &view);
	assert_non_null(strstr(view.reason, "software token in a production instance"));
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	fixture_done(f);
}

/* A device in production is not activated by a file. */
static void production_reads_no_pin(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct signer_result r;

	(void)state;
	fixture_configure(f, CONF_PRODUCTION, ROLES_STANDARD);
	atomic_store(&hook.hardware, true);
	atomic_store(&hook.logins, 0);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	assert_int_equal(atomic_load(&hook.logins), 0);
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	fixture_done(f);
}

/* PIN -------------------------------------------------------------------------------- */

static void refused_pin_is_not_retried(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	_cleanup_(freep) uint8_t *pin = NULL;
	char path[PATH_MAX];
	size_t len;

	(void)state;
	snprintf(path, sizeof(path), "%s/credentials/pin", f->dir);
	assert_int_equal(file_read(path, 100, &pin, &len), 0);
	put(f->dir, "credentials/pin", "00000000\n");
	atomic_store(&hook.logins, 0);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	for (int i = 0; i < 5; i++)
		assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	fixture_stop(f);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE); /* nor after a restart */
	assert_int_equal(atomic_load(&hook.logins), 1);
	put(f->dir, "credentials/pin", (const char *)pin);
	assert_int_equal(token_open(f->token), TOKEN_READY);
	assert_int_equal(atomic_load(&hook.logins), 2);
	fixture_done(f);
}

/* The service manager hands over another file at every start, of the same sealed one. */
static void refused_pin_of_a_credential(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	_cleanup_(freep) uint8_t *pin = NULL;
	char path[PATH_MAX], folder[PATH_MAX];
	size_t len;

	(void)state;
	snprintf(path, sizeof(path), "%s/credentials/pin", f->dir);
	snprintf(folder, sizeof(folder), "%s/handed-over", f->dir);
	assert_int_equal(file_read(path, 100, &pin, &len), 0);
	unlink(path);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(path, sizeof(path), "%s/sealed", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/sealed/signer", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	put(f->dir, "sealed/signer/credentials_pin", "cipher text\n");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	atomic_store(&hook.logins, 0);
	for (int i = 0; i < 3; i++) {
		put(f->dir, "handed-over/sealgate_credentials_pin", "00000000\n");
		assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
		fixture_stop(f);
	}
	assert_int_equal(atomic_load(&hook.logins), 1);
	put(f->dir, "sealed/signer/credentials_pin", "another cipher text\n");
	put(f->dir, "handed-over/sealgate_credentials_pin", (const char *)pin);
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(atomic_load(&hook.logins), 2);
	unsetenv("CREDENTIALS_DIRECTORY");
	fixture_done(f);
}

/* The marker cannot be written: the PIN is not tried again all the same. */
static void refused_pin_without_marker(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct rlimit before;

	(void)state;
	put(f->dir, "credentials/pin", "00000000\n");
	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	atomic_store(&hook.logins, 0);
	atomic_store(&hook.full, true);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	setrlimit(RLIMIT_FSIZE, &before);
	for (int i = 0; i < 5; i++)
		assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	assert_int_equal(atomic_load(&hook.logins), 1);
	fixture_done(f);
}

static void no_pin_file(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	char path[PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%s/credentials/pin", f->dir);
	unlink(path);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	put(f->dir, "credentials/pin", "123\n");
	assert_int_equal(token_open(f->token), TOKEN_INACTIVE); /* too short to be one */
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mechanism),
		cmocka_unit_test(kind_of_key_is_checked),
		cmocka_unit_test(limits),
		cmocka_unit_test(expired_certificate),
		cmocka_unit_test(flawed_keys_are_refused),
		cmocka_unit_test(key_without_certificate),
		cmocka_unit_test(production_refuses_software),
		cmocka_unit_test(production_reads_no_pin),
		cmocka_unit_test(refused_pin_is_not_retried),
		cmocka_unit_test(refused_pin_of_a_credential),
		cmocka_unit_test(refused_pin_without_marker),
		cmocka_unit_test(no_pin_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

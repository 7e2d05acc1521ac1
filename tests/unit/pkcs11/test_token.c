/* SPDX-License-Identifier: EUPL-1.2 */
/* The token through real SoftHSM; faults come from entries of its function list replaced.
 */
#include "fixture.h"

#include "common/clock.h"
#include "pkcs11/keeper.h"
#include "pkcs11/mechanism.h"

#include <openssl/rsa.h>

#define AWAY_MAX_MS 1000
#define BACK_MAX_MS 20000

static CK_FUNCTION_LIST *module, original;
static struct {
	atomic_ulong fail_once; /* answer of the next C_Sign */
	atomic_bool corrupt;	/* every signature gets a wrong bit */
	atomic_bool hardware;
	atomic_int logins;
	atomic_int signing;	  /* threads inside C_Sign */
	atomic_int closed_in_use; /* C_Finalize or C_CloseSession with threads inside */
} hook;

static CK_RV hook_sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG len,
	CK_BYTE_PTR value, CK_ULONG_PTR value_len)
{
	CK_RV rv, wanted = atomic_exchange(&hook.fail_once, CKR_OK);

	atomic_fetch_add(&hook.signing, 1);
	rv = original.C_Sign(session, data, len, value, value_len);
	atomic_fetch_sub(&hook.signing, 1);
	if (rv == CKR_OK && atomic_load(&hook.corrupt))
		value[*value_len / 2] ^= 0x10;
	return wanted != CKR_OK ? wanted : rv;
}

static CK_RV hook_login(
	CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	atomic_fetch_add(&hook.logins, 1);
	return original.C_Login(session, user, pin, len);
}

static CK_RV hook_finalize(void *reserved)
{
	if (atomic_load(&hook.signing))
		atomic_fetch_add(&hook.closed_in_use, 1);
	return original.C_Finalize(reserved);
}

static CK_RV hook_close_session(CK_SESSION_HANDLE session)
{
	if (atomic_load(&hook.signing))
		atomic_fetch_add(&hook.closed_in_use, 1);
	return original.C_CloseSession(session);
}

static CK_RV hook_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
	CK_RV rv = original.C_GetSlotInfo(slot, info);

	if (atomic_load(&hook.hardware)) {
		info->flags |= CKF_HW_SLOT;
		memset(info->slotDescription, ' ', sizeof(info->slotDescription));
	}
	return rv;
}

static CK_RV hook_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	CK_RV rv = original.C_GetTokenInfo(slot, info);

	if (atomic_load(&hook.hardware)) {
		memset(info->manufacturerID, 'H', sizeof(info->manufacturerID));
		memset(info->model, 'H', sizeof(info->model));
	}
	return rv;
}

static void hook_module(struct fixture *f)
{
	if (!module) {
		module = module_functions(f);
		original = *module;
	}
	memset(&hook, 0, sizeof(hook));
	module->C_Sign = hook_sign;
	module->C_Login = hook_login;
	module->C_Finalize = hook_finalize;
	module->C_CloseSession = hook_close_session;
	module->C_GetSlotInfo = hook_slot_info;
	module->C_GetTokenInfo = hook_token_info;
}

static struct fixture *made(const char *conf, const char *roles)
{
	static struct fixture f;

	fixture_new(&f, conf, roles);
	hook_module(&f);
	fixture_init(&f);
	return &f;
}

static enum signer_answer sign(
	struct fixture *f, const char *role, struct signer_result *r)
{
	uint8_t digest[SIGNER_DIGEST_MAX] = { 5 };
	int i = roles_find(&f->roles, role);

	assert_true(i >= 0);
	return sign_for(&f->signing, (size_t)i,
		span_of(digest, f->roles.list[i].mechanism->digest_len), DOCUMENT, r);
}

/* Mechanisms ------------------------------------------------------------------------- */

static const char ROLES_ALL[] =
	"p1: { label = \"a\"; mechanism = \"rsa-sha256\"; key = \"RSA-2048\"; peer = "
	"\"seal\"; };\n"
	"p2: { label = \"b\"; mechanism = \"rsa-sha512\"; key = \"RSA-2048\"; peer = "
	"\"seal\"; };\n"
	"s1: { label = \"c\"; mechanism = \"rsa-pss-sha256\"; key = \"RSA-2048\"; peer = "
	"\"seal\"; };\n"
	"s2: { label = \"d\"; mechanism = \"rsa-pss-sha384\"; key = \"RSA-2048\"; peer = "
	"\"seal\"; };\n"
	"e1: { label = \"e\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\"; };\n"
	"e2: { label = \"f\"; mechanism = \"ecdsa-sha384\"; peer = \"seal\"; };\n"
	"e3: { label = \"g\"; mechanism = \"ecdsa-sha512\"; peer = \"seal\"; };\n";

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

/* Set-up ----------------------------------------------------------------------------- */

static void imports_that_are_refused(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	EVP_PKEY *stranger = EVP_EC_gen("P-256");
	X509 *ca = authority(), *foreign = issue("Foreign", stranger, ca, 1000);
	char pem[PATH_MAX], good[PATH_MAX];
	X509 *own;
	FILE *file;

	(void)state;
	snprintf(pem, sizeof(pem), "%s/x.pem", f->dir);
	snprintf(good, sizeof(good), "%s/seal.pem", f->dir);
	write_pem(pem, foreign, ca);
	assert_int_equal(SETUP(f, "import", "seal", pem), 1);
	write_pem(pem, NULL, NULL);
	assert_int_equal(SETUP(f, "import", "seal", pem), 1);
	put(f->dir, "x.pem",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	assert_int_equal(SETUP(f, "import", "seal", pem), 1);
	assert_int_equal(SETUP(f, "import", "seal", "/nonexistent"), 1);
	assert_int_equal(SETUP(f, "import", "nobody", good), 1);
	assert_int_equal(SETUP(f, "import", "receipt", good), 1);
	assert_int_equal(certify(f, "seal", -10), 1); /* expired */
	file = fopen(good, "re");
	X509_free(PEM_read_X509(file, NULL, NULL, NULL)); /* the authority */
	own = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	write_pem(pem, own, foreign); /* foreign does not belong to the chain */
	assert_int_equal(SETUP(f, "import", "seal", pem), 1);
	/* None of them took the good one away. */
	assert_int_equal(fixture_start(f), TOKEN_READY);
	X509_free(own);
	X509_free(foreign);
	X509_free(ca);
	EVP_PKEY_free(stranger);
	fixture_done(f);
}

static void renewal_replaces(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct token_view view;
	int64_t first;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	token_view(f->token, &view);
	first = view.roles[0].not_after;
	fixture_stop(f);
	assert_int_equal(certify(f, "seal", 40000), 0); /* shorter than the first */
	assert_int_equal(fixture_start(f), TOKEN_READY);
	token_view(f->token, &view);
	assert_true(view.roles[0].not_after < first);
	fixture_done(f);
}

/* A token with label but without user PIN, and a public key alone: completed. */
static void half_done_set_up(void **state)
{
	static struct fixture f;
	CK_UTF8CHAR label[32];
	char out[PATH_MAX];
	struct module m;
	char why[MODULE_TEXT_SIZE];
	PKCS11_SLOT *slot;

	(void)state;
	fixture_new(&f, CONF_STANDARD, ROLES_STANDARD);
	hook_module(&f);
	snprintf(out, sizeof(out), "%s/out", f.dir);
	put(f.dir, "credentials/so-pin", "87654321\n");
	put(f.dir, "state/signer/softhsm2.conf",
		"directories.tokendir = state/signer/tokens\nobjectstore.backend = "
		"file\n");
	assert_int_equal(token_environment(&f.instance), 0);
	assert_int_equal(mkdir("state/signer/tokens", 0700), 0);
	assert_int_equal(module_open("/usr/lib/softhsm/libsofthsm2.so", &m, why), 0);
	slot = module_find_blank(&m);
	assert_non_null(slot);
	memset(label, ' ', sizeof(label));
	memcpy(label, "sealgate", 8);
	assert_int_equal(m.f->C_InitToken(PKCS11_get_slotid_from_slot(slot),
				 (CK_UTF8CHAR *)(uintptr_t) "87654321", 8, label),
		CKR_OK);
	module_close(&m);
	assert_int_equal(setup_to(&f, out, 1, (const char *[]){ "init-token" }), 0);
	assert_int_equal(setup_to(&f, out, 1, (const char *[]){ "init-token" }), 0);
	assert_int_equal(certify(&f, "seal", 1000), 0);
	assert_int_equal(certify(&f, "receipt", 1000), 0);
	assert_int_equal(fixture_start(&f), TOKEN_READY);
	fixture_done(&f);
}

static void wrong_usage(void **state)
{
	static struct fixture f;

	(void)state;
	fixture_new(&f, CONF_STANDARD, ROLES_STANDARD);
	assert_int_equal(SETUP(&f, "dance"), SETUP_USAGE);
	assert_int_equal(SETUP(&f, "init-token", "x"), SETUP_USAGE);
	assert_int_equal(SETUP(&f, "csr"), SETUP_USAGE);
	assert_int_equal(SETUP(&f, "csr", "seal", "--object", "x"), SETUP_USAGE);
	assert_int_equal(SETUP(&f, "import", "seal"), SETUP_USAGE);
	assert_int_equal(SETUP(&f, "log"), SETUP_USAGE);
	assert_int_equal(SETUP(&f, "log", "verify", "--contains", "1:zz"), SETUP_USAGE);
	assert_int_equal(SETUP(&f, "status"), 3);	 /* nobody serves */
	assert_int_equal(SETUP(&f, "log", "verify"), 3); /* no log */
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

/* Faults ----------------------------------------------------------------------------- */

static void unverified_signature_never_leaves(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct signer_result r;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	atomic_store(&hook.corrupt, true);
	assert_int_equal(sign(f, "seal", &r), SIGNER_REFUSED);
	assert_int_equal(r.value_len, 0);
	for (size_t i = 0; i < sizeof(r.value); i++)
		assert_int_equal(r.value[i], 0);
	assert_true(count_log_count(f->log, "seal") == 1); /* the request alone */
	assert_int_equal(atomic_load(&f->signing.unverified), 1);
	atomic_store(&hook.corrupt, false);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	assert_true(r.count == 2);
	fixture_done(f);
}

static void lost_answers(void **state)
{
	static const CK_RV LOST[] = { 0x05, 0x30, 0x32, 0x60, 0x82, 0xB0, 0xB3, 0xE0,
		0xE1, 0x190 };

	(void)state;
	for (size_t i = 0; i < sizeof(LOST) / sizeof(LOST[0]); i++)
		assert_true(ckr_lost(LOST[i]));
	assert_false(ckr_lost(CKR_OK));
	assert_false(ckr_lost(CKR_PIN_INCORRECT));
	assert_false(ckr_lost(CKR_PIN_LOCKED));
	assert_false(ckr_lost(CKR_MECHANISM_INVALID));
	assert_string_equal(ckr_text(0xA0), "CKR_PIN_INCORRECT");
	assert_string_equal(ckr_text(0x80001234), "CKR 0x80001234");
}

/* One lost answer: the asker gets its signature all the same, after a reopening. On a
 * machine with much else to do a reopening may take longer than an asker waits: some
 * tries. */
static void lost_once(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	enum signer_answer a = SIGNER_AWAY;
	struct signer_result r;
	struct token_view view;
	struct keeper keeper;
	uint64_t tries;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(keeper_start(&keeper, &f->signing, 100000), 0);
	for (int i = 0; i < 5 && a != SIGNER_SIGNED; i++) {
		token_watch(
			f->token, i ? 1500 : 0); /* past the pause between two openings */
		atomic_store(&hook.fail_once, CKR_DEVICE_ERROR);
		a = sign(f, "seal", &r);
	}
	assert_int_equal(a, SIGNER_SIGNED);
	token_view(f->token, &view);
	tries = view.tries;
	assert_true(tries >= 2);
	/* Nothing is lost by this one. */
	atomic_store(&hook.fail_once, CKR_FUNCTION_FAILED);
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	token_view(f->token, &view);
	assert_true(view.tries == tries);
	keeper_stop(&keeper);
	fixture_done(f);
}

static void wait_until_signed(struct fixture *f)
{
	int64_t until = clock_monotonic_ms() + BACK_MAX_MS;
	struct signer_result r;

	while (sign(f, "seal", &r) != SIGNER_SIGNED) {
		if (clock_monotonic_ms() > until)
			fail_msg("the token did not come back: %s", r.reason);
		token_watch(f->token, 50);
	}
}

static void token_away_and_back(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	_cleanup_(freep) uint8_t *der = NULL;
	struct signer_result r;
	struct keeper keeper;
	size_t len;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(keeper_start(&keeper, &f->signing, 100000), 0);
	for (int i = 0; i < 2; i++) {
		int64_t begun;

		assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
		move_tokens(f, "tokens", "tokens.away");
		for (int n = 0; n < 3; n++) {
			begun = clock_monotonic_ms();
			assert_int_equal(
				sign(f, n % 2 ? "receipt" : "seal", &r), SIGNER_AWAY);
			assert_true(clock_monotonic_ms() - begun < AWAY_MAX_MS);
			assert_true(r.reason[0] && r.value_len == 0);
		}
		/* The certificates are still known. */
		assert_int_equal(token_certificates(f->token, 0, &der, &len), 0);
		free(TAKE(der));
		move_tokens(f, "tokens.away", "tokens");
		wait_until_signed(f);
	}
	keeper_stop(&keeper);
	fixture_done(f);
}

/* The trial signature notices the loss before anybody asks. */
static void trial_notices(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	int64_t until = clock_monotonic_ms() + BACK_MAX_MS;
	struct token_view view;
	struct keeper keeper;
	uint64_t before;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	before = count_log_count(f->log, "seal");
	assert_int_equal(keeper_start(&keeper, &f->signing, 20), 0);
	move_tokens(f, "tokens", "tokens.away");
	do {
		token_watch(f->token, 20);
		token_view(f->token, &view);
	} while (view.state == TOKEN_READY && clock_monotonic_ms() < until);
	assert_int_equal(view.state, TOKEN_AWAY);
	move_tokens(f, "tokens.away", "tokens");
	wait_until_signed(f);
	assert_true(
		count_log_count(f->log, "seal") == before + 1); /* trials do not count */
	keeper_stop(&keeper);
	fixture_done(f);
}

/* A role's key that appears later is found by the keeper alone. */
static void certificate_appears(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	X509 *ca = authority();
	struct keeper keeper;
	char kept[PATH_MAX];

	(void)state;
	/* Its chain is unreadable first, and mended while the signer serves. */
	snprintf(kept, sizeof(kept), "%s/state/signer/seal.chain.pem", f->dir);
	put(f->dir, "state/signer/seal.chain.pem", "-----BEGIN CERTIFICATE-----\nAA\n");
	assert_int_equal(fixture_start(f), TOKEN_READY);
	{
		struct signer_result r;

		assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
		assert_int_equal(sign(f, "receipt", &r), SIGNER_SIGNED);
	}
	assert_int_equal(keeper_start(&keeper, &f->signing, 20), 0);
	write_pem(kept, ca, NULL);
	wait_until_signed(f);
	keeper_stop(&keeper);
	X509_free(ca);
	fixture_done(f);
}

/* Concurrency ------------------------------------------------------------------------ */

#define THREADS 8

struct worker {
	struct fixture *f;
	atomic_bool *stop;
	unsigned long signed_, away, other;
};

static void *work(void *data)
{
	struct worker *w = data;
	struct signer_result r;

	while (!atomic_load(w->stop)) {
		switch (sign(w->f, "seal", &r)) {
		case SIGNER_SIGNED:
			w->signed_++;
			break;
		case SIGNER_AWAY:
			w->away++;
			break;
		case SIGNER_REFUSED:
		case SIGNER_UNDECIDED:
		default:
			w->other++;
			break;
		}
	}
	return NULL;
}

/* The token is lost and found while eight threads share four sessions: no session is
 * closed in use, and what was signed is what was counted. */
static void lost_under_load(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	atomic_bool stop = false;
	unsigned long signed_ = 0;
	struct keeper keeper;
	uint64_t before;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(keeper_start(&keeper, &f->signing, 100000), 0);
	before = count_log_count(f->log, "seal");
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .f = f, .stop = &stop };
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (int i = 0; i < 3; i++) {
		uint64_t seen = count_log_count(f->log, "seal");
		int64_t until = clock_monotonic_ms() + BACK_MAX_MS;

		atomic_store(&hook.fail_once, CKR_SESSION_HANDLE_INVALID);
		while (count_log_count(f->log, "seal") < seen + 200 &&
			clock_monotonic_ms() < until)
			token_watch(f->token, 10);
		assert_true(count_log_count(f->log, "seal") >= seen + 200);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		signed_ += workers[i].signed_;
		assert_true(workers[i].other == 0);
	}
	keeper_stop(&keeper);
	assert_true(signed_ == count_log_count(f->log, "seal") - before);
	assert_int_equal(atomic_load(&hook.closed_in_use), 0);
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mechanism),
		cmocka_unit_test(limits),
		cmocka_unit_test(expired_certificate),
		cmocka_unit_test(flawed_keys_are_refused),
		cmocka_unit_test(key_without_certificate),
		cmocka_unit_test(imports_that_are_refused),
		cmocka_unit_test(renewal_replaces),
		cmocka_unit_test(half_done_set_up),
		cmocka_unit_test(wrong_usage),
		cmocka_unit_test(production_refuses_software),
		cmocka_unit_test(production_reads_no_pin),
		cmocka_unit_test(refused_pin_is_not_retried),
		cmocka_unit_test(no_pin_file),
		cmocka_unit_test(unverified_signature_never_leaves),
		cmocka_unit_test(lost_answers),
		cmocka_unit_test(lost_once),
		cmocka_unit_test(token_away_and_back),
		cmocka_unit_test(trial_notices),
		cmocka_unit_test(certificate_appears),
		cmocka_unit_test(lost_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

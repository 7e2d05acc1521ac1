/* SPDX-License-Identifier: EUPL-1.2 */
/* The commands that set a token up. */
#include "hooks.h"

/* Set-up ----------------------------------------------------------------------------- */

/* The same certificate, not ended, with an extended key usage. Return: exit status of its
 * import. */
static int import_for(
	struct fixture *f, const X509 *own, const char *usage, const char *pem)
{
	X509 *ca = authority(), *made = X509_dup(own);
	int status;

	X509_gmtime_adj(X509_getm_notAfter(made), 1000);
	extend(made, ca, NID_ext_key_usage, usage);
	assert_true(X509_sign(made, authority_key(), EVP_sha256()) > 0);
	write_pem(pem, made, ca);
	status = SETUP(f, "import", "seal", pem);
	X509_free(made);
	X509_free(ca);
	return status;
}

static void imports_that_are_refused(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	EVP_PKEY *stranger = EVP_EC_gen("P-256");
	X509 *ca = authority(), *foreign = issue("Foreign", stranger, ca, 1000);
	char pem[PATH_MAX], good[PATH_MAX];
	X509 *own;
	FILE *file;

	(void)state;
	assert_int_equal(instance_path(&f->instance, "x.pem", pem), 0);
	assert_int_equal(instance_path(&f->instance, "seal.pem", good), 0);
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
	assert_int_equal(import_for(f, own, "clientAuth", pem), 1);
	/* None of them took the good one away. */
	assert_int_equal(import_for(f, own, "1.3.6.1.5.5.7.3.36", pem), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imports_that_are_refused),
		cmocka_unit_test(renewal_replaces),
		cmocka_unit_test(half_done_set_up),
		cmocka_unit_test(wrong_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

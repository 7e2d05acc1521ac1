/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An instance in a temporary folder with a real software token, keys and certificates;
 * never shared between two tests.
 */
#ifndef SEALGATE_TESTS_PKCS11_FIXTURE_H
#define SEALGATE_TESTS_PKCS11_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/durable.h"
#include "common/instance.h"
#include "pkcs11/setup.h"
#include "pkcs11/sign.h"
#include "pkcs11/token.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#define UNUSED __attribute__((unused))
#define DOCUMENT "01HZZZZZZZZZZZZZZZZZZZZZZZ"

/* The module and libp11 keep memory of their own for the process's life. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libsofthsm2.so\nleak:libp11.so\n";
}

struct fixture {
	char dir[64];
	struct instance instance;
	struct roles roles;
	struct token *token;
	struct count_log *log;
	struct signing signing;
};

static const char ROLES_STANDARD[] =
	"seal: { label = \"seal\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\"; };\n"
	"receipt: { label = \"receipt\"; mechanism = \"ecdsa-sha384\"; peer = "
	"\"intake\"; };\n";

static const char CONF_STANDARD[] =
	"instance = { name = \"unit\"; test = true; };\n"
	"signer = { softhsm_conf = \"state/signer/softhsm2.conf\"; threads = 4; };\n";

static UNUSED void put(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

static UNUSED void fixture_open(struct fixture *f)
{
	_cleanup_(freep) char *error = NULL;

	if (instance_open(f->dir, &f->instance, &error) < 0)
		fail_msg("%s", error);
}

/* Write configuration and roles anew and read them. */
static UNUSED void fixture_configure(
	struct fixture *f, const char *conf, const char *roles)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];

	put(f->dir, "sealgate.conf", conf);
	put(f->dir, ROLES_FILE, roles);
	instance_done(&f->instance);
	fixture_open(f);
	snprintf(path, sizeof(path), "%s/" ROLES_FILE, f->dir);
	if (roles_read(path, &f->roles, &error) < 0)
		fail_msg("%s", error);
}

static UNUSED void fixture_new(struct fixture *f, const char *conf, const char *roles)
{
	static const char *const FOLDERS[] = { "policies", "policies/signature", "state",
		"state/signer", "run", "credentials" };

	*f = (struct fixture){ .dir = "/tmp/sealgate-unit-XXXXXX" };
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", f->dir, FOLDERS[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	fixture_configure(f, conf, roles);
}

static UNUSED int fixture_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static UNUSED void fixture_done(struct fixture *f)
{
	if (f->log)
		signing_done(&f->signing);
	token_free(f->token);
	count_log_close(f->log);
	instance_done(&f->instance);
	assert_int_equal(chdir("/"), 0);
	nftw(f->dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Run a set-up command. Return: its exit status. */
static UNUSED int setup(struct fixture *f, int argc, const char *const *argv)
{
	char *copy[8] = { 0 };

	for (int i = 0; i < argc; i++)
		copy[i] = (char *)(uintptr_t)argv[i];
	return setup_run(&f->instance, argc, copy);
}
#define SETUP(f, ...)                                                                    \
	setup(f, (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)),        \
		(const char *[]){ __VA_ARGS__ })

/* Run a set-up command with its standard output in a file. */
static UNUSED int setup_to(
	struct fixture *f, const char *path, int argc, const char *const *argv)
{
	int saved, status,
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	status = setup(f, argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	return status;
}

static UNUSED EVP_PKEY *authority_key(void)
{
	static EVP_PKEY *key;

	if (!key)
		key = EVP_EC_gen("P-256");
	assert_non_null(key);
	return key;
}

static UNUSED void extend(X509 *c, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	X509_add_ext(c, e, -1);
	X509_EXTENSION_free(e);
}

/* A certificate of key by the authority; issuer NULL: the authority's own. */
static UNUSED X509 *issue(const char *name, EVP_PKEY *key, X509 *issuer, long valid_s)
{
	X509 *c = X509_new();
	X509_NAME *n = X509_get_subject_name(c);

	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), issuer ? 7 : 1);
	X509_NAME_add_entry_by_txt(
		n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer) : n);
	X509_gmtime_adj(X509_getm_notBefore(c), -100);
	X509_gmtime_adj(X509_getm_notAfter(c), valid_s);
	X509_set_pubkey(c, key);
	extend(c, issuer ? issuer : c, NID_basic_constraints,
		issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	extend(c, issuer ? issuer : c, NID_key_usage,
		issuer ? "critical,digitalSignature,nonRepudiation"
		       : "critical,keyCertSign");
	assert_true(X509_sign(c, authority_key(), EVP_sha256()) > 0);
	return c;
}

static UNUSED X509 *authority(void)
{
	return issue("Unit CA", authority_key(), NULL, 864000);
}

static UNUSED void write_pem(const char *path, X509 *a, X509 *b)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	if (a)
		PEM_write_X509(file, a);
	if (b)
		PEM_write_X509(file, b);
	fclose(file);
}

/* Request, certify and import for a role. Return: exit status of the import. */
static UNUSED int certify(struct fixture *f, const char *role, long valid_s)
{
	char request[PATH_MAX], pem[PATH_MAX];
	X509 *ca = authority(), *own;
	X509_REQ *req;
	FILE *file;
	int status;

	snprintf(request, sizeof(request), "%s/%s.csr", f->dir, role);
	snprintf(pem, sizeof(pem), "%s/%s.pem", f->dir, role);
	assert_int_equal(
		setup_to(f, request, 4,
			(const char *[]){ "csr", role, "--subject", "C=EU,CN=A role" }),
		0);
	file = fopen(request, "re");
	assert_non_null(file);
	req = PEM_read_X509_REQ(file, NULL, NULL, NULL);
	fclose(file);
	assert_non_null(req);
	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	own = issue(role, X509_REQ_get0_pubkey(req), ca, valid_s);
	/* The authority first: the import has to find its own certificate. */
	write_pem(pem, ca, own);
	status = SETUP(f, "import", role, pem);
	X509_REQ_free(req);
	X509_free(own);
	X509_free(ca);
	return status;
}

/* Token, keys and certificates of every role. */
static UNUSED void fixture_init(struct fixture *f)
{
	char out[PATH_MAX];

	snprintf(out, sizeof(out), "%s/out", f->dir);
	assert_int_equal(setup_to(f, out, 1, (const char *[]){ "init-token" }), 0);
	for (size_t i = 0; i < f->roles.count; i++)
		assert_int_equal(certify(f, f->roles.list[i].name, 86400), 0);
}

/* What the daemon does before it serves. */
static UNUSED enum token_state fixture_start(struct fixture *f)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];
	size_t cut;

	assert_int_equal(token_environment(&f->instance), 0);
	snprintf(path, sizeof(path), "%s/" COUNT_LOG_FILE, f->dir);
	if (count_log_open(path, &f->log, &cut, &error) < 0)
		fail_msg("%s", error);
	f->token = token_new(&f->instance, &f->roles);
	assert_non_null(f->token);
	signing_init(&f->signing, &f->roles, f->token, f->log);
	return token_open(f->token);
}

static UNUSED void fixture_stop(struct fixture *f)
{
	signing_done(&f->signing);
	token_free(TAKE(f->token));
	count_log_close(TAKE(f->log));
}

/* The module's function list, whose entries a test may replace. */
static UNUSED CK_FUNCTION_LIST *module_functions(struct fixture *f)
{
	void *handle =
		dlopen(config_string(f->instance.config, "signer.module"), RTLD_NOW);
	CK_C_GetFunctionList get;
	CK_FUNCTION_LIST *list = NULL;

	assert_non_null(handle);
	*(void **)(&get) = dlsym(handle, "C_GetFunctionList");
	assert_int_equal(get(&list), CKR_OK);
	return list;
}

static UNUSED void move_tokens(struct fixture *f, const char *from, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX];

	snprintf(a, sizeof(a), "%s/state/signer/%s", f->dir, from);
	snprintf(b, sizeof(b), "%s/state/signer/%s", f->dir, to);
	assert_int_equal(rename(a, b), 0);
}

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/fixture.h"

#include "trust/store.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64], anchors[80], revocation[80];

static int make_folders(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/store-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(anchors, sizeof(anchors), "%s/anchors", top);
	snprintf(revocation, sizeof(revocation), "%s/revocation", top);
	return mkdir(anchors, 0700);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_folders(void **state)
{
	(void)state;
	return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *where, const char *name, const struct octets *o)
{
	char path[200];
	FILE *f;

	mkdir(where, 0700);
	snprintf(path, sizeof(path), "%s/%s", where, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(o->data, 1, (size_t)o->len, f), (size_t)o->len);
	fclose(f);
}

static void put_anchor(const char *use, const char *name, X509 *x)
{
	struct octets o = der_of(x);
	char where[120];

	snprintf(where, sizeof(where), "%s/%s", anchors, use);
	put(where, name, &o);
	octets_done(&o);
}

static struct trust_store *open_store(void)
{
	struct trust_store *s = NULL;
	char *error = NULL;

	assert_int_equal(trust_store_open(anchors, revocation, &s, &error), 0);
	assert_null(error);
	return s;
}

static int count(const struct trust_store *s, enum trust_use use)
{
	return sk_X509_num(trust_material(s, use)->anchors);
}

static void an_empty_store_admits_nobody(void **state)
{
	struct trust_store *s = open_store();

	(void)state;
	for (int i = 0; i < TRUST_USES; i++)
		assert_int_equal(count(s, (enum trust_use)i), 0);
	assert_int_equal(sk_X509_num(trust_signature_material(s)->anchors), 0);
	assert_int_equal(strlen(trust_store_version(s)), 64);
	trust_store_close(s);
}

static void uses_are_kept_apart(void **state)
{
	struct party signer = party_make((struct order){ .name = "Signers" });
	struct party tsa = party_make((struct order){ .name = "TSA" });
	struct octets crl = crl_make(
		(struct crl_order){ .issuer = &signer, .from = "2026-06-01T00:00:00Z" });
	struct trust_store *s;

	(void)state;
	put_anchor("signers", "a.cer", signer.cert);
	put_anchor("tsa", "b.cer", tsa.cert);
	put(revocation, "a.crl", &crl);
	s = open_store();
	assert_int_equal(count(s, TRUST_SIGNERS), 1);
	assert_int_equal(count(s, TRUST_TSA), 1);
	assert_int_equal(count(s, TRUST_SEAL), 0);
	assert_int_equal(sk_X509_num(trust_signature_material(s)->anchors), 2);
	assert_int_equal(sk_X509_CRL_num(trust_signature_material(s)->crls), 1);
	assert_int_equal(sk_X509_CRL_num(trust_material(s, TRUST_SEAL)->crls), 1);
	trust_store_close(s);
	octets_done(&crl);
	party_done(&signer);
	party_done(&tsa);
}

static void version_and_stamp_change_with_the_content(void **state)
{
	struct party p = party_make((struct order){ .name = "P" });
	char version[65], path[200];
	struct trust_store *s;
	uint64_t stamp;

	(void)state;
	put_anchor("signers", "a.cer", p.cert);
	s = open_store();
	snprintf(version, sizeof(version), "%s", trust_store_version(s));
	trust_store_close(s);
	stamp = trust_store_stamp(anchors, revocation);
	assert_true(stamp == trust_store_stamp(anchors, revocation));
	s = open_store();
	assert_string_equal(version, trust_store_version(s));
	trust_store_close(s);
	/* The same certificate for another use is another store. */
	snprintf(path, sizeof(path), "%s/signers/a.cer", anchors);
	assert_int_equal(unlink(path), 0);
	put_anchor("seal", "a.cer", p.cert);
	assert_true(stamp != trust_store_stamp(anchors, revocation));
	s = open_store();
	assert_string_not_equal(version, trust_store_version(s));
	trust_store_close(s);
	party_done(&p);
}

static void an_anchor_that_cannot_be_read_is_an_error(void **state)
{
	struct octets junk = { .data = (unsigned char *)(uintptr_t) "junk", .len = 4 };
	struct trust_store *s = NULL;
	char where[120], *error = NULL;

	(void)state;
	snprintf(where, sizeof(where), "%s/signers", anchors);
	put(where, "junk.pem", &junk);
	assert_true(trust_store_open(anchors, revocation, &s, &error) < 0);
	assert_null(s);
	assert_non_null(strstr(error, "junk.pem"));
	free(error);
}

/* The same certificate as an anchor of rehearsals and of anything else: nobody would know
 * which of the two a signature is. */
static void a_test_anchor_is_nothing_else(void **state)
{
	static const char *const OTHERS[] = { "signers", "tsa", "seal" };
	struct party p = party_make((struct order){ .name = "P" });
	struct trust_store *s = open_store();
	char path[200], *error = NULL;

	(void)state;
	trust_store_close(s);
	put_anchor("sandbox", "a.cer", p.cert);
	s = open_store();
	assert_int_equal(count(s, TRUST_SANDBOX), 1);
	assert_int_equal(sk_X509_num(trust_sandbox_material(s)->anchors), 1);
	assert_int_equal(sk_X509_num(trust_signature_material(s)->anchors), 0);
	trust_store_close(s);
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
		s = NULL;
		put_anchor(OTHERS[i], "b.cer", p.cert);
		assert_int_equal(
			trust_store_open(anchors, revocation, &s, &error), -EINVAL);
		assert_null(s);
		assert_non_null(strstr(error, OTHERS[i]));
		free(error);
		snprintf(path, sizeof(path), "%s/%s/b.cer", anchors, OTHERS[i]);
		assert_int_equal(unlink(path), 0);
	}
	party_done(&p);
}

#define IN_FOLDERS(f) cmocka_unit_test_setup_teardown(f, make_folders, remove_folders)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDERS(an_empty_store_admits_nobody),
		IN_FOLDERS(uses_are_kept_apart),
		IN_FOLDERS(version_and_stamp_change_with_the_content),
		IN_FOLDERS(an_anchor_that_cannot_be_read_is_an_error),
		IN_FOLDERS(a_test_anchor_is_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

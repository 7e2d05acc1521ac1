/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/fixture.h"

#include "common/encode.h"
#include "pki/path.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/material-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *put(const char *name, const void *data, size_t len)
{
	static char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
	return path;
}

static const char *put_pem(const char *name, const char *label, const struct octets *a,
	const struct octets *b)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const char *path;
	char *text;
	long len;

	PEM_write_bio(bio, label, "", a->data, a->len);
	if (b)
		PEM_write_bio(bio, label, "", b->data, b->len);
	len = BIO_get_mem_data(bio, &text);
	path = put(name, text, (size_t)len);
	BIO_free(bio);
	return path;
}

static int load(struct pki_material *m, enum pki_kind kind, const char *path)
{
	char *error = NULL;
	int r = pki_material_load(m, kind, path, &error);

	assert_int_equal(r < 0, error != NULL);
	if (error)
		assert_non_null(strstr(error, folder));
	free(error);
	return r;
}

static void certificates_in_every_form(void **state)
{
	struct pki_material *m = pki_material_new();
	struct party a = party_make((struct order){ .name = "A" });
	struct party b = party_make((struct order){ .name = "B" });
	struct octets da = der_of(a.cert), db = der_of(b.cert);
	char *text = base64_encode(span_of_octets(&da));

	(void)state;
	assert_int_equal(load(m, PKI_ANCHORS, put("a.cer", da.data, (size_t)da.len)), 1);
	assert_int_equal(
		load(m, PKI_ANCHORS, put_pem("ab.pem", "CERTIFICATE", &da, &db)), 2);
	assert_int_equal(sk_X509_num(m->anchors), 2);
	assert_int_equal(load(m, PKI_CERTIFICATES, put("a.b64", text, strlen(text))), 1);
	assert_int_equal(sk_X509_num(m->certificates), 1);
	assert_int_equal(load(m, PKI_ANCHORS, put("x", "nothing", 7)), -EINVAL);
	assert_int_equal(load(m, PKI_ANCHORS, put("empty", "", 0)), -EINVAL);
	assert_int_equal(
		load(m, PKI_REVOCATION, put("a.cer", da.data, (size_t)da.len)), -EINVAL);
	free(text);
	octets_done(&da);
	octets_done(&db);
	party_done(&a);
	party_done(&b);
	pki_material_free(m);
}

static void revocation_by_content(void **state)
{
	struct pki_material *m = pki_material_new();
	struct party ca =
		party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	struct octets crl = crl_make((struct crl_order){ .issuer = &ca,
		.from = "2026-06-01T00:00:00Z",
		.to = "2026-06-08T00:00:00Z" });
	struct octets ocsp = ocsp_make((struct ocsp_order){ .responder = &ca,
		.about = ca.cert,
		.issuer = ca.cert,
		.from = "2026-06-01T00:00:00Z" });
	char *text = base64_encode(span_of_octets(&ocsp));

	(void)state;
	assert_int_equal(load(m, PKI_REVOCATION, put("c", crl.data, (size_t)crl.len)), 1);
	assert_int_equal(
		load(m, PKI_REVOCATION, put_pem("p", "X509 CRL", &crl, NULL)), 1);
	assert_int_equal(sk_X509_CRL_num(m->crls), 1);
	assert_int_equal(
		load(m, PKI_REVOCATION, put("o", ocsp.data, (size_t)ocsp.len)), 1);
	assert_int_equal(load(m, PKI_REVOCATION, put("t", text, strlen(text))), 1);
	assert_int_equal(
		load(m, PKI_REVOCATION, put_pem("q", "OCSP RESPONSE", &ocsp, NULL)), 1);
	assert_int_equal(m->ocsp_count, 1);
	free(text);
	octets_done(&crl);
	octets_done(&ocsp);
	party_done(&ca);
	pki_material_free(m);
}

static void folders(void **state)
{
	struct pki_material *m = pki_material_new();
	struct party a = party_make((struct order){ .name = "A" });
	struct octets da = der_of(a.cert);

	(void)state;
	put("a.cer", da.data, (size_t)da.len);
	put(".hidden", "nothing", 7);
	assert_int_equal(load(m, PKI_ANCHORS, folder), 1);
	put("note.txt", "nothing", 7);
	/* An anchor that was meant and cannot be read must not be passed over in silence.
	 */
	assert_int_equal(load(m, PKI_ANCHORS, folder), -EINVAL);
	assert_int_equal(load(m, PKI_CERTIFICATES, folder), 1);
	assert_int_equal(load(m, PKI_REVOCATION, folder), 0);
	octets_done(&da);
	party_done(&a);
	pki_material_free(m);
}

static void what_is_not_there(void **state)
{
	struct pki_material *m = pki_material_new();
	char path[200];

	(void)state;
	snprintf(path, sizeof(path), "%s/absent", folder);
	assert_int_equal(load(m, PKI_ANCHORS, path), -ENOENT);
	pki_material_free(m);
}

static void a_copy_shares_and_keeps_apart(void **state)
{
	struct pki_material *base = pki_material_new(), *copy;
	struct party a =
		party_make((struct order){ .name = "A", .extensions = ROOT_EXTENSIONS });
	struct party b = party_make((struct order){ .name = "B" });

	(void)state;
	trust_in(base, a.cert);
	revoke_by(
		base, (struct crl_order){ .issuer = &a, .from = "2026-06-01T00:00:00Z" });
	answer_by(base, (struct ocsp_order){ .responder = &a,
				.about = a.cert,
				.issuer = a.cert,
				.from = "2026-06-01T00:00:00Z" });
	copy = pki_material_copy(base);
	know(copy, b.cert);
	revoke_by(
		copy, (struct crl_order){ .issuer = &a, .from = "2026-06-02T00:00:00Z" });
	answer_by(copy, (struct ocsp_order){ .responder = &a,
				.about = a.cert,
				.issuer = a.cert,
				.from = "2026-06-02T00:00:00Z" });
	assert_int_equal(sk_X509_num(base->certificates), 0);
	assert_int_equal(sk_X509_CRL_num(base->crls), 1);
	assert_int_equal(base->ocsp_count, 1);
	pki_material_free(base);
	assert_int_equal(sk_X509_num(copy->anchors), 1);
	assert_int_equal(sk_X509_num(copy->certificates), 1);
	assert_int_equal(sk_X509_CRL_num(copy->crls), 2);
	assert_int_equal(copy->ocsp_count, 2);
	pki_material_free(copy);
	copy = pki_material_copy(NULL);
	assert_non_null(copy);
	pki_material_free(copy);
	party_done(&a);
	party_done(&b);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(certificates_in_every_form),
		IN_FOLDER(revocation_by_content),
		IN_FOLDER(folders),
		IN_FOLDER(what_is_not_there),
		cmocka_unit_test(a_copy_shares_and_keeps_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

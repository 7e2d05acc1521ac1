/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/store.h"

#include "common/encode.h"
#include "pki/certificate.h"
#include "pki/der.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const FOLDERS[TRUST_USES] = { "signers", "tsa", "seal", "sandbox" };

struct trust_store {
	struct pki_material *uses[TRUST_USES];
	struct pki_material *signatures;
	struct pki_material *rehearsals; /* what signatures is, of the sandbox */
	char version[SHA256_TEXT_SIZE];
};

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int load_folder(
	struct pki_material *m, enum pki_kind kind, const char *path, char **ret_error)
{
	int r;

	if (!is_folder(path))
		return 0;
	r = pki_material_load(m, kind, path, ret_error);
	return r < 0 ? r : 0;
}

/* A use: all revocation data and the anchors of one folder. */
static int load_use(struct trust_store *s, enum trust_use use, const char *anchors,
	const struct pki_material *revocation, char **ret_error)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", anchors, FOLDERS[use]) >=
		(int)sizeof(path))
		return -ENAMETOOLONG;
	s->uses[use] = pki_material_copy(revocation);
	if (!s->uses[use])
		return -ENOMEM;
	return load_folder(s->uses[use], PKI_ANCHORS, path, ret_error);
}

static bool hash_certificates(EVP_MD_CTX *md, char kind, const STACK_OF(X509) * list)
{
	bool ok = EVP_DigestUpdate(md, &kind, 1);

	for (int i = 0; ok && i < sk_X509_num(list); i++) {
		char text[SHA256_TEXT_SIZE];

		ok = pki_certificate_sha256(sk_X509_value(list, i), text) == 0 &&
		     EVP_DigestUpdate(md, text, sizeof(text));
	}
	return ok;
}

static bool hash_crls(EVP_MD_CTX *md, const STACK_OF(X509_CRL) * list)
{
	bool ok = true;

	for (int i = 0; ok && i < sk_X509_CRL_num(list); i++) {
		uint8_t digest[SHA256_SIZE];

		ok = X509_CRL_digest(
			     sk_X509_CRL_value(list, i), EVP_sha256(), digest, NULL) &&
		     EVP_DigestUpdate(md, digest, sizeof(digest));
	}
	return ok;
}

static bool hash_ocsps(EVP_MD_CTX *md, const struct pki_material *m)
{
	bool ok = true;

	for (size_t i = 0; ok && i < m->ocsp_count; i++) {
		unsigned char *der = NULL;
		int len = i2d_OCSP_BASICRESP(m->ocsps[i], &der);

		ok = len > 0 && EVP_DigestUpdate(md, der, (size_t)len);
		OPENSSL_free(der);
	}
	return ok;
}

static int make_version(struct trust_store *s, const struct pki_material *revocation)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t digest[SHA256_SIZE];
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);

	for (int i = 0; ok && i < TRUST_USES; i++)
		ok = hash_certificates(md, (char)('0' + i), s->uses[i]->anchors);
	ok = ok && hash_crls(md, revocation->crls) && hash_ocsps(md, revocation) &&
	     EVP_DigestFinal_ex(md, digest, NULL);
	EVP_MD_CTX_free(md);
	if (!ok)
		return -EIO;
	hex_encode(digest, sizeof(digest), s->version);
	return 0;
}

static bool has(const struct pki_material *m, const X509 *anchor)
{
	for (int i = 0; i < sk_X509_num(m->anchors); i++)
		if (X509_cmp(sk_X509_value(m->anchors, i), anchor) == 0)
			return true;
	return false;
}

/* What a test authority signed must count nowhere else, not by a slip either. */
static int check_sandbox(const struct trust_store *s, char **ret_error)
{
	const struct pki_material *sandbox = s->uses[TRUST_SANDBOX];

	for (int i = 0; i < sk_X509_num(sandbox->anchors); i++)
		for (int use = 0; use < TRUST_SANDBOX; use++)
			if (has(s->uses[use], sk_X509_value(sandbox->anchors, i))) {
				if (asprintf(ret_error,
					    "an anchor of sandbox/ is in %s/, too",
					    FOLDERS[use]) < 0)
					*ret_error = NULL;
				return -EINVAL;
			}
	return 0;
}

/* Anchors of a use and of TSAs together. */
static int with_tsa(
	const struct trust_store *s, enum trust_use use, struct pki_material **ret)
{
	*ret = pki_material_copy(s->uses[use]);
	return *ret ? pki_material_add_anchors_of(*ret, s->uses[TRUST_TSA]) : -ENOMEM;
}

static int load_all(struct trust_store *s, const char *anchors, const char *revocation,
	char **ret_error)
{
	_cleanup_(pki_material_freep) struct pki_material *status = pki_material_new();
	int r = status ? load_folder(status, PKI_REVOCATION, revocation, ret_error)
		       : -ENOMEM;

	for (int i = 0; r == 0 && i < TRUST_USES; i++)
		r = load_use(s, (enum trust_use)i, anchors, status, ret_error);
	if (r < 0)
		return r;
	r = check_sandbox(s, ret_error);
	if (r == 0)
		r = with_tsa(s, TRUST_SIGNERS, &s->signatures);
	if (r == 0)
		r = with_tsa(s, TRUST_SANDBOX, &s->rehearsals);
	return r < 0 ? r : make_version(s, status);
}

int trust_store_open(const char *anchors, const char *revocation,
	struct trust_store **ret_store, char **ret_error)
{
	struct trust_store *s = calloc(1, sizeof(*s));
	int r;

	*ret_error = NULL;
	if (!s)
		return -ENOMEM;
	r = load_all(s, anchors, revocation, ret_error);
	if (r < 0) {
		if (!*ret_error)
			*ret_error = strdup(strerror(-r));
		trust_store_close(s);
		return r;
	}
	*ret_store = s;
	return 0;
}

void trust_store_close(struct trust_store *s)
{
	if (!s)
		return;
	for (int i = 0; i < TRUST_USES; i++)
		pki_material_free(s->uses[i]);
	pki_material_free(s->signatures);
	pki_material_free(s->rehearsals);
	free(s);
}

const struct pki_material *trust_material(const struct trust_store *s, enum trust_use use)
{
	return s->uses[use];
}

const struct pki_material *trust_signature_material(const struct trust_store *s)
{
	return s->signatures;
}

const struct pki_material *trust_sandbox_material(const struct trust_store *s)
{
	return s->rehearsals;
}

const char *trust_store_version(const struct trust_store *s)
{
	return s->version;
}

int64_t trust_store_newest(const struct trust_store *s)
{
	const struct pki_material *m = s->signatures;
	int64_t newest = 0, t;

	for (int i = 0; i < sk_X509_CRL_num(m->crls); i++)
		if (pki_asn1_time(X509_CRL_get0_lastUpdate(sk_X509_CRL_value(m->crls, i)),
			    &t) == 0 &&
			t > newest)
			newest = t;
	for (size_t i = 0; i < m->ocsp_count; i++)
		if (pki_asn1_time(OCSP_resp_get0_produced_at(m->ocsps[i]), &t) == 0 &&
			t > newest)
			newest = t;
	return newest;
}

static uint64_t mix(uint64_t stamp, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		stamp = (stamp ^ p[i]) * UINT64_C(1099511628211);
	return stamp;
}

/* Names, sizes, times and inodes of what is directly in a folder. */
static uint64_t stamp_folder(uint64_t stamp, const char *path)
{
	struct dirent **list;
	int count = scandir(path, &list, NULL, alphasort);

	stamp = mix(stamp, path, strlen(path));
	for (int i = 0; i < count; i++) {
		char name[PATH_MAX];
		struct stat st;

		snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.' && stat(name, &st) == 0) {
			stamp = mix(stamp, list[i]->d_name, strlen(list[i]->d_name));
			stamp = mix(stamp, &st.st_ino, sizeof(st.st_ino));
			stamp = mix(stamp, &st.st_size, sizeof(st.st_size));
			stamp = mix(stamp, &st.st_mtim, sizeof(st.st_mtim));
		}
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	return stamp;
}

uint64_t trust_store_stamp(const char *anchors, const char *revocation)
{
	uint64_t stamp = UINT64_C(14695981039346656037);
	char path[PATH_MAX];

	for (int i = 0; i < TRUST_USES; i++) {
		snprintf(path, sizeof(path), "%s/%s", anchors, FOLDERS[i]);
		stamp = stamp_folder(stamp, path);
	}
	return stamp_folder(stamp, revocation);
}

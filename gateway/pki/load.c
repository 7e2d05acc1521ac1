/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/crl.h"
#include "pki/errors.h"
#include "pki/material.h"
#include "pki/ocsp.h"

#include "common/durable.h"
#include "common/encode.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILE_MAX PKI_CRL_MAX
#define FILES_MAX 65536

/* Add one DER object of the kind. Return: 1 added, 0 not of the kind, -ENOMEM. */
static int add_der(struct pki_material *m, enum pki_kind kind, struct span der)
{
	int r;

	if (kind == PKI_ANCHORS)
		r = pki_material_add_anchor(m, der);
	else if (kind == PKI_CERTIFICATES)
		r = pki_material_add_certificate(m, der);
	else
		r = pki_material_add_crl(m, der);
	if (r == -EINVAL && kind == PKI_REVOCATION)
		r = pki_material_add_ocsp(m, der);
	if (r == -EINVAL)
		return 0;
	return r < 0 ? r : 1;
}

static bool label_is_of(enum pki_kind kind, const char *label)
{
	if (kind != PKI_REVOCATION)
		return strcmp(label, PEM_STRING_X509) == 0 ||
		       strcmp(label, PEM_STRING_X509_OLD) == 0;
	return strcmp(label, PEM_STRING_X509_CRL) == 0 || strcmp(label, "CRL") == 0 ||
	       strcmp(label, "OCSP RESPONSE") == 0;
}

/* Return: how many were added, -EINVAL for a block of the kind that cannot be read. */
static int add_pem(struct pki_material *m, enum pki_kind kind, struct span text)
{
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	int r = bio ? 0 : -ENOMEM, added = 0;

	while (r >= 0 && PEM_read_bio(bio, &label, &header, &der, &len)) {
		if (label_is_of(kind, label)) {
			r = add_der(m, kind, span_of(der, (size_t)len));
			added += r > 0;
			if (r == 0)
				r = -EINVAL;
		}
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	pki_errors_clear();
	BIO_free(bio);
	return r < 0 ? r : added;
}

static int add_base64(struct pki_material *m, enum pki_kind kind, struct span text)
{
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	int r;

	if (base64_decode(text, &der, &len) < 0)
		return 0;
	r = add_der(m, kind, span_of(der, len));
	return r;
}

/* Return: how many were added, 0 when nothing of the kind was recognised, -EINVAL,
 * -errno. */
static int load_file(struct pki_material *m, enum pki_kind kind, const char *path)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(path, FILE_MAX, &data, &len);

	if (r < 0)
		return r;
	r = add_der(m, kind, span_of(data, len));
	if (r == 0)
		r = add_pem(m, kind, span_of(data, len));
	if (r == 0)
		r = add_base64(m, kind, span_of(data, len));
	return r;
}

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* One file of a folder. What is not recognised is an error among anchors, where a file
 * that was meant to count must count; elsewhere it is passed over, which only refuses
 * more. */
static int load_entry(struct pki_material *m, enum pki_kind kind, const char *path)
{
	int r;

	if (!is_regular(path))
		return 0;
	r = load_file(m, kind, path);
	if (r == 0 && kind == PKI_ANCHORS)
		return -EINVAL;
	if (r == -EINVAL && kind != PKI_ANCHORS)
		return 0;
	return r;
}

static int complain(char **ret_error, const char *path, int r)
{
	const char *why = r == -EINVAL ? "holds nothing that can be read" : strerror(-r);

	if (asprintf(ret_error, "%s: %s", path, why) < 0)
		*ret_error = NULL;
	return r;
}

static int load_folder(
	struct pki_material *m, enum pki_kind kind, const char *path, char **ret_error)
{
	struct dirent **list;
	int count = scandir(path, &list, not_hidden, alphasort), r = 0, added = 0;

	if (count < 0)
		return complain(ret_error, path, -errno);
	if (count > FILES_MAX)
		r = complain(ret_error, path, -E2BIG);
	for (int i = 0; i < count; i++) {
		_cleanup_(freep) char *name = NULL;

		if (r >= 0 && asprintf(&name, "%s/%s", path, list[i]->d_name) < 0)
			r = complain(ret_error, path, -ENOMEM);
		if (r >= 0) {
			r = load_entry(m, kind, name);
			if (r < 0)
				complain(ret_error, name, r);
		}
		added += r > 0 ? r : 0;
		free(list[i]);
	}
	free(list);
	return r < 0 ? r : added;
}

int pki_material_load(
	struct pki_material *m, enum pki_kind kind, const char *path, char **ret_error)
{
	struct stat st;
	int r;

	*ret_error = NULL;
	if (stat(path, &st) < 0)
		return complain(ret_error, path, -errno);
	if (S_ISDIR(st.st_mode)) {
		r = load_folder(m, kind, path, ret_error);
	} else {
		r = load_file(m, kind, path);
		if (r <= 0)
			r = complain(ret_error, path, r == 0 ? -EINVAL : r);
	}
	pki_material_sort(m);
	return r;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/key.h"

#include "common/buf.h"
#include "common/durable.h"
#include "pkcs11/mechanism.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CERTIFICATE_MAX 16384

struct chain_mark chain_mark_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct chain_mark){ 0 };
	return (struct chain_mark){ .inode = st.st_ino, .changed = st.st_mtim };
}

bool chain_mark_equal(const struct chain_mark *a, const struct chain_mark *b)
{
	return a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

void role_key_done(struct role_key *k)
{
	EVP_PKEY_free(k->public_key);
	free(k->der);
	*k = (struct role_key){ 0 };
}

static int say(char text[KEY_TEXT_SIZE], int result, const char *what, const char *of)
{
	snprintf(text, KEY_TEXT_SIZE, "%s%s%.40s", what, of[0] ? " " : "", of);
	return result;
}

static int say_rv(char text[KEY_TEXT_SIZE], CK_RV rv)
{
	return say(text, -EAGAIN, "the token answers", ckr_text(rv));
}

/* The attributes of a key that was made on the token and stays there. */
static const struct {
	CK_ATTRIBUTE_TYPE type;
	bool must;
	const char *otherwise;
} RULES[] = {
	{ CKA_SENSITIVE, true, "key is not CKA_SENSITIVE:" },
	{ CKA_EXTRACTABLE, false, "key is CKA_EXTRACTABLE:" },
	{ CKA_LOCAL, true, "key was not generated on the token (CKA_LOCAL):" },
	{ CKA_ALWAYS_SENSITIVE, true, "key was not always sensitive:" },
	{ CKA_NEVER_EXTRACTABLE, true, "key was extractable once:" },
	{ CKA_SIGN, true, "key may not sign (CKA_SIGN):" },
};

static int check_rules(const struct key_place *place, CK_OBJECT_HANDLE key,
	const char *label, char text[KEY_TEXT_SIZE])
{
	for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
		bool value = false;
		CK_RV rv = object_bool(
			place->module->f, place->session, key, RULES[i].type, &value);

		if (rv != CKR_OK && ckr_lost(rv))
			return say_rv(text, rv);
		if (rv != CKR_OK || value != RULES[i].must)
			return say(text, -EPERM, RULES[i].otherwise, label);
	}
	return 0;
}

/* The one private key that libp11 lists under the label. */
static int listed_key(const struct key_place *place, const char *label,
	PKCS11_KEY **ret_key, char text[KEY_TEXT_SIZE])
{
	PKCS11_KEY *keys = NULL, *found = NULL;
	unsigned int count = 0;

	if (PKCS11_enumerate_keys(place->slot->token, &keys, &count) != 0) {
		ERR_clear_error();
		return say(text, -EAGAIN, "the token does not list its keys", "");
	}
	for (unsigned int i = 0; i < count; i++) {
		if (!keys[i].isPrivate || !keys[i].label ||
			strcmp(keys[i].label, label) != 0)
			continue;
		if (found)
			return say(text, -EPERM, "two keys have the label", label);
		found = &keys[i];
	}
	if (!found)
		return say(text, -ENOENT, "the token has no key with the label", label);
	*ret_key = found;
	return 0;
}

int key_find(const struct key_place *place, const struct role *role,
	CK_OBJECT_HANDLE *ret_key, char ret_text[KEY_TEXT_SIZE])
{
	PKCS11_KEY *listed;
	CK_OBJECT_HANDLE handles[2];
	size_t count;
	CK_RV rv;
	int r = listed_key(place, role->label, &listed, ret_text);

	if (r < 0)
		return r;
	rv = object_find(place->module->f, place->session,
		&(struct object_query){
			CKO_PRIVATE_KEY, role->label, listed->id, listed->id_len },
		handles, 2, &count);
	if (rv != CKR_OK)
		return say_rv(ret_text, rv);
	if (count != 1)
		return say(ret_text, -EPERM, "not one key but several or none at",
			role->label);
	*ret_key = handles[0];
	return check_rules(place, handles[0], role->label, ret_text);
}

int asn1_seconds(const ASN1_TIME *time, int64_t *ret_seconds)
{
	_cleanup_(ASN1_TIME_freep) ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds;

	if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch, time) != 1)
		return -EINVAL;
	*ret_seconds = (int64_t)days * 86400 + seconds;
	return 0;
}

int certificates_parse(struct span pem, X509 **ret_list, size_t max)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	size_t n = 0;
	X509 *c;

	ERR_clear_error();
	if (!bio)
		return -ENOMEM;
	while ((c = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (n == max) {
			X509_free(c);
			break;
		}
		ret_list[n++] = c;
	}
	BIO_free(bio);
	/* The reader's only good end is that no further PEM block begins. */
	if (!c && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return (int)n;
	}
	ERR_clear_error();
	while (n) {
		X509_free(ret_list[--n]);
		ret_list[n] = NULL;
	}
	return -EINVAL;
}

int certificates_read(const char *path, X509 **ret_list, size_t max)
{
	_cleanup_(freep) uint8_t *pem = NULL;
	size_t len;
	int r = file_read(path, CERTIFICATES_MAX, &pem, &len);

	return r < 0 ? r : certificates_parse(span_of(pem, len), ret_list, max);
}

int key_certificate(const struct key_place *place, const struct role *role,
	X509 **ret_certificate, size_t *ret_count, char text[KEY_TEXT_SIZE])
{
	CK_OBJECT_HANDLE handles[4];
	X509 *best = NULL;
	size_t count = 0;
	CK_RV rv = object_find(place->module->f, place->session,
		&(struct object_query){ CKO_CERTIFICATE, role->label, NULL, 0 }, handles,
		4, &count);

	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		uint8_t der[CERTIFICATE_MAX];
		const uint8_t *p = der;
		size_t len = 0;
		X509 *c = NULL;

		rv = object_octets(place->module->f, place->session, handles[i],
			CKA_VALUE, der, sizeof(der), &len);
		if (rv == CKR_OK)
			c = d2i_X509(NULL, &p, (long)len);
		if (c && (!best || ASN1_TIME_compare(X509_get0_notAfter(c),
					   X509_get0_notAfter(best)) > 0)) {
			X509_free(best);
			best = TAKE(c);
		}
		X509_free(c);
	}
	ERR_clear_error();
	if (rv != CKR_OK) {
		X509_free(best);
		return say_rv(text, rv);
	}
	*ret_certificate = best;
	if (ret_count)
		*ret_count = count;
	return best ? 0
		    : say(text, -ENOENT, "no certificate was imported for", role->name);
}

static int add_der(struct buf *b, const X509 *certificate)
{
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der), r;

	if (len <= 0)
		return -EINVAL;
	r = buf_add(b, der, (size_t)len);
	OPENSSL_free(der);
	return r;
}

static int concatenate(const X509 *own, const char *chain_path, struct role_key *k)
{
	_cleanup_buf_ struct buf b = { 0 };
	X509 *chain[CHAIN_MAX];
	int n = certificates_read(chain_path, chain, CHAIN_MAX), r;

	if (n < 0 && n != -ENOENT)
		return n;
	buf_init(&b, CERTIFICATES_MAX);
	r = add_der(&b, own);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add_der(&b, chain[i]);
		X509_free(chain[i]);
	}
	if (r < 0)
		return r;
	k->der = (uint8_t *)buf_take(&b, &k->der_len);
	return k->der ? 0 : -ENOMEM;
}

static int load_certificate(const struct key_place *place, const struct role *role,
	const char *chain_path, struct role_key *k)
{
	_cleanup_(X509_freep) X509 *own = NULL;
	int r = key_certificate(place, role, &own, NULL, k->reason);

	k->missing = r == -ENOENT;
	if (r < 0)
		return r;
	if (asn1_seconds(X509_get0_notBefore(own), &k->not_before) < 0 ||
		asn1_seconds(X509_get0_notAfter(own), &k->not_after) < 0)
		return say(k->reason, -EPERM,
			"the certificate has no validity:", role->name);
	k->public_key = X509_get_pubkey(own);
	if (!k->public_key || !mechanism_fits(role->mechanism, k->public_key))
		return say(k->reason, -EPERM, "the certificate's key does not fit",
			role->mechanism->name);
	if (!key_kind_is(role->key, k->public_key))
		return say(k->reason, -EPERM,
			"the key is not of the kind that the role names:",
			role->key->name);
	if (concatenate(own, chain_path, k) < 0)
		return say(k->reason, -ENOENT, "the chain file is unreadable of",
			role->name);
	return 0;
}

/* Sign a fixed digest that stands for nothing, and check it: the certificate is the
 * key's. */
static int trial(
	const struct key_place *place, const struct role *role, struct role_key *k)
{
	uint8_t digest[SIGNER_DIGEST_MAX], value[SIGNER_VALUE_MAX];
	size_t len;
	CK_RV rv;

	if (trial_digest(role->mechanism, digest) < 0)
		return say(k->reason, -EAGAIN, "no digest for", role->name);
	rv = mechanism_sign(place->module->f, place->session, k->handle, role->mechanism,
		span_of(digest, role->mechanism->digest_len), value, &len);
	if (rv != CKR_OK)
		return say_rv(k->reason, rv);
	if (!mechanism_verify(role->mechanism, k->public_key,
		    span_of(digest, role->mechanism->digest_len), span_of(value, len)))
		return say(k->reason, -ENOENT, "the certificate is not that of the key",
			role->label);
	return 0;
}

int key_load(const struct key_place *place, const struct role *role,
	const char *chain_path, struct role_key *ret_key)
{
	int r;

	*ret_key = (struct role_key){ .chain = chain_mark_of(chain_path) };
	r = key_find(place, role, &ret_key->handle, ret_key->reason);
	ret_key->missing = r == -ENOENT;
	if (r == 0)
		r = load_certificate(place, role, chain_path, ret_key);
	if (r == 0)
		r = trial(place, role, ret_key);
	ret_key->usable = r == 0;
	return r;
}

int key_same(const struct key_place *place, const struct role *role,
	const struct role_key *first, CK_OBJECT_HANDLE *ret_key,
	char ret_text[KEY_TEXT_SIZE])
{
	struct role_key copy = { .public_key = first->public_key }; /* borrowed */
	int r = key_find(place, role, &copy.handle, ret_text);

	if (r == 0) {
		r = trial(place, role, &copy);
		memcpy(ret_text, copy.reason, sizeof(copy.reason));
	}
	*ret_key = r == 0 ? copy.handle : CK_INVALID_HANDLE;
	return r;
}

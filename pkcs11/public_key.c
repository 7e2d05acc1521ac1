/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/public_key.h"

#include "common/cleanup.h"
#include "pki/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#define ID_MAX 64
#define POINT_MAX 256
#define OID_MAX 32
#define MODULUS_MAX 1024
#define EXPONENT_MAX 16

DEFINE_CLEANUP(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free)
DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(ASN1_OBJECT *, ASN1_OBJECT_free)
DEFINE_CLEANUP(ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free)

/* Where attributes are read from. */
struct holder {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
};

static size_t octets(
	const struct holder *h, CK_ATTRIBUTE_TYPE type, uint8_t *ret, size_t size)
{
	size_t len = 0;

	return object_octets(h->f, h->session, h->object, type, ret, size, &len) == CKR_OK
		       ? len
		       : 0;
}

static EVP_PKEY *read_rsa(const struct holder *h)
{
	_cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *values = OSSL_PARAM_BLD_new();
	_cleanup_(BN_freep) BIGNUM *n = NULL, *e = NULL;
	uint8_t modulus[MODULUS_MAX], exponent[EXPONENT_MAX];
	size_t n_len = octets(h, CKA_MODULUS, modulus, sizeof(modulus));
	size_t e_len = octets(h, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));

	if (!values || !n_len || !e_len)
		return NULL;
	n = BN_bin2bn(modulus, (int)n_len, NULL);
	e = BN_bin2bn(exponent, (int)e_len, NULL);
	if (!n || !e || OSSL_PARAM_BLD_push_BN(values, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
		OSSL_PARAM_BLD_push_BN(values, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return NULL;
	return pki_public_key("RSA", values);
}

/* CKA_EC_POINT is an OCTET STRING in DER; some modules give what is in it. */
static struct span point_of(const uint8_t *data, size_t len, ASN1_OCTET_STRING **ret_der)
{
	const uint8_t *p = data;

	*ret_der = d2i_ASN1_OCTET_STRING(NULL, &p, (long)len);
	if (*ret_der && p == data + len)
		return span_of(ASN1_STRING_get0_data(*ret_der),
			(size_t)ASN1_STRING_length(*ret_der));
	return span_of(data, len);
}

static EVP_PKEY *read_ec(const struct holder *h)
{
	_cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *values = OSSL_PARAM_BLD_new();
	_cleanup_(ASN1_OCTET_STRING_freep) ASN1_OCTET_STRING *der = NULL;
	_cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *curve = NULL;
	uint8_t oid[OID_MAX], point[POINT_MAX];
	size_t oid_len = octets(h, CKA_EC_PARAMS, oid, sizeof(oid));
	size_t len = octets(h, CKA_EC_POINT, point, sizeof(point));
	const uint8_t *p = oid;
	struct span q;
	const char *name;

	if (!values || !oid_len || !len)
		return NULL;
	curve = d2i_ASN1_OBJECT(NULL, &p, (long)oid_len);
	name = curve ? OBJ_nid2sn(OBJ_obj2nid(curve)) : NULL;
	q = point_of(point, len, &der);
	if (!name ||
		OSSL_PARAM_BLD_push_utf8_string(
			values, OSSL_PKEY_PARAM_GROUP_NAME, name, 0) != 1 ||
		OSSL_PARAM_BLD_push_octet_string(
			values, OSSL_PKEY_PARAM_PUB_KEY, q.data, q.len) != 1)
		return NULL;
	return pki_public_key("EC", values);
}

static bool find(
	struct holder *h, const char *label, const void *id, size_t id_len, bool private)
{
	size_t count = 0;
	CK_OBJECT_HANDLE found[2];
	CK_RV rv = object_find(h->f, h->session,
		&(struct object_query){
			private ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY, label, id, id_len },
		found, 2, &count);

	h->object = count ? found[0] : CK_INVALID_HANDLE;
	return rv == CKR_OK && count == 1;
}

static bool digest_of(const EVP_PKEY *key, char ret_sha256[SHA256_TEXT_SIZE])
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	int r = len > 0 ? digest_sha256_text(span_of(der, (size_t)len), ret_sha256) : -1;

	OPENSSL_free(der);
	return r == 0;
}

EVP_PKEY *public_key_read(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
	const char *label, char ret_sha256[SHA256_TEXT_SIZE])
{
	struct holder h = { .f = f, .session = session };
	uint8_t id[ID_MAX];
	EVP_PKEY *key = NULL;
	size_t len;

	if (!find(&h, label, NULL, 0, true))
		return NULL;
	len = octets(&h, CKA_ID, id, sizeof(id));
	if (find(&h, label, len ? id : NULL, len, false)) {
		key = read_ec(&h);
		key = key ? key : read_rsa(&h);
	}
	ERR_clear_error();
	if (key && ret_sha256 && !digest_of(key, ret_sha256)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

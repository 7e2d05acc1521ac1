/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/certificate.h"

#include "common/durable.h"
#include "common/encode.h"
#include "pki/der.h"
#include "pki/errors.h"
#include "pki/parsed.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <stdio.h>

#define CERTIFICATE_MAX (256u * 1024)

X509 *pki_certificate_parse(struct span der)
{
	if (!der.data || der.len > CERTIFICATE_MAX || !pki_der_exact(der))
		return NULL;
	return pki_parsed_certificate(der);
}

static X509 *certificate_from_pem(struct span text)
{
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	X509 *x = NULL;

	while (bio && !x && PEM_read_bio(bio, &name, &header, &der, &len)) {
		if (strcmp(name, PEM_STRING_X509) == 0)
			x = pki_certificate_parse(span_of(der, (size_t)len));
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	pki_errors_clear();
	BIO_free(bio);
	return x;
}

X509 *pki_certificate_of(struct span octets)
{
	X509 *x = octets.len <= CERTIFICATE_MAX ? pki_certificate_parse(octets) : NULL;

	return x || octets.len > CERTIFICATE_MAX ? x : certificate_from_pem(octets);
}

X509 *pki_certificate_read(const char *path)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	if (file_read(path, CERTIFICATE_MAX, &data, &len) < 0)
		return NULL;
	return pki_certificate_of(span_of(data, len));
}

int pki_certificate_sha256(const X509 *certificate, char ret_text[SHA256_TEXT_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	unsigned int len = 0;

	if (!X509_digest(certificate, EVP_sha256(), digest, &len) ||
		len != sizeof(digest))
		return -EIO;
	hex_encode(digest, sizeof(digest), ret_text);
	return 0;
}

static char *take_bio_text(BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	char *text = len < 0 ? NULL : malloc((size_t)len + 1);

	if (text) {
		if (len > 0) /* an empty name leaves no octets to point at */
			memcpy(text, data, (size_t)len);
		text[len] = '\0';
	}
	return text;
}

char *pki_name_text(const X509_NAME *name)
{
	/* RFC 4514 lets characters above ASCII stand as they are. */
	const unsigned long flags =
		XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (!bio)
		return NULL;
	if (X509_NAME_print_ex(bio, name, 0, flags) < 0) {
		/* A string that breaks its own type: show its octets instead. */
		(void)BIO_reset(bio);
		if (X509_NAME_print_ex(bio, name, 0, flags | ASN1_STRFLGS_DUMP_ALL) < 0)
			(void)BIO_reset(bio);
	}
	text = take_bio_text(bio);
	pki_errors_clear();
	BIO_free(bio);
	return text;
}

/* OpenSSL keeps the magnitude and the sign: a negative number is asked for its DER. */
char *pki_integer_text(const ASN1_INTEGER *number)
{
	bool negative = ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER;
	_cleanup_(freep) char *text = NULL;
	unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(number, &der);
	const unsigned char *octets = der;
	long size = 0;
	int tag, class;

	if (len > 0 && !(ASN1_get_object(&octets, &size, &tag, &class, len) & 0x80)) {
		if (!negative && size > 1 && *octets == 0) {
			octets++;
			size--;
		}
		text = malloc((size_t)size * 2 + 1);
	}
	if (text)
		hex_encode(octets, (size_t)size, text);
	OPENSSL_free(der);
	return TAKE(text);
}

char *pki_serial_text(const X509 *certificate)
{
	return pki_integer_text(X509_get0_serialNumber(certificate));
}

int pki_certificate_validity(const X509 *certificate, int64_t *ret_from, int64_t *ret_to)
{
	int64_t from, to;

	if (pki_asn1_time(X509_get0_notBefore(certificate), &from) < 0 ||
		pki_asn1_time(X509_get0_notAfter(certificate), &to) < 0)
		return -EINVAL;
	*ret_from = from;
	*ret_to = to;
	return 0;
}

static void curve_name(const EVP_PKEY *key, char ret_name[32])
{
	char group[64];
	size_t len;
	const char *nist;
	int nid;

	if (!EVP_PKEY_get_group_name(key, group, sizeof(group), &len))
		return;
	nid = OBJ_sn2nid(group);
	nist = nid == NID_undef ? NULL : EC_curve_nid2nist(nid);
	snprintf(ret_name, 32, "%.31s", nist ? nist : group);
}

void pki_key_info(const EVP_PKEY *key, struct pki_key_info *ret_info)
{
	static const struct {
		int type;
		const char *name;
	} names[] = {
		{ EVP_PKEY_RSA, "RSA" },
		{ EVP_PKEY_RSA_PSS, "RSA-PSS" },
		{ EVP_PKEY_EC, "EC" },
		{ EVP_PKEY_ED25519, "Ed25519" },
		{ EVP_PKEY_ED448, "Ed448" },
		{ EVP_PKEY_DSA, "DSA" },
	};
	struct pki_key_info info = { .algorithm = "unknown" };
	int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			snprintf(info.algorithm, sizeof(info.algorithm), "%s",
				names[i].name);
	if (key)
		info.bits = EVP_PKEY_get_bits(key);
	if (type == EVP_PKEY_EC)
		curve_name(key, info.curve);
	pki_errors_clear();
	*ret_info = info;
}

int pki_certificate_key_sha256(const X509 *certificate, char ret_text[SHA256_TEXT_SIZE])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	int r = len > 0 ? digest_sha256_text(span_of(der, (size_t)len), ret_text) : -EIO;

	OPENSSL_free(der);
	return r < 0 ? -EIO : 0;
}

bool pki_modulus_is_minimal(const X509 *certificate)
{
	const X509_PUBKEY *key = X509_get_X509_PUBKEY(certificate);
	ASN1_OBJECT *algorithm = NULL;
	const unsigned char *der = NULL;
	long len = 0;
	int der_len = 0, tag, class;

	if (!X509_PUBKEY_get0_param(&algorithm, &der, &der_len, NULL, key) ||
		OBJ_obj2nid(algorithm) != NID_rsaEncryption)
		return true;
	if ((ASN1_get_object(&der, &len, &tag, &class, der_len) & 0x80) ||
		tag != V_ASN1_SEQUENCE ||
		(ASN1_get_object(&der, &len, &tag, &class, len) & 0x80) ||
		tag != V_ASN1_INTEGER || len < 2)
		return false;
	return (der[0] != 0x00 || (der[1] & 0x80)) &&
	       (der[0] != 0xff || !(der[1] & 0x80));
}

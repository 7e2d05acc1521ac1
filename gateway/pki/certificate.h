/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Certificates as text and digests, and the lint that OpenSSL's strict mode leaves to us;
 * never decides trust.
 */
#ifndef SEALGATE_PKI_CERTIFICATE_H
#define SEALGATE_PKI_CERTIFICATE_H

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/finding.h"
#include "common/span.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)

/* Parse exactly one DER certificate; NULL when it is not one or octets follow. The object
 * may be shared with others that parsed the same octets: it is not to be changed. */
X509 *pki_certificate_parse(struct span der);

/* Read the octets of one certificate, or a file of them, PEM or DER; NULL when not. */
X509 *pki_certificate_of(struct span octets);
X509 *pki_certificate_read(const char *path);

/* SHA-256 of the SubjectPublicKeyInfo, lower-case hex. Return: 0 or -EIO. */
int pki_certificate_key_sha256(const X509 *certificate, char ret_text[SHA256_TEXT_SIZE]);

/* SHA-256 of the DER encoding, lower-case hex. Return: 0 or -EIO. */
int pki_certificate_sha256(const X509 *certificate, char ret_text[SHA256_TEXT_SIZE]);

/* Subject or issuer by RFC 4514, serial number as lower-case hex without leading zeros
 * (at least one digit pair) and without a sign: of a negative one, which no certificate
 * may have, the octets of its DER encoding. The caller frees; NULL when memory ran out.
 */
char *pki_name_text(const X509_NAME *name);
char *pki_serial_text(const X509 *certificate);
char *pki_integer_text(const ASN1_INTEGER *number); /* as a serial number */

/* notBefore and notAfter in seconds. Return: 0 or -EINVAL. */
int pki_certificate_validity(const X509 *certificate, int64_t *ret_from, int64_t *ret_to);

/* Names of the bits of the key: "RSA" 3072, "EC" 256 with curve name. */
struct pki_key_info {
	char algorithm[16]; /* RSA, RSA-PSS, EC, Ed25519, Ed448, DSA, unknown */
	char curve[32];	    /* "P-256", "" when not EC */
	int bits;
};
void pki_key_info(const EVP_PKEY *key, struct pki_key_info *ret_info);

/* False for an RSA modulus with more octets than DER allows (X.690 8.3.2), as a series of
 * smart cards had it: such a certificate has several encodings, and digests of it bind
 * nobody. */
bool pki_modulus_is_minimal(const X509 *certificate);

/* Check by RFC 5280 what X509_V_FLAG_X509_STRICT does not: serial zero, negative or over
 * 20 octets, non-critical basic or name constraints of a CA, unknown critical extensions,
 * ...; each an error finding pki.*. Return: 1 clean, 0 with findings. */
int pki_certificate_lint(const X509 *certificate, struct findings *findings);

#endif

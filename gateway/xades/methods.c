/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/catalogue.h"

#define XMLDSIG "http://www.w3.org/2000/09/xmldsig#"
#define XMLENC "http://www.w3.org/2001/04/xmlenc#"
#define MORE2001 "http://www.w3.org/2001/04/xmldsig-more#"
#define MORE2007 "http://www.w3.org/2007/05/xmldsig-more#"
#define MORE2021 "http://www.w3.org/2021/04/xmldsig-more#"

/* RFC 9231 and XML Signature 1.1; the first row of a name is the URI that is written. */
static const struct digest_method DIGESTS[] = {
	{ XMLENC "sha256", "SHA256" },
	{ XMLENC "sha512", "SHA512" },
	{ MORE2001 "sha384", "SHA384" },
	{ XMLENC "sha384", "SHA384" },
	{ MORE2001 "sha224", "SHA224" },
	{ XMLDSIG "sha1", "SHA1" },
	{ MORE2007 "sha3-224", "SHA3-224" },
	{ MORE2007 "sha3-256", "SHA3-256" },
	{ MORE2007 "sha3-384", "SHA3-384" },
	{ MORE2007 "sha3-512", "SHA3-512" },
	{ XMLENC "ripemd160", "RIPEMD160" },
	{ MORE2001 "md5", "MD5" },
};

static const struct signature_method SIGNATURES[] = {
	{ MORE2001 "rsa-sha256", "rsa-sha256", METHOD_RSA, "SHA256" },
	{ MORE2001 "rsa-sha384", "rsa-sha384", METHOD_RSA, "SHA384" },
	{ MORE2001 "rsa-sha512", "rsa-sha512", METHOD_RSA, "SHA512" },
	{ MORE2001 "rsa-sha224", "rsa-sha224", METHOD_RSA, "SHA224" },
	{ XMLDSIG "rsa-sha1", "rsa-sha1", METHOD_RSA, "SHA1" },
	{ MORE2001 "rsa-ripemd160", "rsa-ripemd160", METHOD_RSA, "RIPEMD160" },
	{ MORE2001 "rsa-md5", "rsa-md5", METHOD_RSA, "MD5" },
	{ MORE2007 "sha256-rsa-MGF1", "rsa-pss-sha256", METHOD_RSA_PSS, "SHA256" },
	{ MORE2007 "sha384-rsa-MGF1", "rsa-pss-sha384", METHOD_RSA_PSS, "SHA384" },
	{ MORE2007 "sha512-rsa-MGF1", "rsa-pss-sha512", METHOD_RSA_PSS, "SHA512" },
	{ MORE2007 "sha224-rsa-MGF1", "rsa-pss-sha224", METHOD_RSA_PSS, "SHA224" },
	{ MORE2007 "sha1-rsa-MGF1", "rsa-pss-sha1", METHOD_RSA_PSS, "SHA1" },
	{ MORE2007 "sha3-224-rsa-MGF1", "rsa-pss-sha3-224", METHOD_RSA_PSS, "SHA3-224" },
	{ MORE2007 "sha3-256-rsa-MGF1", "rsa-pss-sha3-256", METHOD_RSA_PSS, "SHA3-256" },
	{ MORE2007 "sha3-384-rsa-MGF1", "rsa-pss-sha3-384", METHOD_RSA_PSS, "SHA3-384" },
	{ MORE2007 "sha3-512-rsa-MGF1", "rsa-pss-sha3-512", METHOD_RSA_PSS, "SHA3-512" },
	{ MORE2007 "rsa-pss", "rsa-pss", METHOD_RSA_PSS, NULL },
	{ MORE2001 "ecdsa-sha256", "ecdsa-sha256", METHOD_EC, "SHA256" },
	{ MORE2001 "ecdsa-sha384", "ecdsa-sha384", METHOD_EC, "SHA384" },
	{ MORE2001 "ecdsa-sha512", "ecdsa-sha512", METHOD_EC, "SHA512" },
	{ MORE2001 "ecdsa-sha224", "ecdsa-sha224", METHOD_EC, "SHA224" },
	{ MORE2001 "ecdsa-sha1", "ecdsa-sha1", METHOD_EC, "SHA1" },
	{ MORE2007 "ecdsa-ripemd160", "ecdsa-ripemd160", METHOD_EC, "RIPEMD160" },
	{ MORE2021 "ecdsa-sha3-224", "ecdsa-sha3-224", METHOD_EC, "SHA3-224" },
	{ MORE2021 "ecdsa-sha3-256", "ecdsa-sha3-256", METHOD_EC, "SHA3-256" },
	{ MORE2021 "ecdsa-sha3-384", "ecdsa-sha3-384", METHOD_EC, "SHA3-384" },
	{ MORE2021 "ecdsa-sha3-512", "ecdsa-sha3-512", METHOD_EC, "SHA3-512" },
	{ MORE2021 "eddsa-ed25519", "eddsa-ed25519", METHOD_EDDSA, NULL },
	{ MORE2021 "eddsa-ed448", "eddsa-ed448", METHOD_EDDSA, NULL },
	{ XMLDSIG "dsa-sha1", "dsa-sha1", METHOD_DSA, "SHA1" },
	{ "http://www.w3.org/2009/xmldsig11#dsa-sha256", "dsa-sha256", METHOD_DSA,
		"SHA256" },
};

const struct digest_method *digest_method_find(const char *uri)
{
	for (size_t i = 0; uri && i < sizeof(DIGESTS) / sizeof(DIGESTS[0]); i++)
		if (strcmp(DIGESTS[i].uri, uri) == 0)
			return &DIGESTS[i];
	return NULL;
}

const struct digest_method *digest_method_named(const char *name)
{
	for (size_t i = 0; name && i < sizeof(DIGESTS) / sizeof(DIGESTS[0]); i++)
		if (strcmp(DIGESTS[i].name, name) == 0)
			return &DIGESTS[i];
	return NULL;
}

const struct signature_method *signature_method_find(const char *uri)
{
	for (size_t i = 0; uri && i < sizeof(SIGNATURES) / sizeof(SIGNATURES[0]); i++)
		if (strcmp(SIGNATURES[i].uri, uri) == 0)
			return &SIGNATURES[i];
	return NULL;
}

const struct signature_method *signature_method_named(const char *name)
{
	for (size_t i = 0; name && i < sizeof(SIGNATURES) / sizeof(SIGNATURES[0]); i++)
		if (strcmp(SIGNATURES[i].name, name) == 0)
			return &SIGNATURES[i];
	return NULL;
}

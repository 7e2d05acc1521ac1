/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/strength.h"

#include "pki/errors.h"

#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <stdio.h>

#define NEVER INT64_MIN
#define OPEN INT64_MAX
#define UTC_2010_08_01 INT64_C(1280620800)
#define UTC_2012_08_01 INT64_C(1343779200)
#define UTC_2014_08_01 INT64_C(1406851200)
#define UTC_2015_12_01 INT64_C(1448928000)
#define UTC_2019_10_01 INT64_C(1569888000)
#define UTC_2021_10_01 INT64_C(1633046400)

static const struct {
	const char *name;
	int64_t until;
} DIGESTS[] = {
	{ "", OPEN },
	{ "SHA1", UTC_2012_08_01 },
	{ "RIPEMD160", UTC_2014_08_01 },
	{ "SHA224", OPEN },
	{ "SHA256", OPEN },
	{ "SHA384", OPEN },
	{ "SHA512", OPEN },
	{ "SHA3-256", OPEN },
	{ "SHA3-384", OPEN },
	{ "SHA3-512", OPEN },
};

/* Keys of fewer bits than the first row of an algorithm never count; the last row that a
 * key reaches is its own. */
static const struct {
	const char *algorithm;
	int bits;
	int64_t until;
} KEYS[] = {
	{ "RSA", 786, UTC_2010_08_01 },
	{ "RSA", 1024, UTC_2019_10_01 },
	{ "RSA", 1900, OPEN },
	{ "RSA-PSS", 1024, UTC_2019_10_01 },
	{ "RSA-PSS", 1900, OPEN },
	{ "DSA", 1024, UTC_2015_12_01 },
	{ "DSA", 1900, OPEN },
	{ "EC", 160, UTC_2012_08_01 },
	{ "EC", 224, UTC_2021_10_01 },
	{ "EC", 255, OPEN },
	{ "Ed25519", 253, OPEN },
	{ "Ed448", 448, OPEN },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int64_t digest_until(const char *digest)
{
	for (size_t i = 0; i < COUNT(DIGESTS); i++)
		if (strcmp(DIGESTS[i].name, digest) == 0)
			return DIGESTS[i].until;
	return NEVER;
}

static int64_t key_until(const struct pki_key_info *key)
{
	int64_t until = NEVER;

	for (size_t i = 0; i < COUNT(KEYS); i++)
		if (strcmp(KEYS[i].algorithm, key->algorithm) == 0 &&
			key->bits >= KEYS[i].bits)
			until = KEYS[i].until;
	return until;
}

bool pki_strength_acceptable(
	void *context, const char *digest, const struct pki_key_info *key, int64_t at)
{
	(void)context;
	return at < digest_until(digest) && at < key_until(key);
}

const char *pki_digest_name(int nid)
{
	static const struct {
		int nid;
		const char *name;
	} names[] = {
		{ NID_md5, "MD5" },
		{ NID_sha1, "SHA1" },
		{ NID_ripemd160, "RIPEMD160" },
		{ NID_sha224, "SHA224" },
		{ NID_sha256, "SHA256" },
		{ NID_sha384, "SHA384" },
		{ NID_sha512, "SHA512" },
		{ NID_sha3_224, "SHA3-224" },
		{ NID_sha3_256, "SHA3-256" },
		{ NID_sha3_384, "SHA3-384" },
		{ NID_sha3_512, "SHA3-512" },
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].nid == nid)
			return names[i].name;
	return "unknown";
}

static bool names_no_digest(int algorithm)
{
	return algorithm == NID_ED25519 || algorithm == NID_ED448;
}

void pki_algorithm_digest(const X509_ALGOR *algorithm, char ret_name[16])
{
	const ASN1_OBJECT *oid;
	const void *parameters;
	const char *name = "unknown";
	int type, digest = NID_undef, nid;

	X509_ALGOR_get0(&oid, &type, &parameters, algorithm);
	nid = OBJ_obj2nid(oid);
	if (names_no_digest(nid)) {
		name = "";
	} else if (nid == NID_rsassaPss && type == V_ASN1_SEQUENCE) {
		RSA_PSS_PARAMS *pss = ASN1_TYPE_unpack_sequence(
			ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);

		/* RFC 4055: an absent hash algorithm is SHA-1. */
		if (pss && pss->hashAlgorithm) {
			X509_ALGOR_get0(&oid, NULL, NULL, pss->hashAlgorithm);
			name = pki_digest_name(OBJ_obj2nid(oid));
		} else if (pss) {
			name = "SHA1";
		}
		RSA_PSS_PARAMS_free(pss);
	} else if (OBJ_find_sigid_algs(nid, &digest, NULL)) {
		name = pki_digest_name(digest);
	}
	pki_errors_clear();
	snprintf(ret_name, 16, "%s", name);
}

void pki_signature_digest(const X509 *certificate, char ret_name[16])
{
	pki_algorithm_digest(X509_get0_tbs_sigalg(certificate), ret_name);
}

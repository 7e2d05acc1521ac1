/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/bench.h"

#include <errno.h>
#include <openssl/objects.h>
#include <string.h>
#include <sys/random.h>

#define KEY_ID_SIZE 20
#define SOME 8 /* objects of a label */

/* Every object of a class with the role's label. */
static CK_RV destroy_all(struct bench *b, CK_OBJECT_CLASS class, const char *label)
{
	CK_FUNCTION_LIST *f = b->place.module->f;
	CK_OBJECT_HANDLE handles[SOME];
	size_t count = 0;
	CK_RV rv = object_find(f, b->place.session,
		&(struct object_query){ class, label, NULL, 0 }, handles, SOME, &count);

	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = f->C_DestroyObject(b->place.session, handles[i]);
	return rv;
}

/* What every private key gets, and what every public key gets. */
static CK_RV generate_with(struct bench *b, CK_MECHANISM_TYPE type,
	const CK_ATTRIBUTE kind[2], CK_ULONG kind_count, const char *label)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	uint8_t id[KEY_ID_SIZE];
	char *text = (char *)(uintptr_t)label;
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 },
		{ CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 },
		{ CKA_SIGN, &yes, 1 }, { CKA_DECRYPT, &no, 1 }, { CKA_UNWRAP, &no, 1 },
		{ CKA_DERIVE, &no, 1 }, { CKA_LABEL, text, strlen(label) },
		{ CKA_ID, id, sizeof(id) } };
	CK_ATTRIBUTE public[6] = { { CKA_TOKEN, &yes, 1 }, { CKA_VERIFY, &yes, 1 },
		{ CKA_LABEL, text, strlen(label) }, { CKA_ID, id, sizeof(id) } };
	CK_OBJECT_HANDLE handles[2];

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return CKR_RANDOM_NO_RNG;
	memcpy(public + 4, kind, kind_count * sizeof(*kind));
	return b->place.module->f->C_GenerateKeyPair(b->place.session, &mechanism, public,
		4 + kind_count, private, sizeof(private) / sizeof(private[0]),
		&handles[0], &handles[1]);
}

static CK_RV generate(struct bench *b, const struct role *role)
{
	const struct key_kind *kind = role->key;
	uint8_t exponent[] = { 1, 0, 1 }, oid[16], *p = oid;
	CK_ULONG bits = (CK_ULONG)kind->bits;
	CK_ATTRIBUTE a[2];

	if (!kind->curve_nid) {
		a[0] = (CK_ATTRIBUTE){ CKA_MODULUS_BITS, &bits, sizeof(bits) };
		a[1] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) };
		return generate_with(b, CKM_RSA_PKCS_KEY_PAIR_GEN, a, 2, role->label);
	}
	a[0] = (CK_ATTRIBUTE){ CKA_EC_PARAMS, oid,
		(CK_ULONG)i2d_ASN1_OBJECT(OBJ_nid2obj(kind->curve_nid), &p) };
	return generate_with(b, CKM_EC_KEY_PAIR_GEN, a, 1, role->label);
}

/* Make the role's key unless there is a good one. */
static int complete_role(struct bench *b, const struct role *role)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	char why[KEY_TEXT_SIZE], sha256[SHA256_TEXT_SIZE];
	CK_OBJECT_HANDLE handle;
	CK_RV rv;
	int r = key_find(&b->place, role, &handle, why);

	if (r == 0)
		return 0;
	if (r != -ENOENT)
		return bench_fail(b, "role %s: %s", role->name, why);
	/* An interrupted generation may have left a public key alone. */
	rv = destroy_all(b, CKO_PUBLIC_KEY, role->label);
	if (rv != CKR_OK)
		return bench_fail_rv(b, "C_DestroyObject", rv);
	rv = generate(b, role);
	if (rv != CKR_OK)
		return bench_fail_rv(b, "C_GenerateKeyPair", rv);
	key = bench_public_key(b, role, sha256);
	if (!key)
		return -EIO;
	bench_say(b, "%s: key of kind %s made on the token, public key sha256:%s",
		role->name, role->key->name, sha256);
	return 0;
}

int bench_keys(struct bench *b, const struct role *role)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->roles->count; i++)
		if (!role || role == &b->roles->list[i])
			r = complete_role(b, &b->roles->list[i]);
	return r;
}

/* Under the role's label, or with the CKA_ID of its key, whatever its label is. */
static CK_RV has_certificate(struct bench *b, const struct role *role, bool *ret_has)
{
	CK_FUNCTION_LIST *f = b->place.module->f;
	CK_OBJECT_HANDLE object;
	uint8_t id[64];
	size_t len = 0, count = 0;
	CK_RV rv = object_find(f, b->place.session,
		&(struct object_query){ CKO_CERTIFICATE, role->label, NULL, 0 }, &object,
		1, &count);

	*ret_has = count > 0;
	if (rv == CKR_OK && !*ret_has)
		rv = object_find(f, b->place.session,
			&(struct object_query){ CKO_PRIVATE_KEY, role->label, NULL, 0 },
			&object, 1, &count);
	if (rv != CKR_OK || *ret_has || !count)
		return rv;
	rv = object_octets(f, b->place.session, object, CKA_ID, id, sizeof(id), &len);
	if (rv == CKR_OK && len)
		rv = object_find(f, b->place.session,
			&(struct object_query){ CKO_CERTIFICATE, NULL, id, len }, &object,
			1, &count);
	*ret_has = rv == CKR_OK && len && count;
	return rv;
}

int bench_remove(struct bench *b, const struct role *role, const char *sha256)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	char found[SHA256_TEXT_SIZE];
	bool has = false;
	CK_RV rv = has_certificate(b, role, &has);

	if (rv != CKR_OK)
		return bench_fail_rv(b, "C_FindObjects", rv);
	if (has)
		return bench_fail(b,
			"role %s: its key has a certificate and may have signed what is "
			"kept, so it stays: for a new key give the role another label",
			role->name);
	key = bench_public_key(b, role, found);
	if (!key)
		return -ENOENT;
	if (strcmp(found, sha256) != 0)
		return bench_fail(b,
			"role %s: its key is another one, public key sha256:%s: look at "
			"hsm list",
			role->name, found);
	/* In this order: what is left by a break is what bench_keys removes. */
	rv = destroy_all(b, CKO_PRIVATE_KEY, role->label);
	if (rv == CKR_OK)
		rv = destroy_all(b, CKO_PUBLIC_KEY, role->label);
	if (rv != CKR_OK)
		return bench_fail_rv(b, "C_DestroyObject", rv);
	bench_say(b, "%s: the key without a certificate is removed", role->name);
	return 0;
}

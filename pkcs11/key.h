/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a role signs with: the handle of its private key and the certificates that go with
 * it; never a key that could leave the token.
 */
#ifndef SEALGATE_PKCS11_KEY_H
#define SEALGATE_PKCS11_KEY_H

#include "common/span.h"
#include "pkcs11/module.h"
#include "pkcs11/role.h"
#include "pki/certificate.h"

#include <openssl/x509.h>
#include <sys/types.h>
#include <time.h>

DEFINE_CLEANUP(ASN1_TIME *, ASN1_TIME_free)

#define KEY_TEXT_SIZE 96
#define CHAIN_FILE "state/signer/%s.chain.pem"
#define CERTIFICATES_MAX (128u * 1024) /* octets of a role's */
#define CHAIN_MAX 8		       /* certificates above the role's own */

/* Which chain file it was: an import writes a new one, last of all. */
struct chain_mark {
	ino_t inode;
	struct timespec changed;
};

/* The mark of a file; zero when there is none. */
struct chain_mark chain_mark_of(const char *path);
bool chain_mark_equal(const struct chain_mark *a, const struct chain_mark *b);

struct role_key {
	bool usable;
	bool missing; /* key or certificate: people have not set the role up yet */
	CK_OBJECT_HANDLE handle;
	EVP_PKEY *public_key;	       /* of the certificate */
	int64_t not_before, not_after; /* of the certificate */
	uint8_t *der;		       /* own certificate, then the chain */
	size_t der_len;
	struct chain_mark chain;
	char reason[KEY_TEXT_SIZE]; /* why it is not usable */
};

void role_key_done(struct role_key *k);

struct key_place {
	const struct module *module;
	PKCS11_SLOT *slot;
	CK_SESSION_HANDLE session; /* logged in */
};

/* Find the role's one private key by its label.
 * Return: 0, -ENOENT (none), -EPERM (two keys of that label, or it is not sensitive, can
 * be extracted or was not generated on the token), -EAGAIN (token); ret_text says more.
 */
int key_find(const struct key_place *place, const struct role *role,
	CK_OBJECT_HANDLE *ret_key, char ret_text[KEY_TEXT_SIZE]);

/* Everything a role needs. chain_path may name an absent file: no chain. ret_key is
 * always set; not usable when the return is not 0. Return: as key_find. */
int key_load(const struct key_place *place, const struct role *role,
	const char *chain_path, struct role_key *ret_key);

/* The role's certificate on the token, of several (an import that was interrupted) the
 * one that lasts longest. *ret_count (or NULL): how many. The caller frees. Safe beside
 * other threads. Return: as key_find. */
int key_certificate(const struct key_place *place, const struct role *role,
	X509 **ret_certificate, size_t *ret_count, char ret_text[KEY_TEXT_SIZE]);

/* Find a copy of a role's key on another token: one that makes signatures of the first
 * one's certificate. Return: as key_find. */
int key_same(const struct key_place *place, const struct role *role,
	const struct role_key *first, CK_OBJECT_HANDLE *ret_key,
	char ret_text[KEY_TEXT_SIZE]);

/* Read PEM certificates, at most max. Return: how many, or -EINVAL, -errno. */
int certificates_parse(struct span pem, X509 **ret_list, size_t max);
int certificates_read(const char *path, X509 **ret_list, size_t max);

/* Seconds since 1970 of an ASN.1 time. Return: 0 or -EINVAL. */
int asn1_seconds(const ASN1_TIME *time, int64_t *ret_seconds);

#endif

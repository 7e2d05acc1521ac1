/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Roles: which key signs by which mechanism for which program, and how much; never a key
 * itself, never chosen by the asker.
 */
#ifndef SEALGATE_PKCS11_ROLE_H
#define SEALGATE_PKCS11_ROLE_H

#include "common/cleanup.h"
#include "pkcs11/client.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#define ROLES_MAX 16
#define ROLES_FILE "policies/signature/roles.cfg"
#define ROLE_LABEL_SIZE 64
#define ROLE_PEER_SIZE 16

/* Whose key signs call-backs, too, for one program; by their own name they are counted
 * and limited, which no role may have. */
#define ROLE_OF_CALLBACKS "receipt"
#define CALLBACKS_NAME "callback"
#define CALLBACKS_PEER "forward"

enum scheme { SCHEME_NONE = 0, SCHEME_RSA_PKCS1, SCHEME_RSA_PSS, SCHEME_ECDSA };

struct mechanism {
	const char *name; /* "rsa-pss-sha256" */
	enum scheme scheme;
	const char *digest; /* OpenSSL's name: "SHA256" */
	size_t digest_len;
	const char *default_key; /* "RSA-3072", "P-256" */
};

/* A kind of key that can be generated on the token. */
struct key_kind {
	const char *name; /* "RSA-3072", "P-256" */
	int bits;
	int curve_nid; /* 0: RSA */
};

struct role {
	char name[SIGNER_ROLE_SIZE];
	char label[ROLE_LABEL_SIZE];
	char peer[ROLE_PEER_SIZE];
	const struct mechanism *mechanism;
	const struct key_kind *key;
	uint32_t max_per_minute; /* 0: no limit */
	uint64_t total;		 /* 0: no limit */
	int64_t not_before, not_after;
	/* The peer holds each signature against the certificate before it gives it out.
	 */
	bool verified_by_peer;
};

struct roles {
	struct role list[ROLES_MAX];
	size_t count;
};

/* Read a file of roles. An unknown setting, mechanism, kind of key or peer, a key that
 * does not fit its mechanism and a label used twice are refused. *ret_error: one line for
 * people, the caller frees. Return: 0, -EINVAL, -errno. */
int roles_read(const char *path, struct roles *ret_roles, char **ret_error);

/* Index of a role, or -1. */
int roles_find(const struct roles *roles, const char *name);

const struct mechanism *mechanism_find(const char *name);
const struct key_kind *key_kind_find(const char *name);

/* True when the public key is of the mechanism's kind and strong enough (RSA of at least
 * 2048 bits, a named curve of at least 256). */
bool mechanism_fits(const struct mechanism *m, const EVP_PKEY *key);

/* True when the public key is exactly of the kind: its modulus or its curve. */
bool key_kind_is(const struct key_kind *kind, const EVP_PKEY *key);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Work at an open token: keys made and removed, requests, certificates; never opens the
 * token, knows no PIN, and signs nothing but requests.
 *
 * Whoever works says into `said` what was done, a line each; when a function returns less
 * than zero the last lines say what is wrong and what mends it.
 */
#ifndef SEALGATE_PKCS11_BENCH_H
#define SEALGATE_PKCS11_BENCH_H

#include "common/buf.h"
#include "common/digest.h"
#include "common/instance.h"
#include "pkcs11/count_log.h"
#include "pkcs11/key.h"
#include "pkcs11/role.h"

struct bench {
	const struct instance *instance;
	const struct roles *roles;
	struct key_place place; /* its session is read-write */
	struct count_log *log;	/* the running signer's; NULL: opened for each entry */
	struct buf said;
};

/* place and log may be set later. */
void bench_init(
	struct bench *b, const struct instance *instance, const struct roles *roles);
void bench_done(struct bench *b);
#define _cleanup_bench_ _cleanup_(bench_done)

/* A line of what was done. */
void bench_say(struct bench *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A line of what is wrong. Return: -EINVAL. */
int bench_fail(struct bench *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As bench_fail with the answer of a call. Return: -EIO. */
int bench_fail_rv(struct bench *b, const char *call, CK_RV rv);

/* The public key of a role's key, as the token has it; *ret_sha256 (or NULL) is that of
 * its SubjectPublicKeyInfo, by which people name it. NULL after a line. */
EVP_PKEY *bench_public_key(
	struct bench *b, const struct role *role, char ret_sha256[SHA256_TEXT_SIZE]);

/* Make the keys that roles lack: of one role, or of all (NULL). What a broken generation
 * left is removed. Return: 0 or negative. */
int bench_keys(struct bench *b, const struct role *role);

/* Remove the role's key, named by the SHA-256 of its public key: one that never had a
 * certificate. Return: 0 or negative. */
int bench_remove(struct bench *b, const struct role *role, const char *sha256);

/* Say a certificate request (PEM) for a subject (NULL: the instance's name and the
 * role's), signed by the role's key and counted. Return: 0 or negative. */
int bench_request(struct bench *b, const struct role *role, const char *subject);

/* Count a signature that is about no document. Return: 0 or negative. */
int bench_count(struct bench *b, const struct role *role, struct span digest);

/* Put the role's certificate into the token and the chain above it beside: PEM in any
 * order, whose one is that of the role's key, may sign, has not expired, and whose others
 * are the authorities above it. Return: 0 or negative. */
int bench_import(struct bench *b, const struct role *role, struct span pem);

#endif

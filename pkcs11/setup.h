/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Commands for people who set the signer up: token, keys, requests, certificates, the
 * count; never answer a program.
 */
#ifndef SEALGATE_PKCS11_SETUP_H
#define SEALGATE_PKCS11_SETUP_H

#include "common/instance.h"
#include "pkcs11/key.h"
#include "pkcs11/role.h"

#define SETUP_USAGE 2

/* What the commands share: a message for people, the instance and its roles. */
struct setup {
	const struct instance *instance;
	struct roles roles;
	struct module module;
	PKCS11_SLOT *slot;	   /* of the token */
	CK_SESSION_HANDLE session; /* read-write, user logged in */
};

/* Print "sealgate-signer: ..." to standard error. Return: -EINVAL. */
int setup_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As setup_fail with the answer of a call. Return: -EIO. */
int setup_fail_rv(const char *call, CK_RV rv);

/* Open the module and find the one token with a label. Return: as below. */
int setup_find_token(struct setup *s, const char *label);

/* Open module and token, log the user in. Return: 0 or negative after a message. */
int setup_open(struct setup *s);
void setup_close(struct setup *s);

/* The role's public key as the token has it, or NULL after a message. */
EVP_PKEY *setup_public_key(struct setup *s, const struct role *role);

/* The roles of the instance. Return: 0 or negative after a message. */
int setup_roles(struct setup *s);

/* A role by its name, or NULL after a message. */
const struct role *setup_role(const struct setup *s, const char *name);

/* Count a signature that is about no document; the count is the signer's, so the signer
 * must not run. Return: 0 or negative after a message. */
int setup_count(const struct setup *s, const struct role *role, struct span digest);

/* A certificate request (PEM) signed by the role's key; the caller frees. NULL after a
 * message. */
char *setup_request(struct setup *s, const struct role *role, const char *subject);

/* A file of certificates. Return: 0 or negative after a message. */
int setup_read_pem(const char *path, uint8_t **ret_pem, size_t *ret_len);

/* The commands. Return: exit status. */
int setup_init(struct setup *s);
int setup_keys(struct setup *s); /* make those that are missing */
int setup_csr(struct setup *s, const struct role *role, const char *subject);
int setup_import(struct setup *s, const struct role *role, struct span pem);

int setup_custody(struct setup *s, int argc, char **argv);
int setup_ceremony(struct setup *s, int argc, char **argv);
int setup_activate(const struct instance *instance, int argc, char **argv);

/* Run `argv[0]` ("init-token", "csr", ...) with its arguments.
 * Return: exit status, SETUP_USAGE for wrong usage. */
int setup_run(const struct instance *instance, int argc, char **argv);

#endif

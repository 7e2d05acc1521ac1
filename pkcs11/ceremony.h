/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The steps of a key ceremony, at a bench and in a protocol: each is done and then
 * written down, and one that broke off is simply repeated; never decides who may.
 */
#ifndef SEALGATE_PKCS11_CEREMONY_H
#define SEALGATE_PKCS11_CEREMONY_H

#include "common/buf.h"
#include "pkcs11/bench.h"
#include "pkcs11/protocol.h"

#define CEREMONY_WITNESSES_MIN 2
#define CEREMONY_WITNESSES_MAX 32

/* Protocols that the running signer keeps: FOLDER/NAME.txt. */
#define CEREMONY_FOLDER "state/signer/ceremonies"

struct ceremony {
	struct bench *bench; /* what it says is for people: a request, or what is wrong */
	struct protocol *protocol;
	const char *by, *after; /* who has it done from afar, and who asked for it first;
				   NULL or "": whoever is at the machine */
};

/* A bench in use for all that note does not need. Each returns 0, or negative after a
 * line at the bench. */

/* Witnesses, module and token. */
int ceremony_begin(const struct ceremony *c, const char *const *witnesses, size_t count);

/* Make the keys that are missing, and describe the keys of all roles. */
int ceremony_keys(const struct ceremony *c);

/* Say a certificate request, for a subject or (NULL) as bench_request has it. */
int ceremony_request(
	const struct ceremony *c, const struct role *role, const char *subject);

/* What was done by other means: backup, destruction, who took what away. */
int ceremony_note(const struct ceremony *c, const char *text);

/* The last entry, and the signature of the role's key under all of them. */
int ceremony_end(const struct ceremony *c, const struct role *role);

/* At the signer's start, in the protocols that it keeps: what a step that broke off left
 * behind goes, and an entry says so; where that was to be the first one there is no
 * protocol. What has no room for such an entry is left for the one that ends it. */
void ceremony_mend_all(const struct instance *instance);

/* The path of a protocol that the signer keeps: 1 to 47 letters, digits, '-' and '_',
 * a letter or digit first. Return: 0, -EINVAL another name, -ENAMETOOLONG. */
int ceremony_path(
	const struct instance *instance, const char *name, char ret_path[PATH_MAX]);

#endif

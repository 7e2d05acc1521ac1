/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The instance's trust material by use: anchors under policies/anchors/<use>/, CRLs under
 * state/trust/revocation/; never fetches, and an empty use admits nobody.
 */
#ifndef SEALGATE_TRUST_STORE_H
#define SEALGATE_TRUST_STORE_H

#include "common/digest.h"
#include "pki/material.h"

enum trust_use {
	TRUST_SIGNERS = 0,
	TRUST_TSA,
	TRUST_SEAL,
	TRUST_SANDBOX, /* signers of rehearsals: no other use counts them */
	TRUST_USES,
};

struct trust_store;

/* Load; folders: signers/, tsa/, seal/, sandbox/ below anchors; each missing folder
 * is an empty use; an anchor of the sandbox in another folder is refused.
 * *ret_error: one line, the caller frees. Return: 0 or negative. */
int trust_store_open(const char *anchors, const char *revocation,
	struct trust_store **ret_store, char **ret_error);
void trust_store_close(struct trust_store *s);
DEFINE_CLEANUP(struct trust_store *, trust_store_close)

/* Anchors of one use with all revocation data; borrowed. */
const struct pki_material *trust_material(
	const struct trust_store *s, enum trust_use use);

/* Anchors of signers and TSAs together, for validating whole signatures; borrowed. */
const struct pki_material *trust_signature_material(const struct trust_store *s);

/* The same of rehearsals: anchors of the sandbox and of TSAs; borrowed. */
const struct pki_material *trust_sandbox_material(const struct trust_store *s);

/* Version: SHA-256 over everything loaded, as hex; borrowed. */
const char *trust_store_version(const struct trust_store *s);

/* The latest thisUpdate of all revocation data; 0: there is none. */
int64_t trust_store_newest(const struct trust_store *s);

/* A stamp of the folders' content times: changes when a reload would give another store.
 */
uint64_t trust_store_stamp(const char *anchors, const char *revocation);

#endif

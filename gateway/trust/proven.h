/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signatures of lists that were proven before, so that what is unchanged is not proven
 * again: by the octets, the certificates that may sign them, the algorithms in force and
 * the day; never remembers that something failed.
 *
 * The day stands for all dates that a proof depends on: ends of algorithms are midnights,
 * and the anchors that sign lists count whatever their dates are. What depends on the
 * time of day, a list's own dates and sequence number, is judged anew each time.
 */
#ifndef SEALGATE_TRUST_PROVEN_H
#define SEALGATE_TRUST_PROVEN_H

#include "trust/import.h"

struct list_proofs {
	json_t *known; /* of the import before: key: what was found */
	json_t *used;  /* of this import: what it leaves for the next */
	size_t hits;   /* taken from before */
	size_t noted;  /* proven anew */
};

/* The proofs that a store has; what cannot be read is none. Return: 0 or -ENOMEM. */
int list_proofs_read(const char *store, struct list_proofs *ret);
void list_proofs_done(struct list_proofs *p);

/* Leave them for the next import, when there are others. Return: 0 or negative. */
int list_proofs_write(const char *store, const struct list_proofs *p);

/* What a proof is known by. Return: 0 or negative. */
int list_proof_key(struct span octets, const STACK_OF(X509) * signers, int64_t at,
	char ret_key[SHA256_TEXT_SIZE]);

/* Take the signer and an outline of the list (list.h) from a proof. Return: 1 taken, 0
 * there is none, -ENOMEM. */
int list_proof_find(struct list_proofs *p, const char *key, struct list_result *r);

/* Remember a list that passed. Return: 0 or -ENOMEM. */
int list_proof_note(struct list_proofs *p, const char *key, const struct list_result *r);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A head of the audit chain under a signature of the HSM's role audit-head: what whoever
 * keeps it elsewhere can hold the chain against; never signs by itself.
 *
 * {"certificates":[base64 DER, the signer's first],"signature":base64 (r||s of P-256 with
 * SHA-256),"statement":text}, the text being canonical JSON: at, chain, instance,
 * position, test, type.
 */
#ifndef SEALGATE_QUEUE_SEALED_HEAD_H
#define SEALGATE_QUEUE_SEALED_HEAD_H

#include "common/digest.h"
#include "common/span.h"
#include "pki/material.h"

#include <stdbool.h>
#include <stdint.h>

#define SEALED_HEAD_MAX (64u * 1024)
#define SEALED_HEAD_ROLE "audit-head"
#define SEALED_HEAD_SIGNATURE_SIZE 64
#define SEALED_HEAD_INSTANCE_SIZE 256

/* The text to be signed; id: by which the signer counts it; the caller frees. NULL when
 * memory ran out. */
char *sealed_head_statement(const char *id, const char *instance, bool test,
	int64_t position, const uint8_t chain[SHA256_SIZE], int64_t at);

/* The finished head. certificates: concatenated DER. The caller frees. NULL: no memory,
 * or the certificates are none. */
char *sealed_head_assemble(const char *statement, struct span certificates,
	const uint8_t signature[SEALED_HEAD_SIGNATURE_SIZE]);

struct sealed_head {
	int64_t position;
	uint8_t chain[SHA256_SIZE];
	int64_t at;
	char instance[SEALED_HEAD_INSTANCE_SIZE]; /* of a longer name the start */
	bool test;
	bool proven; /* whose it is */
	/* When unproven for that alone: since when the signer is revoked. Whoever took
	 * the key dates heads back; what proves that it was there before then proves it.
	 */
	int64_t revoked_at;
};

/* Verify form, signature, and the signer's path to an anchor of material at the time that
 * the head names (NULL: no path is asked for, nothing is proven), with revocation data
 * issued until known_at. Return: 1 with *ret_head, and where an anchor or revocation data
 * is wanting or the signer was revoked since, unproven with *ret_reason; 0 with
 * *ret_reason (the caller frees it); negative undecided. */
int sealed_head_verify(struct span text, const struct pki_material *material,
	int64_t known_at, struct sealed_head *ret_head, char **ret_reason);

#endif

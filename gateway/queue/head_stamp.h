/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A time-stamp over a sealed head of the audit chain: what proves when all before it was
 * there, whoever holds the keys later; never asks for one.
 *
 * {"head_sha256":hex,"position":n,"time_stamp":base64 of the token,
 * "type":"sealgate-audit-head-time-stamp"}, beside the head's file.
 */
#ifndef SEALGATE_QUEUE_HEAD_STAMP_H
#define SEALGATE_QUEUE_HEAD_STAMP_H

#include "common/span.h"
#include "pki/material.h"

#include <stdbool.h>
#include <stdint.h>

#define HEAD_STAMP_MAX (64u * 1024)
#define HEAD_STAMP_TOKEN_MAX (32u * 1024)

/* The text; the caller frees. NULL when memory ran out. */
char *head_stamp_assemble(int64_t position, struct span head, struct span token);

struct head_stamp {
	int64_t position;
	int64_t time; /* that the token proves */
	bool proven;
};

/* The position that a stamp is about, 0: it is none. */
int64_t head_stamp_position(struct span stamp);

/* Verify it over the octets of its head's file, the authority's path to an anchor of
 * material at the token's own time, with revocation data issued until known_at. Return: 1
 * with *ret, and where an anchor or revocation data is wanting or the authority was
 * revoked since, unproven with *ret_reason; 0 with *ret_reason (the caller frees it);
 * negative undecided. */
int head_stamp_verify(struct span stamp, struct span head,
	const struct pki_material *material, int64_t known_at, struct head_stamp *ret,
	char **ret_reason);

#endif

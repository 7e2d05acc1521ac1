/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sealed heads of the audit chain, kept outside of it, against the chain; never a head
 * whose seal does not verify.
 */
#ifndef SEALGATE_CTL_AUDIT_HEADS_H
#define SEALGATE_CTL_AUDIT_HEADS_H

#include "pki/material.h"
#include "queue/head_stamp.h"
#include "queue/sealed_head.h"

#include <stddef.h>

/* What is right in itself, but for want of an anchor or of revocation data proves
 * nothing: it is not held against the chain. */
struct audit_unproven {
	size_t count;
	int64_t position; /* the last */
	char *reason;	  /* of one of them */
};

struct audit_heads {
	struct sealed_head *list; /* by position */
	size_t count, next;	  /* the first that the chain has not come to */
	size_t links;		  /* of count, those of other appliances */
	struct sealed_head last;  /* of those of the folder */
	size_t stamp_count;	  /* of proven time-stamps over heads of the folder */
	struct head_stamp stamp;  /* the last of them */
	struct audit_unproven heads, stamps;
	size_t wrong; /* files that do not verify */
};

/* Verify every *.json of a folder, and every *.tst, which is over one of them. Says on
 * standard error which does not, and goes on. Return: EXIT_CLEAN, EXIT_USAGE,
 * EXIT_INTERNAL. */
int audit_heads_load(
	struct audit_heads *h, const char *folder, const struct pki_material *material);

/* The chain has come to a position with this value. Return: true, false when a head says
 * otherwise. */
bool audit_heads_agree(
	struct audit_heads *h, int64_t position, const uint8_t chain[SHA256_SIZE]);

/* Add one that the chain must hold; then sort. Return: 0 or -ENOMEM. */
int audit_heads_add(struct audit_heads *h, const struct sealed_head *head);
void audit_heads_sort(struct audit_heads *h);

/* What the intact chain was held against, in lines for people. Return: EXIT_CLEAN, or
 * EXIT_NOT_PASSED when a file is wrong, or no proven head stands behind an unproven one.
 */
int audit_heads_print(const struct audit_heads *h);

void audit_heads_done(struct audit_heads *h);

#endif

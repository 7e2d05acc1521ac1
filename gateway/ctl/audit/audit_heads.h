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

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define AUDIT_NAMES_MAX 8

/* What is right in itself, but for want of an anchor or of revocation data proves
 * nothing: it is not held against the chain. */
struct audit_unproven {
	size_t count;
	int64_t position; /* the last */
	char *reason;	  /* of one of them */
};

struct audit_place {
	int64_t position;
	uint8_t chain[SHA256_SIZE];
};

/* A head by a key that was revoked later. */
struct audit_waiting {
	struct sealed_head head;
	char *reason;
};

/* All up to a position was there at a time. */
struct audit_stamped {
	int64_t position, time;
};

struct audit_heads {
	/* Whose heads count: none named, those of one instance; and those of a TEST
	 * instance. */
	const char *names[AUDIT_NAMES_MAX];
	size_t name_count;
	bool test_too;

	struct audit_place *list; /* by position */
	size_t count, next;	  /* the first that the chain has not come to */
	size_t links;		  /* of count, those of other appliances */
	struct sealed_head last;  /* of those of the folder */
	bool asked;		  /* there must be one in the folder */
	/* Files of a chain that was lost (*.set-back), and the last of them. */
	size_t set_back_count;
	char set_back[NAME_MAX + 1];
	size_t stamp_count;	 /* of proven time-stamps over heads of the folder */
	struct head_stamp stamp; /* the last of them */
	struct audit_unproven heads, stamps;
	struct audit_waiting *waiting; /* for a time-stamp of before the revocation */
	size_t waiting_count;
	struct audit_stamped *stamped; /* all that is proven */
	size_t stamped_count;
	size_t wrong; /* files that do not verify */
};

/* Verify every *.json of a folder, and of the folders in it as head_list.h names them,
 * and every *.tst, which is over one of them. Says on standard error which does not, and
 * goes on. Return: EXIT_CLEAN, EXIT_USAGE, EXIT_INTERNAL. */
int audit_heads_load(
	struct audit_heads *h, const char *folder, const struct pki_material *material);

/* The chain has come to a position with this value. Return: true, false when a head says
 * otherwise. */
bool audit_heads_agree(
	struct audit_heads *h, int64_t position, const uint8_t chain[SHA256_SIZE]);

/* Add one that the chain must hold; then sort. Return: 0 or -ENOMEM. */
int audit_heads_add(struct audit_heads *h, const struct sealed_head *head);
void audit_heads_sort(struct audit_heads *h);

/* The intact chain has ended at a position: what it was held against, in lines for
 * people. Return: EXIT_CLEAN, or EXIT_NOT_PASSED when it ends before what was sealed or
 * linked, a file is wrong, no head of the folder is proven, or none behind an unproven
 * one. */
int audit_heads_end(const struct audit_heads *h, int64_t position);

void audit_heads_done(struct audit_heads *h);

#endif

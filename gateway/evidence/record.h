/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Evidence records (RFC 4998) of one form: SHA-256, one archive time-stamp, a reduced
 * hash tree over the documents of a batch; never asks for a time-stamp, never renews one:
 * the seal that covers a record is what is renewed.
 */
#ifndef SEALGATE_EVIDENCE_RECORD_H
#define SEALGATE_EVIDENCE_RECORD_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/span.h"
#include "pki/token.h"

#define RECORD_LEAVES_MAX 256
#define RECORD_SIZE_MAX LIMIT_RECORD

/* The hash tree of a batch (RFC 4998 4.2): nodes of two, an odd one goes up as it is. */
struct record_tree;

/* leaves: SHA-256 of each document, 1 to RECORD_LEAVES_MAX. Return: 0, -EINVAL, -ENOMEM,
 * -EIO. */
int record_tree_new(const uint8_t (*leaves)[SHA256_SIZE], size_t count,
	struct record_tree **ret_tree);
void record_tree_free(struct record_tree *t);
DEFINE_CLEANUP(struct record_tree *, record_tree_free)

/* The octets that the batch's time-stamp must be over: the two nodes below the root, in
 * order. Empty for one document alone: its own octets then. */
struct span record_tree_octets(const struct record_tree *t);

/* Append the record (DER) of the document that is leaf `index`, with the batch's token.
 * Return: 0, -EINVAL, -ENOMEM. */
int record_write(
	const struct record_tree *t, size_t index, struct span token, struct buf *ret);

enum record_outcome {
	RECORD_UNDECIDED = 0,
	RECORD_PASSED,
	RECORD_MALFORMED, /* not DER, or not of the form */
	RECORD_NOT_OVER,  /* the document's hash is not in the tree */
	RECORD_TOKEN,	  /* see token */
};

struct record_result {
	enum record_outcome outcome;
	const char *reason; /* one sentence; static, or of token */
	size_t depth;	    /* lists of the reduced hash tree */
	struct token_result token;
};

/* Verify a record over a document with the anchors of material, at a time (RFC 4998 4.3
 * and 5.3). Return: 0 with *ret_result, negative undecided. record_result_done always. */
int record_verify(struct span record, struct span document,
	const struct pki_material *material, int64_t at,
	struct record_result *ret_result);

/* The same, the authority's path judged by everything that can be asked of it. */
int record_verify_in(struct span record, struct span document,
	const struct token_context *context, struct record_result *ret_result);
void record_result_done(struct record_result *r);

/* EN 319 102-1 word of a result, "" for passed. */
const char *record_outcome_text(const struct record_result *r);

#endif

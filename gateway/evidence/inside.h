/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A seal in the document itself, beside its signatures (parallel) or over one of them
 * (counter-signature), for destinations that read no container. Whoever has it signed
 * never parses the document: it sends a worker an order, and puts the text that comes
 * back into the octets; the worker never holds a key.
 */
#ifndef SEALGATE_EVIDENCE_INSIDE_H
#define SEALGATE_EVIDENCE_INSIDE_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/limits.h"
#include "xades/create.h"
#include "xades/validate.h"

#include <jansson.h>

/* Signature/@Id of such a seal is this and the document's id. */
#define INSIDE_ID_PREFIX "seal-inside-"
#define INSIDE_MAX (256u * 1024) /* octets that the seal adds */
#define INSIDE_CERTIFICATES_MAX 8
#define INSIDE_ORDER_MAX (LIMIT_DOCUMENT + INSIDE_MAX)

/* What is to be made, in phases: without value and token the digest to sign, without
 * token the octets to time-stamp, too. All is borrowed. */
struct inside_order {
	enum xades_place place; /* XADES_PARALLEL or XADES_COUNTER */
	struct span document;
	const char *document_id, *role;
	const char *mechanism; /* "ecdsa-sha256" */
	int64_t signing_time;
	X509 *const *certificates; /* of the seal's role, its own first */
	size_t certificate_count;
	struct span value, token; /* empty in the phases before */
};

/* Append an order as octets for a worker. Return: 0, -EINVAL, -ENOMEM. */
int inside_order_write(const struct inside_order *o, struct buf *ret);

/* In the worker: carry an order out. *ret_answer, a new reference: {"digest"} (base64),
 * or
 * {"imprint" (base64), "at", "insert"}, or {"reason"} when the document cannot have the
 * seal inside: above all when one of its signatures would not survive it. Return: 0,
 * -EPROTO (no order), -errno undecided. */
int inside_make(struct span order, json_t **ret_answer);

struct inside_answer {
	char *reason; /* it cannot be done; NULL: it can */
	uint8_t *digest, *imprint;
	size_t digest_len, imprint_len;
	size_t at;    /* where in the document */
	char *insert; /* the seal */
};

/* Read a worker's answer. Return: 0, -EPROTO, -ENOMEM. inside_answer_done always. */
int inside_answer_read(const json_t *answer, struct inside_answer *ret);
void inside_answer_done(struct inside_answer *a);

/* The document with the seal in it. Return: 0, -EPROTO, -ENOMEM. */
int inside_insert(struct span document, const struct inside_answer *a, struct buf *ret);

/* Check a document with a seal in it against the one without: it is that one and nothing
 * but the seal of document_id at its place, and every signature that was right by itself
 * is so still. *ret_why: a sentence, static, when that is not so. *ret_seal: the seal's
 * indication by options (EN 319 102-1). Return: 0 or negative undecided. */
int inside_check(struct span document, struct span sealed, enum xades_place place,
	const char *document_id, const struct xades_options *options,
	const char **ret_why, enum xades_indication *ret_seal);

#endif

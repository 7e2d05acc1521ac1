/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Making an evidence container around the signer and the time-stamping authority: prepare
 * gives a digest to sign, finish the octets; never holds a key, never uses the network,
 * never parses the document.
 */
#ifndef SEALGATE_EVIDENCE_CONTAINER_H
#define SEALGATE_EVIDENCE_CONTAINER_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/span.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* All of it is borrowed until container_free. */
struct container_plan {
	struct span document, report, receipt;
	struct span record;	       /* evidence record of the document; empty: none */
	struct span parallel, counter; /* the document with a seal in it; empty: none */
	bool level_b; /* it may go without a time-stamp of its own, and says so */
	const char *document_id;
	const char *instance; /* name of the instance */
	bool test;	      /* of a test instance: the seal says so */
	const X509 *signer;
	const X509 *const *chain; /* more certificates, the anchor apart */
	size_t chain_count;
	const char *mechanism; /* of the signer's role: "ecdsa-sha256" */
	int64_t signing_time;  /* claimed */
};

struct container;

/* Build the seal without its value. *ret_digest: *ret_digest_len octets (at most 64) to
 * sign. Return: 0, -E2BIG (a part is over its limit), -EINVAL (signer certificate or
 * mechanism unusable; *ret_reason says why, the caller frees), -errno. */
int container_prepare(const struct container_plan *plan, struct container **ret_container,
	uint8_t ret_digest[64], size_t *ret_digest_len, char **ret_reason);
void container_free(struct container *c);
DEFINE_CLEANUP(struct container *, container_free)

/* Put the signature value in. Return: 0, -EBADMSG when it does not verify with the signer
 * certificate, -errno. */
int container_set_value(struct container *c, struct span value);

/* The octets that the signature time-stamp imprints. Return: 0 or -errno. */
int container_timestamp_octets(const struct container *c, struct buf *ret);

/* Put the time-stamp token (DER) in. Return: 0 or -errno. */
int container_add_timestamp(struct container *c, struct span token);

/* Whether a container of parts with so many octets in all stays one when its seal is
 * augmented. True for any document, report, receipt and record. */
bool container_fits(size_t octets);

/* Append the finished container. Return: 0, -E2BIG, -errno. */
int container_finish(const struct container *c, struct buf *ret);

#endif

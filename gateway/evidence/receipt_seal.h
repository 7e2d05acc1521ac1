/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An enveloped XAdES baseline B signature on XML that the gate itself wrote in canonical
 * form: everything is text of ours, so nothing is parsed; never on XML of anybody else,
 * never holds a key.
 */
#ifndef SEALGATE_EVIDENCE_RECEIPT_SEAL_H
#define SEALGATE_EVIDENCE_RECEIPT_SEAL_H

#include "common/digest.h"
#include "common/span.h"

#include <stdint.h>

/* What is signed; all borrowed until receipt_seal_done. */
struct receipt_seal_plan {
	/* The root element, which is its own canonical form (Canonical XML 1.0): name
	 * space declarations and attributes in order, no empty-element tags, references
	 * as there. */
	struct span root;
	const char *id;		  /* of the document: letters and digits */
	struct span certificates; /* concatenated DER, the signer's (P-256) first */
	int64_t signing_time;
	const char *role; /* claimed: whose receipt it is */
};

struct receipt_seal {
	const struct receipt_seal_plan *plan;
	char *signed_info, *properties, *key_info; /* canonical text; owned */
};

/* Build all but the value. *ret_digest: what is to be signed (ecdsa-sha256).
 * Return: 0, -EINVAL (no certificate, no end tag), -errno. */
int receipt_seal_prepare(const struct receipt_seal_plan *plan, struct receipt_seal *ret,
	uint8_t ret_digest[SHA256_SIZE]);
void receipt_seal_done(struct receipt_seal *s);

/* The document with the signature as the root's last child, XML declaration first. value:
 * r||s, 64 octets, checked with the certificate. The caller frees *ret_xml.
 * Return: 0, -EBADMSG when it does not verify, -errno. */
int receipt_seal_finish(const struct receipt_seal *s, struct span value, char **ret_xml);

/* Append text, or the value of an attribute, as Canonical XML writes it. */
struct buf;
int canonical_text(struct buf *b, const char *text);
int canonical_value(struct buf *b, const char *text);

#endif

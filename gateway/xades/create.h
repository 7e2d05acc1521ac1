/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Creation of XAdES baseline signatures (EN 319 132-1) in two phases, so that the key can
 * be anywhere: prepare gives a digest to sign, finish puts the value in; never holds a
 * key.
 */
#ifndef SEALGATE_XADES_CREATE_H
#define SEALGATE_XADES_CREATE_H

#include "common/buf.h"
#include "common/span.h"

#include <openssl/x509.h>
#include <stdint.h>

enum xades_place {
	XADES_DETACHED =
		0, /* over named octets (ASiC-E): a new asic:XAdESSignatures document */
	XADES_ENVELOPED, /* last child of the root; enveloped-signature transform */
	XADES_PARALLEL,	 /* last child of the root; subtracts every ds:Signature */
	XADES_COUNTER,	 /* in the unsigned properties of the signature that counter_of
			    names */
};

struct xades_object {
	const char *name; /* Reference URI (percent-encoded by us) */
	const char *mime_type;
	struct span data;
};

struct xades_plan {
	enum xades_place place;
	struct span document; /* the XML to sign in, except for XADES_DETACHED */
	const struct xades_object *objects; /* XADES_DETACHED only */
	size_t object_count;
	const X509 *signer;
	const X509 *const *chain; /* more certificates for KeyInfo; may be NULL */
	size_t chain_count;
	const char *signature_method; /* "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256",
					 ... */
	int64_t signing_time;
	const char *id;		/* Signature/@Id prefix: unique, an NCName */
	const char *mime_type;	/* of the document; default "text/xml" */
	const char *commitment; /* CommitmentTypeId URI or NULL */
	const char *policy_id; /* SignaturePolicyId URI or NULL: implied is not written */
	const uint8_t *policy_sha256; /* 32 octets, required with policy_id */
	const char *claimed_role;     /* or NULL */
	size_t counter_of;	      /* XADES_COUNTER: index of the main signature */
};

struct xades_draft;

/* Build the signature without its value. *ret_digest: digest of the canonical SignedInfo
 * by the method's hash, *ret_digest_len octets (at most 64). Return: 0, -EINVAL (document
 * or plan unusable; *ret_reason says why, the caller frees), -errno. Release the draft
 * with xades_draft_free. */
int xades_prepare(const struct xades_plan *plan, struct xades_draft **ret_draft,
	uint8_t ret_digest[64], size_t *ret_digest_len, char **ret_reason);
void xades_draft_free(struct xades_draft *d);

/* Put the signature value in: for ECDSA raw r||s. Checks it with the signer certificate's
 * key. Return: 0, -EBADMSG when it does not verify, -errno. */
int xades_set_value(struct xades_draft *d, struct span value);

/* The octets that a SignatureTimeStamp imprints: canonical ds:SignatureValue (exclusive
 * c14n, written in the property). Return: 0 or -errno. */
int xades_timestamp_octets(const struct xades_draft *d, struct buf *ret);

/* Add the TimeStampToken (DER). Return: 0 or -errno. */
int xades_add_timestamp(struct xades_draft *d, struct span token);

/* Write the finished document; octets outside the signature are exactly those of
 * plan->document. Return: 0 or -errno. */
int xades_write(const struct xades_draft *d, struct buf *ret);

/* The same before there is a value, to see what the signature does to others. */
int xades_write_unsigned(const struct xades_draft *d, struct buf *ret);

#endif

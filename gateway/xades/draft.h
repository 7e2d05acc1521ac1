/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A signature while it is made: text, its tree, and where the text goes; private to this
 * library, and never holds a key that can sign.
 */
#ifndef SEALGATE_XADES_DRAFT_H
#define SEALGATE_XADES_DRAFT_H

#include "common/cleanup.h"
#include "xades/create.h"
#include "xades/signature.h"

#define DRAFT_MAX (4u * LIMIT_CONTAINER) /* octets of a text that is made here */

/* One ds:Reference to be written. */
struct draft_reference {
	char *uri;
	char *type;	  /* or NULL */
	const char *form; /* transforms as XML, "" for none */
	char digest[128]; /* base64 */
	bool format;	  /* has a DataObjectFormat */
	const char *mime_type;
	bool is_properties;
};

struct xades_draft {
	char *id;
	enum xades_place place;
	const struct signature_method *method;
	const struct digest_method *digest;
	EVP_PKEY *key; /* of the signer's certificate: public */
	struct draft_reference *references;
	size_t reference_count;
	char *key_info, *properties; /* XML */
	char *value;		     /* base64, NULL before xades_set_value */
	struct buf timestamps;	     /* XML of the unsigned properties */
	size_t timestamp_count;

	uint8_t *document; /* the octets around; owned */
	size_t document_len, at;
	const char *before, *after; /* between the document and the signature */

	xmlDoc *doc; /* all of it, read */
	const xmlNode *signature;
	uint8_t *signed_info; /* canonical */
	size_t signed_info_len;
};

/* create_text.c: the parts as XML. Return: 0 or negative. */
int draft_key_info(const struct xades_plan *plan, struct xades_draft *d);
int draft_properties(const struct xades_plan *plan, struct xades_draft *d);

/* Append the ds:Signature with what is known of it. */
int draft_signature(const struct xades_draft *d, struct buf *ret);

/* create_place.c: the ds:Signature of that number in document order, or NULL. */
const xmlNode *draft_signature_number(const xmlDoc *doc, size_t index);

/* Where the signature goes: at, before, after. counter_of as in the plan.
 * Return: 0, -EINVAL with *ret_reason (constant), negative. */
int draft_place(const struct xades_plan *plan, xmlDoc *doc, struct xades_draft *d,
	const char **ret_reason);

/* create_place.c: octet where the end tag of an element starts in the text that the tree
 * was read from. Return: 0, -EINVAL when it has none. */
int draft_end_of(
	struct span text, const xmlDoc *doc, const xmlNode *element, size_t *ret_at);

/* place_scan.c: octet where the end tag of the n-th element (document order, from 0) of a
 * well-formed text starts. Return: 0, -EINVAL when it has none (<a/>) or is not there. */
int end_tag_offset(struct span text, size_t n, size_t *ret_at);

/* create_reference.c: what is referenced, with digests where the octets are outside. */
int draft_references(const struct xades_plan *plan, xmlDoc *doc, struct xades_draft *d,
	const char **ret_reason);

/* Fill the digests of references into the draft's own tree. */
int draft_digests(struct xades_draft *d);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How one node is written in a canonical form (Canonical XML 1.0 and 1.1 section 2.3,
 * Exclusive XML Canonicalization section 3), one pass, straight into the buffer; never
 * decides which nodes are.
 */
#ifndef SEALGATE_XML_C14N_WRITE_H
#define SEALGATE_XML_C14N_WRITE_H

#include "common/buf.h"

#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

enum c14n_mode { C14N_1_0, C14N_1_1, C14N_EXCLUSIVE };

/* A namespace that stands in the output, for elements at depth and below. "" is none. */
struct c14n_namespace {
	const char *prefix, *name;
	unsigned int depth;
};

struct c14n {
	enum c14n_mode mode;
	bool comments;
	const char *const *prefixes; /* of InclusiveNamespaces, or NULL */
	const xmlNode *const *omit;
	size_t omit_count;
	struct buf *out; /* keeps its own error */
	int error;	 /* 0, -EINVAL what has no canonical form, -ENOMEM, -EDQUOT */
	uint64_t *left;	 /* of the budget; NULL: there is none */

	struct c14n_namespace *rendered; /* innermost last */
	size_t rendered_count, rendered_size;
	unsigned int depth;
	const xmlAttr **attributes; /* of the element that is being opened */
	size_t attribute_count, attribute_size;
	const xmlAttr *base; /* the apex's xml:base, whose value is joined */
	xmlChar *joined;
};

/* Write a start tag; apex: the element's ancestors are not in the output, and what it
 * inherits from them is written with it. */
void c14n_open(struct c14n *c, const xmlNode *element, bool apex);
void c14n_close(struct c14n *c, const xmlNode *element);

/* Write a node that is no element: text, CDATA, comment (if kept), instruction. */
void c14n_leaf(struct c14n *c, const xmlNode *node);

/* Take work out of the budget. */
void c14n_spend(struct c14n *c, size_t work);

/* Release what the pass used. */
void c14n_done(struct c14n *c);

/* The namespaces that open has to write, sorted, pushed on rendered from *ret_first on
 * (c14n_namespace.c). */
void c14n_namespaces(
	struct c14n *c, const xmlNode *element, bool apex, size_t *ret_first);

/* The attributes that open has to write, sorted, in c->attributes (c14n_attribute.c). */
void c14n_attributes(struct c14n *c, const xmlNode *element, bool apex);

#endif

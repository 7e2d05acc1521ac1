/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Canonical XML 1.0, 1.1 and Exclusive 1.0, each with and without comments; an error or
 * an empty result is an error, never an empty string that could be signed.
 */
#ifndef SEALGATE_XML_C14N_H
#define SEALGATE_XML_C14N_H

#include "common/buf.h"

#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

enum xml_c14n {
	XML_C14N_NONE = 0,
	XML_C14N_10,
	XML_C14N_10_COMMENTS,
	XML_C14N_11,
	XML_C14N_11_COMMENTS,
	XML_C14N_EXCLUSIVE,
	XML_C14N_EXCLUSIVE_COMMENTS,
};

/* The algorithm of a URI, or XML_C14N_NONE. */
enum xml_c14n xml_c14n_find(const char *uri);
const char *xml_c14n_uri(enum xml_c14n algorithm);

/* Canonicalise the subtree at apex (NULL: the whole document, comments outside the root
 * included where the algorithm keeps comments) without the subtrees in omit, and append
 * to ret. prefixes: InclusiveNamespaces PrefixList, NULL-terminated, or NULL. Return: 0,
 * -EINVAL (canonicalisation failed or gave nothing), -E2BIG, -ENOMEM. */
int xml_canonicalize(xmlDoc *doc, const xmlNode *apex, const xmlNode *const *omit,
	size_t omit_count, enum xml_c14n algorithm, const char *const *prefixes,
	struct buf *ret);

/* The same within a budget: every node, octet and comparison of namespaces takes its
 * share of *left (about a nanosecond each), and nothing is left when it fails with
 * -EDQUOT. */
int xml_canonicalize_within(xmlDoc *doc, const xmlNode *apex, const xmlNode *const *omit,
	size_t omit_count, enum xml_c14n algorithm, const char *const *prefixes,
	uint64_t *left, struct buf *ret);

#endif

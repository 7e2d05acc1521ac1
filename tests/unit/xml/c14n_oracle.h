/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The canonical form as libxml2 has it, which asks about the visibility of every node:
 * slow, and the judge of ours.
 */
#ifndef SEALGATE_TESTS_XML_C14N_ORACLE_H
#define SEALGATE_TESTS_XML_C14N_ORACLE_H

#include "common/buf.h"
#include "xml/c14n.h"

#include <libxml/c14n.h>
#include <libxml/xmlIO.h>
#include <string.h>

struct oracle_view {
	const xmlNode *apex, *omit;
};

static inline int oracle_visible(void *data, xmlNode *node, xmlNode *parent)
{
	const struct oracle_view *v = data;
	const xmlNode *n = node;
	bool inside = !v->apex;

	if (node->type == XML_ATTRIBUTE_NODE || node->type == XML_NAMESPACE_DECL)
		n = parent;
	for (; n && n->type != XML_DOCUMENT_NODE; n = n->parent) {
		if (n == v->omit)
			return 0;
		inside = inside || n == v->apex;
	}
	return inside;
}

static inline int oracle_write(void *context, const char *data, int len)
{
	return buf_add(context, data, (size_t)len) < 0 ? -1 : len;
}

/* As xml_canonicalize with at most one node to omit. Return: 0 or -1; nothing is -1. */
static inline int oracle_canonicalize(xmlDoc *doc, const xmlNode *apex,
	const xmlNode *omit, enum xml_c14n algorithm, const char *const *prefixes,
	struct buf *ret)
{
	static const xmlC14NMode MODES[] = { XML_C14N_1_0, XML_C14N_1_0, XML_C14N_1_0,
		XML_C14N_1_1, XML_C14N_1_1, XML_C14N_EXCLUSIVE_1_0,
		XML_C14N_EXCLUSIVE_1_0 };
	bool comments = algorithm == XML_C14N_10_COMMENTS ||
			algorithm == XML_C14N_11_COMMENTS ||
			algorithm == XML_C14N_EXCLUSIVE_COMMENTS;
	struct oracle_view view = { apex, omit };
	xmlOutputBuffer *out = xmlOutputBufferCreateIO(oracle_write, NULL, ret, NULL);
	xmlChar **list;
	int r;

	memcpy(&list, &prefixes, sizeof(list));
	r = xmlC14NExecute(
		doc, oracle_visible, &view, (int)MODES[algorithm], list, comments, out);
	if (xmlOutputBufferClose(out) < 0 || r < 0 || ret->len == 0)
		return -1;
	return 0;
}

#endif

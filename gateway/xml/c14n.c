/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/c14n.h"

#include "xml/c14n_write.h"

#include <errno.h>
#include <string.h>

struct algorithm {
	const char *uri;
	enum c14n_mode mode;
	bool comments;
};

static const struct algorithm ALGORITHMS[] = {
	[XML_C14N_10] = { "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", C14N_1_0,
		false },
	[XML_C14N_10_COMMENTS] = { "http://www.w3.org/TR/2001/"
				   "REC-xml-c14n-20010315#WithComments",
		C14N_1_0, true },
	[XML_C14N_11] = { "http://www.w3.org/2006/12/xml-c14n11", C14N_1_1, false },
	[XML_C14N_11_COMMENTS] = { "http://www.w3.org/2006/12/xml-c14n11#WithComments",
		C14N_1_1, true },
	[XML_C14N_EXCLUSIVE] = { "http://www.w3.org/2001/10/xml-exc-c14n#",
		C14N_EXCLUSIVE, false },
	[XML_C14N_EXCLUSIVE_COMMENTS] = { "http://www.w3.org/2001/10/"
					  "xml-exc-c14n#WithComments",
		C14N_EXCLUSIVE, true },
};

#define ALGORITHM_COUNT (sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]))

enum xml_c14n xml_c14n_find(const char *uri)
{
	for (size_t i = 1; uri && i < ALGORITHM_COUNT; i++)
		if (strcmp(ALGORITHMS[i].uri, uri) == 0)
			return (enum xml_c14n)i;
	return XML_C14N_NONE;
}

const char *xml_c14n_uri(enum xml_c14n algorithm)
{
	size_t i = (size_t)algorithm;

	return i < ALGORITHM_COUNT ? ALGORITHMS[i].uri : NULL;
}

static bool omitted(const struct c14n *c, const xmlNode *node)
{
	for (size_t i = 0; i < c->omit_count; i++)
		if (c->omit[i] == node)
			return true;
	return false;
}

static bool omitted_above(const struct c14n *c, const xmlNode *apex)
{
	for (const xmlNode *n = apex->parent; n && c->omit_count > 0; n = n->parent)
		if (omitted(c, n))
			return true;
	return false;
}

/* Comments and processing instructions beside the root have a line of their own. */
static void beside_root(struct c14n *c, const xmlNode *node, bool before)
{
	if (node->type == XML_COMMENT_NODE && !c->comments)
		return;
	if (!before)
		buf_add(c->out, "\n", 1);
	c14n_leaf(c, node);
	if (before)
		buf_add(c->out, "\n", 1);
}

/* Return: the node that follows in document order once this one and what is below it are
 * written; NULL at the end of the subtree. */
static const xmlNode *after(struct c14n *c, const xmlNode *node, const xmlNode *top)
{
	while (node != top && !node->next) {
		node = node->parent;
		c14n_close(c, node);
	}
	return node == top ? NULL : node->next;
}

static void subtree(struct c14n *c, const xmlNode *top)
{
	const xmlNode *node = top;

	while (node && c->error == 0) {
		bool element = node->type == XML_ELEMENT_NODE;

		if (!omitted(c, node) && element) {
			c14n_open(c, node, node == top);
			if (node->children) {
				node = node->children;
				continue;
			}
			c14n_close(c, node);
		} else if (!element && !omitted(c, node)) {
			c14n_leaf(c, node);
		}
		node = after(c, node, top);
	}
}

static void whole(struct c14n *c, const xmlDoc *doc)
{
	bool before = true;

	for (const xmlNode *n = doc->children; n && c->error == 0; n = n->next) {
		if (n->type == XML_ELEMENT_NODE) {
			before = false;
			subtree(c, n);
		} else if (!omitted(c, n)) {
			beside_root(c, n, before);
		}
	}
}

int xml_canonicalize(xmlDoc *doc, const xmlNode *apex, const xmlNode *const *omit,
	size_t omit_count, enum xml_c14n algorithm, const char *const *prefixes,
	struct buf *ret)
{
	return xml_canonicalize_within(
		doc, apex, omit, omit_count, algorithm, prefixes, NULL, ret);
}

int xml_canonicalize_within(xmlDoc *doc, const xmlNode *apex, const xmlNode *const *omit,
	size_t omit_count, enum xml_c14n algorithm, const char *const *prefixes,
	uint64_t *left, struct buf *ret)
{
	size_t before = ret->len, i = (size_t)algorithm;
	struct c14n c = {
		.omit = omit, .omit_count = omit_count, .out = ret, .left = left
	};

	if (!doc || i >= ALGORITHM_COUNT || !ALGORITHMS[i].uri ||
		(apex && apex->type != XML_ELEMENT_NODE))
		return -EINVAL;
	c.mode = ALGORITHMS[i].mode;
	c.comments = ALGORITHMS[i].comments;
	c.prefixes = c.mode == C14N_EXCLUSIVE ? prefixes : NULL;
	if (!apex)
		whole(&c, doc);
	else if (!omitted_above(&c, apex))
		subtree(&c, apex);
	c14n_done(&c);
	if (ret->error)
		return ret->error;
	if (c.error)
		return c.error;
	return ret->len > before ? 0 : -EINVAL;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/c14n.h"

#include <errno.h>
#include <libxml/c14n.h>
#include <libxml/xmlIO.h>
#include <string.h>

#define SCHEME_CHARACTERS                                                                \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-."

struct algorithm {
	const char *uri;
	xmlC14NMode mode;
	bool comments;
};

static const struct algorithm ALGORITHMS[] = {
	[XML_C14N_10] = { "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", XML_C14N_1_0,
		false },
	[XML_C14N_10_COMMENTS] = { "http://www.w3.org/TR/2001/"
				   "REC-xml-c14n-20010315#WithComments",
		XML_C14N_1_0, true },
	[XML_C14N_11] = { "http://www.w3.org/2006/12/xml-c14n11", XML_C14N_1_1, false },
	[XML_C14N_11_COMMENTS] = { "http://www.w3.org/2006/12/xml-c14n11#WithComments",
		XML_C14N_1_1, true },
	[XML_C14N_EXCLUSIVE] = { "http://www.w3.org/2001/10/xml-exc-c14n#",
		XML_C14N_EXCLUSIVE_1_0, false },
	[XML_C14N_EXCLUSIVE_COMMENTS] = { "http://www.w3.org/2001/10/"
					  "xml-exc-c14n#WithComments",
		XML_C14N_EXCLUSIVE_1_0, true },
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

/* What is canonicalised, and what was last found out: the questions come in document
 * order, so that parent and element of the last answer nearly always answer the next. */
struct view {
	const xmlNode *apex;
	const xmlNode *const *omit;
	size_t omit_count;
	const xmlNode *parent, *self;
	bool parent_visible, self_visible;
};

static bool omitted(const struct view *v, const xmlNode *node)
{
	for (size_t i = 0; i < v->omit_count; i++)
		if (v->omit[i] == node)
			return true;
	return false;
}

/* From the node up to the apex or the document, without any memory. */
static bool walk_up(const struct view *v, const xmlNode *node)
{
	bool inside = !v->apex;

	for (; node && node->type == XML_ELEMENT_NODE; node = node->parent) {
		if (omitted(v, node))
			return false;
		if (node == v->apex)
			inside = true;
	}
	return inside;
}

static bool below(struct view *v, const xmlNode *parent)
{
	if (parent != v->parent) {
		v->parent_visible =
			parent == v->self ? v->self_visible : walk_up(v, parent);
		v->parent = parent;
	}
	return v->parent_visible;
}

static bool node_visible(struct view *v, const xmlNode *node)
{
	bool visible;

	if (node == v->self)
		return v->self_visible;
	if (node->type == XML_DOCUMENT_NODE)
		return !v->apex;
	visible = (node == v->apex || below(v, node->parent)) && !omitted(v, node);
	if (node->type == XML_ELEMENT_NODE) {
		v->self = node;
		v->self_visible = visible;
	}
	return visible;
}

/* Attributes and namespaces are as visible as the element that has them. (xmlNs has its
 * type at the place where xmlNode has it.) */
static int is_visible(void *data, xmlNode *node, xmlNode *parent)
{
	struct view *v = data;

	if (node->type == XML_ATTRIBUTE_NODE || node->type == XML_NAMESPACE_DECL)
		return parent && node_visible(v, parent);
	return node_visible(v, node);
}

static int write_to_buf(void *context, const char *data, int len)
{
	return buf_add(context, data, (size_t)len) < 0 ? -1 : len;
}

static int run(xmlDoc *doc, struct view *view, const struct algorithm *a,
	const char *const *prefixes, struct buf *ret)
{
	bool everything = !view->apex && view->omit_count == 0;
	xmlOutputBuffer *out = xmlOutputBufferCreateIO(write_to_buf, NULL, ret, NULL);
	xmlChar **list;
	int r, closed;

	if (!out)
		return -ENOMEM;
	memcpy(&list, &prefixes, sizeof(list));
	r = xmlC14NExecute(doc, everything ? NULL : is_visible, view, (int)a->mode, list,
		a->comments, out);
	closed = xmlOutputBufferClose(out);
	if (ret->error)
		return ret->error;
	return r < 0 || closed < 0 ? -EINVAL : 0;
}

/* A namespace name without a scheme has no canonical form. libxml2 looks for one in what
 * it walks over, which does not hold the ancestors of an apex. */
static bool relative(const xmlChar *name)
{
	const char *text = (const char *)name;
	size_t n = strspn(text, SCHEME_CHARACTERS);

	return *text && (n == 0 || text[n] != ':');
}

static bool relative_above(const xmlNode *node)
{
	for (; node && node->type == XML_ELEMENT_NODE; node = node->parent)
		for (const xmlNs *ns = node->nsDef; ns; ns = ns->next)
			if (ns->href && relative(ns->href))
				return true;
	return false;
}

/* libxml2 walks over a whole document even when all but a few elements are invisible. It
 * is shown a document that has nothing but the apex, which still knows its ancestors. */
static int run_below(const xmlDoc *doc, struct view *view, const struct algorithm *a,
	const char *const *prefixes, struct buf *ret)
{
	xmlNode *apex = (xmlNode *)(uintptr_t)view->apex, *next = apex->next;
	xmlDoc only = *doc;
	int r;

	if (apex->type != XML_ELEMENT_NODE || relative_above(apex->parent))
		return -EINVAL;
	only.children = apex;
	apex->next = NULL;
	r = run(&only, view, a, prefixes, ret);
	apex->next = next;
	return r;
}

int xml_canonicalize(xmlDoc *doc, const xmlNode *apex, const xmlNode *const *omit,
	size_t omit_count, enum xml_c14n algorithm, const char *const *prefixes,
	struct buf *ret)
{
	struct view view = { .apex = apex, .omit = omit, .omit_count = omit_count };
	size_t before = ret->len, i = (size_t)algorithm;
	int r;

	if (!doc || i >= ALGORITHM_COUNT || !ALGORITHMS[i].uri)
		return -EINVAL;
	if (apex)
		r = run_below(doc, &view, &ALGORITHMS[i], prefixes, ret);
	else
		r = run(doc, &view, &ALGORITHMS[i], prefixes, ret);
	if (r < 0)
		return r;
	return ret->len > before ? 0 : -EINVAL;
}

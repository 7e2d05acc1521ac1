/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATH_OCTETS 500
#define PATH_DEPTH 300

static bool same(const xmlChar *a, const char *b)
{
	return a && strcmp((const char *)a, b) == 0;
}

bool xml_is(const xmlNode *node, const char *ns, const char *name)
{
	if (!node || node->type != XML_ELEMENT_NODE || !same(node->name, name))
		return false;
	return ns ? node->ns && same(node->ns->href, ns) : !node->ns;
}

/* From here on among the siblings. */
static xmlNode *seek(xmlNode *node, const char *ns, const char *name)
{
	for (; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && (!name || xml_is(node, ns, name)))
			return node;
	return NULL;
}

xmlNode *xml_child(const xmlNode *parent, const char *ns, const char *name)
{
	if (!parent ||
		(parent->type != XML_ELEMENT_NODE && parent->type != XML_DOCUMENT_NODE))
		return NULL;
	return seek(parent->children, ns, name);
}

xmlNode *xml_next(const xmlNode *node, const char *ns, const char *name)
{
	return node ? seek(node->next, ns, name) : NULL;
}

size_t xml_count(const xmlNode *parent, const char *ns, const char *name)
{
	size_t n = 0;

	for (xmlNode *c = xml_child(parent, ns, name); c; c = xml_next(c, ns, name))
		n++;
	return n;
}

static bool space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Octets of the text and CDATA children, or -1 when there is anything else but comments.
 */
static ssize_t text_length(const xmlNode *element)
{
	size_t len = 0;

	for (const xmlNode *c = element->children; c; c = c->next) {
		if (c->type == XML_COMMENT_NODE || c->type == XML_PI_NODE)
			continue;
		if (c->type != XML_TEXT_NODE && c->type != XML_CDATA_SECTION_NODE)
			return -1;
		if (c->content)
			len += strlen((const char *)c->content);
	}
	return (ssize_t)len;
}

char *xml_text(const xmlNode *element)
{
	ssize_t len;
	size_t start = 0, end = 0;
	char *text;

	if (!element || element->type != XML_ELEMENT_NODE)
		return NULL;
	len = text_length(element);
	text = len < 0 ? NULL : malloc((size_t)len + 1);
	if (!text)
		return NULL;
	for (const xmlNode *c = element->children; c; c = c->next) {
		size_t n;

		if (c->type == XML_COMMENT_NODE || c->type == XML_PI_NODE || !c->content)
			continue;
		n = strlen((const char *)c->content);
		memcpy(text + end, c->content, n);
		end += n;
	}
	while (end > 0 && space(text[end - 1]))
		end--;
	while (start < end && space(text[start]))
		start++;
	memmove(text, text + start, end - start);
	text[end - start] = '\0';
	return text;
}

char *xml_attribute(const xmlNode *element, const char *name)
{
	if (!element || element->type != XML_ELEMENT_NODE)
		return NULL;
	for (const xmlAttr *a = element->properties; a; a = a->next) {
		if (a->ns || !same(a->name, name))
			continue;
		/* Without a DTD an attribute has one text child or none. */
		return strdup(a->children && a->children->content
				      ? (const char *)a->children->content
				      : "");
	}
	return NULL;
}

static bool same_name(const xmlNode *a, const xmlNode *b)
{
	const xmlChar *x = a->ns ? a->ns->href : NULL, *y = b->ns ? b->ns->href : NULL;

	return a->type == XML_ELEMENT_NODE && xmlStrEqual(a->name, b->name) &&
	       (x == y || xmlStrEqual(x, y));
}

/* Position among the siblings of that name, 0 when there is no other. */
static size_t position(const xmlNode *node)
{
	size_t before = 0;

	for (const xmlNode *s = node->prev; s; s = s->prev)
		before += same_name(s, node);
	if (before > 0)
		return before + 1;
	for (const xmlNode *s = node->next; s; s = s->next)
		if (same_name(s, node))
			return 1;
	return 0;
}

static void add_step(struct buf *path, const xmlNode *node)
{
	size_t n;

	buf_add_str(path, node->type == XML_ATTRIBUTE_NODE ? "/@" : "/");
	if (node->ns && node->ns->prefix)
		buf_addf(path, "%s:", (const char *)node->ns->prefix);
	buf_add_str(path, (const char *)node->name);
	n = node->type == XML_ELEMENT_NODE ? position(node) : 0;
	if (n > 0)
		buf_addf(path, "[%zu]", n);
}

char *xml_path_of(const xmlNode *node)
{
	const xmlNode *steps[PATH_DEPTH];
	_cleanup_buf_ struct buf path = { 0 };
	size_t n = 0;

	if (node && node->type != XML_ELEMENT_NODE && node->type != XML_ATTRIBUTE_NODE)
		node = node->type == XML_DOCUMENT_NODE ? NULL : node->parent;
	for (; node && n < PATH_DEPTH; node = node->parent)
		if (node->type == XML_ELEMENT_NODE || node->type == XML_ATTRIBUTE_NODE)
			steps[n++] = node;
	buf_init(&path, PATH_OCTETS);
	while (n > 0 && !path.error)
		add_step(&path, steps[--n]);
	/* A path that is too long ends where it was cut. */
	if (path.error == -E2BIG)
		path.error = 0;
	return buf_take(&path, NULL);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/c14n_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Shares of the budget, measured: about a nanosecond each. */
#define WORK_ELEMENT 150u
#define WORK_LEAF 30u
#define WORK_COMPARE 4u

/* What stands for an octet; NULL: itself. */
enum place { IN_TEXT, IN_ATTRIBUTE, IN_OTHER };

static const char *reference(unsigned char octet, enum place place)
{
	switch (octet) {
	case '\r':
		return "&#xD;";
	case '&':
		return place == IN_OTHER ? NULL : "&amp;";
	case '<':
		return place == IN_OTHER ? NULL : "&lt;";
	case '>':
		return place == IN_TEXT ? "&gt;" : NULL;
	case '"':
		return place == IN_ATTRIBUTE ? "&quot;" : NULL;
	case '\t':
		return place == IN_ATTRIBUTE ? "&#x9;" : NULL;
	case '\n':
		return place == IN_ATTRIBUTE ? "&#xA;" : NULL;
	default:
		return NULL;
	}
}

/* The octets that some place writes otherwise. */
static const char *const SPECIAL[] = {
	[IN_TEXT] = "&<>\r", [IN_ATTRIBUTE] = "&<\"\t\n\r", [IN_OTHER] = "\r"
};

static void escape(struct c14n *c, const xmlChar *text, enum place place)
{
	const char *at = (const char *)text;

	while (at && *at) {
		size_t n = strcspn(at, SPECIAL[place]);

		buf_add(c->out, at, n);
		at += n;
		if (*at)
			buf_add_str(c->out, reference((unsigned char)*at++, place));
	}
}

static void name(struct c14n *c, const xmlNs *ns, const xmlChar *local)
{
	if (ns && ns->prefix) {
		buf_add_str(c->out, (const char *)ns->prefix);
		buf_add(c->out, ":", 1);
	}
	buf_add_str(c->out, (const char *)local);
}

static void namespace(struct c14n *c, const struct c14n_namespace *n)
{
	buf_add(c->out, " xmlns", 6);
	if (*n->prefix) {
		buf_add(c->out, ":", 1);
		buf_add_str(c->out, n->prefix);
	}
	buf_add(c->out, "=\"", 2);
	escape(c, (const xmlChar *)n->name, IN_ATTRIBUTE);
	buf_add(c->out, "\"", 1);
}

static void attribute(struct c14n *c, const xmlAttr *a)
{
	buf_add(c->out, " ", 1);
	name(c, a->ns, a->name);
	buf_add(c->out, "=\"", 2);
	if (a == c->base)
		escape(c, c->joined, IN_ATTRIBUTE);
	for (const xmlNode *n = a == c->base ? NULL : a->children; n; n = n->next) {
		if (n->type != XML_TEXT_NODE && n->type != XML_CDATA_SECTION_NODE)
			c->error = -EINVAL;
		escape(c, n->content, IN_ATTRIBUTE);
	}
	buf_add(c->out, "\"", 1);
}

void c14n_spend(struct c14n *c, size_t work)
{
	if (!c->left)
		return;
	if (*c->left < work)
		c->error = -EDQUOT;
	*c->left -= *c->left < work ? *c->left : work;
}

void c14n_open(struct c14n *c, const xmlNode *element, bool apex)
{
	size_t first, before = c->out->len;

	c->depth++;
	buf_add(c->out, "<", 1);
	name(c, element->ns, element->name);
	c14n_namespaces(c, element, apex, &first);
	for (size_t i = first; i < c->rendered_count; i++)
	namespace(c, &c->rendered[i]);
	c14n_attributes(c, element, apex);
	for (size_t i = 0; i < c->attribute_count; i++)
		attribute(c, c->attributes[i]);
	buf_add(c->out, ">", 1);
	c14n_spend(c, WORK_ELEMENT + 2 * (c->out->len - before) +
			      WORK_COMPARE * (c->attribute_count + 1) *
				      (c->rendered_count + c->attribute_count));
}

void c14n_close(struct c14n *c, const xmlNode *element)
{
	buf_add(c->out, "</", 2);
	name(c, element->ns, element->name);
	buf_add(c->out, ">", 1);
	while (c->rendered_count > 0 &&
		c->rendered[c->rendered_count - 1].depth == c->depth)
		c->rendered_count--;
	c->depth--;
}

static void instruction(struct c14n *c, const xmlNode *node)
{
	buf_add(c->out, "<?", 2);
	buf_add_str(c->out, (const char *)node->name);
	if (node->content && *node->content) {
		buf_add(c->out, " ", 1);
		escape(c, node->content, IN_OTHER);
	}
	buf_add(c->out, "?>", 2);
}

static void comment(struct c14n *c, const xmlNode *node)
{
	if (!c->comments)
		return;
	buf_add(c->out, "<!--", 4);
	escape(c, node->content, IN_OTHER);
	buf_add(c->out, "-->", 3);
}

void c14n_leaf(struct c14n *c, const xmlNode *node)
{
	int type = (int)node->type; /* of the reader's trees only these occur */
	size_t before = c->out->len;

	if (type == XML_TEXT_NODE || type == XML_CDATA_SECTION_NODE)
		escape(c, node->content, IN_TEXT);
	else if (type == XML_COMMENT_NODE)
		comment(c, node);
	else if (type == XML_PI_NODE)
		instruction(c, node);
	else
		c->error = -EINVAL;
	c14n_spend(c, WORK_LEAF + 2 * (c->out->len - before));
}

void c14n_done(struct c14n *c)
{
	free(c->rendered);
	free(c->attributes);
	xmlFree(c->joined);
	c->joined = NULL;
	c->rendered = NULL;
	c->attributes = NULL;
}

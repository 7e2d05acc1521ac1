/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/c14n_write.h"

#include <errno.h>
#include <libxml/uri.h>
#include <stdlib.h>
#include <string.h>

static bool is_xml(const xmlAttr *a)
{
	return a->ns && a->ns->prefix && strcmp((const char *)a->ns->prefix, "xml") == 0;
}

static bool is_named(const xmlAttr *a, const char *local)
{
	return strcmp((const char *)a->name, local) == 0;
}

static void add(struct c14n *c, const xmlAttr *a)
{
	if (c->attribute_count == c->attribute_size) {
		size_t size = c->attribute_size ? c->attribute_size * 2 : 32;
		void *more = realloc(c->attributes, size * sizeof(*c->attributes));

		if (!more) {
			c->error = -ENOMEM;
			return;
		}
		c->attributes = more;
		c->attribute_size = size;
	}
	c->attributes[c->attribute_count++] = a;
}

static bool has_xml(const struct c14n *c, const xmlAttr *a)
{
	for (size_t i = 0; i < c->attribute_count; i++)
		if (is_xml(c->attributes[i]) &&
			xmlStrEqual(c->attributes[i]->name, a->name))
			return true;
	return false;
}

static const xmlAttr *base_of(const xmlNode *element)
{
	for (const xmlAttr *a = element->properties; a; a = a->next)
		if (is_xml(a) && is_named(a, "base"))
			return a;
	return NULL;
}

/* One step of Canonical XML 1.1, 2.4: value as seen from the base of an ancestor. A base
 * that ends in ".." is a folder. */
static xmlChar *joined_with(xmlChar *value, const xmlAttr *ancestor)
{
	xmlChar *base = xmlNodeListGetString(ancestor->doc, ancestor->children, 1);
	int len = xmlStrlen(base);
	xmlChar *r;

	if (len > 1 && base[len - 1] == '.' && base[len - 2] == '.')
		base = xmlStrcat(base, BAD_CAST "/");
	r = xmlBuildURI(value, base);
	xmlFree(base);
	xmlFree(value);
	return r;
}

/* xml:base of the apex is its own joined with those of its ancestors. */
static void join_base(struct c14n *c, const xmlNode *element)
{
	const xmlAttr *first = NULL;
	xmlChar *value = NULL;

	for (const xmlNode *e = element; e && e->type == XML_ELEMENT_NODE;
		e = e->parent) {
		const xmlAttr *a = base_of(e);

		if (!a)
			continue;
		if (first)
			value = joined_with(value, a);
		else
			value = xmlNodeListGetString(a->doc, a->children, 1);
		if (!first)
			first = a;
	}
	if (!value || !*value) {
		xmlFree(value);
		return;
	}
	add(c, first);
	c->base = first;
	c->joined = value;
}

/* Of the ancestors that are not in the output, the nearest first: every xml: attribute
 * (1.0, 2.4), or xml:lang and xml:space alone (1.1, 2.4). */
static void inherit(struct c14n *c, const xmlNode *element)
{
	for (const xmlNode *e = element->parent; e && e->type == XML_ELEMENT_NODE;
		e = e->parent)
		for (const xmlAttr *a = e->properties; a; a = a->next)
			if (is_xml(a) && !has_xml(c, a) &&
				(c->mode == C14N_1_0 || is_named(a, "lang") ||
					is_named(a, "space")))
				add(c, a);
}

/* Those without a namespace first, then by its name, then by their own. */
static int compare(const xmlAttr *x, const xmlAttr *y)
{
	int r;

	if (!x->ns || !y->ns)
		r = (x->ns != NULL) - (y->ns != NULL);
	else
		r = x->ns == y->ns ? 0 : xmlStrcmp(x->ns->href, y->ns->href);
	return r ? r : xmlStrcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const xmlAttr *const *x = a, *const *y = b;

	return compare(*x, *y);
}

void c14n_attributes(struct c14n *c, const xmlNode *element, bool apex)
{
	bool joins = apex && c->mode == C14N_1_1;

	c->attribute_count = 0;
	for (const xmlAttr *a = element->properties; a; a = a->next)
		if (!joins || !is_xml(a) || !is_named(a, "base"))
			add(c, a);
	if (joins)
		join_base(c, element);
	if (apex && c->mode != C14N_EXCLUSIVE)
		inherit(c, element);
	if (c->attribute_count > 1)
		qsort(c->attributes, c->attribute_count, sizeof(xmlAttr *), by_name);
}

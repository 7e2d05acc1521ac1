/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/c14n_write.h"

#include <errno.h>
#include <libxml/uri.h>
#include <stdlib.h>
#include <string.h>

#define WORK_NAMESPACE 300u /* of a budget: to look at the name of one */

static const char *text(const xmlChar *s)
{
	return s ? (const char *)s : "";
}

static bool is_xml(const char *prefix, const char *name)
{
	return strcmp(prefix, "xml") == 0 &&
	       strcmp(name, (const char *)XML_XML_NAMESPACE) == 0;
}

/* A relative namespace name has no canonical form (Canonical XML 1.0, 1.3). */
static void check_names(struct c14n *c, const xmlNode *element)
{
	for (const xmlNs *ns = element->nsDef; ns; ns = ns->next) {
		xmlURI *uri;

		c14n_spend(c, WORK_NAMESPACE);
		if (!ns->href || !*ns->href)
			continue;
		uri = xmlParseURI((const char *)ns->href);
		if (!uri || !uri->scheme)
			c->error = -EINVAL;
		xmlFreeURI(uri);
	}
}

/* Whether the output says already what prefix means, or need not say that it means
 * nothing. */
static bool is_rendered(const struct c14n *c, const char *prefix, const char *name)
{
	for (size_t i = c->rendered_count; i-- > 0;)
		if (strcmp(c->rendered[i].prefix, prefix) == 0)
			return strcmp(c->rendered[i].name, name) == 0;
	return !*prefix && !*name;
}

static void render(struct c14n *c, const char *prefix, const char *name)
{
	if (is_xml(prefix, name) || is_rendered(c, prefix, name))
		return;
	if (c->rendered_count == c->rendered_size) {
		size_t size = c->rendered_size ? c->rendered_size * 2 : 32;
		void *more = realloc(c->rendered, size * sizeof(*c->rendered));

		if (!more) {
			c->error = -ENOMEM;
			return;
		}
		c->rendered = more;
		c->rendered_size = size;
	}
	c->rendered[c->rendered_count++] =
		(struct c14n_namespace){ prefix, name, c->depth };
}

/* What prefix means at the element ("": nothing), or NULL for one that is not bound. */
static const char *meaning(const xmlNode *element, const char *prefix)
{
	for (; element && element->type == XML_ELEMENT_NODE; element = element->parent)
		for (const xmlNs *ns = element->nsDef; ns; ns = ns->next)
			if (strcmp(text(ns->prefix), prefix) == 0)
				return text(ns->href);
	return *prefix ? NULL : "";
}

/* Inclusive: whatever is in scope and not said yet; below the apex only what the element
 * itself declares can be that. */
static void inclusive(struct c14n *c, const xmlNode *element, bool apex)
{
	for (const xmlNode *e = element; e && e->type == XML_ELEMENT_NODE;
		e = apex ? e->parent : NULL) {
		for (const xmlNs *ns = e->nsDef; ns; ns = ns->next)
			if (e == element ||
				meaning(element, text(ns->prefix)) == text(ns->href))
				render(c, text(ns->prefix), text(ns->href));
	}
}

static bool declares(const xmlNode *element, const char *prefix)
{
	for (const xmlNs *ns = element->nsDef; ns; ns = ns->next)
		if (strcmp(text(ns->prefix), prefix) == 0)
			return true;
	return false;
}

/* Exclusive: what the element and its attributes use, and what the prefix list names; of
 * that, below the apex, only what the element itself declares can be new. */
static void exclusive(struct c14n *c, const xmlNode *element, bool apex)
{
	const xmlNs *ns = element->ns;

	for (size_t i = 0; c->prefixes && c->prefixes[i] && (apex || element->nsDef);
		i++) {
		const char *prefix = c->prefixes[i];
		const char *name;

		if (strcmp(prefix, "#default") == 0)
			prefix = "";
		if (!apex && !declares(element, prefix))
			continue;
		name = meaning(element, prefix);
		if (name)
			render(c, prefix, name);
	}
	render(c, text(ns ? ns->prefix : NULL), text(ns ? ns->href : NULL));
	for (const xmlAttr *a = element->properties; a; a = a->next)
		if (a->ns && a->ns->prefix)
			render(c, text(a->ns->prefix), text(a->ns->href));
}

static int by_prefix(const void *a, const void *b)
{
	const struct c14n_namespace *x = a, *y = b;

	return strcmp(x->prefix, y->prefix);
}

void c14n_namespaces(struct c14n *c, const xmlNode *element, bool apex, size_t *ret_first)
{
	size_t first = c->rendered_count, n;

	check_names(c, element);
	for (const xmlNode *e = element->parent; apex && e && e->type == XML_ELEMENT_NODE;
		e = e->parent)
		check_names(c, e);
	if (c->mode == C14N_EXCLUSIVE)
		exclusive(c, element, apex);
	else
		inclusive(c, element, apex);
	n = c->rendered_count - first;
	if (n > 1)
		qsort(c->rendered + first, n, sizeof(*c->rendered), by_prefix);
	*ret_first = first;
}

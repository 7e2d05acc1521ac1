/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/strict.h"

#include "xml/node.h"
#include "xml/utf8.h"

#include <errno.h>
#include <string.h>

#define XSI "http://www.w3.org/2001/XMLSchema-instance"
#define REFUSALS_MAX 20

/* Vocabularies that ask a processor to put other octets in the place of the element. */
static const char *const INCLUDING[] = {
	"http://www.w3.org/2001/XInclude",
	"http://www.w3.org/2003/XInclude",
	"http://www.w3.org/2004/08/xop/include",
};

#define INCLUDING_COUNT (sizeof(INCLUDING) / sizeof(INCLUDING[0]))

/* An identifier and where it is: sorted by text, then by the order in the document. */
struct identifier {
	const char *text;
	const xmlNode *element;
	size_t order;
};

struct strict {
	struct findings *findings;
	bool xsi, including, references; /* what the document can have at all */
	struct identifier *identifiers;
	size_t count, size;
	int refusals;
};

static xmlNode *next_element(xmlNode *node, const xmlNode *root)
{
	xmlNode *child = xml_child(node, NULL, NULL);

	if (child)
		return child;
	for (; node && node != root; node = node->parent) {
		xmlNode *next = xml_next(node, NULL, NULL);

		if (next)
			return next;
	}
	return NULL;
}

static void refuse(struct strict *s, const char *code, const xmlNode *node,
	const char *received, const char *message)
{
	_cleanup_(freep) char *path = xml_path_of(node);

	s->refusals++;
	findings_add(s->findings, code, path, received, message);
}

static const char *value_of(const xmlAttr *a)
{
	return a->children && a->children->content ? (const char *)a->children->content
						   : "";
}

static bool has_bidi(const char *text)
{
	for (const uint8_t *p = (const uint8_t *)text; *p; p++)
		if (p[0] == 0xe2 && p[1] && p[2] && utf8_is_bidi(p))
			return true;
	return false;
}

static void check_direction(struct strict *s, const xmlNode *element)
{
	for (const xmlNode *c = element->children; c; c = c->next) {
		const char *text = (const char *)c->content;

		if (c->type != XML_ELEMENT_NODE && text && has_bidi(text))
			refuse(s, "xml.direction", element, text, NULL);
	}
	for (const xmlAttr *a = element->properties; a; a = a->next)
		if (has_bidi(value_of(a)))
			refuse(s, "xml.direction", element, value_of(a), NULL);
}

static void check_xsi(struct strict *s, const xmlNode *element)
{
	for (const xmlAttr *a = element->properties; a; a = a->next) {
		const char *name = (const char *)a->name;

		if (!a->ns || strcmp((const char *)a->ns->href, XSI) != 0)
			continue;
		if (strcmp(name, "type") == 0 || strcmp(name, "nil") == 0)
			refuse(s, "xml.schema-instance", element, name, NULL);
	}
}

static void check_inclusion(struct strict *s, const xmlNode *element)
{
	const char *ns = element->ns ? (const char *)element->ns->href : NULL;

	for (size_t i = 0; ns && i < INCLUDING_COUNT; i++)
		if (strcmp(ns, INCLUDING[i]) == 0)
			refuse(s, "xml.inclusion", element, ns, NULL);
}

/* Id of signatures, and what other readers take for an identifier. */
static bool is_identifier(const xmlAttr *a)
{
	const char *name = (const char *)a->name;

	if (strcmp(name, "id") == 0)
		return !a->ns || strcmp((const char *)a->ns->prefix, "xml") == 0;
	return !a->ns && (strcmp(name, "Id") == 0 || strcmp(name, "ID") == 0);
}

static int collect(struct strict *s, const xmlNode *element)
{
	for (const xmlAttr *a = element->properties; a; a = a->next) {
		if (!is_identifier(a))
			continue;
		if (s->count == s->size) {
			size_t size = s->size ? s->size * 2 : 64;
			void *more =
				realloc(s->identifiers, size * sizeof(*s->identifiers));

			if (!more)
				return -ENOMEM;
			s->identifiers = more;
			s->size = size;
		}
		s->identifiers[s->count] = (struct identifier){
			.text = value_of(a), .element = element, .order = s->count
		};
		s->count++;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct identifier *x = a, *y = b;
	int r = strcmp(x->text, y->text);

	if (r != 0)
		return r;
	return x->order < y->order ? -1 : 1;
}

static void check_identifiers(struct strict *s)
{
	if (s->count < 2)
		return;
	qsort(s->identifiers, s->count, sizeof(*s->identifiers), compare);
	for (size_t i = 1; i < s->count && s->refusals < REFUSALS_MAX; i++)
		if (strcmp(s->identifiers[i].text, s->identifiers[i - 1].text) == 0)
			refuse(s, "xml.duplicate-id", s->identifiers[i].element,
				s->identifiers[i].text, NULL);
}

static int walk(struct strict *s, xmlNode *root)
{
	for (xmlNode *n = root; n && s->refusals < REFUSALS_MAX;
		n = next_element(n, root)) {
		if (n->properties && collect(s, n) < 0)
			return -ENOMEM;
		if (s->xsi)
			check_xsi(s, n);
		if (s->including)
			check_inclusion(s, n);
		if (s->references)
			check_direction(s, n);
	}
	check_identifiers(s);
	return s->refusals;
}

int xml_strict(xmlDoc *doc, xmlDict *dict, bool references, struct findings *findings)
{
	struct strict s = { .findings = findings, .references = references };
	int r;

	s.xsi = xmlDictExists(dict, (const xmlChar *)XSI, -1) != NULL;
	for (size_t i = 0; i < INCLUDING_COUNT; i++)
		s.including |=
			xmlDictExists(dict, (const xmlChar *)INCLUDING[i], -1) != NULL;
	r = walk(&s, xmlDocGetRootElement(doc));
	free(s.identifiers);
	return r;
}

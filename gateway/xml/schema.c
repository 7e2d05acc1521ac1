/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/schema.h"

#include "common/buf.h"
#include "common/limits.h"
#include "xml/node.h"

#include <errno.h>
#include <libxml/xmlschemas.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_VALUES 5

struct xml_schema {
	xmlSchema *schema;
};

static void first_error(void *data, xmlError *error)
{
	char **ret = data;
	const char *message = error->message ? error->message : "cannot be compiled";

	if (*ret || error->level < XML_ERR_ERROR)
		return;
	if (asprintf(ret, "%s:%d: %.*s", error->file ? error->file : "schema",
		    error->line, (int)strcspn(message, "\n"), message) < 0)
		*ret = NULL;
}

static void say_nothing(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

int xml_schema_open(const char *path, struct xml_schema **ret_schema, char **ret_error)
{
	xmlSchemaParserCtxt *context = xmlSchemaNewParserCtxt(path);
	struct xml_schema *s = calloc(1, sizeof(*s));

	*ret_error = NULL;
	if (!context || !s) {
		xmlSchemaFreeParserCtxt(context);
		free(s);
		return -ENOMEM;
	}
	xmlSchemaSetParserStructuredErrors(context, first_error, ret_error);
	/* A file that cannot be opened would be named on standard error as well. */
	xmlSetGenericErrorFunc(NULL, say_nothing);
	s->schema = xmlSchemaParse(context);
	xmlSchemaFreeParserCtxt(context);
	if (s->schema && !*ret_error) {
		*ret_schema = s;
		return 0;
	}
	xml_schema_close(s);
	if (!*ret_error &&
		asprintf(ret_error, "%s: cannot be read as a schema", path) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

void xml_schema_close(struct xml_schema *s)
{
	if (!s)
		return;
	xmlSchemaFree(s->schema);
	free(s);
}

struct validation {
	struct findings *findings;
	char *last; /* path: a wrong value is reported twice, for its facet and its type
		     */
};

/* The n-th value of a list of quoted values ends at the return value, or NULL. */
static const char *skip_values(const char *list, int n)
{
	while (n-- > 0) {
		list = strchr(list, ',');
		if (!list)
			return NULL;
		list++;
	}
	return list - 1;
}

/* A code list may have hundreds of values: the first few show which one it is. */
static void add_text(struct buf *b, const char *text)
{
	const char *set = strstr(text, "is not an element of the set {");
	const char *cut = set ? skip_values(set, SHOWN_VALUES) : NULL;
	size_t values = 1;

	if (!cut) {
		buf_add(b, text, strcspn(text, "\n"));
		return;
	}
	for (const char *p = set; *p; p++)
		values += *p == ',';
	buf_add(b, text, (size_t)(cut - text));
	buf_addf(b, ", ...} of %zu values.", values);
}

/* Leave out "{namespace}" before names. */
static void drop_namespaces(char *text)
{
	char *w = text;

	for (const char *p = text; *p; p++) {
		const char *close = NULL;

		if (strncmp(p, "{urn:", 5) == 0 || strncmp(p, "{http", 5) == 0)
			close = strchr(p, '}');
		if (close)
			p = close;
		else
			*w++ = *p;
	}
	*w = '\0';
}

/* The library's sentence without "Element 'name': " and "[facet 'enumeration'] ": the
 * path names the element already. */
static char *clean(const char *sentence)
{
	_cleanup_buf_ struct buf copy = { .max = SIZE_MAX / 2 };
	const char *text, *colon, *facet;
	struct buf b;

	if (buf_add_str(&copy, sentence) < 0)
		return NULL;
	drop_namespaces(copy.data);
	text = copy.data;
	colon = strstr(text, "': ");
	if (colon && strncmp(text, "Element '", 9) == 0)
		text = colon + 3;
	facet = strncmp(text, "[facet '", 8) == 0 ? strstr(text, "] ") : NULL;
	if (facet)
		text = facet + 2;
	buf_init(&b, strlen(text) + 40);
	add_text(&b, text);
	return buf_take(&b, NULL);
}

/* The attribute that a message about an element speaks of: "Element 'x', attribute 'y':
 * ". */
static const xmlNode *attribute_of(const xmlNode *node, const char *message)
{
	static const char WORD[] = "', attribute '";
	const char *name = strstr(message, WORD), *colon = strstr(message, "': "), *brace;
	size_t n;

	if (!node || node->type != XML_ELEMENT_NODE || !name || !colon || name > colon)
		return node;
	name += sizeof(WORD) - 1;
	brace = *name == '{' ? strchr(name, '}') : NULL;
	if (brace)
		name = brace + 1;
	n = strcspn(name, "'");
	for (const xmlAttr *a = node->properties; a; a = a->next)
		if (strlen((const char *)a->name) == n && memcmp(a->name, name, n) == 0)
			return (const xmlNode *)(const void *)a;
	return node;
}

/* What was there: the value of a simple element or attribute, else the name. */
static char *received(const xmlNode *node)
{
	char *text = NULL;

	if (!node)
		return NULL;
	if (node->type == XML_ATTRIBUTE_NODE)
		return (char *)xmlNodeGetContent(node);
	if (node->type == XML_ELEMENT_NODE && !xml_child(node, NULL, NULL))
		text = xml_text(node);
	if (text && *text)
		return text;
	free(text);
	return (char *)xmlStrdup(node->name);
}

static bool said_already(
	const struct validation *v, const xmlError *error, const char *path)
{
	return (error->code == XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_1 ||
		       error->code == XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_2 ||
		       error->code == XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_3) &&
	       path && v->last && strcmp(path, v->last) == 0;
}

static void add_violation(void *data, xmlError *error)
{
	struct validation *v = data;
	const char *sentence = error->message ? error->message : "";
	const xmlNode *node = attribute_of(error->node, sentence);
	_cleanup_(freep) char *path = NULL, *text = NULL, *message = NULL;

	if (error->level < XML_ERR_ERROR)
		return;
	if (v->findings->count >=
		LIMIT_FINDINGS) { /* counted; a place takes time to name */
		findings_add(v->findings, "doc.schema", NULL, NULL, NULL);
		return;
	}
	path = xml_path_of(node);
	if (said_already(v, error, path))
		return;
	text = received(node);
	message = clean(sentence);
	findings_add(v->findings, "doc.schema", path, text,
		message && *message ? message : NULL);
	free(v->last);
	v->last = TAKE(path);
}

int xml_schema_validate(
	const struct xml_schema *s, xmlDoc *doc, struct findings *findings)
{
	struct validation v = { .findings = findings };
	size_t before = findings->errors;
	xmlSchemaValidCtxt *context = xmlSchemaNewValidCtxt(s->schema);
	int r;

	if (!context)
		return -ENOMEM;
	xmlSchemaSetValidStructuredErrors(context, add_violation, &v);
	r = xmlSchemaValidateDoc(context, doc);
	xmlSchemaFreeValidCtxt(context);
	free(v.last);
	if (r < 0)
		return -EIO;
	if (r > 0 && findings->errors == before)
		findings_add(findings, "doc.schema", NULL, NULL, NULL);
	return r == 0 ? 1 : 0;
}

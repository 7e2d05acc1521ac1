/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/schema.h"

#include "common/buf.h"
#include "xml/node.h"

#include <errno.h>
#include <libxml/xmlschemas.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 900

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
	const xmlNode *last; /* a wrong value is reported twice: facet, then type */
};

/* Copy the library's sentence without its "Element '{namespace}name': " and with local
 * names only: the path names the element already. */
static char *clean(const char *message)
{
	_cleanup_buf_ struct buf b = { 0 };
	const char *colon = strstr(message, "': ");

	buf_init(&b, MESSAGE_MAX);
	if (colon && (strncmp(message, "Element '", 9) == 0))
		message = colon + 3;
	for (; *message && *message != '\n' && !b.error; message++) {
		const char *close = *message == '{' ? strchr(message, '}') : NULL;

		if (close && strncmp(message, "{urn:", 5) != 0 &&
			strncmp(message, "{http", 5) != 0)
			close = NULL;
		if (close)
			message = close;
		else
			buf_add(&b, message, 1);
	}
	b.error = 0;
	return buf_take(&b, NULL);
}

/* What was there: the value of a simple element or attribute, else the name. */
static char *received(const xmlNode *node)
{
	char *text = NULL;

	if (!node)
		return NULL;
	if (node->type == XML_ATTRIBUTE_NODE)
		return strdup(node->children && node->children->content
				      ? (const char *)node->children->content
				      : "");
	if (node->type == XML_ELEMENT_NODE && !xml_child(node, NULL, NULL))
		text = xml_text(node);
	if (text && *text)
		return text;
	free(text);
	return node->name ? strdup((const char *)node->name) : NULL;
}

static void add_violation(void *data, xmlError *error)
{
	struct validation *v = data;
	const xmlNode *node = error->node;
	_cleanup_(freep) char *path = NULL, *text = NULL, *message = NULL;

	if (error->level < XML_ERR_ERROR)
		return;
	if (node && node == v->last)
		return;
	v->last = node;
	path = xml_path_of(node);
	text = received(node);
	message = clean(error->message ? error->message : "");
	findings_add(v->findings, "doc.schema", path, text,
		message && *message ? message : NULL);
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
	if (r < 0)
		return -EIO;
	if (r > 0 && findings->errors == before)
		findings_add(findings, "doc.schema", NULL, NULL, NULL);
	return r == 0 ? 1 : 0;
}

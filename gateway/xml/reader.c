/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/reader.h"

#include "xml/node.h"
#include "xml/scan.h"
#include "xml/utf8.h"

#include <errno.h>
#include <libxml/catalog.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlIO.h>
#include <libxml/xmlerror.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define XSI "http://www.w3.org/2001/XMLSchema-instance"
#define ERRORS_MAX 10u

/* Vocabularies that ask a processor to put other octets in the place of the element. */
static const char *const INCLUDING[] = {
	"http://www.w3.org/2001/XInclude",
	"http://www.w3.org/2003/XInclude",
	"http://www.w3.org/2004/08/xop/include",
};

struct reading {
	enum xml_profile profile;
	struct findings *findings;
	size_t errors;
};

static xmlParserInput *refuse_entity(
	const char *url, const char *id, xmlParserCtxt *context)
{
	(void)url;
	(void)id;
	(void)context;
	return NULL;
}

static int match_everything(const char *name)
{
	(void)name;
	return 1;
}

static void *open_nothing(const char *name)
{
	(void)name;
	return NULL;
}

static int read_nothing(void *context, char *buffer, int len)
{
	(void)context;
	(void)buffer;
	(void)len;
	return -1;
}

static int close_nothing(void *context)
{
	(void)context;
	return 0;
}

static void say_nothing(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

void xml_setup(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	xmlInitParser();
	xmlSetExternalEntityLoader(refuse_entity);
	xmlCatalogSetDefaults(XML_CATA_ALLOW_NONE);
	/* An empty table would be filled with the default callbacks at the next use. */
	xmlCleanupInputCallbacks();
	xmlRegisterInputCallbacks(
		match_everything, open_nothing, read_nothing, close_nothing);
	xmlSetGenericErrorFunc(NULL, say_nothing);
}

static const char *code_of(const xmlError *error)
{
	if (error->domain == XML_FROM_NAMESPACE)
		return "xml.namespace";
	switch (error->code) {
	case XML_ERR_ATTRIBUTE_REDEFINED:
		return "xml.not-wellformed";
	case XML_ERR_UNSUPPORTED_ENCODING:
	case XML_ERR_UNKNOWN_ENCODING:
	case XML_ERR_INVALID_ENCODING:
		return "xml.encoding";
	case XML_DTD_ID_REDEFINED:
		return "xml.duplicate-id";
	default:
		return "xml.not-wellformed";
	}
}

/* Warnings are passed over, but for relative namespace names: they have no canonical
 * form. */
static bool counts(const struct reading *r, const xmlError *error)
{
	if (error->code == XML_WAR_NS_URI_RELATIVE)
		return r->profile == XML_READ_GATE;
	return error->level >= XML_ERR_ERROR;
}

static void note_error(void *data, xmlError *error)
{
	const xmlParserCtxt *context = data;
	struct reading *r = context->_private;
	char where[48], message[300];
	const char *text = error->message ? error->message : "";

	if (!counts(r, error) || r->errors++ >= ERRORS_MAX)
		return;
	(void)snprintf(where, sizeof(where), "%d:%d", error->line, error->int2);
	(void)snprintf(message, sizeof(message), "%.*s", (int)strcspn(text, "\n"), text);
	findings_add(r->findings, code_of(error), where, error->str1,
		*message ? message : NULL);
}

/* The scan has refused every DOCTYPE; a parser that still meets one stops. */
static void refuse_doctype(void *data, const xmlChar *name, const xmlChar *external_id,
	const xmlChar *system_id)
{
	xmlParserCtxt *context = data;
	struct reading *r = context->_private;

	(void)external_id;
	(void)system_id;
	findings_add(r->findings, "xml.doctype", NULL, (const char *)name, NULL);
	r->errors++;
	xmlStopParser(context);
}

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

static void refuse_at(struct reading *r, const char *code, const xmlNode *node,
	const char *received, const char *message)
{
	_cleanup_(freep) char *path = xml_path_of(node);

	r->errors++;
	findings_add(r->findings, code, path, received, message);
}

static bool has_bidi(const xmlChar *text)
{
	for (; text && text[0]; text++)
		if (text[0] == 0xe2 && text[1] && text[2] && utf8_is_bidi(text))
			return true;
	return false;
}

static void check_bidi(struct reading *r, const xmlNode *element)
{
	for (const xmlNode *c = element->children; c; c = c->next)
		if (c->type != XML_ELEMENT_NODE && has_bidi(c->content))
			refuse_at(r, "xml.direction", element, (const char *)c->content,
				NULL);
	for (const xmlAttr *a = element->properties; a; a = a->next)
		if (a->children && has_bidi(a->children->content))
			refuse_at(r, "xml.direction", element,
				(const char *)a->children->content, NULL);
}

static void check_xsi(struct reading *r, const xmlNode *element)
{
	for (const xmlAttr *a = element->properties; a; a = a->next) {
		const char *name = (const char *)a->name;

		if (!a->ns || strcmp((const char *)a->ns->href, XSI) != 0)
			continue;
		if (strcmp(name, "type") == 0 || strcmp(name, "nil") == 0)
			refuse_at(r, "xml.schema-instance", element, name,
				"xsi:type and xsi:nil would change what the schema "
				"demands.");
	}
}

static void check_including(struct reading *r, const xmlNode *element)
{
	const char *ns = element->ns ? (const char *)element->ns->href : NULL;

	for (size_t i = 0; ns && i < sizeof(INCLUDING) / sizeof(INCLUDING[0]); i++)
		if (strcmp(ns, INCLUDING[i]) == 0)
			refuse_at(r, "xml.inclusion", element, ns, NULL);
}

/* Every namespace name that a parser met is in its dictionary. */
static bool met(const xmlParserCtxt *context, const char *ns)
{
	return xmlDictExists(context->dict, (const xmlChar *)ns, -1) != NULL;
}

/* What only the tree shows, and only the strict profile minds. Most documents have none
 * of it: the tree is walked only when the dictionary or the scan gives a reason. */
static void check_tree(struct reading *r, const xmlParserCtxt *context, bool references)
{
	xmlNode *root = xmlDocGetRootElement(context->myDoc);
	bool xsi = met(context, XSI), including = false;

	for (size_t i = 0; i < sizeof(INCLUDING) / sizeof(INCLUDING[0]); i++)
		including |= met(context, INCLUDING[i]);
	if (r->profile != XML_READ_GATE || (!xsi && !including && !references))
		return;
	for (xmlNode *n = root; n && r->errors < ERRORS_MAX; n = next_element(n, root)) {
		if (xsi)
			check_xsi(r, n);
		if (including)
			check_including(r, n);
		if (references)
			check_bidi(r, n);
	}
}

static bool whole(const xmlParserCtxt *context)
{
	return context->myDoc && context->wellFormed && context->nsWellFormed &&
	       context->version && strcmp((const char *)context->version, "1.0") == 0 &&
	       !context->myDoc->intSubset && xmlDocGetRootElement(context->myDoc);
}

static int parse(xmlParserCtxt *context, struct span data, struct reading *r,
	bool references, xmlDoc **ret_doc)
{
	_cleanup_xml_doc_ xmlDoc *doc = NULL;

	context->_private = r;
	context->sax->serror = note_error;
	context->sax->internalSubset = refuse_doctype;
	context->sax->externalSubset = NULL;
	/* The document is returned only when well formed, but is in the context always.
	 */
	doc = xmlCtxtReadMemory(context, (const char *)data.data, (int)data.len, NULL,
		NULL, XML_PARSE_NONET | XML_PARSE_COMPACT);
	if (context->errNo == XML_ERR_NO_MEMORY)
		return -ENOMEM;
	context->myDoc = doc;
	if (whole(context))
		check_tree(r, context, references);
	else if (r->errors == 0)
		refuse_at(r, "xml.not-wellformed", NULL, NULL, NULL);
	context->myDoc = NULL;
	if (r->errors > 0)
		return 0;
	*ret_doc = TAKE(doc);
	return 1;
}

int xml_read(struct span data, enum xml_profile profile, struct findings *findings,
	xmlDoc **ret_doc)
{
	struct reading r = { .profile = profile, .findings = findings };
	bool references;
	xmlParserCtxt *context;
	int result;

	if (!xml_scan(data, profile, findings, &references))
		return 0;
	context = xmlNewParserCtxt();
	if (!context)
		return -ENOMEM;
	result = parse(context, data, &r, references, ret_doc);
	xmlFreeParserCtxt(context);
	return result;
}

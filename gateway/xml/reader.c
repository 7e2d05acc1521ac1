/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/reader.h"

#include "xml/scan.h"
#include "xml/strict.h"

#include <errno.h>
#include <libxml/catalog.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlIO.h>
#include <libxml/xmlerror.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define BEGINS_MAX 40
#define ERRORS_MAX 10u

struct reading {
	enum xml_profile profile;
	struct findings *findings;
	size_t errors;
	char begins[BEGINS_MAX + 1]; /* how the document does, as far as it is legible */
};

/* What is no XML at all is best known by how it begins: JSON, a PDF, a line of text. */
static void note_beginning(struct reading *r, struct span data)
{
	size_t n = 0;

	while (n < data.len && n < BEGINS_MAX && data.data[n] >= ' ' &&
		data.data[n] < 0x7F)
		n++;
	memcpy(r->begins, data.data, n);
	r->begins[n] = '\0';
}

/* Where libxml2 has no memory it mostly goes on as if the document ended there: a
 * document is not ill-formed for want of ours, so failures are noted where they happen.
 */
static _Thread_local bool memory_ran_out;

static void *noted(void *p, bool wanted)
{
	if (!p && wanted)
		memory_ran_out = true;
	return p;
}

static void *noted_malloc(size_t size)
{
	return noted(malloc(size), size > 0);
}

static void *noted_realloc(void *p, size_t size)
{
	return noted(realloc(p, size), size > 0);
}

static char *noted_strdup(const char *text)
{
	return noted(strdup(text), true);
}

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
	xmlMemSetup(free, noted_malloc, noted_realloc, noted_strdup);
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
	findings_add(r->findings, code_of(error), where,
		error->code == XML_ERR_DOCUMENT_EMPTY ? r->begins : error->str1,
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

static bool whole(const xmlParserCtxt *context)
{
	return context->myDoc && context->wellFormed && context->nsWellFormed &&
	       context->version && strcmp((const char *)context->version, "1.0") == 0 &&
	       !context->myDoc->intSubset && xmlDocGetRootElement(context->myDoc);
}

/* Return: 1 read, 0 refused, negative undecided. */
static int judge(struct reading *r, xmlParserCtxt *context, bool references)
{
	int refusals = 0;

	if (!whole(context)) {
		if (r->errors == 0)
			findings_add(r->findings, "xml.not-wellformed", NULL, NULL, NULL);
		return 0;
	}
	if (r->profile == XML_READ_GATE)
		refusals = xml_strict(
			context->myDoc, context->dict, references, r->findings);
	if (refusals < 0)
		return refusals;
	return r->errors == 0 && refusals == 0;
}

static int parse(xmlParserCtxt *context, struct span data, struct reading *r,
	bool references, xmlDoc **ret_doc)
{
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	int result;

	note_beginning(r, data);
	context->_private = r;
	context->sax->serror = note_error;
	context->sax->internalSubset = refuse_doctype;
	context->sax->externalSubset = NULL;
	memory_ran_out = false;
	doc = xmlCtxtReadMemory(context, (const char *)data.data, (int)data.len, NULL,
		NULL, XML_PARSE_NONET | XML_PARSE_COMPACT);
	if (memory_ran_out || context->errNo == XML_ERR_NO_MEMORY)
		return -ENOMEM;
	context->myDoc = doc; /* reading has taken it out */
	result = judge(r, context, references);
	context->myDoc = NULL;
	if (result > 0)
		*ret_doc = TAKE(doc);
	return result;
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

/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/xpath.h"

#include "document/sps.h"

#include <errno.h>
#include <libxml/xpathInternals.h>
#include <stdlib.h>
#include <string.h>

/* Steps of one document's rules together: about a second of work, and several times what
 * the largest document takes. */
#define STEPS_MAX 20000000u

int prefixes_add(struct prefixes *p, const char *prefix, const char *uri)
{
	struct prefix *slot = &p->list[p->count];

	if (p->count == PREFIX_MAX)
		return -E2BIG;
	*slot = (struct prefix){ .prefix = strdup(prefix), .uri = strdup(uri) };
	p->count++;
	return slot->prefix && slot->uri ? 0 : -ENOMEM;
}

void prefixes_done(struct prefixes *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->list[i].prefix);
		free(p->list[i].uri);
	}
	*p = (struct prefixes){ 0 };
}

static double time_of(const xmlXPathObject *value)
{
	int64_t t = 0;
	enum sps_time kind = SPS_TIME_ABSENT;

	if (value->type == XPATH_STRING)
		kind = sps_time_text((const char *)value->stringval, NULL, &t);
	else if (value->type == XPATH_NODESET && value->nodesetval &&
		 value->nodesetval->nodeNr > 0)
		kind = sps_time(value->nodesetval->nodeTab[0], &t);
	return kind >= SPS_TIME_NO_ZONE ? (double)t : xmlXPathNAN;
}

static void time_function(xmlXPathParserContext *parser, int count)
{
	xmlXPathObject *value;

	if (count != 1) {
		xmlXPathErr(parser, XPATH_INVALID_ARITY);
		return;
	}
	value = valuePop(parser);
	if (!value)
		return;
	valuePush(parser, xmlXPathNewFloat(time_of(value)));
	xmlXPathFreeObject(value);
}

static void say_nothing(void *data, xmlError *error)
{
	(void)data;
	(void)error;
}

xmlXPathContext *rule_context(xmlDoc *doc, int64_t now)
{
	xmlXPathContext *context = xmlXPathNewContext(doc);

	if (!context)
		return NULL;
	/* Without numbers on the elements, sorting a set walks over siblings. */
	xmlXPathOrderDocElems(doc);
	context->error = say_nothing;
	context->opLimit = STEPS_MAX;
	if (xmlXPathRegisterFuncNS(
		    context, BAD_CAST "time", BAD_CAST RULES_NS, time_function) < 0 ||
		xmlXPathRegisterVariable(
			context, BAD_CAST "now", xmlXPathNewFloat((double)now)) < 0) {
		xmlXPathFreeContext(context);
		return NULL;
	}
	return context;
}

int rule_context_use(xmlXPathContext *context, const struct prefixes *p)
{
	xmlXPathRegisteredNsCleanup(context);
	for (size_t i = 0; i < p->count; i++)
		if (xmlXPathRegisterNs(context, BAD_CAST p->list[i].prefix,
			    BAD_CAST p->list[i].uri) < 0)
			return -ENOMEM;
	return 0;
}

xmlXPathObject *rule_evaluate(
	xmlXPathContext *context, xmlXPathCompExpr *expression, xmlNode *node)
{
	context->node = node;
	return xmlXPathCompiledEval(expression, context);
}

static bool name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool name_char(char c)
{
	return name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool known(const struct prefixes *p, const char *name, size_t len)
{
	for (size_t i = 0; i < p->count; i++)
		if (strlen(p->list[i].prefix) == len &&
			memcmp(p->list[i].prefix, name, len) == 0)
			return true;
	return false;
}

/* libxml2 looks a prefix up only when it comes to it, which may be never in a test run.
 */
static bool prefixes_known(const char *e, const struct prefixes *p)
{
	while (*e) {
		size_t n = 0;

		if (*e == '\'' || *e == '"') {
			e = strchr(e + 1, *e);
			if (!e)
				return false;
			e++;
			continue;
		}
		if (name_start(*e))
			while (name_char(e[n]))
				n++;
		if (n > 0 && e[n] == ':' && e[n + 1] != ':' && !known(p, e, n))
			return false;
		e += n > 0 ? n : 1;
	}
	return true;
}

static bool evaluates(xmlXPathCompExpr *expression, const struct prefixes *p, bool nodes)
{
	xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
	xmlXPathContext *context = doc ? rule_context(doc, 0) : NULL;
	xmlXPathObject *value = NULL;
	bool ok;

	if (context && rule_context_use(context, p) == 0)
		value = rule_evaluate(context, expression, (xmlNode *)doc);
	ok = value && (!nodes || value->type == XPATH_NODESET);
	xmlXPathFreeObject(value);
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return ok;
}

xmlXPathCompExpr *rule_compile(
	const char *expression, const struct prefixes *p, bool nodes)
{
	xmlXPathContext *quiet = xmlXPathNewContext(NULL);
	xmlXPathCompExpr *compiled = NULL;

	if (quiet && prefixes_known(expression, p)) {
		quiet->error = say_nothing;
		compiled = xmlXPathCtxtCompile(quiet, BAD_CAST expression);
	}
	if (compiled && !evaluates(compiled, p, nodes)) {
		xmlXPathFreeCompExpr(compiled);
		compiled = NULL;
	}
	xmlXPathFreeContext(quiet);
	return compiled;
}

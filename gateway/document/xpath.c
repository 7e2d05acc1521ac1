/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/xpath.h"

#include "document/rule_facts.h"
#include "document/sps.h"
#include "document/xpath_lex.h"

#include <errno.h>
#include <libxml/xpathInternals.h>
#include <stdio.h>
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

const char *prefixes_find(const struct prefixes *p, const char *prefix, size_t len)
{
	for (size_t i = 0; i < p->count; i++)
		if (strlen(p->list[i].prefix) == len &&
			memcmp(p->list[i].prefix, prefix, len) == 0)
			return p->list[i].uri;
	return NULL;
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

/* XSLT 1.0, 12.4: the node at which the whole expression is evaluated. */
static void current_function(xmlXPathParserContext *parser, int count)
{
	if (count != 0) {
		xmlXPathErr(parser, XPATH_INVALID_ARITY);
		return;
	}
	valuePush(parser, xmlXPathNewNodeSet(parser->context->userData));
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
	if (xmlXPathRegisterFunc(context, BAD_CAST "current", current_function) < 0 ||
		xmlXPathRegisterFuncNS(
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
	context->userData = node;
	return xmlXPathCompiledEval(expression, context);
}

int rule_holds(xmlXPathContext *context, xmlXPathCompExpr *expression, xmlNode *node)
{
	int r;

	context->node = node;
	context->userData = node;
	r = xmlXPathCompiledEvalToBoolean(expression, context);
	return r < 0 ? -EDOM : r > 0;
}

struct rule_compiler {
	const struct prefixes *prefixes;
	xmlDoc *empty;
	xmlXPathContext *trial;
	char why[200];
};

struct rule_compiler *rule_compiler_new(const struct prefixes *p)
{
	struct rule_compiler *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->prefixes = p;
	c->empty = xmlNewDoc(BAD_CAST "1.0");
	c->trial = c->empty ? rule_context(c->empty, 0) : NULL;
	if (c->trial && rule_facts_use(c->trial, NULL, "", "") == 0)
		return c;
	rule_compiler_free(c);
	return NULL;
}

void rule_compiler_free(struct rule_compiler *c)
{
	if (!c)
		return;
	xmlXPathFreeContext(c->trial);
	xmlFreeDoc(c->empty);
	free(c);
}

const struct prefixes *rule_compiler_prefixes(const struct rule_compiler *c)
{
	return c->prefixes;
}

static bool refuse(struct rule_compiler *c, const char *what, const struct token *t)
{
	(void)snprintf(c->why, sizeof(c->why), "%s: %.*s", what,
		(int)(t->len < 100 ? t->len : 100), t->text);
	return false;
}

/* The functions of XPath 1.0 (section 4) and current(). Those of XSLT that read other
 * files or build indexes are not here. */
static bool core_function(const struct token *t)
{
	static const char *const NAMES[] = { "last", "position", "count", "id",
		"local-name", "namespace-uri", "name", "string", "concat", "starts-with",
		"contains", "substring-before", "substring-after", "substring",
		"string-length", "normalize-space", "translate", "boolean", "not", "true",
		"false", "lang", "number", "sum", "floor", "ceiling", "round", "current",
		NULL };

	for (size_t i = 0; NAMES[i]; i++)
		if (token_is(t, NAMES[i]))
			return true;
	return false;
}

static bool function_known(struct rule_compiler *c, const struct token *t)
{
	const char *colon = memchr(t->text, ':', t->len), *uri;
	size_t n = colon ? (size_t)(colon - t->text) : 0;

	if (!colon)
		return core_function(t) || refuse(c, "there is no function", t);
	uri = prefixes_find(c->prefixes, t->text, n);
	return (uri && strcmp(uri, RULES_NS) == 0 && t->len - n == 5 &&
		       memcmp(colon, ":time", 5) == 0) ||
	       refuse(c, "there is no function", t);
}

/* $prefix:name, a fact of the document. */
static bool fact_known(struct rule_compiler *c, const struct token *t, const char *colon)
{
	const char *name = t->text + 1;
	const char *uri = prefixes_find(c->prefixes, name, (size_t)(colon - name));

	return (uri && strcmp(uri, RULES_NS) == 0 &&
		       rule_facts_known(
			       colon + 1, t->len - (size_t)(colon + 1 - t->text))) ||
	       refuse(c, "there is no variable", t);
}

static bool variable_known(struct rule_compiler *c, const struct token *t)
{
	const char *colon = memchr(t->text, ':', t->len);
	char name[100];
	xmlXPathObject *value;
	bool known;

	if (colon)
		return fact_known(c, t, colon);
	if (t->len > sizeof(name))
		return refuse(c, "there is no variable", t);
	memcpy(name, t->text + 1, t->len - 1);
	name[t->len - 1] = '\0';
	value = xmlXPathVariableLookup(c->trial, BAD_CAST name);
	known = value != NULL;
	xmlXPathFreeObject(value);
	return known || refuse(c, "there is no variable", t);
}

/* libxml2 looks a name up only when it comes to it, which may be never in a trial. */
static bool names_known(struct rule_compiler *c, const char *expression)
{
	struct lexer l;
	struct token t;
	bool ok = true;

	lex_init(&l, expression);
	while (ok && (t = lex_next(&l)).kind != TOKEN_END) {
		const char *colon =
			t.kind == TOKEN_NAME ? memchr(t.text, ':', t.len) : NULL;

		if (t.kind == TOKEN_BAD)
			ok = refuse(c, "this is no expression from here on", &t);
		else if (t.kind == TOKEN_FUNCTION)
			ok = function_known(c, &t);
		else if (t.kind == TOKEN_VARIABLE)
			ok = variable_known(c, &t);
		else if (colon &&
			 !prefixes_find(c->prefixes, t.text, (size_t)(colon - t.text)))
			ok = refuse(c, "the prefix is not declared", &t);
	}
	return ok;
}

static xmlXPathObject *try_out(
	struct rule_compiler *c, xmlXPathCompExpr *expression, enum rule_want want)
{
	if (rule_context_use(c->trial, c->prefixes) < 0)
		return NULL;
	c->trial->contextSize = want == WANT_PREDICATE ? 1 : -1;
	c->trial->proximityPosition = c->trial->contextSize;
	return rule_evaluate(c->trial, expression, (xmlNode *)c->empty);
}

xmlXPathCompExpr *rule_compile(struct rule_compiler *c, const char *expression,
	enum rule_want want, const char **ret_why)
{
	xmlXPathCompExpr *compiled = NULL;
	xmlXPathObject *value = NULL;

	*ret_why = c->why;
	if (!names_known(c, expression))
		return NULL;
	(void)snprintf(c->why, sizeof(c->why), "this is no XPath 1.0 expression%s",
		want == WANT_NODES ? " for nodes" : "");
	compiled = xmlXPathCtxtCompile(c->trial, BAD_CAST expression);
	if (compiled)
		value = try_out(c, compiled, want);
	if (compiled &&
		(!value || (want == WANT_NODES && value->type != XPATH_NODESET))) {
		xmlXPathFreeCompExpr(compiled);
		compiled = NULL;
	}
	xmlXPathFreeObject(value);
	return compiled;
}

bool rule_is_number(struct rule_compiler *c, xmlXPathCompExpr *expression)
{
	_cleanup_object_ xmlXPathObject *value = try_out(c, expression, WANT_PREDICATE);

	return !value || value->type == XPATH_NUMBER;
}

int rule_let(struct rule_compiler *c, const char *name, xmlXPathCompExpr *value)
{
	xmlXPathObject *known = xmlXPathVariableLookup(c->trial, BAD_CAST name), *v;

	if (known) {
		xmlXPathFreeObject(known);
		return -EEXIST;
	}
	v = try_out(c, value, WANT_VALUE);
	if (v && xmlXPathRegisterVariable(c->trial, BAD_CAST name, v) == 0)
		return 0;
	xmlXPathFreeObject(v);
	return -ENOMEM;
}

void rule_unlet(struct rule_compiler *c, const char *name)
{
	(void)xmlXPathRegisterVariable(c->trial, BAD_CAST name, NULL);
}

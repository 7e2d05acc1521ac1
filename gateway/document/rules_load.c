/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_model.h"

#include "common/buf.h"
#include "common/durable.h"
#include "xml/node.h"
#include "xml/reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SCH "http://purl.oclc.org/dsdl/schematron"
#define RULES_MAX (1024u * 1024)
#define MESSAGE_MAX 1000

struct loading {
	const char *path;
	char **ret_error;
	struct rules *rules;
};

static int fail(const struct loading *l, const xmlNode *node, const char *what)
{
	if (!*l->ret_error && asprintf(l->ret_error, "%s:%ld: %s", l->path,
				      xmlGetLineNo(node), what) < 0)
		*l->ret_error = NULL;
	return -EINVAL;
}

/* Every attribute must be one of the list, which is separated by spaces. */
static bool attributes_only(const xmlNode *node, const char *list)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		const char *name = (const char *)a->name, *at = list;
		size_t n = strlen(name);
		bool found = false;

		while (!a->ns && !found && (at = strstr(at, name)) != NULL) {
			found = (at == list || at[-1] == ' ') &&
				(at[n] == ' ' || at[n] == '\0');
			at += n;
		}
		if (!found)
			return false;
	}
	return true;
}

static xmlXPathCompExpr *expression(
	const struct loading *l, const xmlNode *node, const char *attribute, bool nodes)
{
	_cleanup_(freep) char *text = xml_attribute(node, attribute);

	return text ? rule_compile(text, &l->rules->prefixes, nodes) : NULL;
}

/* Text with its white space made single spaces, one kept at either end. */
static char *squeeze(const char *text)
{
	char *out = strdup(text), *w = out;
	bool gap = false;

	if (!out)
		return NULL;
	for (const char *p = text; *p; p++) {
		bool space = strchr(" \t\r\n", *p) != NULL;

		if (!space)
			*w++ = *p;
		else if (!gap)
			*w++ = ' ';
		gap = space;
	}
	*w = '\0';
	return out;
}

static int load_part(const struct loading *l, const xmlNode *node, struct part *part)
{
	if (node->type == XML_TEXT_NODE) {
		part->text = squeeze((const char *)node->content);
		return part->text ? 0 : -ENOMEM;
	}
	if (!xml_is(node, SCH, "value-of") || !attributes_only(node, "select"))
		return fail(l, node, "a message holds text and value-of only");
	part->select = expression(l, node, "select", false);
	return part->select ? 0 : fail(l, node, "select is missing or no expression");
}

static int load_message(const struct loading *l, const xmlNode *node, struct assertion *a)
{
	size_t n = 0;

	for (const xmlNode *c = node->children; c; c = c->next)
		n += c->type != XML_COMMENT_NODE;
	if (n == 0)
		return fail(l, node, "an assertion needs a message");
	a->parts = calloc(n, sizeof(*a->parts));
	if (!a->parts)
		return -ENOMEM;
	for (const xmlNode *c = node->children; c; c = c->next) {
		int r;

		if (c->type == XML_COMMENT_NODE)
			continue;
		r = load_part(l, c, &a->parts[a->part_count++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_role(const xmlNode *node, enum severity *ret)
{
	_cleanup_(freep) char *role = xml_attribute(node, "role");

	if (!role || strcmp(role, "error") == 0)
		*ret = SEVERITY_ERROR;
	else if (strcmp(role, "warning") == 0)
		*ret = SEVERITY_WARNING;
	else if (strcmp(role, "info") == 0)
		*ret = SEVERITY_INFO;
	else
		return -EINVAL;
	return 0;
}

static int load_assertion(
	const struct loading *l, const xmlNode *node, struct assertion *a)
{
	_cleanup_(freep) char *subject = xml_attribute(node, "subject");

	a->report = xml_is(node, SCH, "report");
	if (!a->report && !xml_is(node, SCH, "assert"))
		return fail(l, node, "a rule holds assert and report only");
	if (!attributes_only(node, "id test role subject") ||
		load_role(node, &a->severity) < 0)
		return fail(l, node, "an unknown attribute or role");
	a->id = xml_attribute(node, "id");
	if (!a->id || !*a->id)
		return fail(l, node, "an assertion needs an id");
	a->test = expression(l, node, "test", false);
	if (!a->test)
		return fail(l, node, "test is missing or no expression");
	if (subject) {
		a->subject = expression(l, node, "subject", true);
		if (!a->subject)
			return fail(l, node, "subject is no expression");
	}
	return load_message(l, node, a);
}

/* A context is a pattern: one that does not begin at the root matches everywhere. */
static xmlXPathCompExpr *context_of(const struct loading *l, const xmlNode *node)
{
	_cleanup_(freep) char *text = xml_attribute(node, "context");
	_cleanup_buf_ struct buf b = { 0 };

	buf_init(&b, MESSAGE_MAX);
	if (!text || (*text != '/' && strchr(text, '|')))
		return NULL;
	buf_addf(&b, "%s%s", *text == '/' ? "" : "//", text);
	return b.error ? NULL : rule_compile(b.data, &l->rules->prefixes, true);
}

static int load_rule(const struct loading *l, const xmlNode *node, struct rule *rule)
{
	if (!attributes_only(node, "id context"))
		return fail(l, node, "an unknown attribute");
	rule->context = context_of(l, node);
	if (!rule->context)
		return fail(l, node, "context is missing or no expression");
	rule->assertions =
		calloc(xml_count(node, NULL, NULL) + 1, sizeof(*rule->assertions));
	if (!rule->assertions)
		return -ENOMEM;
	for (const xmlNode *c = xml_child(node, NULL, NULL); c;
		c = xml_next(c, NULL, NULL)) {
		int r = load_assertion(l, c, &rule->assertions[rule->count++]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int load_pattern(
	const struct loading *l, const xmlNode *node, struct pattern *pattern)
{
	if (!attributes_only(node, "id"))
		return fail(l, node, "an unknown attribute");
	pattern->rules = calloc(xml_count(node, NULL, NULL) + 1, sizeof(*pattern->rules));
	if (!pattern->rules)
		return -ENOMEM;
	for (const xmlNode *c = xml_child(node, NULL, NULL); c;
		c = xml_next(c, NULL, NULL)) {
		int r;

		if (xml_is(c, SCH, "title"))
			continue;
		if (!xml_is(c, SCH, "rule"))
			return fail(l, c, "a pattern holds title and rule only");
		r = load_rule(l, c, &pattern->rules[pattern->count++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_prefix(const struct loading *l, const xmlNode *node)
{
	_cleanup_(freep) char *prefix = xml_attribute(node, "prefix");
	_cleanup_(freep) char *uri = xml_attribute(node, "uri");

	if (!prefix || !uri || !attributes_only(node, "prefix uri"))
		return fail(l, node, "ns needs prefix and uri and nothing else");
	return prefixes_add(&l->rules->prefixes, prefix, uri);
}

static int load_child(const struct loading *l, const xmlNode *node)
{
	if (xml_is(node, SCH, "title"))
		return 0;
	if (xml_is(node, SCH, "ns"))
		return load_prefix(l, node);
	if (xml_is(node, SCH, "pattern"))
		return load_pattern(l, node, &l->rules->patterns[l->rules->count++]);
	return fail(l, node, "a schema holds title, ns and pattern only");
}

static int load_schema(const struct loading *l, const xmlNode *root)
{
	_cleanup_(freep) char *binding = xml_attribute(root, "queryBinding");

	if (!xml_is(root, SCH, "schema") || !attributes_only(root, "queryBinding"))
		return fail(l, root, "the root is no Schematron schema");
	if (binding && strcmp(binding, "xslt") != 0)
		return fail(l, root, "the query binding must be xslt (XPath 1.0)");
	l->rules->patterns =
		calloc(xml_count(root, NULL, NULL) + 1, sizeof(*l->rules->patterns));
	if (!l->rules->patterns)
		return -ENOMEM;
	for (const xmlNode *c = xml_child(root, NULL, NULL); c;
		c = xml_next(c, NULL, NULL)) {
		int r = load_child(l, c);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_tree(const char *path, xmlDoc **ret_doc, char **ret_error)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(path, RULES_MAX, &data, &len);

	if (r < 0) {
		if (asprintf(ret_error, "%s: %s", path, strerror(-r)) < 0)
			*ret_error = NULL;
		return r;
	}
	r = xml_read(span_of(data, len), XML_READ_GATE, &findings, ret_doc);
	if (r == 0 && asprintf(ret_error, "%s:%s: %s", path, findings.list[0].where,
			      findings.list[0].message) < 0)
		*ret_error = NULL;
	return r > 0 ? 0 : r < 0 ? r : -EINVAL;
}

int rules_load(const char *path, struct rules **ret_rules, char **ret_error)
{
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	struct loading l = { .path = path, .ret_error = ret_error };
	int r;

	*ret_error = NULL;
	r = read_tree(path, &doc, ret_error);
	if (r < 0)
		return r;
	l.rules = calloc(1, sizeof(*l.rules));
	if (!l.rules)
		return -ENOMEM;
	r = load_schema(&l, xmlDocGetRootElement(doc));
	if (r < 0)
		rules_free(l.rules);
	else
		*ret_rules = l.rules;
	return r;
}

static void free_assertion(struct assertion *a)
{
	for (size_t i = 0; i < a->part_count; i++) {
		free(a->parts[i].text);
		xmlXPathFreeCompExpr(a->parts[i].select);
	}
	free(a->parts);
	free(a->id);
	xmlXPathFreeCompExpr(a->test);
	xmlXPathFreeCompExpr(a->subject);
}

static void free_pattern(struct pattern *p)
{
	for (size_t i = 0; i < p->count; i++) {
		for (size_t k = 0; k < p->rules[i].count; k++)
			free_assertion(&p->rules[i].assertions[k]);
		free(p->rules[i].assertions);
		xmlXPathFreeCompExpr(p->rules[i].context);
	}
	free(p->rules);
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		free_pattern(&r->patterns[i]);
	free(r->patterns);
	prefixes_done(&r->prefixes);
	free(r);
}

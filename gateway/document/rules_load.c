/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_loading.h"

#include "xml/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXTENDS_MAX 8

/* What asserts of a rule inherit, and how deep it is in rules that it extends. */
struct within {
	const char *role, *see;
	unsigned int depth;
};

static bool is_abstract(const xmlNode *node)
{
	_cleanup_(freep) char *text = xml_attribute(node, "abstract");

	return text && strcmp(text, "true") == 0;
}

/* What is for readers of the file. */
static bool is_prose(const xmlNode *node)
{
	return xml_is(node, SCH, "title") || xml_is(node, SCH, "p");
}

static const xmlNode *abstract_rule(const xmlNode *root, const char *id)
{
	for (const xmlNode *p = xml_child(root, SCH, "pattern"); p;
		p = xml_next(p, SCH, "pattern"))
		for (const xmlNode *r = xml_child(p, SCH, "rule"); r;
			r = xml_next(r, SCH, "rule")) {
			_cleanup_(freep) char *its = xml_attribute(r, "id");

			if (is_abstract(r) && its && strcmp(its, id) == 0)
				return r;
		}
	return NULL;
}

static int load_body(struct rules_loading *l, const xmlNode *node, struct within within,
	struct rule *rule);

/* The assertions of an abstract rule, in the place where it is named. */
static int load_extends(struct rules_loading *l, const xmlNode *node,
	struct within within, struct rule *rule)
{
	_cleanup_(freep) char *id = xml_attribute(node, "rule");
	const xmlNode *model = id ? abstract_rule(l->root, id) : NULL;

	if (!model || !rules_attributes_only(node, "rule"))
		return rules_fail(l, node, "extends names the id of an abstract rule");
	if (within.depth == EXTENDS_MAX)
		return rules_fail(l, node, "rules extend each other without an end");
	within.depth++;
	return load_body(l, model, within, rule);
}

static int load_member(struct rules_loading *l, const xmlNode *node, struct within within,
	struct rule *rule)
{
	int r;

	if (is_prose(node))
		return 0;
	if (xml_is(node, SCH, "extends"))
		return load_extends(l, node, within, rule);
	if (xml_is(node, SCH, "let"))
		return rules_load_let(l, node, &rule->lets);
	if (!xml_is(node, SCH, "assert") && !xml_is(node, SCH, "report"))
		return rules_fail(
			l, node, "a rule holds let, assert, report and extends");
	r = rules_grow(
		(void **)&rule->assertions, rule->count, sizeof(*rule->assertions));
	if (r < 0)
		return r;
	return rules_load_assertion(
		l, node, within.role, within.see, &rule->assertions[rule->count++]);
}

static int load_body(struct rules_loading *l, const xmlNode *node, struct within within,
	struct rule *rule)
{
	_cleanup_(freep) char *role = xml_attribute(node, "role");
	_cleanup_(freep) char *see = xml_attribute(node, "see");
	int r = 0;

	if (!rules_attributes_only(node, "id context role see abstract"))
		return rules_fail(l, node, "an unknown attribute");
	if (is_abstract(node) && xmlHasProp(node, BAD_CAST "context"))
		return rules_fail(l, node, "an abstract rule has no context");
	if (role)
		within.role = role;
	if (see)
		within.see = see;
	for (const xmlNode *c = xml_child(node, NULL, NULL); r == 0 && c;
		c = xml_next(c, NULL, NULL))
		r = load_member(l, c, within, rule);
	return r;
}

static int load_rule(struct rules_loading *l, const xmlNode *node, struct within within,
	struct rule *rule)
{
	_cleanup_(freep) char *context = xml_attribute(node, "context");
	const char *why = "it is missing";
	int r;

	if (context)
		rule->context = match_compile(l->compiler, context, &why);
	if (!rule->context)
		return rules_fail_why(l, node, "context", why);
	r = load_body(l, node, within, rule);
	for (size_t i = 0; i < rule->lets.count; i++)
		if (rule->lets.list[i].value)
			rule_unlet(l->compiler, rule->lets.list[i].name);
	return r;
}

/* An abstract rule is read where it is extended, so that a slip in one that nothing
 * extends would be missed: it is read here once for that. */
static int try_abstract(
	struct rules_loading *l, const xmlNode *node, struct within within)
{
	struct rule scratch = { 0 };
	int r = load_body(l, node, within, &scratch);

	for (size_t i = 0; i < scratch.lets.count; i++)
		if (scratch.lets.list[i].value)
			rule_unlet(l->compiler, scratch.lets.list[i].name);
	rule_done(&scratch);
	return r;
}

static int load_pattern_member(struct rules_loading *l, const xmlNode *node,
	struct within within, struct pattern *pattern)
{
	int r;

	if (is_prose(node))
		return 0;
	if (xml_is(node, SCH, "let"))
		return rules_load_let(l, node, &l->rules->lets);
	if (!xml_is(node, SCH, "rule"))
		return rules_fail(l, node, "a pattern holds title, p, let and rule");
	if (is_abstract(node))
		return try_abstract(l, node, within);
	r = rules_grow((void **)&pattern->rules, pattern->count, sizeof(*pattern->rules));
	if (r < 0)
		return r;
	return load_rule(l, node, within, &pattern->rules[pattern->count++]);
}

static int load_pattern(struct rules_loading *l, const xmlNode *node, bool active)
{
	_cleanup_(freep) char *role = xml_attribute(node, "role");
	_cleanup_(freep) char *see = xml_attribute(node, "see");
	struct within within = { .role = role, .see = see };
	struct pattern *pattern;
	int r;

	if (!rules_attributes_only(node, "id is-a role see"))
		return rules_fail(l, node, "an unknown attribute");
	r = rules_grow((void **)&l->rules->patterns, l->rules->count,
		sizeof(*l->rules->patterns));
	if (r < 0)
		return r;
	pattern = &l->rules->patterns[l->rules->count++];
	for (const xmlNode *c = xml_child(node, NULL, NULL); r == 0 && c;
		c = xml_next(c, NULL, NULL))
		r = load_pattern_member(l, c, within, pattern);
	if (r == 0 && !active)
		pattern_done(&l->rules->patterns[--l->rules->count]);
	return r;
}

static int load_prefix(const struct rules_loading *l, const xmlNode *node)
{
	_cleanup_(freep) char *prefix = xml_attribute(node, "prefix");
	_cleanup_(freep) char *uri = xml_attribute(node, "uri");

	if (!prefix || !uri || !rules_attributes_only(node, "prefix uri"))
		return rules_fail(l, node, "ns needs prefix and uri and nothing else");
	if (prefixes_add(&l->rules->prefixes, prefix, uri) < 0)
		return rules_fail(l, node, "there are too many prefixes");
	return 0;
}

/* The phase of an id, or NULL. */
static const xmlNode *find_phase(const xmlNode *root, const char *id)
{
	for (const xmlNode *p = xml_child(root, SCH, "phase"); p;
		p = xml_next(p, SCH, "phase")) {
		_cleanup_(freep) char *its = xml_attribute(p, "id");

		if (its && strcmp(its, id) == 0)
			return p;
	}
	return NULL;
}

static bool active_in(const xmlNode *phase, const xmlNode *pattern)
{
	_cleanup_(freep) char *id = xml_attribute(pattern, "id");

	for (const xmlNode *a = xml_child(phase, SCH, "active"); a;
		a = xml_next(a, SCH, "active")) {
		_cleanup_(freep) char *named = xml_attribute(a, "pattern");

		if (id && named && strcmp(id, named) == 0)
			return true;
	}
	return !phase;
}

static int check_phase(const struct rules_loading *l, const xmlNode *phase)
{
	if (!rules_attributes_only(phase, "id") || !xmlHasProp(phase, BAD_CAST "id"))
		return rules_fail(l, phase, "a phase has an id and nothing else");
	for (const xmlNode *a = xml_child(phase, NULL, NULL); a;
		a = xml_next(a, NULL, NULL)) {
		_cleanup_(freep) char *id = xml_attribute(a, "pattern");
		bool found = false;

		if (is_prose(a))
			continue;
		if (!xml_is(a, SCH, "active") || !rules_attributes_only(a, "pattern"))
			return rules_fail(l, a, "a phase holds active with a pattern");
		for (const xmlNode *p = xml_child(l->root, SCH, "pattern"); id && p;
			p = xml_next(p, SCH, "pattern")) {
			_cleanup_(freep) char *its = xml_attribute(p, "id");

			found |= its && strcmp(its, id) == 0;
		}
		if (!found)
			return rules_fail(l, a, "there is no pattern of that id");
	}
	return 0;
}

static int check_diagnostics(const struct rules_loading *l, const xmlNode *node)
{
	for (const xmlNode *d = xml_child(node, NULL, NULL); d;
		d = xml_next(d, NULL, NULL))
		if (!xml_is(d, SCH, "diagnostic") || !rules_attributes_only(d, "id") ||
			!xmlHasProp(d, BAD_CAST "id"))
			return rules_fail(
				l, d, "diagnostics holds diagnostic with an id");
	return 0;
}

static int load_child(struct rules_loading *l, const xmlNode *node, const xmlNode *phase)
{
	if (is_prose(node))
		return 0;
	if (xml_is(node, SCH, "ns"))
		return load_prefix(l, node);
	if (xml_is(node, SCH, "let"))
		return rules_load_let(l, node, &l->rules->lets);
	if (xml_is(node, SCH, "phase"))
		return check_phase(l, node);
	if (xml_is(node, SCH, "diagnostics"))
		return check_diagnostics(l, node);
	if (!xml_is(node, SCH, "pattern"))
		return rules_fail(l, node,
			"a schema holds title, p, ns, let, phase, pattern, diagnostics");
	/* An abstract pattern is read where it is written out. */
	return is_abstract(node) ? 0 : load_pattern(l, node, active_in(phase, node));
}

/* Which patterns count. Return: 0, or -EINVAL when there is no such phase. */
static int choose_phase(
	const struct rules_loading *l, const char *wanted, const xmlNode **ret_phase)
{
	_cleanup_(freep) char *first = xml_attribute(l->root, "defaultPhase");
	const char *id = wanted ? wanted : first;

	*ret_phase = NULL;
	if (!id || strcmp(id, "#ALL") == 0)
		return 0;
	*ret_phase = find_phase(l->root, id);
	return *ret_phase ? 0 : rules_fail_why(l, l->root, "there is no phase", id);
}

static int load_schema(struct rules_loading *l, const char *wanted)
{
	_cleanup_(freep) char *binding = xml_attribute(l->root, "queryBinding");
	const xmlNode *phase;
	int r;

	if (!xml_is(l->root, SCH, "schema") ||
		!rules_attributes_only(l->root, "queryBinding defaultPhase"))
		return rules_fail(l, l->root, "the root is no Schematron schema");
	if (binding && strcmp(binding, "xslt") != 0)
		return rules_fail(
			l, l->root, "the query binding must be xslt (XPath 1.0)");
	r = choose_phase(l, wanted, &phase);
	for (const xmlNode *c = xml_child(l->root, NULL, NULL); r == 0 && c;
		c = xml_next(c, NULL, NULL))
		r = load_child(l, c, phase);
	return r == 0 ? rules_index(l->rules) : r;
}

static void loading_done(struct rules_loading *l)
{
	for (size_t i = 0; i < l->seen_count; i++)
		free(l->seen[i].id);
	free(l->seen);
	rule_compiler_free(l->compiler);
	rules_source_done(&l->source);
}

static int compile(struct rules_loading *l, const char *phase)
{
	l->compiler = rule_compiler_new(&l->rules->prefixes);
	return l->compiler ? load_schema(l, phase) : -ENOMEM;
}

int rules_load(
	const char *path, const char *phase, struct rules **ret_rules, char **ret_error)
{
	struct rules_loading l = { .ret_error = ret_error };
	int r;

	*ret_error = NULL;
	r = rules_source_read(path, &l.source, ret_error);
	if (r < 0)
		return r;
	l.root = xmlDocGetRootElement(l.source.doc);
	l.rules = calloc(1, sizeof(*l.rules));
	r = l.rules ? compile(&l, phase) : -ENOMEM;
	if (r < 0)
		rules_free(l.rules);
	else
		*ret_rules = l.rules;
	loading_done(&l);
	return r;
}

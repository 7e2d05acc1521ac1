/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_loading.h"

#include "xml/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int rules_fail(const struct rules_loading *l, const xmlNode *node, const char *what)
{
	return rules_source_fail(&l->source, node, what, l->ret_error);
}

int rules_fail_why(const struct rules_loading *l, const xmlNode *node, const char *what,
	const char *why)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "%s: %s", what, why);
	return rules_fail(l, node, text);
}

int rules_grow(void **list, size_t count, size_t size)
{
	char *more = *list;

	if (!more || (count & (count - 1)) == 0) {
		more = reallocarray(*list, count ? count * 2 : 1, size);
		if (!more)
			return -ENOMEM;
		*list = more;
	}
	memset(more + count * size, 0, size);
	return 0;
}

int rules_expression(const struct rules_loading *l, const xmlNode *node,
	const char *attribute, enum rule_want want, xmlXPathCompExpr **ret)
{
	_cleanup_(freep) char *text = xml_attribute(node, attribute);
	const char *why = "it is missing";

	*ret = text ? rule_compile(l->compiler, text, want, &why) : NULL;
	return *ret ? 0 : rules_fail_why(l, node, attribute, why);
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

/* One more part, or NULL without memory. */
static struct part *add_part(struct message *m)
{
	if (rules_grow((void **)&m->parts, m->count, sizeof(*m->parts)) < 0)
		return NULL;
	return &m->parts[m->count++];
}

/* <name/> is the name of the context, <name path="e"/> that of a node. */
static int load_name(
	const struct rules_loading *l, const xmlNode *node, struct part *part)
{
	_cleanup_(freep) char *path = xml_attribute(node, "path");
	_cleanup_(freep) char *text = NULL;
	const char *why = "";

	if (!rules_attributes_only(node, "path"))
		return rules_fail(l, node, "an unknown attribute");
	/* ISO: an expression that gives the name, such as name(..). */
	text = strdup(path ? path : "name()");
	part->select = text ? rule_compile(l->compiler, text, WANT_VALUE, &why) : NULL;
	return part->select ? 0 : rules_fail_why(l, node, "path", why);
}

static int load_part(
	const struct rules_loading *l, const xmlNode *node, struct message *m)
{
	struct part *part;

	if (node->type == XML_COMMENT_NODE)
		return 0;
	if (xml_is(node, SCH, "emph") || xml_is(node, SCH, "span") ||
		xml_is(node, SCH, "dir"))
		return rules_load_message(l, node, m);
	part = add_part(m);
	if (!part)
		return -ENOMEM;
	if (node->type == XML_TEXT_NODE) {
		part->text = squeeze((const char *)node->content);
		return part->text ? 0 : -ENOMEM;
	}
	if (xml_is(node, SCH, "name"))
		return load_name(l, node, part);
	if (!xml_is(node, SCH, "value-of") || !rules_attributes_only(node, "select"))
		return rules_fail(
			l, node, "a message holds text, value-of, name and emph only");
	return rules_expression(l, node, "select", WANT_VALUE, &part->select);
}

int rules_load_message(
	const struct rules_loading *l, const xmlNode *node, struct message *m)
{
	int r = 0;

	for (const xmlNode *c = node->children; r == 0 && c; c = c->next)
		r = load_part(l, c, m);
	return r;
}

static int load_role(const char *role, enum severity *ret)
{
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

static const xmlNode *diagnostic(const xmlNode *root, const char *id, size_t len)
{
	for (const xmlNode *all = xml_child(root, SCH, "diagnostics"); all;
		all = xml_next(all, SCH, "diagnostics"))
		for (const xmlNode *d = xml_child(all, SCH, "diagnostic"); d;
			d = xml_next(d, SCH, "diagnostic")) {
			_cleanup_(freep) char *its = xml_attribute(d, "id");

			if (its && strlen(its) == len && memcmp(its, id, len) == 0)
				return d;
		}
	return NULL;
}

/* The diagnostics that an assertion names are how to mend what it found. */
static int load_fix(struct rules_loading *l, const xmlNode *node, struct message *m)
{
	_cleanup_(freep) char *ids = xml_attribute(node, "diagnostics");
	const char *at = ids ? ids : "";
	int r = 0;

	while (r == 0 && *(at += strspn(at, " \t\r\n"))) {
		size_t n = strcspn(at, " \t\r\n");
		const xmlNode *d = diagnostic(l->root, at, n);

		if (!d)
			return rules_fail(l, node, "there is no diagnostic of that id");
		r = rules_load_message(l, d, m);
		at += n;
	}
	return r;
}

static const char *path_of(const struct rules_loading *l, const xmlNode *node)
{
	for (; node; node = node->parent)
		if (node->type == XML_ELEMENT_NODE && node->_private)
			return node->_private;
	return l->source.paths[0];
}

static int note_id(struct rules_loading *l, const xmlNode *node, const char *id)
{
	const char *path = path_of(l, node);
	long line = xmlGetLineNo(node);
	int r;

	for (size_t i = 0; i < l->seen_count; i++) {
		const struct seen_id *s = &l->seen[i];

		if (strcmp(s->id, id) == 0)
			return s->line == line && strcmp(s->path, path) == 0
				       ? 0
				       : rules_fail_why(l, node,
						 "there is another assertion of this id",
						 id);
	}
	r = rules_grow((void **)&l->seen, l->seen_count, sizeof(*l->seen));
	if (r < 0)
		return r;
	l->seen[l->seen_count] =
		(struct seen_id){ .id = strdup(id), .path = path, .line = line };
	return l->seen[l->seen_count++].id ? 0 : -ENOMEM;
}

static int load_names(struct rules_loading *l, const xmlNode *node, const char *role,
	const char *see, struct assertion *a)
{
	_cleanup_(freep) char *own_role = xml_attribute(node, "role");
	_cleanup_(freep) char *own_see = xml_attribute(node, "see");

	a->report = xml_is(node, SCH, "report");
	if (!rules_attributes_only(node, "id test role subject diagnostics see"))
		return rules_fail(l, node, "an unknown attribute");
	if (load_role(own_role ? own_role : role, &a->severity) < 0)
		return rules_fail(l, node, "role is error, warning or info");
	a->id = xml_attribute(node, "id");
	if (!a->id || !*a->id)
		return rules_fail(l, node, "an assertion needs an id");
	if (own_see || see) {
		a->clause = strdup(own_see ? own_see : see);
		if (!a->clause)
			return -ENOMEM;
	}
	return note_id(l, node, a->id);
}

static int load_test(
	const struct rules_loading *l, const xmlNode *node, struct test *ret_test)
{
	_cleanup_(freep) char *text = xml_attribute(node, "test");
	const char *why = "it is missing";

	if (text && test_compile(l->compiler, text, WANT_VALUE, ret_test, &why))
		return 0;
	return rules_fail_why(l, node, "test", why);
}

int rules_load_assertion(struct rules_loading *l, const xmlNode *node, const char *role,
	const char *see, struct assertion *a)
{
	int r = load_names(l, node, role, see, a);

	if (r == 0)
		r = load_test(l, node, &a->test);
	if (r == 0 && xmlHasProp(node, BAD_CAST "subject"))
		r = rules_expression(l, node, "subject", WANT_NODES, &a->subject);
	if (r == 0)
		r = rules_load_message(l, node, &a->message);
	if (r == 0 && a->message.count == 0)
		r = rules_fail(l, node, "an assertion needs a message");
	return r == 0 ? load_fix(l, node, &a->fix) : r;
}

int rules_load_let(struct rules_loading *l, const xmlNode *node, struct lets *lets)
{
	struct let *let;
	int r = rules_grow((void **)&lets->list, lets->count, sizeof(*lets->list));

	if (r < 0)
		return r;
	let = &lets->list[lets->count++];
	let->name = xml_attribute(node, "name");
	if (!let->name || !*let->name || strchr(let->name, ':') ||
		!rules_attributes_only(node, "name value"))
		return rules_fail(l, node, "let has a plain name and a value");
	r = rules_expression(l, node, "value", WANT_VALUE, &let->value);
	if (r == 0 && xml_child(node, NULL, NULL))
		return rules_fail(l, node, "the value of let is an attribute");
	if (r == 0 && rule_let(l->compiler, let->name, let->value) < 0)
		return rules_fail_why(
			l, node, "there is another variable of this name", let->name);
	return r;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/rules_source.h"

#include "common/buf.h"
#include "common/durable.h"
#include "document/xpath_lex.h"
#include "xml/node.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define RULES_MAX (1024u * 1024)
#define EXPRESSION_MAX 8192
#define NODES_MAX 50000

struct expanding {
	struct rules_source *source;
	char **ret_error;
	size_t nodes; /* made by expansion */
};

static const char *path_of(const struct rules_source *s, const xmlNode *node)
{
	for (; node; node = node->parent)
		if (node->type == XML_ELEMENT_NODE && node->_private)
			return node->_private;
	return s->path_count ? s->paths[0] : "";
}

int rules_source_fail(const struct rules_source *s, const xmlNode *node, const char *what,
	char **ret_error)
{
	if (!*ret_error && asprintf(ret_error, "%s:%ld: %s", path_of(s, node),
				   xmlGetLineNo(node), what) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static int fail(const struct expanding *e, const xmlNode *node, const char *what)
{
	return rules_source_fail(e->source, node, what, e->ret_error);
}

bool rules_attributes_only(const xmlNode *node, const char *list)
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

static int read_tree(const char *path, xmlDoc **ret_doc, char **ret_error)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(path, RULES_MAX, &data, &len);

	if (r < 0) {
		if (!*ret_error && asprintf(ret_error, "%s: %s", path, strerror(-r)) < 0)
			*ret_error = NULL;
		return r;
	}
	r = xml_read(span_of(data, len), XML_READ_GATE, &findings, ret_doc);
	if (r == 0 && !*ret_error &&
		asprintf(ret_error, "%s:%s: %s", path, findings.list[0].where,
			findings.list[0].message) < 0)
		*ret_error = NULL;
	return r > 0 ? 0 : r < 0 ? r : -EINVAL;
}

static int add_path(struct expanding *e, const xmlNode *node, const char *path)
{
	struct rules_source *s = e->source;

	if (s->path_count == RULE_FILES_MAX)
		return fail(
			e, node, "too many files, or an include that includes itself");
	s->paths[s->path_count] = strdup(path);
	return s->paths[s->path_count++] ? 0 : -ENOMEM;
}

/* href beside the file that names it. */
static int join(const struct expanding *e, const xmlNode *node, const char *href,
	char ret_path[PATH_MAX])
{
	const char *from = path_of(e->source, node), *slash = strrchr(from, '/');

	if (!*href || *href == '/' || strstr(href, "..") || strpbrk(href, ":#?\\"))
		return fail(e, node, "href must be the name of a file beside this one");
	if (snprintf(ret_path, PATH_MAX, "%.*s%s", slash ? (int)(slash - from) + 1 : 0,
		    from, href) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

/* Put the root of the named file in the place of the include. */
static int include(struct expanding *e, xmlNode *node, xmlNode **ret_node)
{
	_cleanup_(freep) char *href = xml_attribute(node, "href");
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	char path[PATH_MAX];
	xmlNode *copy;
	int r;

	if (!href || !rules_attributes_only(node, "href"))
		return fail(e, node, "an include has an href and nothing else");
	r = join(e, node, href, path);
	if (r == 0)
		r = add_path(e, node, path);
	if (r == 0)
		r = read_tree(path, &doc, e->ret_error);
	if (r < 0)
		return r == -ENOENT ? -EINVAL : r;
	if (xml_is(xmlDocGetRootElement(doc), SCH, "schema"))
		return fail(e, node, "a part is included, not a whole schema");
	copy = xmlDocCopyNode(xmlDocGetRootElement(doc), e->source->doc, 1);
	if (!copy)
		return -ENOMEM;
	copy->_private = e->source->paths[e->source->path_count - 1];
	xmlReplaceNode(node, copy);
	xmlFreeNode(node);
	*ret_node = copy;
	return 0;
}

static int put_includes_in(struct expanding *e, xmlNode *parent)
{
	xmlNode *next;
	int r = 0;

	for (xmlNode *c = xml_child(parent, NULL, NULL); r == 0 && c; c = next) {
		next = xml_next(c, NULL, NULL);
		while (r == 0 && xml_is(c, SCH, "include"))
			r = include(e, c, &c);
		if (r == 0)
			r = put_includes_in(e, c);
	}
	return r;
}

/* The value of a parameter of an instance, or NULL. */
static char *parameter(const xmlNode *instance, const char *name, size_t len)
{
	for (const xmlNode *p = xml_child(instance, SCH, "param"); p;
		p = xml_next(p, SCH, "param")) {
		_cleanup_(freep) char *n = xml_attribute(p, "name");

		if (n && strlen(n) == len && memcmp(n, name, len) == 0)
			return xml_attribute(p, "value");
	}
	return NULL;
}

static size_t name_length(const char *text)
{
	struct lexer l;
	struct token t;

	lex_init(&l, text);
	t = lex_next(&l);
	return t.kind == TOKEN_VARIABLE ? t.len - 1 : 0;
}

/* text with every $name that is a parameter replaced; others are variables. */
static char *substitute(const xmlNode *instance, const char *text)
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, EXPRESSION_MAX);
	buf_add_str(&b, "");
	while (*text) {
		size_t n = *text == '$' ? name_length(text) : 0;
		_cleanup_(freep) char *value =
			n ? parameter(instance, text + 1, n) : NULL;

		if (value)
			buf_add_str(&b, value);
		else
			buf_add(&b, text, 1);
		text += value ? n + 1 : 1;
	}
	return buf_take(&b, NULL);
}

static int write_out_node(struct expanding *e, const xmlNode *instance, xmlNode *node)
{
	int r = 0;

	if (++e->nodes > NODES_MAX)
		return fail(e, instance, "abstract patterns make too much of this");
	for (xmlAttr *a = node->type == XML_ELEMENT_NODE ? node->properties : NULL;
		r == 0 && a; a = a->next) {
		_cleanup_(freep) char *old = xml_attribute(node, (const char *)a->name);
		_cleanup_(freep) char *text = old ? substitute(instance, old) : NULL;

		if (!text)
			return fail(e, instance, "an expression gets too long");
		if (!xmlSetProp(node, a->name, BAD_CAST text))
			return -ENOMEM;
	}
	for (xmlNode *c = node->type == XML_ELEMENT_NODE ? node->children : NULL;
		r == 0 && c; c = c->next)
		r = write_out_node(e, instance, c);
	return r;
}

static const xmlNode *abstract_pattern(const xmlNode *root, const char *id)
{
	for (const xmlNode *p = xml_child(root, SCH, "pattern"); p;
		p = xml_next(p, SCH, "pattern")) {
		_cleanup_(freep) char *abstract = xml_attribute(p, "abstract");
		_cleanup_(freep) char *its = xml_attribute(p, "id");

		if (abstract && strcmp(abstract, "true") == 0 && its &&
			strcmp(its, id) == 0)
			return p;
	}
	return NULL;
}

static int check_instance(const struct expanding *e, const xmlNode *instance)
{
	if (!rules_attributes_only(instance, "id is-a see role"))
		return fail(e, instance, "an unknown attribute");
	for (const xmlNode *c = xml_child(instance, NULL, NULL); c;
		c = xml_next(c, NULL, NULL))
		if (!xml_is(c, SCH, "param") || !rules_attributes_only(c, "name value"))
			return fail(e, c, "an instance holds param with name and value");
	return 0;
}

/* Every parameter that an abstract pattern is written with must be given: what is left
 * over would be an unknown variable, which the compiler refuses. */
static int write_out(struct expanding *e, xmlNode *instance, const xmlNode *model)
{
	xmlNode *param = xml_child(instance, SCH, "param");
	int r = 0;

	for (const xmlNode *c = model->children; r == 0 && c; c = c->next) {
		/* DocCopy is given the children one by one: the model stays. */
		xmlNode *copy =
			xmlDocCopyNode((xmlNode *)(uintptr_t)c, e->source->doc, 1);

		if (!copy || !xmlAddChild(instance, copy))
			return -ENOMEM;
		if (copy->type == XML_ELEMENT_NODE) {
			copy->_private = (void *)(uintptr_t)path_of(e->source, c);
			r = write_out_node(e, instance, copy);
		}
	}
	while (param) {
		xmlNode *next = xml_next(param, SCH, "param");

		xmlUnlinkNode(param);
		xmlFreeNode(param);
		param = next;
	}
	return r;
}

static int write_patterns_out(struct expanding *e, xmlNode *root)
{
	int r = 0;

	for (xmlNode *p = xml_child(root, SCH, "pattern"); r == 0 && p;
		p = xml_next(p, SCH, "pattern")) {
		_cleanup_(freep) char *id = xml_attribute(p, "is-a");
		const xmlNode *model = id ? abstract_pattern(root, id) : NULL;

		if (!id)
			continue;
		if (!model)
			return fail(e, p, "there is no abstract pattern of that id");
		r = check_instance(e, p);
		if (r == 0)
			r = write_out(e, p, model);
	}
	return r;
}

int rules_source_read(const char *path, struct rules_source *ret_source, char **ret_error)
{
	struct rules_source s = { 0 };
	struct expanding e = { .source = &s, .ret_error = ret_error };
	xmlNode *root;
	int r = add_path(&e, NULL, path);

	if (r == 0)
		r = read_tree(path, &s.doc, ret_error);
	root = r == 0 ? xmlDocGetRootElement(s.doc) : NULL;
	if (r == 0)
		r = put_includes_in(&e, root);
	if (r == 0)
		r = write_patterns_out(&e, root);
	if (r < 0)
		rules_source_done(&s);
	else
		*ret_source = s;
	return r;
}

void rules_source_done(struct rules_source *s)
{
	xmlFreeDoc(s->doc);
	for (size_t i = 0; i < s->path_count; i++)
		free(s->paths[i]);
	*s = (struct rules_source){ 0 };
}

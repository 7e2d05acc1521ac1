/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/versions.h"

#include "common/clock.h"
#include "common/durable.h"
#include "xml/node.h"
#include "xml/schema.h"

#include <dirent.h>
#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define VERSIONS_MAX 32
#define VERSION_FILE_MAX (64u * 1024)

/* What a document of the version has, and what types know. */
struct renaming {
	char *of, *as;
};

struct version {
	char name[DOCUMENT_VERSION_SIZE];
	struct renaming namespaces[VERSION_NAMESPACES_MAX];
	size_t namespace_count;
	struct renaming lists;	   /* NULL without */
	struct xml_schema *schema; /* that holds beside the type's, or NULL */
	int64_t sunset;
	bool experimental;
};

struct document_versions {
	struct version list[VERSIONS_MAX];
	size_t count;
};

struct loading {
	const char *policies;
	const char *path; /* of the version's file */
	struct document_versions *versions;
	char **ret_error;
};

static int fail(const struct loading *l, const config_setting_t *at, const char *what)
{
	if (!*l->ret_error && asprintf(l->ret_error, "%s:%d: %s", l->path,
				      at ? config_setting_source_line(at) : 0, what) < 0)
		*l->ret_error = NULL;
	return -EINVAL;
}

/* Strings that are no names of files: not empty, of either side. */
static int read_renaming(
	const struct loading *l, const config_setting_t *group, struct renaming *ret)
{
	const char *of = NULL, *as = NULL;

	if (!config_setting_is_group(group) || config_setting_length(group) != 2 ||
		!config_setting_lookup_string(group, "of", &of) ||
		!config_setting_lookup_string(group, "as", &as) || !*of || !*as)
		return fail(l, group, "a renaming is { of = \"...\"; as = \"...\"; }");
	ret->of = strdup(of);
	ret->as = strdup(as);
	return ret->of && ret->as ? 0 : -ENOMEM;
}

static const struct renaming *find(const struct version *v, const char *ns)
{
	for (size_t i = 0; i < v->namespace_count; i++)
		if (strcmp(v->namespaces[i].of, ns) == 0)
			return &v->namespaces[i];
	return NULL;
}

/* The version that has the namespace; two may share what stands below their roots. */
static const struct version *version_of(
	const struct document_versions *versions, const char *root)
{
	for (size_t i = 0; versions && i < versions->count; i++)
		if (find(&versions->list[i], root))
			return &versions->list[i];
	return NULL;
}

static int read_namespaces(
	const struct loading *l, const config_setting_t *list, struct version *v)
{
	int count =
		list && config_setting_is_list(list) ? config_setting_length(list) : 0;

	if (count == 0 || count > VERSION_NAMESPACES_MAX)
		return fail(l, list, "namespaces is a list of a few renamings");
	for (int i = 0; i < count; i++) {
		config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		struct renaming *n = &v->namespaces[v->namespace_count];
		int r = read_renaming(l, group, n);

		if (r == 0 && find(v, n->of))
			r = fail(l, group, "a namespace is there twice");
		v->namespace_count++;
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_sunset(
	const struct loading *l, const config_setting_t *at, struct version *v)
{
	const char *text = at ? config_setting_get_string(at) : NULL;

	if (text && clock_parse(text, &v->sunset) == 0 && v->sunset > 0)
		return 0;
	return fail(l, at, "sunset is a time of RFC 3339");
}

static int read_schema(
	const struct loading *l, const config_setting_t *at, struct version *v)
{
	const char *name = at ? config_setting_get_string(at) : NULL;
	char path[PATH_MAX];

	if (!at)
		return 0;
	if (!name || *name == '/' || strstr(name, "..") ||
		snprintf(path, sizeof(path), "%s/%s", l->policies, name) >= PATH_MAX)
		return fail(
			l, at, "a path must be relative to policies and stay below it");
	return xml_schema_open(path, &v->schema, l->ret_error);
}

static int read_experimental(
	const struct loading *l, const config_setting_t *at, struct version *v)
{
	if (!at || config_setting_type(at) != CONFIG_TYPE_BOOL)
		return fail(l, at, "experimental is true or false");
	v->experimental = config_setting_get_bool(at);
	return 0;
}

static int check_keys(const struct loading *l, const config_setting_t *root)
{
	static const char *const KEYS[] = { "name", "namespaces", "lists", "schema",
		"sunset", "experimental" };

	for (int i = 0; i < config_setting_length(root); i++) {
		config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
		bool known = false;

		for (size_t k = 0; k < sizeof(KEYS) / sizeof(KEYS[0]); k++)
			known = known || strcmp(KEYS[k], config_setting_name(s)) == 0;
		if (!known)
			return fail(l, s, "an unknown key");
	}
	return 0;
}

static int read_version(
	const struct loading *l, const config_setting_t *root, struct version *v)
{
	const config_setting_t *lists = config_setting_get_member(root, "lists");
	const char *name = NULL;
	int r = check_keys(l, root);

	if (r == 0 && (!config_setting_lookup_string(root, "name", &name) || !*name ||
			      strlen(name) >= sizeof(v->name)))
		r = fail(l, root, "name is missing or too long");
	if (r == 0)
		memcpy(v->name, name, strlen(name) + 1);
	if (r == 0)
		r = read_namespaces(l, config_setting_get_member(root, "namespaces"), v);
	if (r == 0 && version_of(l->versions, v->namespaces[0].of))
		r = fail(l, config_setting_get_member(root, "namespaces"),
			"another version has the first of the namespaces");
	if (r == 0 && lists)
		r = read_renaming(l, lists, &v->lists);
	if (r == 0)
		r = read_sunset(l, config_setting_get_member(root, "sunset"), v);
	if (r == 0)
		r = read_experimental(
			l, config_setting_get_member(root, "experimental"), v);
	if (r == 0)
		r = read_schema(l, config_setting_get_member(root, "schema"), v);
	return r;
}

static int parse(const struct loading *l, const char *text, struct version *v)
{
	config_t config;
	int r = -EINVAL;

	config_init(&config);
	if (config_read_string(&config, text))
		r = read_version(l, config_root_setting(&config), v);
	else if (asprintf(l->ret_error, "%s:%d: %s", l->path, config_error_line(&config),
			 config_error_text(&config)) < 0)
		*l->ret_error = NULL;
	config_destroy(&config);
	return r;
}

static int load_version(const struct loading *l)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r;

	if (l->versions->count == VERSIONS_MAX)
		return fail(l, NULL, "too many versions");
	r = file_read(l->path, VERSION_FILE_MAX, (uint8_t **)&text, &len);
	if (r < 0) {
		(void)fail(l, NULL, strerror(-r));
		return r;
	}
	if (strlen(text) != len || strstr(text, "@include"))
		return fail(l, NULL, "a NUL or @include is not allowed");
	r = parse(l, text, &l->versions->list[l->versions->count]);
	/* One that failed is freed with the others. */
	l->versions->count++;
	return r;
}

static int is_version(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 4 && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + n - 4, ".cfg") == 0;
}

int document_versions_load(
	const char *policies, struct document_versions **ret, char **ret_error)
{
	struct loading l = { .policies = policies, .ret_error = ret_error };
	char folder[PATH_MAX], path[PATH_MAX];
	struct dirent **entries;
	int count, r = 0;

	if (snprintf(folder, sizeof(folder), "%s/versions", policies) >= PATH_MAX)
		return -ENAMETOOLONG;
	count = scandir(folder, &entries, is_version, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	*ret = l.versions = calloc(1, sizeof(*l.versions));
	if (!l.versions)
		r = -ENOMEM;
	l.path = path;
	for (int i = 0; i < count; i++) {
		if (r == 0 && snprintf(path, sizeof(path), "%s/%s", folder,
				      entries[i]->d_name) >= PATH_MAX)
			r = -ENAMETOOLONG;
		if (r == 0)
			r = load_version(&l);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static void version_done(struct version *v)
{
	for (size_t i = 0; i < VERSION_NAMESPACES_MAX; i++) {
		free(v->namespaces[i].of);
		free(v->namespaces[i].as);
	}
	free(v->lists.of);
	free(v->lists.as);
	xml_schema_close(v->schema);
}

void document_versions_free(struct document_versions *v)
{
	for (size_t i = 0; v && i < VERSIONS_MAX; i++)
		version_done(&v->list[i]);
	free(v);
}

struct reading {
	const struct version *version;
	struct findings *findings;
	bool seen[VERSION_NAMESPACES_MAX]; /* of the version's */
	bool mixed;			   /* said once */
};

static void say_mixed(struct reading *r, const xmlNode *node, const char *ns)
{
	_cleanup_(freep) char *path = xml_path_of(node);

	r->mixed = true;
	findings_add(r->findings, "doc.version-mixed", path, ns, NULL);
}

/* What the types know stands in the document itself, which is of another version. */
static void check_foreign(struct reading *r, const xmlNode *node, const char *ns)
{
	for (size_t i = 0; i < r->version->namespace_count && !r->mixed; i++)
		if (strcmp(r->version->namespaces[i].as, ns) == 0)
			say_mixed(r, node, ns);
}

/* A version may have two editions of one namespace. A document has one of them, or those
 * who read it would each see another part of it. */
static void check_edition(
	struct reading *r, const xmlNode *node, const struct renaming *n)
{
	const struct renaming *list = r->version->namespaces;

	r->seen[n - list] = true;
	for (size_t i = 0; i < r->version->namespace_count && !r->mixed; i++)
		if (r->seen[i] && &list[i] != n && strcmp(list[i].as, n->as) == 0)
			say_mixed(r, node, n->of);
}

static int rename_namespaces(struct reading *r, xmlNode *node)
{
	for (xmlNs *ns = node->nsDef; ns; ns = ns->next) {
		const char *uri = ns->href ? (const char *)ns->href : "";
		const struct renaming *n = find(r->version, uri);
		xmlChar *as = n ? xmlStrdup((const xmlChar *)n->as) : NULL;

		if (n && !as)
			return -ENOMEM;
		if (!n) {
			check_foreign(r, node, uri);
			continue;
		}
		check_edition(r, node, n);
		xmlFree((xmlChar *)(uintptr_t)ns->href);
		ns->href = as;
	}
	return 0;
}

static int rename_list(const struct reading *r, xmlNode *node)
{
	const struct renaming *lists = &r->version->lists;
	_cleanup_(freep) char *edition = lists->of && node->properties
						 ? xml_attribute(node, "listVersionID")
						 : NULL;

	if (!edition || strcmp(edition, lists->of) != 0)
		return 0;
	return xmlSetNsProp(node, NULL, (const xmlChar *)"listVersionID",
		       (const xmlChar *)lists->as)
		       ? 0
		       : -ENOMEM;
}

/* The element behind this one in document order, or NULL. */
static xmlNode *following(xmlNode *node)
{
	xmlNode *next = xml_child(node, NULL, NULL);

	while (!next && node && node->type == XML_ELEMENT_NODE) {
		next = xml_next(node, NULL, NULL);
		node = node->parent;
	}
	return next;
}

static int read_as(struct reading *r, xmlDoc *doc, struct facts *facts)
{
	const struct renaming *root = find(r->version, facts->ns);
	int s = root && strlen(root->as) < sizeof(facts->ns) ? 0 : -EINVAL;

	if (s < 0 || strcmp(root->of, root->as) == 0)
		return s;
	for (xmlNode *n = xmlDocGetRootElement(doc); s == 0 && n; n = following(n)) {
		s = rename_namespaces(r, n);
		if (s == 0)
			s = rename_list(r, n);
	}
	if (s == 0)
		memcpy(facts->ns, root->as, strlen(root->as) + 1);
	return s;
}

int document_versions_read(const struct document_versions *v, xmlDoc *doc,
	struct facts *facts, int64_t at, struct findings *findings)
{
	struct reading r = { .version = version_of(v, facts->ns), .findings = findings };
	size_t before = findings->errors;
	int s = 0;

	if (!r.version)
		return 1;
	memcpy(facts->version, r.version->name, sizeof(facts->version));
	if (at >= r.version->sunset)
		findings_add(findings, "doc.version-sunset", NULL, r.version->name, NULL);
	if (r.version->schema)
		s = xml_schema_validate(r.version->schema, doc, findings);
	if (s >= 0)
		s = read_as(&r, doc, facts);
	if (s == 0 && findings->out_of_memory)
		s = -ENOMEM;
	return s < 0 ? s : findings->errors == before;
}

bool document_version_experimental(const struct document_versions *v, const char *name)
{
	for (size_t i = 0; v && i < v->count; i++)
		if (strcmp(v->list[i].name, name) == 0)
			return v->list[i].experimental;
	return false;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/types_model.h"

#include "common/clock.h"
#include "common/durable.h"
#include "document/codes.h"
#include "document/rules.h"
#include "xml/schema.h"

#include <dirent.h>
#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define TYPE_FILE_MAX (64u * 1024)

struct loading {
	const char *policies;
	const char *path; /* of the type's file */
	struct document_types *types;
	char **ret_error;
};

static int fail(const struct loading *l, const config_setting_t *at, const char *what)
{
	if (!*l->ret_error && asprintf(l->ret_error, "%s:%d: %s", l->path,
				      at ? config_setting_source_line(at) : 0, what) < 0)
		*l->ret_error = NULL;
	return -EINVAL;
}

static struct shared *find_shared(const struct loading *l, const char *path)
{
	struct document_types *t = l->types;

	for (size_t i = 0; i < t->shared_count; i++)
		if (strcmp(t->shared[i].path, path) == 0)
			return &t->shared[i];
	if (t->shared_count == SHARED_MAX)
		return NULL;
	t->shared[t->shared_count].path = strdup(path);
	return t->shared[t->shared_count].path ? &t->shared[t->shared_count++] : NULL;
}

/* Paths in a type's file are relative to policies/ and stay below it. */
static struct shared *resolve(
	const struct loading *l, const config_setting_t *setting, char ret_path[PATH_MAX])
{
	const char *name = config_setting_get_string(setting);

	if (!name || *name == '/' || strstr(name, "..") ||
		snprintf(ret_path, PATH_MAX, "%s/%s", l->policies, name) >= PATH_MAX) {
		fail(l, setting, "a path must be relative to policies and stay below it");
		return NULL;
	}
	return find_shared(l, ret_path);
}

static int load_schema(const struct loading *l, const config_setting_t *setting,
	struct document_type *type)
{
	char path[PATH_MAX];
	struct shared *s = setting ? resolve(l, setting, path) : NULL;
	int r = 0;

	if (!s)
		return fail(l, setting, "schema is missing or unusable");
	if (!s->schema)
		r = xml_schema_open(path, &s->schema, l->ret_error);
	type->schema = s->schema;
	return r;
}

static int load_code_table(const struct loading *l, const config_setting_t *setting,
	struct document_type *type)
{
	char path[PATH_MAX];
	struct shared *s = resolve(l, setting, path);
	int r = 0;

	if (!s || type->code_count == TYPE_RULES_MAX)
		return fail(l, setting, "codes is unusable");
	if (!s->codes)
		r = code_checks_load(
			l->policies, path, &type->prefixes, &s->codes, l->ret_error);
	if (r == 0)
		type->codes[type->code_count++] = s->codes;
	return r;
}

/* One table or a list of them. */
static int load_codes(const struct loading *l, const config_setting_t *setting,
	struct document_type *type)
{
	bool one = setting && config_setting_type(setting) == CONFIG_TYPE_STRING;
	int r = one ? load_code_table(l, setting, type) : 0;

	for (int i = 0; r == 0 && setting && !one && i < config_setting_length(setting);
		i++)
		r = load_code_table(
			l, config_setting_get_elem(setting, (unsigned)i), type);
	return r;
}

static int load_rules(const struct loading *l, const config_setting_t *setting,
	struct document_type *type)
{
	int count = setting ? config_setting_length(setting) : 0;

	if (setting && !config_setting_is_aggregate(setting))
		return fail(l, setting, "rules is a list of files");
	if (count > TYPE_RULES_MAX)
		return fail(l, setting, "too many rule files");
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		struct shared *s =
			resolve(l, config_setting_get_elem(setting, (unsigned)i), path);
		int r = 0;

		if (!s)
			return fail(l, setting, "rules is unusable");
		if (!s->rules)
			r = rules_load(path, NULL, &s->rules, l->ret_error);
		if (r < 0)
			return r;
		type->rules[type->rule_count++] = s->rules;
	}
	return 0;
}

static int copy(const struct loading *l, const config_setting_t *setting,
	const char *text, char *ret, size_t size)
{
	if (!text || strlen(text) >= size)
		return fail(l, setting, "a text is missing or too long");
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int get_text(const struct loading *l, const config_setting_t *root,
	const char *name, char *ret, size_t size)
{
	const config_setting_t *setting = config_setting_get_member(root, name);
	const char *text = setting ? config_setting_get_string(setting) : NULL;

	return copy(l, setting ? setting : root, text, ret, size);
}

/* A list of texts, each into a row of size octets. */
static int get_list(const struct loading *l, const config_setting_t *root,
	const char *name, char *rows, size_t size, size_t *ret_count)
{
	const config_setting_t *list = config_setting_get_member(root, name);
	int count = list ? config_setting_length(list) : 0;

	if (!list || !config_setting_is_aggregate(list) || count > TYPE_LIST_MAX)
		return fail(l, list ? list : root, "a list is missing or too long");
	for (int i = 0; i < count; i++) {
		int r = copy(l, list, config_setting_get_string_elem(list, i),
			rows + (size_t)i * size, size);

		if (r < 0)
			return r;
	}
	*ret_count = (size_t)count;
	return 0;
}

static int get_bool(const struct loading *l, const config_setting_t *root,
	const char *name, bool *ret)
{
	const config_setting_t *setting = config_setting_get_member(root, name);

	if (!setting || config_setting_type(setting) != CONFIG_TYPE_BOOL)
		return fail(l, setting ? setting : root, "true or false is missing");
	*ret = config_setting_get_bool(setting);
	return 0;
}

static int load_prefixes(const struct loading *l, const config_setting_t *setting,
	struct document_type *type)
{
	int count = setting ? config_setting_length(setting) : 0;

	for (int i = 0; i < count; i++) {
		const config_setting_t *p = config_setting_get_elem(setting, (unsigned)i);
		const char *uri = config_setting_get_string(p);

		if (!uri ||
			prefixes_add(&type->prefixes, config_setting_name(p), uri) < 0)
			return fail(l, setting, "prefixes must be a few names with URIs");
	}
	return 0;
}

/* Beside root and type code: an expression that must hold. */
static int load_when(const struct loading *l, const config_setting_t *setting,
	struct document_type *type)
{
	const char *text = setting ? config_setting_get_string(setting) : NULL, *why = "";
	_cleanup_(rule_compiler_freep) struct rule_compiler *c = NULL;

	if (!setting)
		return 0;
	c = rule_compiler_new(&type->prefixes);
	if (!c)
		return -ENOMEM;
	type->when = text ? rule_compile(c, text, WANT_VALUE, &why) : NULL;
	return type->when ? 0 : fail(l, setting, text ? why : "when is an expression");
}

static int load_urgency(const struct loading *l, const config_setting_t *group,
	struct document_type *type)
{
	_cleanup_(rule_compiler_freep) struct rule_compiler *c =
		rule_compiler_new(&type->prefixes);
	const char *why;

	if (!c)
		return -ENOMEM;
	return urgency_read(group, c, &type->urgency, &why) == 0 ? 0
								 : fail(l, group, why);
}

static bool known_key(const char *name)
{
	static const char *const KEYS[] = { "name", "root", "namespace", "type_codes",
		"direction", "statuses", "withdraws", "when", "aliases", "issuers",
		"sealers", "lenient", "sunset", "officer_required", "seal_required",
		"schema", "prefixes", "codes", "rules", "experimental", "attachments",
		"urgency", "barred" /* policy/barred.c reads it */, NULL };

	for (size_t i = 0; KEYS[i]; i++)
		if (strcmp(KEYS[i], name) == 0)
			return true;
	return false;
}

static int check_keys(const struct loading *l, const config_setting_t *root)
{
	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);

		if (!known_key(config_setting_name(s)))
			return fail(l, s, "an unknown key");
	}
	return 0;
}

/* As get_list, of a list that need not be there. */
static int get_more(const struct loading *l, const config_setting_t *root,
	const char *name, char *rows, size_t size, size_t *ret_count)
{
	if (!config_setting_get_member(root, name))
		return 0;
	return get_list(l, root, name, rows, size, ret_count);
}

static bool listed(char rows[][16], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i], name) == 0)
			return true;
	return false;
}

/* The gate seals what it takes in from third countries, and nothing else. */
static int read_parties(
	const struct loading *l, const config_setting_t *root, struct document_type *type)
{
	bool import = strcmp(type->direction, "import") == 0;
	int r = get_more(l, root, "aliases", type->aliases[0], sizeof(type->aliases[0]),
		&type->alias_count);

	if (r == 0)
		r = get_more(l, root, "withdraws", type->withdraws[0],
			sizeof(type->withdraws[0]), &type->withdraw_count);
	if (r == 0)
		r = get_more(l, root, "issuers", type->issuers[0],
			sizeof(type->issuers[0]), &type->issuer_count);
	if (r == 0)
		r = get_more(l, root, "sealers", type->sealers[0],
			sizeof(type->sealers[0]), &type->sealer_count);
	if (r == 0 && listed(type->sealers, type->sealer_count, "gate") != import)
		r = fail(l, config_setting_get_member(root, "direction"),
			"sealers must have \"gate\" for imports and only for them");
	if (r == 0 && type->lenient && import)
		r = fail(l, root, "an import is not lenient");
	for (size_t i = 0; r == 0 && i < type->alias_count; i++)
		if (document_type_named(l->types, type->aliases[i]))
			r = fail(l, root, "an alias is the name of another type");
	return r;
}

static int read_texts(
	const struct loading *l, const config_setting_t *root, struct document_type *type)
{
	int r = get_text(l, root, "name", type->name, sizeof(type->name));

	if (r == 0)
		r = get_text(l, root, "root", type->root, sizeof(type->root));
	if (r == 0)
		r = get_text(l, root, "namespace", type->ns, sizeof(type->ns));
	if (r == 0)
		r = get_text(
			l, root, "direction", type->direction, sizeof(type->direction));
	if (r == 0)
		r = get_list(l, root, "type_codes", type->type_codes[0],
			sizeof(type->type_codes[0]), &type->type_code_count);
	if (r == 0)
		r = get_list(l, root, "statuses", type->statuses[0],
			sizeof(type->statuses[0]), &type->status_count);
	return r;
}

static int read_sunset(
	const struct loading *l, const config_setting_t *root, struct document_type *type)
{
	const config_setting_t *at = config_setting_get_member(root, "sunset");
	const char *text = at ? config_setting_get_string(at) : NULL;

	if (!at || (text && clock_parse(text, &type->sunset) == 0 && type->sunset > 0))
		return 0;
	return fail(l, at, "sunset is a time of RFC 3339");
}

static int load_attachments(const struct loading *l, const config_setting_t *group,
	struct document_type *type)
{
	const char *why;
	int r = group ? attachments_read(group, l->policies, &l->types->kinds,
				&type->attachments, &why, l->ret_error)
		      : 0;

	return r == -EINVAL ? fail(l, group, why) : r;
}

static int read_type(
	struct loading *l, const config_setting_t *root, struct document_type *type)
{
	int r = check_keys(l, root);

	if (r == 0)
		r = read_texts(l, root, type);
	if (r == 0 && document_type_named(l->types, type->name))
		r = fail(l, root, "there is another type of this name");
	if (r == 0)
		r = get_bool(l, root, "officer_required", &type->officer_required);
	if (r == 0)
		r = get_bool(l, root, "seal_required", &type->seal_required);
	if (r == 0)
		r = get_bool(l, root, "experimental", &type->experimental);
	if (r == 0 && config_setting_get_member(root, "lenient"))
		r = get_bool(l, root, "lenient", &type->lenient);
	if (r == 0)
		r = read_sunset(l, root, type);
	if (r == 0)
		r = read_parties(l, root, type);
	if (r == 0)
		r = load_prefixes(l, config_setting_get_member(root, "prefixes"), type);
	if (r == 0)
		r = load_when(l, config_setting_get_member(root, "when"), type);
	if (r == 0)
		r = load_urgency(l, config_setting_get_member(root, "urgency"), type);
	if (r == 0)
		r = load_schema(l, config_setting_get_member(root, "schema"), type);
	if (r == 0)
		r = load_attachments(
			l, config_setting_get_member(root, "attachments"), type);
	if (r == 0)
		r = load_codes(l, config_setting_get_member(root, "codes"), type);
	if (r == 0)
		r = load_rules(l, config_setting_get_member(root, "rules"), type);
	return r;
}

/* The text of a type's file: without @include, which would read any file. */
static int read_text(const struct loading *l, char **ret_text)
{
	size_t len;
	int r = file_read(l->path, TYPE_FILE_MAX, (uint8_t **)ret_text, &len);

	if (r < 0) {
		fail(l, NULL, strerror(-r));
		return r;
	}
	if (strlen(*ret_text) != len || strstr(*ret_text, "@include"))
		return fail(l, NULL, "a NUL or @include is not allowed");
	return 0;
}

static int load_type(struct loading *l)
{
	_cleanup_(freep) char *text = NULL;
	config_t config;
	int r;

	if (l->types->count == TYPES_MAX)
		return fail(l, NULL, "too many types");
	r = read_text(l, &text);
	if (r < 0)
		return r;
	config_init(&config);
	if (config_read_string(&config, text)) {
		r = read_type(l, config_root_setting(&config),
			&l->types->types[l->types->count]);
	} else {
		r = -EINVAL;
		if (asprintf(l->ret_error, "%s:%d: %s", l->path,
			    config_error_line(&config), config_error_text(&config)) < 0)
			*l->ret_error = NULL;
	}
	config_destroy(&config);
	if (r == 0)
		l->types->count++;
	return r;
}

static int is_type_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 4 && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + n - 4, ".cfg") == 0;
}

static int load_folder(struct loading *l, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_type_file, alphasort), r = 0;

	if (count < 0) {
		r = -errno;
		l->path = folder;
		fail(l, NULL, "the folder cannot be read");
		return r;
	}
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		l->path = path;
		if (r == 0 && snprintf(path, sizeof(path), "%s/%s", folder,
				      entries[i]->d_name) >= (int)sizeof(path))
			r = -ENAMETOOLONG;
		if (r == 0)
			r = load_type(l);
		free(entries[i]);
	}
	free(entries);
	l->path = folder;
	return r == 0 && count == 0 ? fail(l, NULL, "there is no type") : r;
}

int document_types_load(
	const char *policies, struct document_types **ret_types, char **ret_error)
{
	struct document_types *types = calloc(1, sizeof(*types));
	struct loading l = {
		.policies = policies, .types = types, .ret_error = ret_error
	};
	char folder[PATH_MAX];
	int r = types ? 0 : -ENOMEM;

	*ret_error = NULL;
	if (r == 0 && snprintf(folder, sizeof(folder), "%s/types", policies) >=
			      (int)sizeof(folder))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = load_folder(&l, folder);
	if (r == 0)
		r = document_versions_load(policies, &types->versions, ret_error);
	if (r < 0)
		document_types_free(types);
	else
		*ret_types = types;
	return r;
}

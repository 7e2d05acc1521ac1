/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_examples.h"

#include "ctl/bundle/policy_edit.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "xml/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_MAX 2000

static const struct cfg_key FILE_KEYS[] = {
	{ "type", CFG_STRING, true },
	{ "document", CFG_STRING, true },
	{ "at", CFG_STRING, true },
	{ "examples", CFG_GROUPS, true },
	{ 0 },
};

static const struct cfg_key EXAMPLE_KEYS[] = {
	{ "fails", CFG_STRINGS, false },
	{ "passes", CFG_BOOL, false },
	{ "at", CFG_STRING, false },
	{ "edits", CFG_GROUPS, false },
	EDIT_KEYS,
	{ 0 },
};

static const struct cfg_key EDIT_GROUP_KEYS[] = { EDIT_KEYS, { 0 } };

struct running {
	const char *policies;
	const struct document_types *types;
	const struct document_type *type; /* of the file */
	example_told *told;
	void *data;
	struct cfg *cfg;
	int64_t at;
	struct span octets;
};

/* What was found, each name once: the rule's or check's id, else the reason. */
static void names_of(const struct findings *f, struct example *ret)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *x = &f->list[i];
		const char *name = x->rule ? x->rule : x->reason->code;
		bool known = false;

		for (size_t k = 0; k < ret->name_count; k++)
			known |= strcmp(ret->names[k], name) == 0;
		if (!known && ret->name_count < EXAMPLE_NAMES_MAX)
			(void)snprintf(ret->names[ret->name_count++], EXAMPLE_NAME_SIZE,
				"%s", name);
	}
}

static bool has(const struct example *e, const char *name)
{
	for (size_t i = 0; i < e->name_count; i++)
		if (strcmp(e->names[i], name) == 0)
			return true;
	return false;
}

static bool same(const struct example *a, const struct example *b)
{
	for (size_t i = 0; i < a->name_count; i++)
		if (!has(b, a->names[i]))
			return false;
	return a->name_count == b->name_count;
}

static bool is_optional(const struct document_types *types, const char *id)
{
	struct document_rule rule;

	for (size_t i = 0; document_types_rule(types, i, &rule); i++)
		if (rule.optional && strcmp(rule.id, id) == 0)
			return true;
	return false;
}

/* A value that an example spoils may be in a list that somebody imported after the
 * example was written: what that list says beside is no fault of the example. */
static void forget_optional(const struct document_types *types,
	const struct example *wanted, struct example *got)
{
	size_t kept = 0;

	for (size_t i = 0; i < got->name_count; i++)
		if (has(wanted, got->names[i]) || !is_optional(types, got->names[i])) {
			if (kept != i)
				memcpy(got->names[kept], got->names[i],
					sizeof(got->names[kept]));
			kept++;
		}
	got->name_count = kept;
}

static void list(struct buf *b, const struct example *e)
{
	for (size_t i = 0; i < e->name_count; i++)
		buf_addf(b, "%s%s", i ? ", " : "", e->names[i]);
	if (e->name_count == 0)
		buf_add_str(b, "nothing");
}

static void tell(const struct running *r, const config_setting_t *at,
	const struct example *wanted, const struct findings *f)
{
	struct example got = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	names_of(f, &got);
	if (wanted->name_count > 0)
		forget_optional(r->types, wanted, &got);
	if (same(wanted, &got)) {
		r->told(r->data, wanted, NULL);
		return;
	}
	buf_init(&b, SENTENCE_MAX);
	buf_addf(&b, "%s:%d: must find ", r->cfg->path,
		(int)config_setting_source_line(at));
	list(&b, wanted);
	buf_add_str(&b, ", finds ");
	list(&b, &got);
	for (size_t i = 0; i < f->count && i < 3; i++)
		buf_addf(&b, "\n  %s %s", f->list[i].where, f->list[i].message);
	r->told(r->data, wanted, b.data);
}

/* Facts, type, schema, codes and rules, as the gate does it. */
static int judge(
	const struct running *r, xmlDoc *doc, int64_t at, struct findings *findings)
{
	const struct document_type *type;
	struct facts facts;
	int s;

	document_strip_signatures(doc);
	s = facts_read(doc, &facts, findings);
	if (s >= 0)
		s = document_version_read(r->types, doc, &facts, at, findings);
	if (s < 0)
		return s;
	type = document_type_find(r->types, doc, &facts, findings);
	if (type && type != r->type)
		findings_add(findings, "doc.type-unknown", NULL, type->name, NULL);
	return type ? document_check(r->types, type, doc, &facts, at, findings) : 0;
}

static int edit_all(const struct running *r, const config_setting_t *example, xmlDoc *doc)
{
	const config_setting_t *edits = config_setting_get_member(example, "edits");
	int s = policy_edit(r->cfg, example, &r->type->prefixes, doc);

	for (int i = 0; s == 0 && edits && i < config_setting_length(edits); i++) {
		const config_setting_t *e = config_setting_get_elem(edits, (unsigned)i);

		s = cfg_check(r->cfg, e, EDIT_GROUP_KEYS);
		if (s == 0)
			s = policy_edit(r->cfg, e, &r->type->prefixes, doc);
	}
	return s;
}

static int time_of(const struct running *r, const config_setting_t *group, int64_t *ret)
{
	const config_setting_t *at = config_setting_get_member(group, "at");

	*ret = r->at;
	if (at && clock_parse(config_setting_get_string(at), ret) < 0)
		return cfg_fail(r->cfg, at, "this is no time of RFC 3339");
	return 0;
}

static int expected(
	const struct running *r, const config_setting_t *example, struct example *ret)
{
	const config_setting_t *fails = config_setting_get_member(example, "fails");
	const config_setting_t *passes = config_setting_get_member(example, "passes");
	int n;

	if (!fails == !(passes && config_setting_get_bool(passes)))
		return cfg_fail(
			r->cfg, example, "an example has either fails or passes = true");
	n = fails ? cfg_texts(r->cfg, fails, ret->names[0], EXAMPLE_NAME_SIZE,
			    EXAMPLE_NAMES_MAX)
		  : 0;
	if (n < 0)
		return n;
	ret->name_count = (size_t)n;
	return 0;
}

/* One change of the document, or the document itself where example is NULL. */
static int run_example(const struct running *r, const config_setting_t *example)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	struct example wanted = { 0 };
	int64_t at = r->at;
	int s = xml_read(r->octets, XML_READ_GATE, &findings, &doc);

	if (s == 0)
		return cfg_fail(r->cfg,
			config_setting_get_member(cfg_root(r->cfg), "document"),
			"the document cannot be read: %s", findings.list[0].message);
	if (s > 0 && example) {
		s = cfg_check(r->cfg, example, EXAMPLE_KEYS);
		if (s == 0)
			s = expected(r, example, &wanted);
		if (s == 0)
			s = time_of(r, example, &at);
		if (s == 0)
			s = edit_all(r, example, doc);
	}
	if (s >= 0)
		s = judge(r, doc, at, &findings);
	if (s >= 0)
		tell(r, example ? example : cfg_root(r->cfg), &wanted, &findings);
	return s < 0 ? s : 0;
}

static int run_examples(struct running *r, const config_setting_t *root)
{
	const config_setting_t *examples = config_setting_get_member(root, "examples");
	int s = time_of(r, root, &r->at);

	r->type = document_type_named(r->types,
		config_setting_get_string(config_setting_get_member(root, "type")));
	if (!r->type)
		return cfg_fail(r->cfg, config_setting_get_member(root, "type"),
			"there is no such document type");
	if (s == 0)
		s = run_example(r, NULL);
	for (int i = 0; s == 0 && i < config_setting_length(examples); i++)
		s = run_example(r, config_setting_get_elem(examples, (unsigned)i));
	return s;
}

/* The document lies below policies/. */
static int read_document(const struct running *r, const config_setting_t *at,
	uint8_t **ret, size_t *ret_len)
{
	const char *name = config_setting_get_string(at);
	char path[PATH_MAX];
	int s;

	if (*name == '/' || strstr(name, "..") ||
		snprintf(path, sizeof(path), "%s/%s", r->policies, name) >=
			(int)sizeof(path))
		return cfg_fail(r->cfg, at, "a path is relative to policies");
	s = file_read(path, LIMIT_DOCUMENT, ret, ret_len);
	return s < 0 ? cfg_fail(r->cfg, at, "%s: %s", path, strerror(-s)) : 0;
}

static int run_file(struct running *r, const char *path, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len = 0;
	int s = cfg_open(path, &c, ret_error);

	if (s < 0)
		return s;
	r->cfg = &c;
	s = cfg_check(&c, cfg_root(&c), FILE_KEYS);
	if (s == 0)
		s = read_document(r, config_setting_get_member(cfg_root(&c), "document"),
			&octets, &len);
	r->octets = span_of(octets, len);
	if (s == 0)
		s = run_examples(r, cfg_root(&c));
	r->cfg = NULL;
	return s;
}

int policy_examples_run(const char *policies, const struct document_types *types,
	example_told *told, void *data, char **ret_error)
{
	struct running r = {
		.policies = policies, .types = types, .told = told, .data = data
	};
	char folder[PATH_MAX], **names = NULL;
	int count, s = 0;

	*ret_error = NULL;
	if (snprintf(folder, sizeof(folder), "%s/examples", policies) >=
		(int)sizeof(folder))
		return -ENAMETOOLONG;
	count = cfg_files(folder, &names);
	for (int i = 0; s == 0 && i < count; i++) {
		char path[PATH_MAX];

		s = snprintf(path, sizeof(path), "%s/%s", folder, names[i]) <
				    (int)sizeof(path)
			    ? run_file(&r, path, ret_error)
			    : -ENAMETOOLONG;
	}
	cfg_names_free(names, count > 0 ? (size_t)count : 0);
	return count < 0 ? count : s;
}

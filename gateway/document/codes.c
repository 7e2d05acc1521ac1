/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/codes.h"

#include "common/limits.h"
#include "document/code_list.h"
#include "document/code_versions.h"
#include "document/csv.h"
#include "document/rules_model.h"
#include "xml/node.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 300

struct code_check {
	char *id;
	char *list; /* its name, for people */
	enum severity severity;
	struct code_list *codes;
	/* Where a condition picks some: all of the list, to say which is wrong; or NULL.
	 */
	struct code_list *all;
	char *where;		     /* the condition, or "" */
	struct code_version version; /* of the list, in the table of them */
	bool optional; /* the list need not be there; then the check is not either */
	size_t looked; /* while watched: how many values it has seen */
};

struct code_checks {
	/* Where codes stand: of each check a pattern of one rule without assertions, so
	 * that one walk finds the places of all of them. */
	struct rules *places;
	struct rule_compiler *compiler; /* until everything is loaded */
	struct code_check *checks;
	size_t count;
	struct csv versions;
	bool watched;
};

static int fail(char **ret_error, const char *path, size_t row, const char *what)
{
	if (!*ret_error && asprintf(ret_error, "%s:%zu: %s", path, row + 2, what) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

/* The list of a check; one that may be absent ("?NAME") leaves the check without.
 * Return: 1, 0 when it is absent and may be, negative. */
static int load_list(struct code_check *check, const char *named, const char *policies,
	const char *where, char **ret_error)
{
	bool optional = *named == '?';
	char path[PATH_MAX];
	int r;

	check->optional = optional;
	check->list = strdup(named + optional);
	if (!check->list)
		return -ENOMEM;
	if (strchr(check->list, '/') ||
		snprintf(path, sizeof(path), "%s/codes/%s.csv", policies, check->list) >=
			(int)sizeof(path))
		return -ENAMETOOLONG;
	check->where = strdup(where);
	if (!check->where)
		return -ENOMEM;
	r = code_list_load(path, where, &check->codes, ret_error);
	if (r == 0 && *where)
		r = code_list_load(path, "", &check->all, ret_error);
	if (r == -ENOENT && optional) {
		free(*ret_error);
		*ret_error = NULL;
		return 0;
	}
	return r < 0 ? r : 1;
}

/* The place of a check. Return: 0, -EINVAL, -ENOMEM. */
static int load_place(struct code_checks *c, const char *expression)
{
	struct rules *places = c->places;
	struct rule *rule = calloc(1, sizeof(*rule));
	const char *why;

	if (!rule)
		return -ENOMEM;
	places->patterns[places->count++] = (struct pattern){ .rules = rule, .count = 1 };
	rule->context = match_compile(c->compiler, expression, &why);
	return rule->context ? 0 : -EINVAL;
}

static void check_done(struct code_check *check)
{
	code_list_free(check->codes);
	code_list_free(check->all);
	free(check->where);
	free(check->id);
	free(check->list);
	*check = (struct code_check){ 0 };
}

/* Return: 1, 0 when the check is not, negative. */
static int load_row(struct code_checks *c, struct code_check *check,
	const struct csv *table, size_t row, const char *policies, char **ret_error)
{
	const char *severity = csv_cell(table, row, 4);

	int r;

	check->id = strdup(csv_cell(table, row, 0));
	if (!check->id)
		return -ENOMEM;
	if (strcmp(severity, "warning") == 0)
		check->severity = SEVERITY_WARNING;
	else if (strcmp(severity, "error") != 0)
		return -EINVAL;
	r = load_list(check, csv_cell(table, row, 2), policies, csv_cell(table, row, 3),
		ret_error);
	if (r <= 0)
		return r;
	(void)code_version_of(&c->versions, check->list, &check->version);
	return load_place(c, csv_cell(table, row, 1)) < 0 ? -EINVAL : 1;
}

static bool header_ok(const struct csv *table)
{
	static const char *const NAMES[] = { "id", "xpath", "list", "where", "severity" };

	for (int i = 0; i < 5; i++)
		if (csv_column(table, NAMES[i]) != i)
			return false;
	return table->columns == 5;
}

static int load_table(struct code_checks *c, const struct csv *table,
	const char *policies, const char *path, char **ret_error)
{
	if (!header_ok(table))
		return fail(ret_error, path, 0,
			"the header is not id,xpath,list,where,severity");
	c->checks = calloc(table->rows + 1, sizeof(*c->checks));
	if (!c->checks)
		return -ENOMEM;
	for (size_t row = 0; row < table->rows; row++) {
		struct code_check *check = &c->checks[c->count];
		int r = load_row(c, check, table, row, policies, ret_error);

		if (r != 0)
			c->count++;
		else
			check_done(check);
		if (r < 0) {
			fail(ret_error, path, row,
				"the expression, list, column or severity is unknown");
			return r;
		}
	}
	return 0;
}

static int copy_prefixes(struct code_checks *c, const struct prefixes *from)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->count; i++)
		r = prefixes_add(
			&c->places->prefixes, from->list[i].prefix, from->list[i].uri);
	return r;
}

static int start(struct code_checks *c, size_t rows, const struct prefixes *prefixes)
{
	int r;

	c->places = calloc(1, sizeof(*c->places));
	if (!c->places)
		return -ENOMEM;
	c->places->patterns = calloc(rows + 1, sizeof(*c->places->patterns));
	if (!c->places->patterns)
		return -ENOMEM;
	r = copy_prefixes(c, prefixes);
	c->compiler = rule_compiler_new(&c->places->prefixes);
	return c->compiler ? r : -ENOMEM;
}

int code_checks_load(const char *policies, const char *path,
	const struct prefixes *prefixes, struct code_checks **ret_checks,
	char **ret_error)
{
	_cleanup_csv_ struct csv table = { 0 };
	struct code_checks *c;
	int r = csv_read(path, &table, ret_error);

	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	r = start(c, table.rows, prefixes);
	if (r == 0)
		r = code_versions_read(policies, &c->versions, ret_error);
	if (r == 0)
		r = load_table(c, &table, policies, path, ret_error);
	if (r == 0)
		r = rules_index(c->places);
	rule_compiler_free(c->compiler);
	c->compiler = NULL;
	if (r < 0)
		code_checks_free(c);
	else
		*ret_checks = c;
	return r;
}

void code_checks_free(struct code_checks *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		check_done(&c->checks[i]);
	free(c->checks);
	csv_done(&c->versions);
	rules_free(c->places);
	free(c);
}

static char *value_of(const xmlNode *node)
{
	if (node->type == XML_ATTRIBUTE_NODE)
		return strdup(node->children && node->children->content
				      ? (const char *)node->children->content
				      : "");
	return xml_text(node);
}

/* The schema may know the list of a place too. */
static bool said_already(const struct findings *findings, const char *path)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->list[i].reason->code, "doc.schema") == 0 &&
			strcmp(findings->list[i].where, path) == 0)
			return true;
	return false;
}

/* Is it a code, though none for this place? */
static bool elsewhere(const struct code_check *check, const char *value, int64_t date)
{
	char day[CODE_DAY_SIZE];

	return check->all && value &&
	       code_list_find(check->all, value, date, day) == CODE_KNOWN;
}

static void describe(const struct code_check *check, enum code_answer answer,
	const char *value, const char *day, int64_t date, char message[MESSAGE_MAX])
{
	char version[CODE_VERSION_SIZE];

	code_version_phrase(&check->version, date, version);
	if (answer == CODE_UNKNOWN && elsewhere(check, value, date))
		(void)snprintf(message, MESSAGE_MAX,
			"%s: the code is in the list \"%s\"%s but not among those that "
			"this place takes (%s).",
			check->id, check->list, version, check->where);
	else if (answer == CODE_UNKNOWN)
		(void)snprintf(message, MESSAGE_MAX,
			"%s: the code is not in the list \"%s\"%s for this place.",
			check->id, check->list, version);
	else
		(void)snprintf(message, MESSAGE_MAX,
			"%s: the code is in the list \"%s\"%s%s only %s %s.", check->id,
			check->list, version, *version ? " but" : ", but",
			answer == CODE_TOO_EARLY ? "from" : "until", day);
}

static void check_node(const struct code_check *check, const xmlNode *node, int64_t date,
	struct findings *findings)
{
	_cleanup_(freep) char *value = value_of(node), *path = NULL;
	char message[MESSAGE_MAX], day[CODE_DAY_SIZE] = "";
	enum code_answer answer =
		value ? code_list_find(check->codes, value, date, day) : CODE_UNKNOWN;

	if (answer == CODE_KNOWN)
		return;
	if (findings->count < LIMIT_FINDINGS) /* beyond that it is only counted */
		path = xml_path_of(node);
	if (path && said_already(findings, path))
		return;
	describe(check, answer, value, day, date, message);
	findings_add_details(findings, &(struct finding_details){ .code = "doc.code",
					       .severity = check->severity,
					       .where = path,
					       .received = value,
					       .message = message,
					       .rule = check->id });
}

struct running {
	const struct code_checks *checks;
	xmlXPathContext *context;
	int64_t date;
	struct findings *findings;
};

static int visit(void *data, xmlNode *node)
{
	const struct running *r = data;
	const struct rules *places = r->checks->places;
	const struct candidates *all = rules_candidates(places, node);
	size_t taken = SIZE_MAX; /* check by which the node was looked at */

	for (size_t i = 0; i < all->count; i++) {
		const struct candidate *c = &all->list[i];
		struct code_check *check = &r->checks->checks[c->pattern];
		int s;

		if (c->pattern == taken)
			continue;
		s = match_test(places->patterns[c->pattern].rules->context,
			c->alternative, r->context, node);
		if (s < 0)
			return s;
		if (s == 0)
			continue;
		taken = c->pattern;
		if (r->checks->watched)
			check->looked++;
		check_node(check, node, r->date, r->findings);
	}
	return 0;
}

int code_checks_run(const struct code_checks *c, xmlXPathContext *context, int64_t date,
	struct findings *findings)
{
	struct running r = {
		.checks = c, .context = context, .date = date, .findings = findings
	};
	int s = rule_context_use(context, &c->places->prefixes);

	return s == 0 ? rules_walk(c->places, context, visit, &r) : s;
}

size_t code_checks_count(const struct code_checks *c)
{
	return c->count;
}

const char *code_checks_id(const struct code_checks *c, size_t index)
{
	return c->checks[index].id;
}

void code_checks_watch(struct code_checks *c)
{
	for (size_t i = 0; i < c->count; i++)
		c->checks[i].looked = 0;
	c->watched = true;
}

size_t code_checks_looked(const struct code_checks *c, size_t index)
{
	return c->checks[index].looked;
}

bool code_checks_optional(const struct code_checks *c, size_t index)
{
	return c->checks[index].optional;
}

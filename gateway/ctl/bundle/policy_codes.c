/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy codes import: a list that others publish becomes codes/NAME.csv of a
 * policy that is being prepared, with an index when it is large; compile makes the index
 * again when the table was changed by hand; list shows what there is.
 */
#include "ctl/bundle/codes_table.h"
#include "ctl/bundle/policy.h"
#include "ctl/bundle/policy_check.h"
#include "ctl/bundle/policy_codes_list.h"
#include "ctl/command.h"

#include "common/clock.h"
#include "common/durable.h"
#include "document/code_index.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct codes_asked {
	const char *policies;
	const char *name; /* NULL: list them all */
	const char *from; /* NULL: the table is there */
};

static bool plain(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < 60 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static const struct verb {
	const char *name, *arguments;
	int count; /* of arguments, the verb among them */
} VERBS[] = {
	{ "list", "list", 1 },
	{ "compile", "compile or NAME", 2 },
	{ "import", "import, NAME or FILE.csv", 3 },
};

static int read_verb(int argc, char **argv, struct codes_asked *ret)
{
	const char *word = optind < argc ? argv[optind] : "";
	const struct verb *verb = NULL;

	for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++)
		if (strcmp(word, VERBS[i].name) == 0)
			verb = &VERBS[i];
	if (!verb)
		return command_fault("codes has the verbs list, import and compile");
	if (command_arguments(argc, argv, verb->count, verb->count, verb->arguments) < 0)
		return -EINVAL;
	ret->name = verb->count > 1 ? argv[optind + 1] : NULL;
	ret->from = verb->count > 2 ? argv[optind + 2] : NULL;
	if (!ret->name || plain(ret->name))
		return 0;
	return command_fault(
		"a name has small letters, digits and hyphens: %s", ret->name);
}

static int read_options(int argc, char **argv, struct codes_asked *ret)
{
	if (policy_option(argc, argv, &ret->policies) < 0 ||
		read_verb(argc, argv, ret) < 0)
		return -EINVAL;
	/* The policy in force is not written to: it has two people's consent. */
	return ret->policies || !ret->name ? 0 : command_fault("--policies is needed");
}

static int told(int r, const char *path, const char *error)
{
	if (r < 0 && error)
		fprintf(stderr, "sealgate policy: %s\n", error);
	else if (r < 0)
		fprintf(stderr, "sealgate policy: %s: %s\n", path, strerror(-r));
	return r;
}

static int read_table(const char *from, struct buf *table, size_t *ret_rows)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(freep) char *error = NULL;
	size_t len;
	int r = file_read(from, CODE_LIST_MAX, &data, &len);

	if (r == 0)
		r = codes_table(span_of(data, len), table, ret_rows, &error);
	if (r < 0)
		fprintf(stderr, "sealgate policy: %s: %s\n", from,
			error ? error : strerror(-r));
	return r;
}

static int compile(const char *path, const char *index)
{
	_cleanup_(freep) char *error = NULL;
	_cleanup_buf_ struct buf octets;
	int r;

	buf_init(&octets, CODE_LIST_MAX);
	r = code_index_make(path, &octets, &error);
	if (r < 0)
		return told(r, path, error);
	r = durable_write(index, buf_span(&octets), 0644);
	if (r == 0)
		printf("%s: %zu octets\n", index, octets.len);
	return told(r, index, NULL);
}

/* The index goes before the table changes: what is left after a fault is without one,
 * which is slower, and never an index of another table. */
static int import(const char *from, const char *path, const char *index)
{
	_cleanup_buf_ struct buf table;
	size_t rows = 0;
	int r;

	buf_init(&table, CODE_LIST_MAX);
	r = read_table(from, &table, &rows);
	if (r < 0)
		return r;
	if (unlink(index) < 0 && errno != ENOENT)
		return told(-errno, index, NULL);
	r = durable_write(path, buf_span(&table), 0644);
	if (r < 0)
		return told(r, path, NULL);
	printf("%s: %zu codes\n", path, rows);
	return rows < CODE_INDEX_ROWS ? 0 : compile(path, index);
}

static int run(const struct codes_asked *a)
{
	char path[PATH_MAX], index[PATH_MAX];
	int r = 0;

	if (snprintf(path, sizeof(path), "%s/codes/%s.csv", a->policies, a->name) >=
			(int)sizeof(path) ||
		code_index_path(path, index, sizeof(index)) < 0)
		r = told(-ENAMETOOLONG, a->policies, NULL);
	else
		r = a->from ? import(a->from, path, index) : compile(path, index);
	return r < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

static int list(const char *named)
{
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int r = policy_folder(named, policies);

	if (r < 0)
		return EXIT_USAGE;
	r = policy_codes_list(policies, clock_now(), stdout, &error);
	return told(r, policies, error) < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

int policy_codes(int argc, char **argv)
{
	struct codes_asked asked = { 0 };

	if (read_options(argc, argv, &asked) < 0)
		return command_usage("policy");
	return asked.name ? run(&asked) : list(asked.policies);
}

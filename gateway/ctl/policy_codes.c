/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy codes import: a list that others publish becomes codes/NAME.csv of a
 * policy that is being prepared.
 */
#include "ctl/codes_table.h"
#include "ctl/command.h"
#include "ctl/policy.h"

#include "common/durable.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define TABLE_MAX (16u * 1024 * 1024)

static int read_options(int argc, char **argv, const char **ret_policies)
{
	if (policy_option(argc, argv, ret_policies) < 0 ||
		command_arguments(argc, argv, 3, 3, "import, NAME or FILE.csv") < 0)
		return -EINVAL;
	if (strcmp(argv[optind], "import") != 0)
		return command_fault("codes has the verb import only");
	/* The policy in force is not written to: it has two people's consent. */
	return *ret_policies ? 0 : command_fault("--policies is needed");
}

static bool plain(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < 60 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int import(const char *policies, const char *name, const char *from)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(freep) char *error = NULL;
	_cleanup_buf_ struct buf table;
	char path[PATH_MAX];
	size_t len, rows = 0;
	int r = file_read(from, TABLE_MAX, &data, &len);

	buf_init(&table, TABLE_MAX);
	if (r == 0)
		r = codes_table(span_of(data, len), &table, &rows, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate policy: %s: %s\n", from,
			error ? error : strerror(-r));
		return r;
	}
	if (snprintf(path, sizeof(path), "%s/codes/%s.csv", policies, name) >=
		(int)sizeof(path))
		return -ENAMETOOLONG;
	r = durable_write(path, buf_span(&table), 0644);
	if (r < 0)
		fprintf(stderr, "sealgate policy: %s: %s\n", path, strerror(-r));
	else
		printf("%s: %zu codes\n", path, rows);
	return r;
}

int policy_codes(int argc, char **argv)
{
	const char *policies;

	if (read_options(argc, argv, &policies) < 0)
		return command_usage("policy");
	if (!plain(argv[optind + 1])) {
		command_fault("a name has small letters, digits and hyphens: %s",
			argv[optind + 1]);
		return command_usage("policy");
	}
	return import(policies, argv[optind + 1], argv[optind + 2]) < 0 ? EXIT_NOT_PASSED
									: EXIT_CLEAN;
}

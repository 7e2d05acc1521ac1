/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy lint and test: what is wrong with a policy before anybody uses it.
 */
#include "ctl/bundle/policy.h"
#include "ctl/bundle/policy_check.h"
#include "ctl/command.h"

#include "common/confine.h"
#include "web/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int policy_option(int argc, char **argv, const char **ret_policies)
{
	static const struct option OPTIONS[] = {
		{ "policies", required_argument, NULL, 'p' },
		{ 0 },
	};
	int c;

	*ret_policies = NULL;
	while ((c = command_option(argc, argv, "", OPTIONS)) != -1) {
		if (c != 'p')
			return -EINVAL;
		*ret_policies = optarg;
	}
	return 0;
}

/* Of a person from afar it is run as root: what is parsed is then no longer by one who
 * could do anything but read it. Here nobody is anybody else than who typed it. */
static int step_down(void)
{
	return getenv(REMOTE_PERSON) ? confine_reader() : 0;
}

static int check(
	int argc, char **argv, int (*how)(const char *, FILE *, struct policy_checked *))
{
	struct policy_checked checked = { 0 };
	const char *named;
	char path[PATH_MAX];
	int r;

	if (policy_option(argc, argv, &named) < 0 ||
		command_arguments(argc, argv, 0, 0, "") < 0 ||
		policy_folder(named, path) < 0)
		return command_usage("policy");
	r = step_down();
	if (r == 0)
		r = how(path, stdout, &checked);
	if (r < 0) {
		fprintf(stderr, "sealgate policy: %s\n", strerror(-r));
		return EXIT_INTERNAL;
	}
	if (checked.faults) {
		printf("%zu fault%s\n", checked.faults, checked.faults == 1 ? "" : "s");
		return EXIT_NOT_PASSED;
	}
	printf("%zu document types, %zu rules and checks", checked.types, checked.rules);
	if (checked.examples)
		printf(", %zu examples", checked.examples);
	printf("; digest %s\n", checked.digest);
	return EXIT_CLEAN;
}

int policy_lint(int argc, char **argv)
{
	return check(argc, argv, policy_check_lint);
}

int policy_test(int argc, char **argv)
{
	return check(argc, argv, policy_check_test);
}

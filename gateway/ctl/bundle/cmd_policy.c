/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy.h"
#include "ctl/command.h"

#include <string.h>

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
} SUBCOMMANDS[] = {
	{ "lint", policy_lint },
	{ "test", policy_test },
	{ "build", policy_build },
	{ "diff", policy_diff },
	{ "sign", policy_sign },
	{ "approve", policy_approve },
	{ "activate", policy_activate },
	{ "piece", policy_piece },
	{ "rollback", policy_rollback },
	{ "codes", policy_codes },
	{ "try", policy_try },
	{ "replay", policy_replay },
	{ "public", policy_public_part },
	{ "stop", policy_stop },
	{ "fetch", policy_fetch },
};

int cmd_policy(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(SUBCOMMANDS) / sizeof(SUBCOMMANDS[0]);
		i++)
		if (strcmp(argv[1], SUBCOMMANDS[i].name) == 0)
			return SUBCOMMANDS[i].run(argc - 1, argv + 1);
	return command_no_verb(argc > 1 ? argv[1] : NULL);
}

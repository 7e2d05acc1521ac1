/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The subcommands of `sealgate`, functions cmd_NAME of the file of the same name (hold,
 * release and redrive are verbs of cmd_queue.c); the tables are commands.def and
 * options.def. Never opens the database or the token: programs that
 * own them are asked.
 */
#ifndef SEALGATE_CTL_COMMAND_H
#define SEALGATE_CTL_COMMAND_H

#include "ctl/usage.h"

/* Exit statuses of the contract. */
enum exit_status {
	EXIT_CLEAN = 0,	     /* all passed, done */
	EXIT_NOT_PASSED = 1, /* some not passed, refused */
	EXIT_USAGE = 2,
	EXIT_INTERNAL = 3, /* could not decide: limit or internal error */
	EXIT_RECORDED = 4, /* not done: it waits for another person who asks, too */
};

/* argv[0] is the subcommand's name; --instance was taken out and is in SEALGATE_INSTANCE.
 */
#define COMMAND(name, forms, summary, detail) int cmd_##name(int argc, char **argv);
#include "ctl/commands.def"
#undef COMMAND

#endif

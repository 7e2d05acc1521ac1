/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The subcommands of `sealgate`: each a file cmd_NAME.c with one function of the same
 * name; the table is commands.def. Never opens the database or the token: programs that
 * own them are asked.
 */
#ifndef SEALGATE_CTL_COMMAND_H
#define SEALGATE_CTL_COMMAND_H

/* Exit statuses of the contract. */
enum exit_status {
	EXIT_CLEAN = 0,	     /* all passed, done */
	EXIT_NOT_PASSED = 1, /* some not passed, refused */
	EXIT_USAGE = 2,
	EXIT_INTERNAL = 3, /* could not decide: limit or internal error */
};

/* argv[0] is the subcommand's name; --instance was taken out and is in SEALGATE_INSTANCE.
 */
#define COMMAND(name, arguments, summary) int cmd_##name(int argc, char **argv);
#include "ctl/commands.def"
#undef COMMAND

/* Print "usage: sealgate NAME ARGUMENTS" and the summary to standard error.
 * Return: EXIT_USAGE, so that a command can return it. */
int command_usage(const char *name);

#endif

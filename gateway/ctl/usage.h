/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a command says of itself and of its command line, from the tables commands.def and
 * options.def; never runs a command.
 */
#ifndef SEALGATE_CTL_USAGE_H
#define SEALGATE_CTL_USAGE_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

/* Remember which command, and which of its verbs, was called: complaints begin with it.
 * Return: false, there is no such command. */
bool command_called(const char *name, const char *verb);

/* Does the command that was called, with its verb, ask a gate by itself (--url)? */
bool command_asks(void);

/* All commands with their summaries, a line each. */
void command_list(FILE *out);

/* Forms, summary, detail and, of the forms, the options of the command that was called,
 * for --help. */
void command_help(FILE *out);

/* Say on standard error what is wrong with the command line, one line that begins with
 * the command. Return: -EINVAL. */
int command_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As getopt_long, with the fault said as above when it returns '?'. */
int command_option(
	int argc, char **argv, const char *letters, const struct option *options);

/* Are there as many arguments after the options as there should be? Else a fault: what is
 * missing, or the first that is too many. Return: 0 or -EINVAL. */
int command_arguments(int argc, char **argv, int least, int most, const char *what);

/* Fault: the verb is unknown, or missing where it is NULL. Return: EXIT_USAGE after the
 * forms were printed. */
int command_no_verb(const char *verb);

/* The value of --format where it is text or json. Return: 0 or -EINVAL after a fault. */
int command_format(const char *value, bool *ret_json);

/* Print the forms of the command that was called to standard error: after a fault.
 * Return: EXIT_USAGE, so that a command can return it. */
int command_usage(const char *name);

#endif

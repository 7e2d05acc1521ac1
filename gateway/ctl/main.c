/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate: the command line. Finds the command in the table and runs it; never opens the
 * database or the token.
 */
#include "ctl/command.h"
#include "ctl/remote/remote.h"
#include "pki/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} COMMANDS[] = {
#define COMMAND(name, forms, summary, detail) { #name, cmd_##name },
#include "ctl/commands.def"
#undef COMMAND
};

/* Options before the command, which all have a value and set a variable. */
static const struct {
	const char *option, *variable, *what;
} GLOBALS[] = { { "--instance", "SEALGATE_INSTANCE", "a folder" },
	{ "--remote", "SEALGATE_REMOTE", "the URL of a gate" },
	{ "--ca", "SEALGATE_CA", "a file" }, { "--cert", "SEALGATE_CERT", "a file" },
	{ "--key", "SEALGATE_KEY", "a file, or the URI of a key on a token" } };

/* Take the option at i. Return: how many arguments it is, 0 when it is none of these, -1
 * after a fault. */
static int global_option(int argc, char **argv, int i)
{
	for (size_t n = 0; n < sizeof(GLOBALS) / sizeof(GLOBALS[0]); n++) {
		size_t len = strlen(GLOBALS[n].option);

		if (strncmp(argv[i], GLOBALS[n].option, len) != 0)
			continue;
		if (argv[i][len] == '=') {
			setenv(GLOBALS[n].variable, argv[i] + len + 1, 1);
			return 1;
		}
		if (argv[i][len])
			continue;
		if (i + 1 == argc) {
			command_fault("%s needs %s", GLOBALS[n].option, GLOBALS[n].what);
			return -1;
		}
		setenv(GLOBALS[n].variable, argv[i + 1], 1);
		return 2;
	}
	return 0;
}

/* Take the options before the command. Return: index of the command, or -1 when done. */
static int global_options(int argc, char **argv, int *ret_status)
{
	int i = 1;

	*ret_status = EXIT_CLEAN;
	while (i < argc && argv[i][0] == '-') {
		int taken = global_option(argc, argv, i);

		if (taken > 0) {
			i += taken;
			continue;
		}
		if (taken == 0 && strcmp(argv[i], "--version") == 0) {
			puts("sealgate " SEALGATE_VERSION);
			return -1;
		}
		if (taken == 0 && strcmp(argv[i], "--help") == 0) {
			command_list(stdout);
			return -1;
		}
		*ret_status = EXIT_USAGE;
		if (taken == 0)
			command_fault(
				"there is no option %s before the command", argv[i]);
		command_list(stderr);
		return -1;
	}
	return i;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

static int no_command(const char *name)
{
	command_fault("there is no command '%s'; sealgate --help lists them", name);
	return EXIT_USAGE;
}

/* sealgate help [COMMAND [VERB]] */
static int help(int argc, char **argv)
{
	if (argc < 2)
		command_list(stdout);
	else if (command_called(argv[1], argc > 2 ? argv[2] : NULL))
		command_help(stdout);
	else
		return no_command(argv[1]);
	return EXIT_CLEAN;
}

static int run_here(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		if (strcmp(COMMANDS[i].name, argv[0]) == 0)
			return COMMANDS[i].run(argc, argv);
	return EXIT_INTERNAL;
}

/* What the gate runs is run there; what asks a gate by itself asks that one; everything
 * else works on files of this machine. */
static int run_remote(int argc, char **argv)
{
	const char *fault;
	int r = remote_execute(argc, argv, &fault);

	if (r >= 0)
		return r;
	if (command_asks())
		return run_here(argc, argv);
	command_fault("%s", fault);
	return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	if (strcmp(argv[0], "help") == 0)
		return help(argc, argv);
	if (!command_called(argv[0], argc > 1 ? argv[1] : NULL))
		return no_command(argv[0]);
	if (asks_for_help(argc, argv)) {
		command_help(stdout);
		return EXIT_CLEAN;
	}
	return remote_named() ? run_remote(argc, argv) : run_here(argc, argv);
}

int main(int argc, char **argv)
{
	int status, i = global_options(argc, argv, &status);

	if (i < 0)
		return status;
	if (pki_errors_watch() < 0)
		return EXIT_INTERNAL;
	if (i == argc) {
		command_fault("a command is missing");
		command_list(stderr);
		return EXIT_USAGE;
	}
	return run(argc - i, argv + i);
}

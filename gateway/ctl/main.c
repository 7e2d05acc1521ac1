/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate: the command line. Finds the command in the table and runs it; never opens the
 * database or the token.
 */
#include "ctl/command.h"
#include "pki/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	int (*run)(int argc, char **argv);
};

static const struct command COMMANDS[] = {
#define COMMAND(name, arguments, summary) { #name, arguments, summary, cmd_##name },
#include "ctl/commands.def"
#undef COMMAND
	{ 0 },
};

static const struct command *command_find(const char *name)
{
	for (const struct command *c = COMMANDS; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

int command_usage(const char *name)
{
	const struct command *c = command_find(name);

	if (c)
		fprintf(stderr, "usage: sealgate %s %s\n%s\n", c->name, c->arguments,
			c->summary);
	return EXIT_USAGE;
}

static void help(FILE *out)
{
	fputs("usage: sealgate [--instance DIR] COMMAND [ARGUMENTS]\n\n", out);
	for (const struct command *c = COMMANDS; c->name; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->summary);
	fputs("\nsealgate COMMAND --help explains one command; see sealgate(1).\n", out);
}

/* Take the options before the command. Return: index of the command, or -1 when done. */
static int global_options(int argc, char **argv, int *ret_status)
{
	int i = 1;

	*ret_status = EXIT_CLEAN;
	while (i < argc && argv[i][0] == '-') {
		if (strcmp(argv[i], "--instance") == 0 && i + 1 < argc) {
			setenv("SEALGATE_INSTANCE", argv[i + 1], 1);
			i += 2;
			continue;
		}
		if (strncmp(argv[i], "--instance=", 11) == 0) {
			setenv("SEALGATE_INSTANCE", argv[i] + 11, 1);
			i++;
			continue;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("sealgate " SEALGATE_VERSION);
			return -1;
		}
		*ret_status = strcmp(argv[i], "--help") == 0 ? EXIT_CLEAN : EXIT_USAGE;
		help(*ret_status == EXIT_CLEAN ? stdout : stderr);
		return -1;
	}
	return i;
}

int main(int argc, char **argv)
{
	const struct command *c;
	int status, i = global_options(argc, argv, &status);

	if (i < 0)
		return status;
	if (pki_errors_watch() < 0)
		return EXIT_INTERNAL;
	if (i == argc) {
		help(stderr);
		return EXIT_USAGE;
	}
	c = command_find(argv[i]);
	if (!c) {
		fprintf(stderr, "sealgate: no command '%s'; see sealgate --help\n",
			argv[i]);
		return EXIT_USAGE;
	}
	if (i + 1 < argc && strcmp(argv[i + 1], "--help") == 0) {
		command_usage(c->name);
		return EXIT_CLEAN;
	}
	return c->run(argc - i, argv + i);
}

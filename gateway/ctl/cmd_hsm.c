/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/cleanup.h"
#include "common/program.h"
#include "ctl/command.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ARGUMENTS_MAX 16

int cmd_hsm(int argc, char **argv)
{
	static const char *const COMMANDS[] = { "init", "csr", "import", "status", "log",
		"ceremony", "keys", "custody", "activate", "deactivate", "list", "test",
		"remove" };
	char option[] = "--instance", init[] = "init-token";
	const char *instance = getenv("SEALGATE_INSTANCE");
	char path[PATH_MAX], *arguments[ARGUMENTS_MAX + 4] = { path };
	bool known = false;
	int n = 1, r;

	for (size_t i = 0; argc > 1 && i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		known |= strcmp(argv[1], COMMANDS[i]) == 0;
	if (!known)
		return command_no_verb(argv[1]);
	if (argc > ARGUMENTS_MAX) {
		command_fault("there are more than %d arguments", ARGUMENTS_MAX);
		return command_usage("hsm");
	}
	if (instance) {
		arguments[n++] = option;
		arguments[n++] = (char *)(uintptr_t)instance;
	}
	for (int i = 1; i < argc; i++)
		arguments[n++] = argv[i];
	if (strcmp(argv[1], "init") == 0)
		arguments[n - argc + 1] = init;
	/* token and PKCS#11 are its business alone */
	r = program_beside("sealgate-signer", path);
	if (r == 0) {
		execv(path, arguments);
		r = -errno;
	}
	fprintf(stderr, "sealgate hsm: %s: %s\n", path, strerror(-r));
	return EXIT_INTERNAL;
}

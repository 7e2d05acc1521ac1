/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/instance/edge.h"

#include <stdio.h>
#include <string.h>

/* For the unit of the edge: prints where the configuration was written. */
int cmd_edge(int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	struct instance instance;
	char path[PATH_MAX];
	int r;

	optind = 1;
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("edge");
	r = instance_open(NULL, &instance, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate edge: %s\n", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	r = edge_prepare(&instance, path);
	instance_done(&instance);
	if (r < 0) {
		fprintf(stderr, "sealgate edge: %s\n", strerror(-r));
		return EXIT_INTERNAL;
	}
	puts(path);
	return EXIT_CLEAN;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/instance/edge.h"
#include "ctl/instance/unit_note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why, as the manager says it to who runs behind a unit's end. */
static void note_stop(const struct instance *i)
{
	const char *result = getenv("SERVICE_RESULT");

	unit_note(i, "nginx", "program.stop",
		json_pack("{s:s}", "ended_by", result ? result : "unknown"));
}

/* For the unit of the edge: prints where the configuration was written. */
int cmd_edge(int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	struct instance instance;
	char path[PATH_MAX];
	int r;

	optind = 1;
	if (command_arguments(argc, argv, 0, 1, "") < 0)
		return command_usage("edge");
	if (argc - optind == 1 && strcmp(argv[optind], "stopped") != 0)
		return command_usage("edge");
	r = instance_open(NULL, &instance, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate edge: %s\n", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	if (argc - optind == 1) {
		note_stop(&instance);
		instance_done(&instance);
		return EXIT_CLEAN;
	}
	r = edge_prepare(&instance, path);
	if (r == 0)
		unit_note(&instance, "nginx", "program.start", json_object());
	instance_done(&instance);
	if (r < 0) {
		fprintf(stderr, "sealgate edge: %s\n", strerror(-r));
		return EXIT_INTERNAL;
	}
	puts(path);
	return EXIT_CLEAN;
}

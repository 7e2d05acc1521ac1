/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/log.h"
#include "ctl/backup/backup_orders.h"
#include "ctl/command.h"
#include "ctl/instance/supervisor.h"
#include "ctl/instance/up_check.h"

#include <stdio.h>
#include <stdlib.h>

/* Programs that cannot start would be started again for ever: what they miss is said
 * first, all of it. */
static int start(const struct instance *instance, int ready_fd)
{
	char *list = NULL;
	size_t len;
	FILE *out = open_memstream(&list, &len);
	int missing;

	if (!out)
		return EXIT_INTERNAL;
	missing = up_list_missing(instance, out);
	fclose(out);
	if (missing)
		fprintf(stderr, "sealgate up: missing in %s:\n%s", instance->dir, list);
	free(list);
	if (missing)
		return EXIT_USAGE;
	backup_tidy(); /* as the power went, keys may lie there in clear */
	return supervise(instance, ready_fd) == 0 ? EXIT_CLEAN : EXIT_INTERNAL;
}

int cmd_up(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ready-fd", required_argument, NULL, 'r' }, { 0 }
	};
	_cleanup_(freep) char *error = NULL;
	struct instance instance;
	int c, r, ready_fd = -1;

	while ((c = command_option(argc, argv, "r:", options)) != -1) {
		char *end;

		if (c != 'r')
			return command_usage("up");
		ready_fd = (int)strtol(optarg, &end, 10);
		if (*end || ready_fd < 0) {
			command_fault("not a descriptor: %s", optarg);
			return command_usage("up");
		}
	}
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("up");
	log_open("up");
	if (instance_open(NULL, &instance, &error) < 0) {
		fprintf(stderr, "sealgate up: %s\n", error ? error : "no instance");
		return EXIT_USAGE;
	}
	r = start(&instance, ready_fd);
	instance_done(&instance);
	return r;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* What the key of releases signs: see firmware/sign-manifest. */
static const char *const KINDS[] = { "release", "update" };

/* Open the list as whichever of these it is. */
static int open_list(const char *dir, const char *anchor, struct manifest *ret_manifest,
	const char **ret_kind, char **ret_error)
{
	int r = -EINVAL;

	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]) && r == -EINVAL; i++) {
		freep(ret_error);
		*ret_error = NULL;
		*ret_kind = KINDS[i];
		r = manifest_open(dir, KINDS[i], anchor, ret_manifest, ret_error);
	}
	return r;
}

/* How many files of the list are not as they were signed; each is told. */
static int prove_each(const struct manifest *m)
{
	char path[PATH_MAX];
	int wrong = 0;

	for (size_t i = 0; i < m->count; i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", m->dir, m->files[i].path);
		int r = n >= PATH_MAX ? -ENAMETOOLONG
				      : manifest_prove(&m->files[i], path);

		printf("%s: %s\n", m->files[i].path,
			r == 0		? "as it was signed"
			: r == -EBADMSG ? "is not what was signed"
					: strerror(-r));
		wrong += r < 0;
	}
	return wrong;
}

int appliance_verify(const char *dir, const char *anchor)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_(freep) char *error = NULL;
	const char *kind;
	int r = open_list(dir, anchor, &m, &kind, &error);

	if (r < 0) {
		command_fault("%s", error ? error : strerror(-r));
		return r;
	}
	printf("%s %s: signed\n", kind, m.serial);
	return prove_each(&m) > 0 ? -EBADMSG : 0;
}

int appliance_verify_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "anchor", required_argument, NULL, 'a' }, { 0 }
	};
	const char *anchor = NULL;
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c != 'a')
			return command_usage("appliance");
		anchor = optarg;
	}
	if (!anchor || command_arguments(argc, argv, 1, 1, "DIR") < 0)
		return command_usage("appliance");
	return appliance_verify(argv[optind], anchor) < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

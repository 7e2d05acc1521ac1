/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/trusted_lists/trust_replay.h"

#include "common/json.h"
#include "ctl/command.h"
#include "trust/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A verify process of the policy in force by the lists of a time. Return: enum
 * exit_status. */
static int start(struct replaying *p, const char *store, int64_t at, struct trial *ret)
{
	_cleanup_bundle_ struct bundle bundle = { 0 };
	_cleanup_(freep) char *error = NULL, *snapshot = NULL;
	char policies[PATH_MAX], path[PATH_MAX];
	int r = trust_snapshot_path(store, at, path);

	if (r == 0)
		snapshot = realpath(path, NULL);
	if (r == 0 && !snapshot)
		r = -errno;
	if (r < 0) {
		fprintf(stderr, "sealgate trust diff: %s: %s\n", store,
			r == -ENOENT ? "no snapshot of lists from that time"
				     : strerror(-r));
		return EXIT_USAGE;
	}
	r = instance_path(&p->session->instance, "policies", policies);
	if (r == 0)
		r = bundle_open(policies, &bundle, &error);
	if (r == 0)
		r = trial_start(&p->session->instance,
			&(struct trial_of){ .source = { .bundle = &bundle },
				.snapshot = snapshot,
				.place = p->o->place },
			ret);
	if (error)
		fprintf(stderr, "sealgate trust diff: %s\n", error);
	return r < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

int trust_replay_run(struct replaying *p, const char *store, int64_t before,
	int64_t after, json_t **ret_account)
{
	int status = start(p, store, before, &p->base);

	if (status == EXIT_CLEAN)
		status = start(p, store, after, &p->next);
	return status == EXIT_CLEAN ? replaying_walk(p, ret_account) : status;
}

int trust_replay(
	const char *store, int64_t before, int64_t after, const struct replay_options *o)
{
	_cleanup_session_ struct queue_session session = { 0 };
	_cleanup_json_ json_t *account = NULL;
	struct replaying p = { .o = o, .session = &session };
	int status = queue_session_open(&session);

	if (status == EXIT_CLEAN)
		status = trust_replay_run(&p, store, before, after, &account);
	if (account && (json_dumpf(account, stdout, JSON_COMPACT | JSON_SORT_KEYS) < 0 ||
			       putchar('\n') == EOF))
		status = EXIT_INTERNAL;
	replaying_done(&p);
	return status;
}

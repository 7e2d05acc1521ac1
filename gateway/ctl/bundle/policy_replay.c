/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy replay: what a policy would have said of the documents that are stored,
 * beside what the one in force says of them.
 */
#include "ctl/bundle/policy.h"
#include "ctl/bundle/replaying.h"
#include "ctl/command.h"
#include "ctl/replay/replay_orders.h"

#include "common/clock.h"
#include "common/json.h"
#include "web/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int read_limit(const char *text, long *ret)
{
	char *end;

	*ret = strtol(text, &end, 10);
	return *text && !*end && *ret >= 1 && *ret <= REPLAY_LIMIT_TOP
		       ? 0
		       : command_fault(
				 "--limit is 1 to %d, not '%s'", REPLAY_LIMIT_TOP, text);
}

static int read_options(int argc, char **argv, struct replay_options *o)
{
	static const struct option OPTIONS[] = {
		{ "since", required_argument, NULL, 's' },
		{ "limit", required_argument, NULL, 'n' },
		{ "partner", required_argument, NULL, 'p' },
		{ "format", required_argument, NULL, 'f' },
		{ 0 },
	};
	int c;

	*o = (struct replay_options){ .since = INT64_MIN, .limit = REPLAY_LIMIT_DEFAULT };
	while ((c = command_option(argc, argv, "", OPTIONS)) != -1) {
		if (c == 'p')
			o->partner = optarg;
		else if (c == 's' && clock_parse(optarg, &o->since) < 0)
			return command_fault(
				"--since is no time of RFC 3339: %s", optarg);
		else if (c == 'n' && read_limit(optarg, &o->limit) < 0)
			return -EINVAL;
		else if (c == 'f' && command_format(optarg, &o->json) < 0)
			return -EINVAL;
		else if (c == '?')
			return -EINVAL;
	}
	if (o->since == INT64_MIN)
		return command_fault("--since is needed");
	return command_arguments(argc, argv, 1, 1, "the bundle or folder to try");
}

/* Return: enum exit_status. */
static int start_trials(struct replaying *p, const struct trial_source *next)
{
	const struct instance *i = &p->session->instance;
	struct trial_of of = { .source = *next, .place = p->o->place };
	_cleanup_bundle_ struct bundle base = { 0 };
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int r = instance_path(i, "policies", policies);

	if (r == 0)
		r = bundle_open(policies, &base, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate policy: %s\n", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	r = trial_start(i, &of, &p->next);
	of.source = (struct trial_source){ .bundle = &base };
	if (r == 0)
		r = trial_start(i, &of, &p->base);
	return r < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

static int add_what(const struct replaying *p, json_t *account)
{
	char since[CLOCK_TEXT_SIZE];

	clock_format(p->o->since, since);
	return json_object_set_new(account, "since", json_string(since)) < 0 ||
			       json_object_set_new(account, "in_force",
				       json_string(p->base.reader.digest)) < 0 ||
			       json_object_set_new(account, "tried",
				       json_string(p->next.reader.digest)) < 0
		       ? EXIT_INTERNAL
		       : EXIT_CLEAN;
}

int policy_replay_run(
	struct replaying *p, const struct trial_source *next, json_t **ret_account)
{
	int status = start_trials(p, next);

	if (status != EXIT_CLEAN)
		return status;
	status = replaying_walk(p, ret_account);
	return *ret_account && add_what(p, *ret_account) != EXIT_CLEAN ? EXIT_INTERNAL
								       : status;
}

static int replay(struct replaying *p, const char *path)
{
	_cleanup_bundle_ struct bundle next = { 0 };
	_cleanup_(freep) char *error = NULL;
	_cleanup_json_ json_t *account = NULL;
	int status, r = bundle_open(path, &next, &error);

	if (r < 0) {
		fprintf(stderr, "sealgate policy: %s\n", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	status =
		policy_replay_run(p, &(struct trial_source){ .bundle = &next }, &account);
	if (!account)
		return status;
	if (!p->o->json)
		rerun_print(stdout, account);
	else if (json_dumpf(account, stdout, JSON_COMPACT | JSON_SORT_KEYS) < 0 ||
		 putchar('\n') == EOF)
		return EXIT_INTERNAL;
	return status;
}

int policy_replay(int argc, char **argv)
{
	_cleanup_session_ struct queue_session session = { 0 };
	struct replaying p = { .session = &session };
	struct replay_options o;
	int status;

	if (read_options(argc, argv, &o) < 0)
		return command_usage("policy");
	if (strncmp(argv[optind], REMOTE_NAME, strlen(REMOTE_NAME)) == 0)
		return replay_order_policy(&o, argv[optind]);
	p.o = &o;
	status = queue_session_open(&session);
	if (status == EXIT_CLEAN)
		status = replay(&p, argv[optind]);
	replaying_done(&p);
	return status;
}

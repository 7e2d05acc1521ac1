/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy replay: what a policy would have said of the documents that are stored,
 * beside what the one in force says of them.
 */
#include "ctl/bundle/policy.h"
#include "ctl/bundle/replaying.h"
#include "ctl/command.h"

#include "common/clock.h"
#include "common/json.h"

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
static int open_policies(struct replaying *p, const char *path)
{
	_cleanup_bundle_ struct bundle base = { 0 }, next = { 0 };
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int r = instance_path(&p->session->instance, "policies", policies);

	if (r == 0)
		r = bundle_open(path, &next, &error);
	if (r == 0)
		r = bundle_open(policies, &base, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate policy: %s\n", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	r = trial_start(&p->session->instance, &next, &p->next);
	if (r == 0)
		r = trial_start(&p->session->instance, &base, &p->base);
	return r < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

static int print(const struct replaying *p)
{
	_cleanup_json_ json_t *out = NULL;
	char since[CLOCK_TEXT_SIZE];

	if (!p->o->json) {
		rerun_print(stdout, &p->account);
		return 0;
	}
	clock_format(p->o->since, since);
	out = rerun_to_json(&p->account);
	if (!out || json_object_set_new(out, "since", json_string(since)) < 0 ||
		json_object_set_new(out, "in_force",
			json_string(policy_digest(p->base.policy))) < 0 ||
		json_object_set_new(
			out, "tried", json_string(policy_digest(p->next.policy))) < 0 ||
		json_dumpf(out, stdout, JSON_COMPACT | JSON_SORT_KEYS) < 0)
		return -ENOMEM;
	putchar('\n');
	return 0;
}

static int run(struct replaying *p, const char *path)
{
	int r = open_policies(p, path);

	if (r != EXIT_CLEAN)
		return r;
	r = replaying_walk(p);
	if (r != 0)
		return queue_session_explain(r, NULL);
	if (print(p) < 0 || p->account.undecided)
		return EXIT_INTERNAL;
	return p->account.changed ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

int policy_replay(int argc, char **argv)
{
	_cleanup_session_ struct queue_session session = { 0 };
	struct replaying p = { .session = &session };
	struct replay_options o;
	int r;

	if (read_options(argc, argv, &o) < 0)
		return command_usage("policy");
	p.o = &o;
	r = queue_session_open(&session);
	if (r == EXIT_CLEAN)
		r = run(&p, argv[optind]);
	replaying_done(&p);
	return r;
}

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy replay: what a policy would have said of the documents that are stored,
 * beside what the one in force says of them.
 */
#include "ctl/audit_since.h"
#include "ctl/command.h"
#include "ctl/policy.h"
#include "ctl/queue_session.h"
#include "ctl/rerun.h"
#include "ctl/trial.h"

#include "common/clock.h"
#include "common/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 10000
#define LIMIT_TOP 10000000
#define PROGRESS_MS 2000
#define CUT 1000 /* the walk ends: enough documents */

struct options {
	int64_t since;
	long limit;
	const char *partner;
	bool json;
};

struct replaying {
	const struct options *o;
	struct queue_session *session;
	struct trial base, next;
	struct rerun_account account;
	long seen;
	int64_t told; /* when progress was told last */
};

static int read_limit(const char *text, long *ret)
{
	char *end;

	*ret = strtol(text, &end, 10);
	return *text && !*end && *ret >= 1 && *ret <= LIMIT_TOP
		       ? 0
		       : command_fault("--limit is 1 to %d, not '%s'", LIMIT_TOP, text);
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "since", required_argument, NULL, 's' },
		{ "limit", required_argument, NULL, 'n' },
		{ "partner", required_argument, NULL, 'p' },
		{ "format", required_argument, NULL, 'f' },
		{ 0 },
	};
	int c;

	*o = (struct options){ .since = INT64_MIN, .limit = LIMIT_DEFAULT };
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

static enum decision stored_decision(const struct queue_document *d)
{
	return d->state == DOCUMENT_REFUSED ? DECISION_REFUSED
	       : d->state == DOCUMENT_HELD  ? DECISION_HELD
					    : DECISION_ACCEPTED;
}

/* One document under one policy. Return: 0 or negative undecided. */
static int judge(const struct trial *t, const struct queue_document *d, int fd,
	struct rerun *ret, json_t **ret_report)
{
	struct verdict v;
	int r = trial_ask(t, VERIFY_DOCUMENT, d, fd, d->received, &v, ret_report);

	if (r < 0)
		return r;
	ret->decision = (enum decision)v.decision;
	ret->findings = json_object_get(*ret_report, "findings");
	ret->route_count = policy_route(t->policy, v.type, v.import_country, ret->route);
	return 0;
}

static int compare(struct replaying *p, const struct queue_document *d, int fd)
{
	_cleanup_json_ json_t *base_report = NULL, *next_report = NULL;
	_cleanup_rerun_change_ struct rerun_change change = { 0 };
	struct rerun base = { 0 }, next = { 0 };
	int r = judge(&p->base, d, fd, &base, &base_report);

	if (r == 0)
		r = judge(&p->next, d, fd, &next, &next_report);
	if (r < 0)
		return rerun_note_undecided(&p->account, d);
	r = rerun_compare(stored_decision(d), &base, &next, &change);
	return r < 0 ? r : rerun_note(&p->account, d, &base, &next, &change);
}

static int take_document(struct replaying *p, const char *id, const char *partner)
{
	_cleanup_(closep) int fd = -1;
	struct queue_document d;
	int r = queue_get(p->session->queue, id, NULL, QUEUE_DOCUMENT, &d, &fd);

	if (r == QUEUE_NOT_FOUND)
		return rerun_note_not_kept(&p->account, partner);
	if (r != QUEUE_DONE)
		return r < 0 ? r : -EIO;
	return compare(p, &d, fd);
}

static void tell_progress(struct replaying *p, const json_t *record)
{
	int64_t now = clock_monotonic_ms();

	if (now - p->told < PROGRESS_MS || !isatty(STDERR_FILENO))
		return;
	p->told = now;
	fprintf(stderr, "%ld documents, the last of %s\n", p->seen,
		json_string_of(record, "at"));
}

/* Records that a partner made are those of submissions. */
static int take_record(void *data, const json_t *record)
{
	struct replaying *p = data;
	const char *event = json_string_of(record, "event");
	const char *partner = json_string_of(record, "actor");
	const char *id = json_string_of(record, "document");

	if (!event || !partner || !id ||
		!json_object_get(json_object_get(record, "detail"), "correlation") ||
		strncmp(event, "document.", 9) != 0)
		return 0;
	if (p->o->partner && strcmp(p->o->partner, partner) != 0)
		return 0;
	if (p->seen == p->o->limit) {
		p->account.cut = true;
		return CUT;
	}
	p->seen++;
	tell_progress(p, record);
	return take_document(p, id, partner);
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
	r = rerun_account_init(&p->account);
	if (r == 0)
		r = audit_since(p->session->queue, p->o->since, take_record, p);
	if (r != 0 && r != CUT)
		return queue_session_explain(r, NULL);
	if (print(p) < 0 || p->account.undecided)
		return EXIT_INTERNAL;
	return p->account.changed ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

int policy_replay(int argc, char **argv)
{
	_cleanup_session_ struct queue_session session = { 0 };
	struct replaying p = { .session = &session };
	struct options o;
	int r;

	if (read_options(argc, argv, &o) < 0)
		return command_usage("policy");
	p.o = &o;
	r = queue_session_open(&session);
	if (r == EXIT_CLEAN)
		r = run(&p, argv[optind]);
	trial_end(&p.next);
	trial_end(&p.base);
	rerun_account_done(&p.account);
	return r;
}

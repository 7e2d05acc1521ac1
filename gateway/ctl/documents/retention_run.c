/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/documents/retention.h"
#include "ctl/replay/replay_orders.h"

#include "common/clock.h"
#include "common/clock_watch.h"
#include "common/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SAY_AFTER 16 /* documents */

static int find_archive(struct retention *t, const char *archive, const char *command)
{
	const struct config *c = t->session.instance.config;
	int r;

	if (!archive)
		archive = config_string(c, "retention.archive");
	t->command = command ? command : config_string(c, "retention.command");
	r = instance_path(&t->session.instance, archive, t->archive);
	if (r == 0 && *t->command && *t->command != '/')
		return command_fault("the command is named by its whole path");
	return r;
}

/* The policy in force, read again when it has changed. */
static int read_policy(struct retention *t, char **ret_error)
{
	struct policy *policy = NULL;
	char policies[PATH_MAX];
	uint64_t stamp;
	int r = instance_path(&t->session.instance, "policies", policies);

	if (r < 0)
		return r;
	stamp = policy_stamp(policies);
	if (t->policy && stamp == t->stamp)
		return 0;
	r = policy_load(policies, &policy, ret_error);
	if (r < 0)
		return r;
	policy_free(t->policy);
	t->policy = policy;
	t->stamp = stamp;
	return 0;
}

int retention_open(struct retention *t, const char *archive, const char *command)
{
	_cleanup_(freep) char *error = NULL;
	int status, r;

	*t = (struct retention){ 0 };
	status = queue_session_open(&t->session);
	if (status != EXIT_CLEAN)
		return status;
	r = find_archive(t, archive, command);
	if (r == 0)
		r = read_policy(t, &error);
	if (r == 0)
		return EXIT_CLEAN;
	if (r != -EINVAL || error)
		fprintf(stderr, "sealgate: %s\n", error ? error : strerror(-r));
	return r == -EINVAL ? EXIT_USAGE : EXIT_INTERNAL;
}

void retention_close(struct retention *t)
{
	policy_free(t->policy);
	t->policy = NULL;
	queue_session_close(&t->session);
}

_Static_assert(RETENTION_RULES_MAX == QUEUE_RETENTION_RULES_MAX,
	"a policy's periods must fit into a request");

bool retention_request(const struct retention *t, enum queue_retention verb,
	struct queue_retention_request *ret)
{
	const struct policy_retention *p = policy_retention(t->policy);

	*ret = (struct queue_retention_request){ .verb = verb,
		.clock_confirmed = t->clock_confirmed,
		.lease_s = RETENTION_LEASE_S,
		.other_s = p->other_s,
		.refused_s = p->refused_s,
		.rule_count = (uint32_t)p->rule_count };
	for (size_t i = 0; i < p->rule_count; i++) {
		memcpy(ret->rules[i].type, p->rules[i].type, DOCUMENT_TYPE_SIZE);
		ret->rules[i].seconds = p->rules[i].seconds;
	}
	return snprintf(ret->policy, sizeof(ret->policy), "%s",
		       policy_digest(t->policy)) < (int)sizeof(ret->policy);
}

static json_t *ask(
	struct retention *t, const struct queue_retention_request *q, int *ret_answer)
{
	int fd;

	*ret_answer = queue_retention(t->session.queue, q, &fd);
	return *ret_answer == QUEUE_DONE ? queue_session_json(fd) : NULL;
}

/* Return: QUEUE_DONE, what queued says instead, or -errno: it could not be archived. */
static int erase(struct retention *t, const json_t *d)
{
	struct queue_retention_request q = { .verb = QUEUE_RETENTION_ERASE,
		.clock_confirmed = t->clock_confirmed,
		.seconds = json_integer_value(json_object_get(d, "seconds")),
		.fence = (uint64_t)json_integer_value(json_object_get(d, "fence")) };
	json_t *answer;
	int r = retention_archive(t, d, &q);

	if (r < 0)
		return r;
	snprintf(q.id, sizeof(q.id), "%s", json_string_of(d, "id"));
	answer = ask(t, &q, &r);
	json_decref(answer);
	if (r == QUEUE_DONE)
		retention_handed_over(t, d);
	return r;
}

/* Of one whose erasure is refused. */
static void keep_document(struct retention *t, const char *id)
{
	fprintf(stderr,
		"sealgate: %s is kept: it was opened, held, claimed or changed "
		"meanwhile, "
		"or is not as its records say\n",
		id);
	t->kept++;
}

/* What was claimed, one after another. Return: enum exit_status: with EXIT_INTERNAL the
 * others stay, and their claims end by themselves. */
static int erase_all(struct retention *t, const json_t *list)
{
	size_t i;
	json_t *d;

	json_array_foreach(list, i, d)
	{
		const char *id = json_string_of(d, "id");
		bool claimed = json_integer_value(json_object_get(d, "fence")) > 0;
		int r = claimed ? erase(t, d) : QUEUE_ILLEGAL;

		if (r == QUEUE_DONE) {
			t->erased++;
		} else if (r == QUEUE_ILLEGAL || r == QUEUE_STALE || r == -ESTALE) {
			if (claimed)
				retention_drop(t, d);
			keep_document(t, id);
		} else if (r < 0) {
			fprintf(stderr, "sealgate: %s is not archived: %s\n", id,
				strerror(-r));
			return EXIT_INTERNAL;
		} else {
			return queue_session_explain(r, id);
		}
	}
	return EXIT_CLEAN;
}

static int keep(struct retention *t, const json_t *answer)
{
	json_int_t position = json_integer_value(json_object_get(answer, "position"));
	int r = retention_keep_statement(t, position, json_string_of(answer, "list"));

	if (r == 0)
		return EXIT_CLEAN;
	fprintf(stderr, "sealgate: %s: %s\n", t->archive, strerror(-r));
	return EXIT_INTERNAL;
}

/* The last list, when a run ended between the statement and that. */
static int state_again(struct retention *t)
{
	struct queue_retention_request q = { .verb = QUEUE_RETENTION_STATUS };
	int r;
	_cleanup_json_ json_t *status = ask(t, &q, &r), *answer = NULL;

	if (!status)
		return r == QUEUE_DONE ? EXIT_INTERNAL : queue_session_explain(r, NULL);
	q.verb = QUEUE_RETENTION_END;
	q.after = json_integer_value(json_object_get(status, "statement"));
	if (!q.after || retention_has_statement(t, q.after))
		return EXIT_CLEAN;
	answer = ask(t, &q, &r);
	if (!answer)
		return r == QUEUE_DONE ? EXIT_INTERNAL : queue_session_explain(r, NULL);
	return keep(t, answer);
}

/* One statement after another, until there is nothing more to state. */
static int state(struct retention *t)
{
	struct queue_retention_request q = { .verb = QUEUE_RETENTION_END };
	json_int_t count = 1;

	while (count > 0) {
		int r;
		_cleanup_json_ json_t *answer = ask(t, &q, &r);
		json_int_t position =
			json_integer_value(json_object_get(answer, "position"));

		if (!answer)
			return r == QUEUE_DONE ? EXIT_INTERNAL
					       : queue_session_explain(r, NULL);
		count = json_integer_value(json_object_get(answer, "erased"));
		if (count == 0)
			break;
		if (keep(t, answer) != EXIT_CLEAN)
			return EXIT_INTERNAL;
		printf("statement: record %lld, %lld erased\n", (long long)position,
			(long long)count);
	}
	return EXIT_CLEAN;
}

/* Is the clock one to judge ages by, and the policy the one in force? Return: enum
 * exit_status. */
static int ready(struct retention *t)
{
	_cleanup_(freep) char *error = NULL;
	char reason[256];
	int r;

	if (!clock_watch_trusts(&t->session.instance, reason, sizeof(reason))) {
		fprintf(stderr, "sealgate: nothing is erased: %s\n", reason);
		return EXIT_INTERNAL;
	}
	r = retention_make_room(t);
	if (r < 0) {
		fprintf(stderr, "sealgate: nothing more is archived in %s: %s\n",
			t->archive, strerror(-r));
		return EXIT_INTERNAL;
	}
	r = read_policy(t, &error);
	if (r < 0)
		fprintf(stderr, "sealgate: nothing more is erased: %s\n",
			error ? error : strerror(-r));
	return r < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

/* The next document, claimed. *ret_step: NULL when the status is not EXIT_CLEAN. */
static int claim(struct retention *t, json_int_t after, json_t **ret_step)
{
	_cleanup_json_ json_t *step = NULL;
	struct queue_retention_request q;
	int r, status = ready(t);

	*ret_step = NULL;
	if (status != EXIT_CLEAN)
		return status;
	if (!retention_request(t, QUEUE_RETENTION_CLAIM, &q))
		return EXIT_INTERNAL;
	q.after = after;
	t->claimed_ms = clock_monotonic_ms();
	step = ask(t, &q, &r);
	if (!step)
		return r == QUEUE_DONE ? EXIT_INTERNAL : queue_session_explain(r, NULL);
	if (json_object_get(step, "clock")) {
		fprintf(stderr,
			"sealgate: nothing is erased: there is no record from 30 to 7 "
			"days ago, so the clock may have jumped; when it is right, say "
			"--clock-confirmed\n");
		return EXIT_INTERNAL;
	}
	*ret_step = TAKE(step);
	return EXIT_CLEAN;
}

int retention_run(struct retention *t)
{
	int status = EXIT_CLEAN, end;
	json_int_t after = 0;
	long long looked = 0;
	bool more = true;

	retention_sweep(t);
	while (more && status == EXIT_CLEAN) {
		_cleanup_json_ json_t *step = NULL;

		status = claim(t, after, &step);
		if (!step)
			break;
		status = erase_all(t, json_object_get(step, "documents"));
		looked += json_integer_value(json_object_get(step, "looked"));
		after = json_integer_value(json_object_get(step, "after"));
		more = json_is_true(json_object_get(step, "more"));
		if (!more || (t->erased + t->kept) % SAY_AFTER == 0)
			fprintf(stderr, "retention: %lld looked at, %d erased, %d kept\n",
				looked, t->erased, t->kept);
	}
	/* Where another user's unit keeps it, that is started after this (OnSuccess=). */
	if (t->erased)
		(void)replay_forget();
	/* what is erased is stated, also when the rest was not to be */
	end = state_again(t);
	if (end == EXIT_CLEAN)
		end = state(t);
	printf("erased: %d\n", t->erased);
	if (status == EXIT_CLEAN)
		status = end;
	return status == EXIT_CLEAN && t->kept ? EXIT_NOT_PASSED : status;
}

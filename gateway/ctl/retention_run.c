/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/retention.h"

#include "common/clock.h"
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

int retention_open(struct retention *t, const char *archive, const char *command)
{
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int status, r;

	*t = (struct retention){ 0 };
	status = queue_session_open(&t->session);
	if (status != EXIT_CLEAN)
		return status;
	r = find_archive(t, archive, command);
	if (r == 0)
		r = instance_path(&t->session.instance, "policies", policies);
	if (r == 0)
		r = policy_load(policies, &t->policy, &error);
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

/* What was claimed, one after another. Return: enum exit_status: with EXIT_INTERNAL the
 * others stay, and their claims end by themselves. */
static int erase_all(struct retention *t, const json_t *list)
{
	size_t i;
	json_t *d;

	json_array_foreach(list, i, d)
	{
		const char *id = json_string_of(d, "id");
		int r = erase(t, d);

		if (r == QUEUE_DONE) {
			t->erased++;
		} else if (r == QUEUE_ILLEGAL || r == QUEUE_STALE || r == -ESTALE) {
			fprintf(stderr,
				"sealgate: %s is kept: it was opened, held, claimed or "
				"changed meanwhile, or is not as its records say\n",
				id);
			t->kept++;
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
		r = retention_keep_statement(t, position, json_string_of(answer, "list"));
		if (r < 0) {
			fprintf(stderr, "sealgate: %s: %s\n", t->archive, strerror(-r));
			return EXIT_INTERNAL;
		}
		printf("statement: record %lld, %lld erased\n", (long long)position,
			(long long)count);
	}
	return EXIT_CLEAN;
}

int retention_run(struct retention *t)
{
	struct queue_retention_request q;
	int status = EXIT_CLEAN, end;
	long long looked = 0;
	bool more = true;

	if (!retention_request(t, QUEUE_RETENTION_CLAIM, &q))
		return EXIT_INTERNAL;
	while (more && status == EXIT_CLEAN) {
		int r;
		_cleanup_json_ json_t *step = NULL;

		t->claimed_ms = clock_monotonic_ms();
		step = ask(t, &q, &r);
		if (!step)
			return r == QUEUE_DONE ? EXIT_INTERNAL
					       : queue_session_explain(r, NULL);
		status = erase_all(t, json_object_get(step, "documents"));
		looked += json_integer_value(json_object_get(step, "looked"));
		q.after = json_integer_value(json_object_get(step, "after"));
		more = json_is_true(json_object_get(step, "more"));
		if (!more || (t->erased + t->kept) % SAY_AFTER == 0)
			fprintf(stderr, "retention: %lld looked at, %d erased, %d kept\n",
				looked, t->erased, t->kept);
	}
	/* what is erased is stated, also when the rest was not to be */
	end = state(t);
	printf("erased: %d\n", t->erased);
	if (status == EXIT_CLEAN)
		status = end;
	return status == EXIT_CLEAN && t->kept ? EXIT_NOT_PASSED : status;
}

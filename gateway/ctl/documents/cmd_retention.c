/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"
#include "ctl/command.h"
#include "ctl/documents/queue_control.h"
#include "ctl/documents/retention.h"
#include "ctl/documents/timeline.h"
#include "ctl/instance/unit_note.h"

#include "common/json.h"
#include "web/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct retention_options {
	struct peer peer;
	const char *archive, *command;
	const char *reason, *ground, *id, *partner, *type;
	bool json, clock_confirmed;
};

static int read_options(int argc, char **argv, struct retention_options *o)
{
	static const struct option options[] = { PEER_OPTIONS,
		{ "archive", required_argument, NULL, 'A' },
		{ "clock-confirmed", no_argument, NULL, 'K' },
		{ "command", required_argument, NULL, 'C' },
		{ "format", required_argument, NULL, 'f' },
		{ "ground", required_argument, NULL, 'g' },
		{ "id", required_argument, NULL, 'i' },
		{ "partner", required_argument, NULL, 'p' },
		{ "reason", required_argument, NULL, 'r' },
		{ "type", required_argument, NULL, 't' }, { 0 } };
	const char **const texts[] = { &o->archive, &o->command, &o->ground, &o->id,
		&o->partner, &o->reason, &o->type };
	static const char LETTERS[] = "ACgiprt";
	int c;

	*o = (struct retention_options){ .ground = "legal" };
	while ((c = command_option(argc, argv, "", options)) != -1) {
		const char *at = c > 0 && c < 128 ? strchr(LETTERS, c) : NULL;

		if (c == 'K')
			o->clock_confirmed = true;
		else if (at)
			*texts[at - LETTERS] = optarg;
		else if (c == 'f' ? command_format(optarg, &o->json) < 0
				  : !peer_option(&o->peer, c, optarg))
			return -EINVAL;
	}
	return 0;
}

static int dump(json_t *value)
{
	_cleanup_json_ json_t *owned = value;

	json_dumpf(value, stdout, JSON_SORT_KEYS | JSON_COMPACT);
	putchar('\n');
	return EXIT_CLEAN;
}

static json_t *ask(struct retention *t, const struct queue_retention_request *q)
{
	int fd, r = queue_retention(t->session.queue, q, &fd);

	if (r == QUEUE_DONE)
		return queue_session_json(fd);
	queue_session_explain(r, NULL);
	return NULL;
}

/* Add up what each step says. */
static void add_counts(json_t *total, const json_t *step)
{
	static const char *const KEYS[] = { "looked", "young", "open", "legal_hold",
		"claimed", "erased" };

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
		json_object_set_new(total, KEYS[i],
			json_integer(json_integer_value(json_object_get(total, KEYS[i])) +
				     json_integer_value(json_object_get(step, KEYS[i]))));
}

static void print_due(const json_t *list)
{
	size_t i;
	json_t *d;

	json_array_foreach(list, i, d) timeline_print_line(stdout, d);
}

static int plan(struct retention *t, const struct retention_options *o)
{
	_cleanup_json_ json_t *total = json_object();
	struct queue_retention_request q;
	json_int_t due = 0;
	bool more = retention_request(t, QUEUE_RETENTION_PLAN, &q);

	while (more) {
		_cleanup_json_ json_t *step = ask(t, &q);

		if (!step)
			return EXIT_INTERNAL;
		add_counts(total, step);
		due += (json_int_t)json_array_size(json_object_get(step, "documents"));
		if (!o->json)
			print_due(json_object_get(step, "documents"));
		q.after = json_integer_value(json_object_get(step, "after"));
		more = json_is_true(json_object_get(step, "more"));
	}
	json_object_set_new(total, "due", json_integer(due));
	json_object_set_new(
		total, "policy_digest", json_string(policy_digest(t->policy)));
	return dump(TAKE(total));
}

/* With all holds, whatever the number that one answer has. New reference or NULL. */
static json_t *ask_status(struct retention *t)
{
	struct queue_retention_request q = { .verb = QUEUE_RETENTION_STATUS };
	json_t *answer = ask(t, &q);
	json_t *holds = json_object_get(answer, "holds");
	bool more = json_is_true(json_object_get(answer, "more"));

	json_object_del(answer, "more");
	while (more) {
		_cleanup_json_ json_t *next = NULL;

		q.after = json_integer_value(json_object_get(
			json_array_get(holds, json_array_size(holds) - 1), "hold"));
		next = ask(t, &q);
		if (!next ||
			json_array_extend(holds, json_object_get(next, "holds")) < 0) {
			json_decref(answer);
			return NULL;
		}
		more = json_is_true(json_object_get(next, "more"));
	}
	return answer;
}

static int status(struct retention *t, const struct retention_options *o)
{
	_cleanup_json_ json_t *answer = ask_status(t);
	const char *last = json_string_of(answer, "last");
	size_t i;
	json_t *h;

	if (!answer)
		return EXIT_INTERNAL;
	if (o->json)
		return dump(TAKE(answer));
	printf("erased: %lld, last %s, claimed: %lld\n",
		(long long)json_integer_value(json_object_get(answer, "erased")),
		last ? last : "never",
		(long long)json_integer_value(json_object_get(answer, "claimed")));
	json_array_foreach(json_object_get(answer, "holds"), i, h)
	{
		static const char *const KEYS[] = { "ground", "id", "partner", "type",
			"since", "by", "reason" };

		printf("hold %lld",
			(long long)json_integer_value(json_object_get(h, "hold")));
		for (size_t k = 0; k < sizeof(KEYS) / sizeof(KEYS[0]); k++) {
			const char *text = json_string_of(h, KEYS[k]);

			if (!text || !*text)
				continue;
			printf("  %s=", KEYS[k]);
			timeline_text(stdout, text);
		}
		putchar('\n');
	}
	return EXIT_CLEAN;
}

/* A person from afar does not wait for it, and who has the commands run for him could not
 * write into the archive: the unit that does it every night does. */
static int order(bool clock_confirmed)
{
	int r = appliance_start(clock_confirmed ? "sealgate-retention-confirmed.service"
						: "sealgate-retention.service",
		false);

	if (r < 0) {
		command_fault("it cannot be started: %s", strerror(-r));
		return EXIT_INTERNAL;
	}
	puts("begun; retention status says what became of it");
	return EXIT_CLEAN;
}

static int run(struct retention *t, const struct retention_options *o)
{
	int status;

	if (getenv(REMOTE_PERSON) && appliance_has_units())
		return order(o->clock_confirmed);
	t->clock_confirmed = o->clock_confirmed;
	unit_started(&t->session.instance, "retention");
	status = retention_run(t);
	unit_ended(&t->session.instance, "retention", status);
	return status;
}

static int set_hold(const struct retention_options *o)
{
	json_t *answer = NULL;
	const json_t *documents;
	int status = control_post(&o->peer, "/v1/legal-holds/set",
		json_pack("{s:o,s:o,s:o,s:o,s:o}", "reason", json_text(o->reason),
			"ground", json_text(o->ground), "id",
			json_text(o->id ? o->id : ""), "partner",
			json_text(o->partner ? o->partner : ""), "type",
			json_text(o->type ? o->type : "")),
		&answer);

	documents = json_object_get(answer, "documents");
	if (json_is_integer(documents) && json_integer_value(documents) == 0)
		fputs("sealgate: it stands, but nothing is here that it keeps: see that "
		      "partner and type are as they are on the documents\n",
			stderr);
	json_decref(answer);
	return status;
}

static int lift_hold(const struct retention_options *o, const char *number)
{
	char *end;
	long long hold = strtoll(number, &end, 10);

	if (*end || hold < 1) {
		command_fault("'%s' is not the number of a hold", number);
		return command_usage("retention");
	}
	return control_post(&o->peer, "/v1/legal-holds/lift",
		json_pack("{s:o,s:I}", "reason", json_text(o->reason), "hold",
			(json_int_t)hold),
		NULL);
}

/* Acts of a named person, asked of the operators' API. */
static int hold_verb(int argc, char **argv, struct retention_options *o, bool lifts)
{
	if (!peer_complete(&o->peer) || !o->reason) {
		command_fault("--url, --ca, --cert, --key and --reason are needed");
		return command_usage("retention");
	}
	if (command_arguments(argc, argv, lifts, lifts, "the number of the hold") < 0)
		return command_usage("retention");
	if (!lifts && !o->id && !o->partner && !o->type) {
		command_fault("one of --id, --partner and --type is needed");
		return command_usage("retention");
	}
	return lifts ? lift_hold(o, argv[optind]) : set_hold(o);
}

static const struct {
	const char *name;
	int (*run)(struct retention *t, const struct retention_options *o);
} VERBS[] = { { "plan", plan }, { "run", run }, { "status", status } };

int cmd_retention(int argc, char **argv)
{
	_cleanup_retention_ struct retention t = { 0 };
	const char *verb = argc > 1 ? argv[1] : NULL;
	bool hold = verb && strcmp(verb, "hold") == 0;
	bool lift = verb && strcmp(verb, "lift") == 0;
	struct retention_options o;
	size_t i = 0;
	int r;

	while (verb && i < 3 && strcmp(VERBS[i].name, verb) != 0)
		i++;
	if (!verb || (i == 3 && !hold && !lift))
		return command_no_verb(verb);
	argc--;
	argv++;
	if (read_options(argc, argv, &o) < 0)
		return command_usage("retention");
	if (hold || lift)
		return hold_verb(argc, argv, &o, lift);
	if (command_arguments(argc, argv, 0, 0, "nothing") < 0)
		return command_usage("retention");
	r = retention_open(&t, o.archive, o.command);
	return r == EXIT_CLEAN ? VERBS[i].run(&t, &o) : r;
}

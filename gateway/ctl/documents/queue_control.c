/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/documents/queue_control.h"

#include "common/id.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (1024u * 1024)
#define TIMEOUT_S 60L
#define RECORDED 202 /* by HTTP: it waits for another person */

struct control_options {
	struct peer peer;
	const char *reason;
};

static int read_options(
	int argc, char **argv, int most, const char *wanted, struct control_options *ret)
{
	static const struct option options[] = { PEER_OPTIONS,
		{ "reason", required_argument, NULL, 'r' }, { 0 } };
	int c;

	*ret = (struct control_options){ 0 };
	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c == 'r')
			ret->reason = optarg;
		else if (!peer_option(&ret->peer, c, optarg))
			return -1;
	}
	if (!peer_complete(&ret->peer))
		return -1;
	return ret->reason && *ret->reason
		       ? command_arguments(argc, argv, 1, most, wanted)
		       : command_fault("--reason is missing");
}

int control_post(
	const struct peer *peer, const char *path, json_t *value, json_t **ret_answer)
{
	_cleanup_json_ json_t *body = value;
	_cleanup_(http_response_done) struct http_response answer = { 0 };
	int r = peer_post(peer, path, body, ANSWER_MAX, TIMEOUT_S, &answer);

	if (r < 0)
		return peer_status(r);
	if (answer.body.len)
		printf("%s\n", answer.body.data);
	if (answer.status == RECORDED)
		fputs("sealgate: proposed; it is done when another person confirms it: "
		      "sealgate queue confirm PROPOSAL\n",
			stderr);
	if (answer.status / 100 == 2) {
		if (ret_answer)
			*ret_answer = json_read(buf_span(&answer.body), ANSWER_MAX);
		return EXIT_CLEAN;
	}
	fprintf(stderr, "sealgate: the gate answered %ld\n", answer.status);
	return answer.status / 100 == 4 ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

static int ask(const struct control_options *o, const char *verb, const char *id,
	const char *destination)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/queue/%s/%s", id, verb);
	return control_post(&o->peer, path,
		json_pack("{s:o,s:o}", "destination", json_text(destination), "reason",
			json_text(o->reason)),
		NULL);
}

int queue_control_run(const char *usage, int argc, char **argv)
{
	struct control_options o;

	if (read_options(argc, argv, 2, "the document's ID", &o) < 0)
		return command_usage(usage);
	if (!id_valid(argv[optind])) {
		fprintf(stderr, "sealgate: '%s' is not a document's id\n", argv[optind]);
		return EXIT_USAGE;
	}
	return ask(&o, argv[0], argv[optind], argc - optind == 2 ? argv[optind + 1] : "");
}

/* Of many it is confirmed once, and carried out part by part. */
static int decide(const struct control_options *o, const char *verb, long long number)
{
	_cleanup_json_ json_t *last = NULL;
	size_t passed_over = 0;
	char path[64];
	int status;

	snprintf(path, sizeof(path), "/v1/reviews/%lld/%s", number, verb);
	do {
		json_t *answer = NULL;

		status = control_post(&o->peer, path,
			json_pack("{s:o,s:I,s:I}", "reason", json_text(o->reason),
				"state",
				json_integer_value(json_object_get(last, "state")),
				"after",
				json_integer_value(json_object_get(last, "after"))),
			&answer);
		json_decref(last);
		last = answer;
		passed_over += json_array_size(json_object_get(last, "passed_over"));
	} while (status == EXIT_CLEAN && json_is_true(json_object_get(last, "more")));
	if (passed_over)
		fprintf(stderr,
			"sealgate: %zu stay held: somebody held them after that was "
			"proposed, see passed_over\n",
			passed_over);
	return status;
}

int queue_review_run(int argc, char **argv)
{
	struct control_options o;
	long long number;
	char *end;

	if (read_options(argc, argv, 1, "the proposal's number", &o) < 0)
		return command_usage("queue");
	number = strtoll(argv[optind], &end, 10);
	if (*end || number < 1) {
		fprintf(stderr, "sealgate: '%s' is not a proposal's number\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return decide(&o, argv[0], number);
}

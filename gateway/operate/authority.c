/* SPDX-License-Identifier: EUPL-1.2 */
#include "operate/authority.h"

#include "common/json.h"
#include "common/log.h"
#include "policy/policy.h"
#include "queue/client.h"

#include <errno.h>
#include <string.h>

#define RECORD_MS 4000

static bool may(const struct policy *p, const char *name, const char *verb)
{
	const struct operator_person *person = name ? policy_operator(p, name) : NULL;

	return person && policy_role_may(p, person->role, verb);
}

/* What is told to admin, whose persons asked for it, says no more than it knows. */
static const char *judge(const struct policy *p, const struct remote_command *row,
	const char *by, const char *after)
{
	bool two = remote_changes(row) && policy_needs_two(p, row->verb);

	if (!may(p, by, row->verb) || (after && !may(p, after, row->verb)))
		return "operator.role";
	if (two && (!after || strcmp(by, after) == 0))
		return "operator.undone";
	return NULL;
}

/* Nothing is recorded while the clock is behind the last record, but the command that
 * says that this record was wrong, and names its time. */
#define ACCEPTS "queue accept-clock"

static const char *accepted(const struct remote_command *row, const json_t *request)
{
	const json_t *arguments = json_object_get(request, "arguments");

	return strcmp(row->words, ACCEPTS) == 0
		       ? json_string_value(json_array_get(
				 arguments, json_array_size(arguments) - 1))
		       : "";
}

static const char *record(const struct instance *instance, const char *command,
	const char *by, const char *after, const char *accept)
{
	_cleanup_(queue_disconnectp) struct queue *queue = NULL;
	char path[PATH_MAX];
	int r;

	if (instance_socket(instance, "queued", path) < 0 ||
		queue_connect(path, RECORD_MS, &queue) < 0)
		return "http.queue-away";
	r = queue_command(queue, command, by, after ? after : "", accept);
	/* Another record's time, or a clock that is not behind, changes nothing: the
	 * command says so. */
	if (r == QUEUE_DONE || (*accept && (r == QUEUE_ILLEGAL || r == -E2BIG)))
		return NULL;
	return "http.queue-away";
}

const char *authority_fault(const struct instance *instance,
	const struct remote_command *row, const json_t *request, int piece)
{
	const char *by = json_string_of(request, "by"), *fault;
	const char *after = json_string_of(request, "after");
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	_cleanup_buf_ struct buf command;
	char path[PATH_MAX], list[SHA256_TEXT_SIZE] = "";
	int brings = remote_list(row, request, piece, list);

	remote_text(request, list, &command);
	if (command.error || brings < 0)
		return "operator.command";
	if (instance_path(instance, "policies", path) < 0 ||
		policy_load_people(path, &policy, &error) < 0) {
		log_event(LOG_ERR, "operate.undone", NULL, "%s",
			error ? error : "the policy cannot be read");
		return "internal.error";
	}
	fault = judge(policy, row, by, after);
	if (fault)
		log_event(LOG_ERR, "operate.undone", NULL,
			"admin asked for what policy does not let %s have: %s",
			by ? by : "nobody", row->words);
	else if (remote_recorded(row) || brings > 0)
		fault = record(instance, command.data, by, after, accepted(row, request));
	return fault;
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* POST /v1/pieces/COMMAND/VERB?name=NAME&offset=N: a piece of what operators bring, as it
 * is; the same as the command with its octets in base64, without the work of that. */
#include "admin/admin.h"

#include "common/json.h"
#include "web/remote.h"

#include <stdio.h>
#include <string.h>

#define OFFSET_SIZE 24

/* {"arguments": [COMMAND, VERB, NAME, OFFSET]}, which remote_find judges. */
static json_t *request_of(const struct visit *v, const char *rest)
{
	const char *verb = strchr(rest, '/');
	char name[REMOTE_ARGUMENT_MAX + 1], offset[OFFSET_SIZE];
	json_t *command;

	if (!verb || !request_query_text(v->request, "name", name, sizeof(name)) ||
		!request_query(v->request, "offset", offset, sizeof(offset)))
		return NULL;
	command = json_stringn(rest, (size_t)(verb - rest));
	return command ? json_pack("{s:[o, o, o, o]}", "arguments", command,
				 json_text(verb + 1), json_text(name), json_text(offset))
		       : NULL;
}

static const char *fault_of(const struct visit *v, const struct remote_command *row)
{
	const struct scgi_request *scgi = &v->request->scgi;

	if (row->traits != REMOTE_BRINGS)
		return "octets are no input of this command";
	if (strcmp(scgi_get(scgi, "CONTENT_TYPE"), REMOTE_PIECES_TYPE) != 0 ||
		*scgi_get(scgi, "HTTP_CONTENT_ENCODING"))
		return "a piece is " REMOTE_PIECES_TYPE ", without an encoding";
	return NULL;
}

static bool fits(struct visit *v)
{
	char received[32];

	if (request_size(v->request) <= REMOTE_PIECE_MAX)
		return true;
	(void)snprintf(
		received, sizeof(received), "%zu octets", request_size(v->request));
	visit_problem(v, "limit.size", received, "A piece has at most 8388608 octets.");
	return false;
}

/* Whoever may not has not a single octet kept here. */
void piece_post(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *request = request_of(v, rest);
	const struct remote_command *row;
	const char *fault = "a piece has a command, a name and an offset";

	row = request ? remote_find(json_object_get(request, "arguments"), &fault) : NULL;
	if (row)
		fault = fault_of(v, row);
	if (!row || fault)
		visit_problem(v, "operator.command", NULL, fault);
	else if (!visit_may(v, row->verb) || !fits(v))
		return;
	else if (request_octets(v->request, REMOTE_PIECE_MAX) != 1)
		visit_problem(v, "http.request", NULL, NULL);
	else
		command_authorise(v, row, request, v->request->body);
}

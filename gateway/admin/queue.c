/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/clock.h"
#include "common/id.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "connectors/profile.h"
#include "queue/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 8192u
#define REASON_MAX 300
#define LIST_MAX 1000
#define COUNT_MS 10000 /* no longer for who waits for the number */

static const struct {
	const char *name;
	enum queue_control verb;
} VERBS[] = {
	{ "hold", QUEUE_HOLD },
	{ "release", QUEUE_RELEASE },
	{ "redrive", QUEUE_REDRIVE },
	{ "reroute", QUEUE_REROUTE },
};

/* An answer of queued that is not DONE, as a problem. */
static void not_done(struct visit *v, int answer, const char *received)
{
	if (answer == QUEUE_NOT_FOUND)
		visit_problem(v, "http.path", received, NULL);
	else if (answer == QUEUE_ILLEGAL)
		visit_problem(v, "queue.state", received, NULL);
	else if (answer == QUEUE_FULL)
		visit_problem(v, "queue.maintenance-full", received, NULL);
	else
		visit_problem(v, "http.queue-away", NULL, NULL);
}

/* What queued answered, whose descriptor is closed. New reference or NULL. */
static json_t *read_json(int fd)
{
	struct span text = { 0 };
	json_t *value = NULL;

	if (memfd_map(fd, LIMIT_REPORT, &text) == 0) {
		value = json_read(text, LIMIT_REPORT);
		memfd_unmap(&text);
	}
	if (fd >= 0)
		close(fd);
	return value;
}

void visit_give(struct visit *v, int answer, int fd, const char *received)
{
	if (answer == QUEUE_DONE && fd >= 0)
		response_fd(v->response, 200, TYPE_JSON, fd);
	else
		not_done(v, answer, received);
}

static int limit_of(const struct visit *v, int most)
{
	char text[8];
	long value;

	request_query(v->request, "limit", text, sizeof(text));
	value = strtol(text, NULL, 10);
	return value > 0 && value < most ? (int)value : most;
}

static void list(struct visit *v)
{
	char state[32], partner[PARTNER_NAME_SIZE];
	int fd = -1, r;

	request_query(v->request, "state", state, sizeof(state));
	request_query(v->request, "partner", partner, sizeof(partner));
	r = queue_list(v->queue, state, partner, limit_of(v, LIST_MAX), &fd);
	visit_give(v, r, fd, state);
}

/* ID or ID/REST. *ret_rest: "" for an id alone, and never for what ends in a slash. */
static bool read_id(const char *text, char id[DOCUMENT_ID_SIZE], const char **ret_rest)
{
	size_t len = strcspn(text, "/");

	if (len != DOCUMENT_ID_SIZE - 1 || (text[len] && !text[len + 1]))
		return false;
	memcpy(id, text, len);
	id[len] = '\0';
	*ret_rest = text[len] ? text + len + 1 : text + len;
	return id_valid(id);
}

void queue_resource_get(struct visit *v, const char *rest)
{
	struct queue_document document;
	char id[DOCUMENT_ID_SIZE];
	const char *part;
	int fd = -1, r;

	if (!v->queue) {
		not_done(v, QUEUE_UNAVAILABLE, NULL);
	} else if (!*rest) {
		list(v);
	} else if (!read_id(rest, id, &part) ||
		   !(!*part || strcmp(part, "report") == 0)) {
		not_done(v, QUEUE_NOT_FOUND, rest);
	} else {
		r = queue_get(v->queue, id, NULL, *part ? QUEUE_REPORT : QUEUE_META,
			&document, &fd);
		visit_give(v, r, fd, rest);
	}
}

/* ID/VERB */
static bool read_target(const char *rest, char id[DOCUMENT_ID_SIZE], size_t *ret_verb)
{
	const char *verb;

	if (!read_id(rest, id, &verb))
		return false;
	for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++)
		if (strcmp(VERBS[i].name, verb) == 0) {
			*ret_verb = i;
			return true;
		}
	return false;
}

static int64_t seconds_of(const json_t *body, const char *key)
{
	const json_t *v = json_object_get(body, key);

	return json_is_integer(v) && json_integer_value(v) > 0 ? json_integer_value(v)
							       : 0;
}

static json_t *read_body(struct visit *v)
{
	struct span text = { 0 };
	json_t *body = NULL;

	if (request_size(v->request) > BODY_MAX || request_body(v->request) != 1 ||
		memfd_map(v->request->body, BODY_MAX, &text) < 0)
		return NULL;
	body = json_read(text, BODY_MAX);
	memfd_unmap(&text);
	return body;
}

static void act(struct visit *v, const char *id, size_t verb, const char *destination,
	const char *reason)
{
	struct queue_selection s = { 0 };
	int r;

	if (release_is_reviewed(v, VERBS[verb].verb)) {
		memcpy(s.id, id, sizeof(s.id));
		snprintf(s.destination, sizeof(s.destination), "%s", destination);
		release_propose(v, &s, reason);
		return;
	}
	r = queue_control(
		v->queue, VERBS[verb].verb, id, destination, v->person->name, reason);
	log_event(r == QUEUE_DONE ? LOG_NOTICE : LOG_WARNING, "admin.act", id,
		"%s: %s %s: %s (%d)", v->person->name, VERBS[verb].name,
		*destination ? destination : "all destinations", reason, r);
	if (r == QUEUE_DONE)
		response_json(v->response, 200, TYPE_JSON,
			json_pack("{s:s, s:s, s:s, s:s}", "id", id, "done",
				VERBS[verb].name, "destination", destination, "by",
				v->person->name));
	else if (r == QUEUE_ILLEGAL)
		visit_illegal(v, id, VERBS[verb].verb, destination);
	else
		not_done(v, r, id);
}

void queue_resource_post(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *body = NULL;
	const char *destination, *reason;
	char id[DOCUMENT_ID_SIZE];
	size_t verb;

	if (!read_target(rest, id, &verb)) {
		not_done(v, QUEUE_NOT_FOUND, rest);
		return;
	}
	if (!visit_may(v, VERBS[verb].name))
		return;
	body = read_body(v);
	reason = body ? json_string_of(body, "reason") : NULL;
	destination = body ? json_string_of(body, "destination") : NULL;
	if (!destination)
		destination = "";
	if (!reason || !*reason || strlen(reason) > REASON_MAX ||
		strlen(destination) >= DESTINATION_NAME_SIZE)
		visit_problem(v, "operator.reason", NULL, NULL);
	else if (!v->queue)
		not_done(v, QUEUE_UNAVAILABLE, NULL);
	else
		act(v, id, verb, destination, reason);
}

/* Copy a member into an array. Return: false when it does not fit. */
static bool member(const json_t *body, const char *key, char *ret, size_t size)
{
	const char *text = json_string_of(body, key);

	return snprintf(ret, size, "%s", text ? text : "") < (int)size;
}

int visit_act(struct visit *v, json_t **ret_body, const char **ret_reason)
{
	*ret_body = read_body(v);
	*ret_reason = *ret_body ? json_string_of(*ret_body, "reason") : NULL;
	if (!*ret_reason || !**ret_reason || strlen(*ret_reason) > REASON_MAX)
		visit_problem(v, "operator.reason", NULL, NULL);
	else if (!v->queue)
		not_done(v, QUEUE_UNAVAILABLE, NULL);
	else
		return 1;
	return 0;
}

/* The destination is one that policy knows: nothing is sent where nobody looks. */
static bool destination_known(struct visit *v, const char *name)
{
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	_cleanup_(freep) char *error = NULL;

	return profiles_load(v->admin->policies, &profiles, &error) == 0 &&
	       profile_find(profiles, name);
}

static void act_on_many(
	struct visit *v, enum queue_control verb, const json_t *body, const char *reason)
{
	struct queue_selection s = { .before = seconds_of(body, "before"),
		.state = (uint32_t)seconds_of(body, "state"),
		.after = seconds_of(body, "after"),
		.spare_held = release_is_reviewed(v, QUEUE_RELEASE) };
	char to[DESTINATION_NAME_SIZE];
	int fd = -1, r;

	if (!member(body, "id", s.id, sizeof(s.id)) ||
		!member(body, "partner", s.partner, sizeof(s.partner)) ||
		!member(body, "destination", s.destination, sizeof(s.destination)) ||
		!member(body, "to", to, sizeof(to)) ||
		(verb == QUEUE_REROUTE && !destination_known(v, to))) {
		not_done(v, QUEUE_NOT_FOUND, json_string_of(body, "to"));
		return;
	}
	if (release_is_reviewed(v, verb)) {
		release_propose(v, &s, reason);
		return;
	}
	r = queue_act(v->queue, verb, &s, to, v->person->name, reason, &fd);
	log_event(r == QUEUE_DONE ? LOG_NOTICE : LOG_WARNING, "admin.act", s.id,
		"%s: verb %d on partner '%s', destination '%s': %s (%d)", v->person->name,
		(int)verb, s.partner, s.destination, reason, r);
	if (r == QUEUE_ILLEGAL && *s.id)
		visit_illegal(v, s.id, verb, s.destination);
	else
		visit_give(v, r, fd, s.id);
}

void acts_post(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *body = NULL;
	const char *reason;

	for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++) {
		if (strcmp(VERBS[i].name, rest) != 0)
			continue;
		if (visit_may(v, VERBS[i].name) && visit_act(v, &body, &reason))
			act_on_many(v, VERBS[i].verb, body, reason);
		return;
	}
	not_done(v, QUEUE_NOT_FOUND, rest);
}

static int maintain(struct visit *v, bool start, const char *destination,
	const json_t *body, const char *reason)
{
	const char *every = json_string_of(body, "every");
	const struct queue_window w = { .since = seconds_of(body, "since"),
		.until = seconds_of(body, "until"),
		.every = calendar_period_find(every) };

	if (every && !w.every)
		return QUEUE_ILLEGAL;
	return queue_maintenance(
		v->queue, start, destination, &w, v->person->name, reason);
}

void maintenance_post(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *body = NULL;
	bool start = strcmp(rest, "start") == 0;
	char destination[DESTINATION_NAME_SIZE];
	const char *reason;
	int r;

	if (!start && strcmp(rest, "end") != 0) {
		not_done(v, QUEUE_NOT_FOUND, rest);
		return;
	}
	if (!visit_may(v, "maintenance") || !visit_act(v, &body, &reason))
		return;
	if (json_is_true(json_object_get(body, "intake")))
		snprintf(destination, sizeof(destination), "%s", QUEUE_INTAKE);
	else if (!member(body, "destination", destination, sizeof(destination)) ||
		 (*destination && start && !destination_known(v, destination))) {
		not_done(v, QUEUE_NOT_FOUND, json_string_of(body, "destination"));
		return;
	}
	r = maintain(v, start, destination, body, reason);
	log_event(LOG_NOTICE, "admin.act", NULL, "%s: maintenance %s %s: %s (%d)",
		v->person->name, rest, *destination ? destination : "of all", reason, r);
	if (r == QUEUE_DONE)
		response_json(v->response, 200, TYPE_JSON,
			json_pack("{s:s, s:s, s:s}", "maintenance", rest, "destination",
				destination, "by", v->person->name));
	else
		not_done(v, r, destination);
}

/* How many documents a hold on partner or type keeps. Return: -1 that is not known. */
static json_int_t keeps(struct visit *v, int64_t hold)
{
	struct queue_retention_request q = { .verb = QUEUE_RETENTION_KEEPS,
		.hold = hold };
	int64_t end = clock_monotonic_ms() + COUNT_MS;
	json_int_t count = 0;
	bool more = true;

	while (more && clock_monotonic_ms() < end) {
		_cleanup_json_ json_t *step = NULL;
		int fd = -1;

		if (queue_retention(v->queue, &q, &fd) == QUEUE_DONE)
			step = read_json(fd);
		if (!step)
			return -1;
		count += json_integer_value(json_object_get(step, "documents"));
		q.after = json_integer_value(json_object_get(step, "after"));
		more = json_is_true(json_object_get(step, "more"));
	}
	return more ? -1 : count;
}

/* The hold stands; how many documents it keeps is told where it can be. */
static void give_hold(struct visit *v, int fd)
{
	json_t *answer = read_json(fd);
	json_int_t count;

	if (answer && !json_object_get(answer, "documents")) {
		count = keeps(v, json_integer_value(json_object_get(answer, "hold")));
		json_object_set_new(answer, "documents",
			count < 0 ? json_null() : json_integer(count));
	}
	response_json(v->response, 200, TYPE_JSON, answer);
}

/* Set a legal hold, or lift the one that "hold" names. */
static void set_or_lift(
	struct visit *v, bool lift, const json_t *body, const char *reason)
{
	struct queue_legal_hold h = { .lift = lift ? seconds_of(body, "hold") : 0 };
	int fd = -1, r = QUEUE_ILLEGAL;

	if ((lift && !h.lift) || !member(body, "id", h.id, sizeof(h.id)) ||
		!member(body, "partner", h.partner, sizeof(h.partner)) ||
		!member(body, "type", h.type, sizeof(h.type)) ||
		!member(body, "ground", h.ground, sizeof(h.ground))) {
		not_done(v, QUEUE_NOT_FOUND, json_string_of(body, "id"));
		return;
	}
	r = queue_legal_hold(v->queue, &h, v->person->name, reason, &fd);
	log_event(r == QUEUE_DONE ? LOG_NOTICE : LOG_WARNING, "admin.act", h.id,
		"%s: legal hold %s %lld on partner '%s', type '%s': %s (%d)",
		v->person->name, lift ? "lift" : "set", (long long)h.lift, h.partner,
		h.type, reason, r);
	if (r == QUEUE_STALE)
		visit_problem(v, "document.erased", h.id, NULL);
	else if (r == QUEUE_DONE && !lift)
		give_hold(v, fd);
	else
		visit_give(v, r, fd, h.id);
}

void legal_hold_post(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *body = NULL;
	bool lift = strcmp(rest, "lift") == 0;
	const char *reason;

	if (!lift && strcmp(rest, "set") != 0) {
		not_done(v, QUEUE_NOT_FOUND, rest);
		return;
	}
	if (visit_may(v, "legal-hold") && visit_act(v, &body, &reason))
		set_or_lift(v, lift, body, reason);
}

void explain_get(struct visit *v, const char *rest)
{
	char key[DOCUMENT_NUMBER_SIZE];
	int fd = -1, r = QUEUE_UNAVAILABLE;

	(void)rest;
	request_query(v->request, "key", key, sizeof(key));
	if (v->queue)
		r = queue_explain(v->queue, key, &fd);
	visit_give(v, r, fd, key);
}

void audit_get(struct visit *v, const char *rest)
{
	int fd = -1, r = QUEUE_UNAVAILABLE;
	char after[24];

	(void)rest;
	request_query(v->request, "after", after, sizeof(after));
	if (v->queue)
		r = queue_audit_read(
			v->queue, strtoll(after, NULL, 10), limit_of(v, LIST_MAX), &fd);
	visit_give(v, r, fd, after);
	if (v->response->status == 200)
		v->response->type = "application/x-ndjson";
}

json_t *queue_figures(struct visit *v)
{
	int fd = -1;

	return v->queue && queue_stats(v->queue, &fd) == QUEUE_DONE ? read_json(fd)
								    : NULL;
}

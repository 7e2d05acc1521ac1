/* SPDX-License-Identifier: EUPL-1.2 */
/* Releases that take two people, where policy says so. */
#include "admin/admin.h"

#include "common/json.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

bool release_is_reviewed(const struct visit *v, enum queue_control verb)
{
	return verb == QUEUE_RELEASE && policy_review_seconds(v->policy) > 0;
}

void release_propose(
	struct visit *v, const struct queue_selection *selection, const char *reason)
{
	int fd = -1,
	    r = queue_propose(v->queue, selection, policy_review_seconds(v->policy),
		    v->person->name, reason, &fd);

	log_event(r == QUEUE_DONE ? LOG_NOTICE : LOG_WARNING, "admin.act", selection->id,
		"%s: proposes a release of partner '%s', destination '%s': %s (%d)",
		v->person->name, selection->partner, selection->destination, reason, r);
	if (r == QUEUE_DONE && fd >= 0)
		response_fd(v->response, 202, TYPE_JSON, fd);
	else if (r == QUEUE_DUPLICATE)
		visit_problem(v, "queue.proposed", selection->id, NULL);
	else if (r == QUEUE_FULL)
		visit_problem(v, "queue.reviews-full", NULL, NULL);
	else if (r == QUEUE_ILLEGAL && *selection->id)
		visit_illegal(v, selection->id, QUEUE_RELEASE, selection->destination);
	else
		visit_give(v, r, fd, selection->id);
}

void reviews_get(struct visit *v, const char *rest)
{
	int fd = -1, r = v->queue ? queue_reviews(v->queue, &fd) : QUEUE_UNAVAILABLE;

	visit_give(v, r, fd, rest);
}

/* NUMBER/confirm or NUMBER/decline. */
static bool read_decision(
	const char *rest, int64_t *ret_number, enum queue_review *ret_verb)
{
	char *end;

	if (*rest < '1' || *rest > '9')
		return false;
	*ret_number = strtoll(rest, &end, 10);
	*ret_verb = strcmp(end, "/confirm") == 0 ? QUEUE_CONFIRM : QUEUE_DECLINE;
	return *ret_verb == QUEUE_CONFIRM || strcmp(end, "/decline") == 0;
}

/* Who may propose may take back, too; queued knows whose proposal it is. */
static bool may_decide(struct visit *v, enum queue_review verb)
{
	if (policy_may_review(v->policy, v->person->role) ||
		(verb == QUEUE_DECLINE &&
			policy_role_may(v->policy, v->person->role, "release")))
		return true;
	log_event(LOG_WARNING, "admin.denied", NULL, "%s (%s) may not review releases",
		v->person->name, v->person->role);
	visit_problem(v, "operator.role", v->person->role, NULL);
	return false;
}

static void decide(struct visit *v, enum queue_review verb, int64_t number,
	const json_t *body, const char *reason, const char *received)
{
	const json_t *state = json_object_get(body, "state"),
		     *after = json_object_get(body, "after");
	int fd = -1,
	    r = queue_review(v->queue, verb, number, (uint32_t)json_integer_value(state),
		    json_integer_value(after), v->person->name, reason, &fd);

	log_event(r == QUEUE_DONE ? LOG_NOTICE : LOG_WARNING, "admin.act", NULL,
		"%s: %s the release of proposal %lld: %s (%d)", v->person->name,
		verb == QUEUE_CONFIRM ? "confirms" : "declines", (long long)number,
		reason, r);
	if (r == QUEUE_CONFLICT)
		visit_problem(v, "operator.own-proposal", received, NULL);
	else if (r == QUEUE_STALE)
		visit_problem(v, "queue.review-over", received, NULL);
	else
		visit_give(v, r, fd, received);
}

void reviews_post(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *body = NULL;
	enum queue_review verb;
	const char *reason;
	int64_t number;

	if (!read_decision(rest, &number, &verb)) {
		visit_give(v, QUEUE_NOT_FOUND, -1, rest);
		return;
	}
	if (may_decide(v, verb) && visit_act(v, &body, &reason))
		decide(v, verb, number, body, reason, rest);
}

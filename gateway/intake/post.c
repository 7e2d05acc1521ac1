/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/handlers.h"

#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "connectors/withhold.h"
#include "evidence/receipt.h"
#include "intake/http.h"
#include "intake/original.h"
#include "intake/problem.h"
#include "intake/submission.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/* Where a document names its paper. */
#define PAPER_NOTE                                                                       \
	"/rsm:SPSCertificate/rsm:SPSExchangedDocument/ram:IncludedSPSNote"               \
	"[ram:SubjectCode='CONTINGENCY_NUMBER']/ram:Content"

static int refuse(struct exchange *x, const char *code, const char *received)
{
	problem(x, code, received, NULL);
	return 0;
}

/* Spool the body of an acceptable request. Return: 1, 0 with a problem. */
static int take_body(struct exchange *x)
{
	const struct scgi_request *scgi = &x->request->scgi;
	char size[24];
	int r;

	if (*scgi_get(scgi, "HTTP_CONTENT_ENCODING"))
		return refuse(x, "http.content-encoding",
			scgi_get(scgi, "HTTP_CONTENT_ENCODING"));
	if (!http_is_xml(scgi_get(scgi, "CONTENT_TYPE")))
		return refuse(x, "http.content-type", scgi_get(scgi, "CONTENT_TYPE"));
	if (request_size(x->request) == 0)
		return refuse(x, "http.empty", NULL);
	r = request_body(x->request);
	if (r == 1)
		return 1;
	snprintf(size, sizeof(size), "%zu", request_size(x->request));
	if (r == 0)
		return refuse(x, "limit.size", size);
	return refuse(x, r == -EPROTO || r == -EAGAIN ? "http.request" : "internal.error",
		NULL);
}

static json_t *held_members(const char *reason, int64_t until)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(until, text);
	return json_pack("{s:s, s:s}", "hold_reason", reason, "held_until", text);
}

/* Of a rehearsal: what would have been decided, as its receipt says. */
static void add_rehearsal(json_t *rest, struct span receipt)
{
	_cleanup_json_ json_t *claims = receipt_claims_read(receipt);
	json_t *decision = json_object_get(claims, "decision");

	if (!decision)
		return;
	json_object_set_new(rest, "sandbox", json_true());
	json_object_set(rest, "decision", decision);
}

/* The receipt is canonical JSON already and stands in the body as it is. */
static char *body_with(const json_t *rest, struct span receipt)
{
	_cleanup_(freep) char *text = json_canonical(rest);
	_cleanup_buf_ struct buf b;

	buf_init(&b, 2 * LIMIT_RECEIPT);
	buf_add_str(&b, "{\"receipt\":");
	buf_add_span(&b, receipt);
	buf_add_str(&b, ",");
	if (!text || buf_add_str(&b, text + 1) < 0)
		return NULL;
	return buf_take(&b, NULL);
}

/* 202 for the first copy, 200 for each further one: the same body. */
static void acknowledge(struct exchange *x, const char *id, const char *state,
	struct span receipt, bool duplicate, json_t *extra)
{
	_cleanup_json_ json_t *rest = json_pack("{s:s, s:s, s:s}", "id", id, "state",
		state, "sha256", x->request->sha256_text);

	if (rest && duplicate)
		json_object_set_new(rest, "duplicate", json_true());
	if (rest && strcmp(state, document_state_text(DOCUMENT_SANDBOX)) == 0)
		add_rehearsal(rest, receipt);
	if (rest && extra)
		json_object_update(rest, extra);
	json_decref(extra);
	snprintf(x->response->id, sizeof(x->response->id), "%s", id);
	response_text(x->response, duplicate ? 200 : 202, TYPE_JSON,
		rest ? body_with(rest, receipt) : NULL);
}

/* Answer with the receipt of the first copy. */
static void answer_first(struct exchange *x, const struct queue_document *first)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_json_ json_t *readable = NULL;
	struct queue_document document;
	struct span receipt;
	int r = links_get(
		x->links, first->id, x->partner->name, QUEUE_RECEIPT, &document, &fd);

	if (r != QUEUE_DONE || memfd_map(fd, LIMIT_RECEIPT, &receipt) < 0) {
		log_event(LOG_ERR, "intake.queue-away", first->id,
			"the receipt of the first copy cannot be had");
		problem(x, "http.queue-away", NULL, NULL);
		return;
	}
	readable = json_read(receipt, LIMIT_RECEIPT);
	if (readable)
		acknowledge(x, first->id,
			document_state_text(withhold_state(
				x->partner, (enum document_state)document.state)),
			receipt, true,
			document.state == DOCUMENT_HELD
				? held_members(document.hold_reason, document.held_until)
				: NULL);
	else
		problem(x, "internal.error", NULL, NULL);
	memfd_unmap(&receipt);
}

/* Another partner's id is nobody else's business. */
static void answer_other(struct exchange *x, const struct queue_document *first,
	const char *code, const char *received)
{
	json_t *extra = NULL;

	if (strcmp(first->partner, x->partner->name) == 0)
		extra = json_pack("{s:s}", "first", first->id);
	problem_with(x, code, received, NULL, extra);
}

static void answer_conflict(
	struct exchange *x, const struct queue_document *first, const char *number)
{
	answer_other(x, first, "document.conflict", number);
}

/* What was a rehearsal once is no answer to a real document, nor the other way round. */
static bool same_lane(const struct exchange *x, const struct queue_document *first)
{
	return x->partner->sandbox == (first->state == DOCUMENT_SANDBOX);
}

/* Retry-After is when it ends, where that is known. */
static void answer_closed(struct exchange *x, int64_t until, int64_t now)
{
	problem(x, "http.maintenance", NULL, NULL);
	if (until > now)
		x->response->retry_after =
			until - now < INT_MAX ? (int)(until - now) : INT_MAX;
}

/* Return: 1 when this was answered as sent before, or nothing can be taken now. */
static int seen_before(struct exchange *x, const struct queue_submission *s, int64_t now)
{
	struct queue_document first;
	int r = links_find(x->links, s, &first);

	if (r == QUEUE_DONE)
		return 0;
	if (r == QUEUE_CLOSED)
		answer_closed(x, first.held_until, now);
	else if (r != QUEUE_DUPLICATE)
		problem(x, "http.queue-away", NULL, NULL);
	else if (same_lane(x, &first))
		answer_first(x, &first);
	else
		answer_conflict(x, &first, first.number);
	return 1;
}

static void answer_commit(struct exchange *x, const struct queue_submission *s,
	const struct judgement *j, int answer, const char *receipt,
	const struct queue_document *first)
{
	if (answer == QUEUE_FULL)
		problem(x, "http.held-full", s->partner, NULL);
	else if (answer == QUEUE_CONFLICT)
		answer_conflict(x, first, s->number);
	else if (answer == QUEUE_PAPER)
		answer_other(x, first, "document.paper", s->paper);
	else if (answer == QUEUE_DUPLICATE && !same_lane(x, first))
		answer_conflict(x, first, s->number);
	else if (answer == QUEUE_DUPLICATE && strcmp(first->id, s->id) != 0)
		answer_first(x, first);
	else if (s->state == DOCUMENT_REFUSED)
		problem_findings(
			x, judgement_findings(j), json_pack("{s:s}", "id", s->id));
	else
		acknowledge(x, s->id, document_state_text(s->state), span_str(receipt),
			false,
			s->state == DOCUMENT_HELD
				? held_members(s->hold_reason, s->held_until)
				: NULL);
	if (!*x->response->id)
		snprintf(x->response->id, sizeof(x->response->id), "%s", s->id);
}

/* Before a receipt is signed for nothing; the commit decides.
 * Return: 1 with a problem. */
static int not_taken(struct exchange *x, const struct queue_submission *s)
{
	struct queue_document first;
	int r;

	if (s->state == DOCUMENT_REFUSED || (s->state != DOCUMENT_HELD && !*s->paper))
		return 0;
	r = links_find(x->links, s, &first);
	if (r == QUEUE_FULL)
		problem(x, "http.held-full", s->partner, NULL);
	if (r == QUEUE_PAPER)
		answer_other(x, &first, "document.paper", s->paper);
	return r == QUEUE_FULL || r == QUEUE_PAPER;
}

/* Return: true when it was committed. */
static bool judge_and_commit(struct exchange *x, struct queue_submission *s, int64_t now)
{
	_cleanup_judgement_ struct judgement j = { .report_fd = -1 };
	_cleanup_(freep) char *receipt = NULL;
	struct queue_document first = { 0 };
	int answer;

	if (!judge(x, s->id, now, &j))
		return false;
	/* A new policy may have given the certificate to another partner meanwhile. */
	if (strcmp(s->partner, x->partner->name) != 0) {
		problem(x, "http.policy-changing", NULL, NULL);
		return false;
	}
	submission_judged(s, &j, x->partner);
	if (!original_judge(x, s, &j) || not_taken(x, s))
		return false;
	answer = submission_commit(x, s, &j, &receipt, &first);
	if (answer)
		answer_commit(x, s, &j, answer, receipt, &first);
	return answer == QUEUE_DONE;
}

void post_document(struct exchange *x)
{
	struct queue_submission s;
	int64_t now = clock_now();
	enum quota_answer quota;
	bool kept;

	if (!take_body(x))
		return;
	if (submission_init(x, now, &s) < 0) {
		problem(x, "internal.error", NULL, NULL);
		return;
	}
	if (seen_before(x, &s, now))
		return;
	quota = quota_begin(x, true, now);
	if (quota == QUOTA_OVER)
		return;
	kept = judge_and_commit(x, &s, now);
	if (quota == QUOTA_BEGUN)
		quota_end(x, s.partner, true, kept, now);
}

static json_t *part_of(const json_t *report, const char *key)
{
	json_t *value = json_object_get(report, key);

	return value ? json_incref(value) : json_null();
}

/* Where a document of this type and country would go once nothing refuses it; of a
 * rehearsal, nowhere. */
static json_t *route_of(const struct exchange *x, const struct judgement *j)
{
	char names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
	json_t *list = json_array();
	size_t count = 0;

	if (!x->partner->sandbox && *j->verdict.type)
		count = policy_route(x->snapshot->policy, j->verdict.type,
			j->verdict.import_country, names);
	for (size_t i = 0; list && i < count; i++)
		json_array_append_new(list, json_string(names[i]));
	return list;
}

static json_t *preflight_body(const struct exchange *x, const struct judgement *j)
{
	json_t *body = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s}",
		"decision", judgement_decision(j), "sha256", x->request->sha256_text,
		"findings", part_of(j->report, "findings"), "facts",
		part_of(j->report, "facts"), "signatures",
		part_of(j->report, "signatures"), "route", route_of(x, j), "urgency",
		part_of(j->report, "urgency"), "policy_digest", j->verdict.policy_digest,
		"store_version", j->verdict.store_version);
	json_t *held = j->decision == DECISION_HELD ? held_members(j->verdict.hold_reason,
							      j->verdict.hold_until)
						    : NULL;

	if (body && held)
		json_object_update(body, held);
	json_decref(held);
	return body;
}

/* What a submission would be told by the queue: sent before, or in conflict.
 * Return: 1, 0 with a problem. */
static int foresee(struct exchange *x, const struct queue_submission *s,
	struct judgement *j, bool *ret_duplicate)
{
	struct queue_document first;
	int r = links_find(x->links, s, &first);

	if (r == QUEUE_DUPLICATE && !same_lane(x, &first))
		r = QUEUE_CONFLICT;
	*ret_duplicate = r == QUEUE_DUPLICATE;
	if (r == QUEUE_CONFLICT)
		r = judgement_refuse(j, "document.conflict", "", s->number) == 0
			    ? QUEUE_DONE
			    : -ENOMEM;
	else if (r == QUEUE_PAPER)
		r = judgement_refuse(j, "document.paper", PAPER_NOTE, s->paper) == 0
			    ? QUEUE_DONE
			    : -ENOMEM;
	if (r == QUEUE_DONE || r == QUEUE_DUPLICATE || r == QUEUE_CLOSED)
		return 1;
	return r == QUEUE_FULL ? refuse(x, "http.held-full", s->partner)
			       : refuse(x, "http.queue-away", NULL);
}

static void judge_and_tell(struct exchange *x, struct queue_submission *s, int64_t now)
{
	_cleanup_judgement_ struct judgement j = { .report_fd = -1 };
	bool duplicate = false;
	json_t *body;

	if (!judge(x, s->id, now, &j))
		return;
	submission_judged(s, &j, x->partner);
	if (!original_judge(x, s, &j))
		return;
	if (j.decision != DECISION_REFUSED && !foresee(x, s, &j, &duplicate))
		return;
	body = preflight_body(x, &j);
	if (body && duplicate)
		json_object_set_new(body, "duplicate", json_true());
	if (body && x->partner->sandbox)
		json_object_set_new(body, "sandbox", json_true());
	response_json(x->response, 200, TYPE_JSON, body);
}

void post_preflight(struct exchange *x)
{
	struct queue_submission s;
	int64_t now = clock_now();
	enum quota_answer quota;

	if (!take_body(x))
		return;
	if (submission_init(x, now, &s) < 0) {
		problem(x, "internal.error", NULL, NULL);
		return;
	}
	quota = quota_begin(x, false, now);
	if (quota == QUOTA_OVER)
		return;
	judge_and_tell(x, &s, now);
	if (quota == QUOTA_BEGUN)
		quota_end(x, s.partner, false, false, now);
}

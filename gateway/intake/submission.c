/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/submission.h"

#include "common/clock.h"
#include "common/encode.h"
#include "common/id.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "evidence/receipt.h"
#include "intake/problem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RECORD_MAX (64u * 1024)

/* Copy text whose origin has bounds of its own that are no larger. */
#define PUT(array, text) snprintf((array), sizeof(array), "%s", (text))

int submission_init(const struct exchange *x, int64_t now, struct queue_submission *ret)
{
	struct queue_submission s = { .size = (uint32_t)request_size(x->request),
		.received = now };
	int r = id_new(s.id);

	if (r < 0)
		return r;
	PUT(s.partner, x->partner->name);
	PUT(s.correlation, x->request->correlation);
	memcpy(s.sha256, x->request->sha256, sizeof(s.sha256));
	*ret = s;
	return 0;
}

static enum document_state state_of(enum decision decision, bool sandbox)
{
	if (sandbox && (decision == DECISION_ACCEPTED || decision == DECISION_HELD))
		return DOCUMENT_SANDBOX;
	switch (decision) {
	case DECISION_ACCEPTED:
		return DOCUMENT_ACCEPTED;
	case DECISION_HELD:
		return DOCUMENT_HELD;
	case DECISION_REFUSED:
		return DOCUMENT_REFUSED;
	case DECISION_UNDECIDED:
	default:
		return DOCUMENT_NONE;
	}
}

/* Believed as far as the rest of the report: what it withdraws or replaces can only be
 * this partner's own. */
static void relate(struct queue_submission *s, const struct judgement *j)
{
	const json_t *original = json_object_get(j->report, "original");
	const char *number = json_string_of(original, "number");
	enum document_relation r =
		document_relation_find(json_string_of(original, "relation"));

	if (r == RELATION_NONE || !number || !*number ||
		strlen(number) >= sizeof(s->original))
		return;
	s->relation = r;
	PUT(s->original, number);
}

/* As little to be believed, and little is at stake: it orders the partner's own, and who
 * calls everything urgent has a few turns for each of another's. */
static void put_urgency(
	struct queue_submission *s, const struct judgement *j, const struct partner *p)
{
	const json_t *urgency = json_object_get(j->report, "urgency");
	const char *expected = json_string_of(urgency, "expected");
	int64_t rank = 0;

	s->urgency = urgency_find(json_string_of(urgency, "is"));
	s->share = (uint32_t)p->priority;
	s->rank = expected && clock_parse(expected, &rank) == 0 && rank > 0 ? rank : 0;
}

/* As far as believed: a partner can keep papers from nobody but its own country. */
static void put_paper(struct queue_submission *s, const struct judgement *j)
{
	const char *paper = json_string_of(json_object_get(j->report, "facts"), "paper");

	paper_fold(paper ? paper : "", s->paper);
}

/* A type too long for the prefix is cut: it is shown, and part of a key that no real
 * document has. */
static void put_type(struct queue_submission *s, const char *type, bool sandbox)
{
	int n = snprintf(s->type, sizeof(s->type), "%s%s",
		sandbox && *type ? SANDBOX_PREFIX : "", type);

	if (n < 0)
		s->type[0] = '\0';
}

static void put_hold(struct queue_submission *s, const struct verdict *v)
{
	bool held = s->state == DOCUMENT_HELD;

	s->held_until = held ? v->hold_until : 0;
	PUT(s->hold_reason, held ? v->hold_reason : "");
}

void submission_judged(struct queue_submission *s, const struct judgement *j,
	const struct partner *partner)
{
	const struct verdict *v = &j->verdict;

	s->state = state_of(j->decision, partner->sandbox);
	PUT(s->country, v->export_country);
	PUT(s->import_country, v->import_country);
	put_type(s, v->type, partner->sandbox);
	PUT(s->number, v->number);
	PUT(s->status, v->status);
	PUT(s->policy_digest, v->policy_digest);
	PUT(s->store_version, v->store_version);
	put_hold(s, v);
	s->relation = RELATION_NONE;
	s->original[0] = '\0';
	s->urgency = URGENCY_NONE;
	s->share = 0;
	s->rank = 0;
	s->destination_count = 0;
	put_paper(s, j);
	if (j->decision == DECISION_REFUSED)
		return;
	relate(s, j);
	put_urgency(s, j, partner);
	if (s->state == DOCUMENT_SANDBOX)
		return;
	s->destination_count = (uint32_t)j->destination_count;
	for (size_t i = 0; i < j->destination_count; i++)
		PUT(s->destinations[i], j->destinations[i]);
}

/* What the record says beyond who, when and what happened; keys in their order. */
static void add_detail(struct buf *b, const struct exchange *x,
	const struct queue_submission *s, const struct judgement *j)
{
	bool held = s->state == DOCUMENT_HELD;
	char until[CLOCK_TEXT_SIZE];

	json_add_open(b, "detail", '{');
	json_add_text(b, "address", scgi_get(&x->request->scgi, "REMOTE_ADDR"));
	json_add_text(b, "certificate", x->certificate);
	json_add_text(b, "correlation", s->correlation);
	json_add_text(b, "country", s->country);
	if (s->state == DOCUMENT_SANDBOX)
		json_add_text(b, "decision", judgement_decision(j));
	json_add_open(b, "destinations", '[');
	for (uint32_t i = 0; i < s->destination_count; i++)
		json_add_text(b, NULL, s->destinations[i]);
	json_add_close(b, ']');
	if (held) {
		clock_format(s->held_until, until);
		json_add_text(b, "held_until", until);
		json_add_text(b, "hold_reason", s->hold_reason);
	}
	json_add_text(b, "import_country", s->import_country);
	json_add_text(b, "number", s->number);
	if (s->relation)
		json_add_text(b, "original", s->original);
	if (*s->paper)
		json_add_text(b, "paper", s->paper);
	json_add_text(b, "policy_digest", s->policy_digest);
	if (s->relation)
		json_add_text(b, "relation",
			document_relation_text((enum document_relation)s->relation));
	json_add_text(b, "report_sha256", j->report_sha256);
	json_add_text(b, "sha256", x->request->sha256_text);
	json_add_integer(b, "size", s->size);
	json_add_text(b, "state", document_state_text(s->state));
	json_add_text(b, "status", s->status);
	json_add_text(b, "store_version", s->store_version);
	json_add_bool(b, "test", x->server->test);
	json_add_text(b, "tls", scgi_get(&x->request->scgi, "TLS_PROTOCOL"));
	json_add_text(b, "type", s->type);
	json_add_close(b, '}');
}

char *submission_record(const struct exchange *x, const struct queue_submission *s,
	const struct judgement *j)
{
	char at[CLOCK_TEXT_SIZE], event[32];
	_cleanup_buf_ struct buf b;

	buf_init(&b, RECORD_MAX);
	clock_format(s->received, at);
	snprintf(event, sizeof(event), "document.%s", document_state_text(s->state));
	json_add_open(&b, NULL, '{');
	json_add_text(&b, "actor", s->partner);
	json_add_text(&b, "at", at);
	add_detail(&b, x, s, j);
	json_add_text(&b, "document", s->id);
	json_add_text(&b, "event", event);
	json_add_close(&b, '}');
	return buf_take(&b, NULL);
}

static void fill_claims(const struct exchange *x, const struct queue_submission *s,
	const struct judgement *j, const char *record_sha256, struct receipt_claims *ret)
{
	*ret = (struct receipt_claims){ .instance = x->server->name,
		.test = x->server->test,
		.id = s->id,
		.partner = s->partner,
		.sha256 = x->request->sha256_text,
		.size = s->size,
		.received = s->received,
		.state = document_state_text(s->state),
		.sandbox = s->state == DOCUMENT_SANDBOX,
		.decision = judgement_decision(j),
		.hold_reason = s->hold_reason,
		.held_until = s->held_until,
		.type = s->type,
		.number = s->number,
		.status = s->status,
		.country = s->country,
		.import_country = s->import_country,
		.policy_digest = s->policy_digest,
		.store_version = s->store_version,
		.audit_record_sha256 = record_sha256,
		.warnings = j->warnings };
}

/* One attempt. Return: as links_sign_input. */
static int sign_once(
	struct links *l, const struct receipt_claims *claims, char **ret_receipt)
{
	_cleanup_(freep) char *input = NULL;
	const struct receipt_signer *signer;
	int r = links_receipt_signer(l, &signer);

	if (r != SIGNER_SIGNED)
		return r;
	r = receipt_signing_input(claims, signer, &input);
	return r < 0 ? r : links_sign_input(l, input, signer, claims->id, ret_receipt);
}

int submission_receipt(struct exchange *x, const struct queue_submission *s,
	const struct judgement *j, const char *record, char **ret_receipt)
{
	char record_sha256[SHA256_TEXT_SIZE];
	struct receipt_claims claims;
	int r = digest_sha256_text(span_str(record), record_sha256);

	if (r == 0) {
		fill_claims(x, s, j, record_sha256, &claims);
		r = sign_once(x->links, &claims, ret_receipt);
		/* Once more on a new connection: the signer may have been restarted. */
		if (r <= 0 && r != -EAGAIN)
			r = sign_once(x->links, &claims, ret_receipt);
	}
	if (r == SIGNER_SIGNED)
		return 1;
	log_event(LOG_ERR, "intake.signer-away", s->id, "no receipt: %s",
		r < 0		      ? strerror(-r)
		: r == SIGNER_REFUSED ? "the signer refuses"
		: r == SIGNER_AWAY    ? "the token is away"
				      : "the signature is not of the role's certificate");
	problem(x, "http.signer-away", NULL, NULL);
	return 0;
}

static int commit(struct exchange *x, const struct queue_submission *s,
	const struct judgement *j, const char *record, const char *receipt,
	struct queue_document *ret_first)
{
	return links_commit(x->links, s, receipt ? x->request->body : -1, j->report_fd,
		receipt ? span_str(receipt) : (struct span){ 0 }, span_str(record),
		ret_first);
}

static int queue_away(struct exchange *x, const struct queue_submission *s, int r)
{
	log_event(LOG_ERR, "intake.queue-away", s->id, "not committed: %s",
		r < 0		    ? strerror(-r)
		: r == QUEUE_DENIED ? "denied"
				    : "not possible now");
	problem(x, "http.queue-away", NULL, NULL);
	return 0;
}

int submission_commit(struct exchange *x, const struct queue_submission *s,
	const struct judgement *j, char **ret_receipt, struct queue_document *ret_first)
{
	_cleanup_(freep) char *record = submission_record(x, s, j);
	_cleanup_(freep) char *receipt = NULL;
	int r;

	*ret_receipt = NULL;
	if (!record) {
		problem(x, "internal.error", NULL, NULL);
		return 0;
	}
	if (s->state != DOCUMENT_REFUSED &&
		!submission_receipt(x, s, j, record, &receipt))
		return 0;
	r = commit(x, s, j, record, receipt, ret_first);
	if (r != QUEUE_DONE && r != QUEUE_DUPLICATE && r != QUEUE_CONFLICT &&
		r != QUEUE_FULL && r != QUEUE_PAPER)
		return queue_away(x, s, r);
	*ret_receipt = TAKE(receipt);
	return r;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/handlers.h"

#include "common/clock.h"
#include "common/id.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "connectors/withhold.h"
#include "intake/problem.h"
#include "queue/protocol.h"

#include <errno.h>
#include <string.h>

static const char MEANING[] =
	"What this gate held under the number at that time, of the documents in the "
	"scope. "
	"Whether a certificate is valid, replaced or withdrawn is for TRACES to say.";
static const char TEST_NOTICE[] =
	"TEST: this statement was made by a test instance and has no legal effect.";

struct question {
	char number[DOCUMENT_NUMBER_SIZE];
	char id[DOCUMENT_ID_SIZE]; /* of the statement */
	int64_t at, issued;
};

/* "number" and "at" of the query. Return: 1, 0 with a problem. */
static int read_question(struct exchange *x, struct question *ret)
{
	char at[64];

	ret->at = ret->issued = clock_now();
	if (request_query_text(x->request, "number", ret->number, sizeof(ret->number)) &&
		ret->number[0] &&
		(!request_query_text(x->request, "at", at, sizeof(at)) ||
			(clock_parse(at, &ret->at) == 0 && ret->at <= ret->issued)))
		return 1;
	problem(x, "status-of.query", scgi_get(&x->request->scgi, "QUERY_STRING"), NULL);
	return 0;
}

static void scope_of(const struct partner *p, struct queue_scope *ret)
{
	*ret = (struct queue_scope){ 0 };
	memcpy(ret->partner, p->name, sizeof(ret->partner));
	memcpy(ret->issued_by, p->asks_issued_by, sizeof(ret->issued_by));
	memcpy(ret->bound_for, p->asks_bound_for, sizeof(ret->bound_for));
}

static json_t *countries(const char (*list)[COUNTRY_SIZE])
{
	json_t *array = json_array();

	for (size_t i = 0; i < QUEUE_SCOPE_MAX && list[i][0]; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

/* A statement says no more of a decision than the asker may know. */
static void withhold_held(const struct partner *p, json_t *documents)
{
	size_t i;
	json_t *d;

	json_array_foreach(documents, i, d)
	{
		enum document_state s = document_state_find(json_string_of(d, "state"));

		json_object_set_new(d, "state",
			json_string(document_state_text(withhold_state(p, s))));
		withhold_decisions(p, json_object_get(d, "deliveries"));
	}
}

/* What is signed; takes over held, the answer of queued. NULL without memory. */
static json_t *claims_of(const struct exchange *x, const struct question *q, json_t *held)
{
	const struct partner *p = x->partner;
	char issued[CLOCK_TEXT_SIZE], at[CLOCK_TEXT_SIZE];
	size_t count = json_array_size(json_object_get(held, "documents"));
	json_t *claims;

	withhold_held(p, json_object_get(held, "documents"));
	clock_format(q->issued, issued);
	clock_format(q->at, at);
	claims = json_pack("{s:i, s:o, s:b, s:s, s:{s:o, s:o, s:o}, s:o, s:s, s:b, s:s, "
			   "s:s, s:s}",
		"statement", STATEMENT_VERSION, "instance", json_text(x->server->name),
		"test", x->server->test, "issued", issued, "scope", "partner",
		json_text(p->name), "issued_by", countries(p->asks_issued_by),
		"bound_for", countries(p->asks_bound_for), "number", json_text(q->number),
		"at", at, "held", count > 0, "authority", "TRACES", "meaning", MEANING,
		"policy_digest", policy_digest(x->snapshot->policy));
	if (!claims || json_object_update(claims, held) < 0 ||
		(x->server->test && json_object_set_new(claims, "notice",
					    json_string(TEST_NOTICE)) < 0)) {
		json_decref(claims);
		claims = NULL;
	}
	json_decref(held);
	return claims;
}

/* Return: as links_sign_input. */
static int sign_once(struct links *l, const json_t *claims, char **ret_text)
{
	_cleanup_(freep) char *input = NULL;
	const struct receipt_signer *signer;
	int r = links_receipt_signer(l, &signer);

	if (r != SIGNER_SIGNED)
		return r;
	r = statement_signing_input(claims, signer, &input);
	if (r < 0)
		return r;
	return links_sign_input(l, input, signer, json_string_of(claims, "id"), ret_text);
}

static void answer_signed(struct exchange *x, const json_t *claims)
{
	char *text = NULL;
	int r = sign_once(x->links, claims, &text);

	/* Once more on a new connection: the signer may have been restarted. */
	if (r <= 0 && r != -EAGAIN)
		r = sign_once(x->links, claims, &text);
	if (r == SIGNER_SIGNED) {
		response_text(x->response, 200, TYPE_JSON, text);
		return;
	}
	log_event(LOG_ERR, "intake.signer-away", NULL, "no statement: %s",
		r < 0 ? strerror(-r) : "the signer does not sign");
	problem(x, "http.signer-away", NULL, NULL);
}

/* Return: a new reference, or NULL with a problem. */
static json_t *ask_queue(struct exchange *x, const struct question *q)
{
	_cleanup_(closep) int fd = -1;
	struct queue_scope scope;
	struct span text;
	json_t *held = NULL;

	scope_of(x->partner, &scope);
	if (links_status_of(x->links, q->number, q->at, &scope, &fd) != QUEUE_DONE) {
		problem(x, "http.queue-away", NULL, NULL);
		return NULL;
	}
	if (memfd_map(fd, QUEUE_JSON_MAX, &text) == 0) {
		held = json_read(text, QUEUE_JSON_MAX);
		memfd_unmap(&text);
	}
	if (!held)
		problem(x, "internal.error", NULL, NULL);
	return held;
}

void get_status_of(struct exchange *x)
{
	_cleanup_json_ json_t *claims = NULL;
	struct question q;
	json_t *held;

	if (!read_question(x, &q))
		return;
	held = ask_queue(x, &q);
	if (!held)
		return;
	claims = claims_of(x, &q, held);
	if (claims && id_new(q.id) == 0 &&
		json_object_set_new(claims, "id", json_string(q.id)) == 0)
		answer_signed(x, claims);
	else
		problem(x, "internal.error", NULL, NULL);
}

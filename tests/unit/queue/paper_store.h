/* SPDX-License-Identifier: EUPL-1.2 */
/* What tests of papers share: submissions that say something of one, and their commit. */
#ifndef TEST_QUEUE_PAPER_STORE_H
#define TEST_QUEUE_PAPER_STORE_H

#include "tests/unit/queue/store.h"

#define STORED static inline __attribute__((unused))

#define PAPER "MA PAPER 17"

/* What a submission says beside its number. */
struct said {
	enum document_state state;
	const char *status, *paper;
	enum document_relation relation;
	const char *original;
};

STORED void make(struct queue_submission *q, const char *number, struct said said)
{
	enum document_state state = said.state ? said.state : DOCUMENT_ACCEPTED;
	char octets[200];

	snprintf(octets, sizeof(octets), "%s %s", number,
		said.status ? said.status : "70");
	submission_make(q, number, state, span_str(octets));
	if (said.status)
		snprintf(q->status, sizeof(q->status), "%s", said.status);
	snprintf(q->paper, sizeof(q->paper), "%s", said.paper ? said.paper : PAPER);
	q->relation = said.relation;
	snprintf(q->original, sizeof(q->original), "%s",
		said.original ? said.original : "");
	if (state == DOCUMENT_SANDBOX) {
		snprintf(q->type, sizeof(q->type), SANDBOX_PREFIX "851");
		q->destination_count = 0;
	}
}

/* Return: the engine's answer; *ret_first: the id that it names. */
STORED int put_first(struct store *s, const struct queue_submission *q,
	char ret_first[DOCUMENT_ID_SIZE])
{
	struct queue_document first = { 0 };
	struct engine_parts p = { .report = span_str("report"),
		.receipt = span_str("receipt") };
	char octets[200];
	char *record = store_record(q);
	int r;

	snprintf(octets, sizeof(octets), "%s %s", q->number, q->status);
	p.document = span_str(octets);
	if (q->state == DOCUMENT_REFUSED)
		p.document = p.receipt = span_of(NULL, 0);
	p.record = span_str(record);
	r = STEP(s, engine_insert(s->engine, q, &p, &first));
	memcpy(ret_first, first.id, DOCUMENT_ID_SIZE);
	free(record);
	return r;
}

#define USUAL ((struct said){ 0 })

#endif

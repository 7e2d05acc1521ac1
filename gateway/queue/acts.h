/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What operators do to one delivery; never whether they may, and no record of it.
 */
#ifndef SEALGATE_QUEUE_ACTS_H
#define SEALGATE_QUEUE_ACTS_H

#include "queue/protocol.h"

#include <jansson.h>

struct engine;
struct delivery_row;

/* Who had proposed what is done now, and why: it goes into the records of it. */
struct act_review {
	int64_t proposal, since;
	char by[QUEUE_KEY_SIZE];
	char reason[QUEUE_TEXT_SIZE];
};

/* engine_control and engine_act, when another person had proposed it (NULL: nobody).
 * *ret_answer: as queue_act's JSON, a new reference on QUEUE_DONE. */
int control_reviewed(struct engine *e, int64_t now, const struct queue_control_request *c,
	const struct act_review *review);
int act_some(struct engine *e, int64_t now, const struct queue_act_request *q,
	const struct act_review *review, json_t **ret_answer);

/* May that be done to it: has nobody held it since that was proposed? Of a later hold
 * neither person has seen the reason. As the document's records say, by the order of
 * what happened, whatever the clock said. Without a review it may. Return: 1, 0,
 * negative. */
int act_review_covers(
	struct engine *e, const struct act_review *review, const struct delivery_row *d);

/* The same for many: what is not covered, though it could be released, is passed over,
 * and its document named there. Return: as act_review_covers. */
int act_review_passes(struct engine *e, const struct act_review *review,
	const struct delivery_row *d, json_t *passed_over);

/* Give the detail of an operator.hold the number of the newest proposal that there is, so
 * that it is known which came before it. Return: 0 or negative. */
int act_hold_add(struct engine *e, json_t *detail);

/* Give the detail of a record what a review adds to it; NULL: nothing. */
void act_review_add(json_t *detail, const struct act_review *review);

/* An operator's act on one delivery, without QUEUE_REROUTE. Return: 1 changed, 0 no
 * effect here, negative. */
int delivery_act(
	struct engine *e, int64_t now, enum queue_control verb, struct delivery_row *d);

/* How many releases await review. Return: their number or negative. */
int64_t reviews_waiting(struct engine *e, int64_t now);

/* Did an operator send it to another destination instead of this one? As its audit
 * records say, and of one that has ended. Return: 1, 0, negative. */
int delivery_elsewhere(struct engine *e, const struct delivery_row *d);

#endif

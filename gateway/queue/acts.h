/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What operators do to one delivery; never whether they may, and no record of it.
 */
#ifndef SEALGATE_QUEUE_ACTS_H
#define SEALGATE_QUEUE_ACTS_H

#include "queue/client.h"

struct engine;
struct delivery_row;

/* An operator's act on one delivery, without QUEUE_REROUTE. Return: 1 changed, 0 no
 * effect here, negative. */
int delivery_act(
	struct engine *e, int64_t now, enum queue_control verb, struct delivery_row *d);

/* Did an operator send it to another destination instead of this one? As its audit
 * records say, and of one that has ended. Return: 1, 0, negative. */
int delivery_elsewhere(struct engine *e, const struct delivery_row *d);

#endif

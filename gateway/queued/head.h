/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * state/queue/head, a durable copy of the end of the audit chain outside the database;
 * never ahead of what is committed.
 */
#ifndef SEALGATE_QUEUED_HEAD_H
#define SEALGATE_QUEUED_HEAD_H

#include "queue/engine.h"

int head_write(const char *folder, const struct engine_head *head);

/* Is the database at least as long as the head says, and as the newest sealed head does
 * unless the head is its very end, with the same chain there? A head may be missing only
 * where there is no record. Return: 1 yes, 0 no: it was set back or
 * changed, or the head was taken away; negative. */
int head_check(const char *folder, struct engine *e);

/* Is this end of the chain in the database? Return: 1, 0, negative. */
int head_holds(struct engine *e, const struct engine_head *head);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The audit records from a time on, in their order, a page at a time; never the whole
 * chain in memory, and no proof of it.
 */
#ifndef SEALGATE_CTL_AUDIT_SINCE_H
#define SEALGATE_CTL_AUDIT_SINCE_H

#include "queue/client.h"

#include <jansson.h>

/* Called for each record. Return: 0 to go on, anything else ends the walk. */
typedef int (*audit_record_fn)(void *data, const json_t *record);

/* Give every record at or after since to each. Return: what each ended with, 0 at the end
 * of the chain, a negative errno, or an enum queue_answer other than QUEUE_DONE. */
int audit_since(struct queue *q, int64_t since, audit_record_fn each, void *data);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Judging what only the queue knows of: the earlier documents that a document withdraws
 * or replaces; never changes one.
 */
#ifndef SEALGATE_INTAKE_ORIGINAL_H
#define SEALGATE_INTAKE_ORIGINAL_H

#include "intake/judge.h"
#include "queue/types.h"

/* Look for the originals of a submission that submission_judged has filled in: there must
 * be one that has not ended, and a number that was replaced replaces none. What is wrong
 * is a finding, an error or, where the partner's file lets it, a warning; after an error
 * s is filled in anew. Return: 1, 0 with a problem in the response. */
int original_judge(struct exchange *x, struct queue_submission *s, struct judgement *j);

#endif

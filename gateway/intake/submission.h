/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From a verdict to a commit: audit record, receipt, one transaction; never acknowledges
 * what was not committed.
 */
#ifndef SEALGATE_INTAKE_SUBMISSION_H
#define SEALGATE_INTAKE_SUBMISSION_H

#include "intake/judge.h"

/* Start a submission of the request's body: new id, partner, digest, size, time.
 * Return: 0 or -EIO. */
int submission_init(const struct exchange *x, int64_t now, struct queue_submission *ret);

/* Fill in what the verdict says about a document of the partner. What passes in a sandbox
 * has a state and a type of its own and no destination. */
void submission_judged(struct queue_submission *s, const struct judgement *j,
	const struct partner *partner);

/* The audit record of the submission, canonical JSON as queue/audit.h asks; the caller
 * frees. NULL without memory. */
char *submission_record(const struct exchange *x, const struct queue_submission *s,
	const struct judgement *j);

/* Have a receipt signed that binds the record. The caller frees *ret_receipt.
 * Return: 1, 0 when x->response holds the problem. */
int submission_receipt(struct exchange *x, const struct queue_submission *s,
	const struct judgement *j, const char *record, char **ret_receipt);

/* Record, receipt unless refused, commit. *ret_receipt (NULL for a refusal) is the
 * caller's. Return: enum queue_answer (DONE, DUPLICATE, CONFLICT), 0 when x->response
 * holds the problem. */
int submission_commit(struct exchange *x, const struct queue_submission *s,
	const struct judgement *j, char **ret_receipt, struct queue_document *ret_first);

#endif

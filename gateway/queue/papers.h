/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Papers that documents have made electronic, each by one document that counts; never
 * what a paper says.
 */
#ifndef SEALGATE_QUEUE_PAPERS_H
#define SEALGATE_QUEUE_PAPERS_H

#include "queue/types.h"

struct engine;

/* What a document says of a paper (papers), or, where it says nothing, takes over from
 * the one that it replaces. paper_find: another one that has made it electronic. Return:
 * QUEUE_DONE with *ret_first, QUEUE_NOT_FOUND, negative. paper_take: note it. Return:
 * QUEUE_DONE, QUEUE_PAPER with *ret_first, -EAGAIN, negative. paper_take_over: when it
 * ends the original, which another appliance may have committed since. Return: 0 or
 * negative. paper_read: the number, or "". Return: 0 or negative. */
int paper_find(struct engine *e, const struct queue_submission *s,
	struct queue_document *ret_first);
int paper_take(struct engine *e, int64_t document, const struct queue_submission *s,
	struct queue_document *ret_first);
int paper_take_over(struct engine *e, int64_t document, int64_t original);
int paper_read(struct engine *e, int64_t document, char ret_number[DOCUMENT_NUMBER_SIZE]);

#endif

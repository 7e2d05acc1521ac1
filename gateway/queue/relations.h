/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Documents that withdraw or replace earlier ones, and what comes first where; never
 * whether a partner may say so.
 */
#ifndef SEALGATE_QUEUE_RELATIONS_H
#define SEALGATE_QUEUE_RELATIONS_H

#include "queue/types.h"

struct delivery_row;
struct document_row;
struct engine;

/* What a document says about earlier ones; relation RELATION_NONE: nothing. */
struct relation_row {
	enum document_relation relation;
	char number[DOCUMENT_NUMBER_SIZE];
};
int relation_insert(struct engine *e, int64_t document, const struct queue_submission *s);
int relation_read(struct engine *e, int64_t document, struct relation_row *ret_row);

/* The document is accepted: earlier ones of its partner are withdrawn or replaced, what
 * of them was not sent yet never will be, and whoever has one gets this one too. Return:
 * 0 or negative. */
int relation_take_effect(struct engine *e, int64_t now, const struct document_row *d);

/* The same among rehearsals, of which none changes its state: only noted. */
int relation_rehearse(struct engine *e, int64_t now, const struct document_row *d);

/* What another rehearsal that had come by a time has made of one: "withdrawn", "replaced"
 * or NULL. Return: 0 or negative. */
int relation_rehearsed(
	struct engine *e, const struct document_row *d, int64_t at, const char **ret_end);

/* In sequence: does a delivery of an original there come first? Return: 1, 0, negative.
 */
int relation_waits(struct engine *e, int64_t document, const char *destination);

/* Before that is asked of a delivery that whoever ends one of an original cannot see as a
 * follower yet: from here to the commit nobody ends one. Return: 0 or negative. */
int relation_lock(struct engine *e, int64_t document);

/* What waited for the seal or an original may be claimed, and the chain says so. Return:
 * 0 or negative; else as delivery_queue. */
int relation_let_go(struct engine *e, int64_t now, struct delivery_row *d);

/* A delivery has come to its end: what waited for it goes. Return: 0 or negative. */
int relation_let_followers_go(
	struct engine *e, int64_t now, const struct delivery_row *d);

/* Is the document withdrawn or replaced, so that it is not sent there any more? Return:
 * 1, 0, negative. relation_end: then its delivery ends. Return: 0 or negative. */
int relation_ended(
	struct engine *e, const struct document_row *doc, const struct delivery_row *d);
int relation_end(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d);

/* The same of one that a version before left open though its document was withdrawn or
 * replaced: the later documents take its place, and what waited for it goes. */
int relation_pass_over(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d);

/* What a document says, as it is told to a destination: of the original that is there, by
 * its number and what the destination called it, or "". Return: 0 or negative. */
int relation_told(struct engine *e, int64_t document, const char *destination,
	struct relation_row *ret_row, char ret_reply[DOCUMENT_REPLY_SIZE]);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * state/queue/heads after a database that did not go along: sealed heads that it does not
 * have any more, time-stamps whose record in the chain may be missing; never takes away
 * what is evidence.
 */
#ifndef SEALGATE_QUEUED_HEAD_HEAL_H
#define SEALGATE_QUEUED_HEAD_HEAL_H

#include "queue/head_list.h"
#include "queue/sealed_head.h"
#include "queued/batch.h"

/* state/queue/heads of state/queue. Return: 0 or -ENAMETOOLONG. */
int head_folder(const char *folder, char ret_heads[PATH_MAX]);

/* The transaction with its record has ended: it takes its name, or goes. */
void head_stamp_settle(const char *folder, int64_t position, bool committed);

/* Before the first record of this start. Time-stamps under the pending name get their
 * record, and their name. What was sealed behind the database's end, and what is not in
 * its chain, from the newest down through some hundred that are (older ones:
 * head_look.h), is of a chain that is lost: that is noted in the chain (queued.set-back)
 * and said, and then it is kept as
 * *.set-back; as it is noted that
 * the database is of a backup (queued.restored). With either, cursors of outcomes go on
 * behind those that were given out and are lost; until that is committed, nothing else is
 * (batch_owe). Return: 0, 1 when it cannot be recorded now and is to be done later, or
 * -EIO when what is on the disk is unknown. */
int head_heal(struct batch *b, const char *folder);

/* Does the chain hold a sealed head? Return: 1 it denies it, 0 it holds it, -ENODATA
 * nobody can say, negative. */
int head_denied(struct batch *b, const char *heads, const struct head_file *json);

/* Note in the chain, and say, that one up to a position was lost, of which this one holds
 * from at the most. Return: as batch_say(). */
int head_say_set_back(struct batch *b, int64_t from, int64_t sealed);

/* Before a head is kept in a folder of heads: another of the same position there is of a
 * lost chain, and keeps being evidence under the name *.set-back, with its time-stamp. */
void head_spare(const char *heads, const struct engine_head *head);

/* The same without a look: what is there of a kind, and its time-stamp. */
void head_set_aside(const char *heads, int64_t position, enum head_kind kind);

/* The newest sealed head that is right in itself. Return: 1, 0 none, negative. */
int head_newest_sealed(const char *folder, struct sealed_head *ret_head);

#endif

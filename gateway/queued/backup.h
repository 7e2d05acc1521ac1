/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A copy of the database that is made in small steps between batches while the gate
 * works, for one connection; never has a name: whoever asked for it has it open.
 */
#ifndef SEALGATE_QUEUED_BACKUP_H
#define SEALGATE_QUEUED_BACKUP_H

#include "queued/batch.h"

/* The number of the connection that a copy is for; 0: there is none. */
uint64_t backup_owner(const struct batch *b);

/* Is a copy being made? Then steps are due all the time. */
bool backup_running(const struct batch *b);

/* Take a step; with note, record the copy in the audit chain when it is whole.
 * Return: as batch_run. */
int backup_run(struct batch *b, bool note);

#endif

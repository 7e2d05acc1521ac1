/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How far something is in the audit chain, noted in state/queue with the chain's end as
 * it was then; never believed of a chain that was set back behind that: then it is what
 * was noted before, of the last some ten.
 */
#ifndef SEALGATE_QUEUED_NOTED_H
#define SEALGATE_QUEUED_NOTED_H

#include "queued/batch.h"

#define NOTED_SIZE 1024

/* What was noted last under a name with an end that the chain holds: a line without its
 * end. Return: 1; 0 there is none; negative: cannot be read. */
int noted_read(const struct batch *b, const char *name, char ret_text[NOTED_SIZE]);

/* After the commit. text: one line. Return: 0 or -errno. */
int noted_write(const struct batch *b, const char *name, const char *text);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The tables of legal transitions as conditions of SQL, for triggers; never a database.
 */
#ifndef SEALGATE_QUEUE_TRANSITIONS_H
#define SEALGATE_QUEUE_TRANSITIONS_H

#include "common/buf.h"

#include <stdbool.h>

#define TRANSITIONS_MAX (64u * 1024)

/* A table whose state column follows a table of transitions. */
struct machine {
	const char *table;
	unsigned states;
	const char *(*text)(unsigned state);
	bool (*may)(unsigned from, unsigned to);
};

extern const struct machine TRANSITIONS_DOCUMENTS;
extern const struct machine TRANSITIONS_DELIVERIES;

/* What is true of a row that may not begin like this; of a change that may not be. */
void transitions_add_first(struct buf *b, const struct machine *m);
void transitions_add_next(struct buf *b, const struct machine *m);

#endif

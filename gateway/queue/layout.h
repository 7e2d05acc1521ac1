/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which programs may share an embedded database: the layout that this one makes of it,
 * and the oldest one whose programs may still open it then; never opens it.
 */
#ifndef SEALGATE_QUEUE_LAYOUT_H
#define SEALGATE_QUEUE_LAYOUT_H

#include <stdbool.h>

/* The layout that this program brings a database to at its start. */
int layout_version(void);

/* The oldest layout whose programs work on it: one that a machine returns to after an
 * update that did not become healthy. */
int layout_least(void);

/* May a program of the layout `here` be returned to, once one has made of the database
 * what text says, "LAYOUT LEAST\n" and nothing else? Return: 1, 0 it may not, -EINVAL
 * the text is not that. */
int layout_returns(const char *text, int here);

#endif

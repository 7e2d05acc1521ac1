/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a program wants in the audit chain and cannot say to queued, or not now: lines of
 * a journal of its own, durable when written, which queued takes over in their order
 * (queued/event_journals.h); never a document's events, and no secret: every program may
 * read them.
 */
#ifndef SEALGATE_COMMON_EVENTS_H
#define SEALGATE_COMMON_EVENTS_H

#include "common/instance.h"

#include <jansson.h>

#define EVENTS_FOLDER "state/events"
#define EVENTS_FILE "journal"
#define EVENTS_LINE_MAX 2048 /* with its line feed */

/* A journal may grow so far. Then the next line begins a new one, once queued has taken
 * all of it over: how far it is, it says in a file that it alone may write, of each
 * program PROGRAM=OCTETS:INODE. */
#define EVENTS_MAX (8 * 1024 * 1024)
#define EVENTS_TAKEN EVENTS_FOLDER "/queued/taken"
#define EVENTS_TAKEN_MAX 2048

/* Append an event of the program: one line of canonical JSON with "at", "event" and the
 * members of detail, which is taken over whatever comes of it (NULL where there is no
 * memory for it, which is an error here). What a power cut left of a line before is ended
 * first. Another of the program that writes is waited for a second, never one who only
 * reads. Return: 0 and the line is durable; -EFBIG the journal is full and queued has not
 * taken it over, -EBUSY, -EMSGSIZE, -ENOMEM, -errno, and there is none. */
int events_note(
	const struct instance *i, const char *program, const char *event, json_t *detail);

/* Why there is none, for people. */
const char *events_reason(int error);

/* The same of a program that starts, runs or stops: with the version, and the image's on
 * an appliance. detail: what else is to be told, taken over. */
int events_note_program(
	const struct instance *i, const char *program, const char *event, json_t *detail);

#endif

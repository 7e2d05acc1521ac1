/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sealed heads and their time-stamps into a second folder, best one of another machine,
 * in a thread of their own: a folder that does not answer keeps neither sealing waiting
 * nor the end of queued. Never what is not in state/queue/heads.
 */
#ifndef SEALGATE_QUEUED_HEAD_EXPORT_H
#define SEALGATE_QUEUED_HEAD_EXPORT_H

#include "queue/head_list.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct head_export;

/* Start the thread. It puts there whatever is missing since it was last there, the newest
 * first and then the others by position, some of them a second: state/queue/exported says
 * how far it has come; without it (the first time, another folder) what is behind the
 * newest that is there. folder: state/queue. Return: 0 or -errno. */
int head_export_start(const char *folder, const char *to, struct head_export **ret);

/* One more is in state/queue/heads under its name. x may be NULL, here and below. */
void head_export_note(struct head_export *x, enum head_kind kind, int64_t position);

/* Say once when the folder has not answered for a while. */
void head_export_watch(struct head_export *x);

struct head_exported {
	int64_t position, at; /* of the newest head that is there as far as is known; 0 */
	int64_t waiting_ms;   /* how long a newer one has waited; 0: none does */
};

/* Return: false when there is no such folder. */
bool head_export_told(struct head_export *x, struct head_exported *ret);

/* Put there what was noted last, until a time of the monotonic clock at most, and end the
 * thread; one that does not come back is left, and frees what it has if it does. */
void head_export_stop(struct head_export *x, const struct timespec *until);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a watcher of the machine's clock says, handed over as a file: whether it runs with
 * its sources; never reads a source itself.
 */
#ifndef SEALGATE_COMMON_CLOCK_WATCH_H
#define SEALGATE_COMMON_CLOCK_WATCH_H

#include "common/instance.h"

#include <stdbool.h>
#include <stddef.h>

#define CLOCK_WATCH_FILE "state"
#define CLOCK_WATCH_SOURCES "time" /* of an instance whose clock has to be watched */
#define CLOCK_WATCH_EVERY_S 20
#define CLOCK_WATCH_FRESH_S 120 /* what was said longer ago is not known any more */

/* Does the kernel say that its clock is synchronised (ntp_adjtime)? */
bool clock_synchronised(void);

/* Say it, into the folder. Return: 0 or -errno. */
int clock_watch_tell(const char *folder, bool right);

/* Return: true when the watcher says that the clock is right, or nobody watches: i is
 * NULL, its configuration names no folder, or there is neither the folder nor
 * CLOCK_WATCH_SOURCES in the instance. Else false with one sentence in ret_reason. */
bool clock_watch_trusts(const struct instance *i, char *ret_reason, size_t size);

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a unit that is no daemon of ours has done, for the audit chain; it goes on whether
 * that can be told or not.
 */
#ifndef SEALGATE_CTL_UNIT_NOTE_H
#define SEALGATE_CTL_UNIT_NOTE_H

#include "common/instance.h"

#include <jansson.h>

/* An event of the unit's journal (events.h), with what else is to be told, which is taken
 * over; what cannot be noted is said on standard error. */
void unit_note(
	const struct instance *i, const char *unit, const char *event, json_t *detail);

/* The same of a run's start, and of its end with the exit status. */
void unit_started(const struct instance *i, const char *unit);
void unit_ended(const struct instance *i, const char *unit, int status);

#endif

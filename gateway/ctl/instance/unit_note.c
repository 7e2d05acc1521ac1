/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/unit_note.h"

#include "common/events.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void unit_note(
	const struct instance *i, const char *unit, const char *event, json_t *detail)
{
	int r = events_note_program(i, unit, event, detail);

	if (r < 0)
		fprintf(stderr,
			"sealgate: %s of %s is not in the audit chain: " EVENTS_FOLDER
			"/%s: %s\n",
			event, unit, unit, events_reason(r));
}

void unit_started(const struct instance *i, const char *unit)
{
	unit_note(i, unit, "program.start", json_pack("{s:i}", "pid", getpid()));
}

void unit_ended(const struct instance *i, const char *unit, int status)
{
	unit_note(i, unit, "program.stop",
		json_pack("{s:i,s:i}", "pid", getpid(), "status", status));
}

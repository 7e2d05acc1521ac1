/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/log.h"
#include "web/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEMCTL "/usr/bin/systemctl"
#define TIMER ".timer"
#define STARTED_BY "TriggeredBy="

/* By what else a start, or whoever connects, brings a unit up. */
static const char *const BROUGHT_BY[] = {
	"WantedBy=", "RequiredBy=", "RequisiteOf=", "BoundBy=", "UpheldBy="
};

#define PROPERTIES "Id,TriggeredBy,WantedBy,RequiredBy,RequisiteOf,BoundBy,UpheldBy"

struct failed_unit {
	char name[APPLIANCE_UNIT_SIZE];
	bool brought, timed;
};

static bool names_a_timer(const char *units)
{
	for (const char *at = units; (at = strstr(at, TIMER)) != NULL;) {
		at += strlen(TIMER);
		if (*at == '\0' || *at == ' ')
			return true;
	}
	return false;
}

static bool starts(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static void read_property(struct failed_unit *u, const char *line)
{
	if (starts(line, "Id="))
		(void)snprintf(u->name, sizeof(u->name), "%s", line + strlen("Id="));
	if (starts(line, STARTED_BY)) {
		u->timed |= names_a_timer(line);
		u->brought |= line[strlen(STARTED_BY)] != '\0';
	}
	for (size_t i = 0; i < sizeof(BROUGHT_BY) / sizeof(BROUGHT_BY[0]); i++)
		u->brought |= starts(line, BROUGHT_BY[i]) &&
			      line[strlen(BROUGHT_BY[i])] != '\0';
}

/* One whose name was not told counts. */
static bool counts(const struct failed_unit *u)
{
	if (!*u->name)
		return true;
	return u->brought && !u->timed && !names_a_timer(u->name);
}

bool appliance_holds_back(char *shown, char ret_unit[APPLIANCE_UNIT_SIZE])
{
	bool more = *shown != '\0';

	while (more) {
		struct failed_unit u = { 0 };
		const char *line;
		bool any = false;

		while ((line = strsep(&shown, "\n")) != NULL && *line) {
			read_property(&u, line);
			any = true;
		}
		more = line != NULL;
		memcpy(ret_unit, u.name, APPLIANCE_UNIT_SIZE);
		if (any && counts(&u))
			return true;
		if (any)
			log_event(LOG_WARNING, "appliance.keep", NULL,
				"%s has failed, and is no part of serving: it holds "
				"nothing back",
				u.name);
	}
	return false;
}

int appliance_failed(char **ret_reason)
{
	char unit[APPLIANCE_UNIT_SIZE];
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_json_ json_t *request = json_pack("{s:[s, s, s, s]}", "arguments",
		"show", "--state=failed", "--property=" PROPERTIES, "*");
	_cleanup_(freep) char *shown = NULL;
	const char *output;
	int r = request ? remote_run(SYSTEMCTL, NULL, request, -1, &answer) : -ENOMEM;

	output = json_string_of(answer, "output");
	if (r < 0 || !output ||
		json_integer_value(json_object_get(answer, "status")) != 0)
		return appliance_fail(ret_reason, r < 0 ? r : -EIO, SYSTEMCTL,
			"the manager does not say what has failed");
	shown = strdup(output);
	if (!shown)
		return -ENOMEM;
	if (!appliance_holds_back(shown, unit))
		return 0;
	if (asprintf(ret_reason, "%s has failed", *unit ? unit : "a unit") < 0)
		*ret_reason = NULL;
	return 1;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "ctl/appliance/order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMER ".timer"
#define STARTED_BY "TriggeredBy="

/* By what else a start, or whoever connects, brings a unit up. */
static const char *const BROUGHT_BY[] = {
	"WantedBy=", "RequiredBy=", "RequisiteOf=", "BoundBy=", "UpheldBy="
};

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
	static const struct order failed = { .verb = ORDER_FAILED };
	char unit[APPLIANCE_UNIT_SIZE];
	_cleanup_(freep) char *shown = NULL;
	int r = order_give(&failed, &shown);

	if (r < 0)
		return appliance_fail(
			ret_reason, r, "the manager", "does not say what has failed");
	if (!appliance_holds_back(shown, unit))
		return 0;
	if (asprintf(ret_reason, "%s has failed", *unit ? unit : "a unit") < 0)
		*ret_reason = NULL;
	return 1;
}

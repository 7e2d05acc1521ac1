/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/answered.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "ctl/appliance/afar.h"
#include "ctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOUND_MS 240000
#define EVERY_US 500000
#define PEOPLE_EVERY_US 3000000
#define HANGS_S 120 /* one look takes less: every answer has a bound */

/* One check, from its beginning on. */
struct check {
	const char *dir;
	bool machine, afar;
	int64_t begun, end, lacks;
	bool told;    /* that it is on trial */
	char *waited; /* for what, as it was said last */
};

/* Said once for each reason. */
static void say_waiting(struct check *c, char *reason)
{
	if (!c->waited || !reason || strcmp(c->waited, reason) != 0)
		log_event(LOG_NOTICE, "appliance.health", NULL, "%s",
			reason ? reason : "it waits for people");
	free(c->waited);
	c->waited = reason;
}

/* What people have to do takes the time that it takes. */
static void wait_for_people(struct check *c)
{
	c->end = clock_monotonic_ms() + BOUND_MS;
	usleep(PEOPLE_EVERY_US);
}

/* Until when, and what happens then; custodians may be waited for beside that. */
static void say_trial(struct check *c)
{
	if (!c->told)
		log_event(LOG_NOTICE, "appliance.health", NULL,
			"the configuration is on trial, as it came from afar: it is kept "
			"once somebody with the verb machine is answered at the "
			"operators' listener within %lld s from the beginning of this "
			"check, and otherwise the one before it comes back",
			(long long)(afar_bound_ms() / 1000));
	c->told = true;
}

static int fail(const char *reason, int status)
{
	log_event(LOG_ERR, "appliance.health", NULL, "refused: %s",
		reason ? reason : "it does not answer");
	return status;
}

/* Return: an exit status, or -1 to look again. */
static int look(struct check *c)
{
	_cleanup_(freep) char *reason = NULL;
	int64_t now;
	enum afar afar;
	int r;

	(void)alarm(HANGS_S);
	r = appliance_health(c->dir, &reason);
	now = clock_monotonic_ms();
	afar = afar_now(c->afar, answered_read(), now - c->begun, afar_bound_ms());
	if (afar == AFAR_LATE)
		return fail(APPLIANCE_UNREACHED_WHY, APPLIANCE_UNREACHED);
	if (afar == AFAR_WAITS)
		say_trial(c);
	if (c->machine && appliance_health_waits(r, now, &c->lacks)) {
		say_waiting(c, TAKE(reason));
		wait_for_people(c);
		return -1;
	}
	if (r == 0 && afar == AFAR_WAITS) {
		wait_for_people(c);
		return -1;
	}
	if (r == 0) {
		log_event(LOG_NOTICE, "appliance.health", NULL,
			"the application is healthy");
		return EXIT_CLEAN;
	}
	if (r == APPLIANCE_ILL || now >= c->end)
		return fail(reason, EXIT_NOT_PASSED);
	usleep(EVERY_US);
	return -1;
}

int appliance_check(void)
{
	const char *named = getenv("SEALGATE_INSTANCE");
	struct check c = { .dir = named ? named : APPLIANCE_INSTANCE,
		.machine = !named,
		.begun = clock_monotonic_ms() };
	int status = -1;

	if (!named && access(APPLIANCE_INSTANCE "/sealgate.conf", F_OK) < 0) {
		log_event(LOG_NOTICE, "appliance.health", NULL,
			"waiting for a configuration");
		return EXIT_CLEAN;
	}
	c.end = c.begun + (named ? 0 : BOUND_MS);
	c.afar = !named && appliance_came_from_afar();
	if (!named)
		appliance_health_stops(1);
	while (status < 0)
		status = look(&c);
	free(c.waited);
	return status;
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/clock_watch.h"
#include "common/log.h"
#include "ctl/appliance/clock_record.h"

#include <poll.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define FOLDER "/run/sealgate-clock"

/* A fault is told once for each of its kind. */
static void bound_record(int *last)
{
	int r = clock_record_bound(CLOCK_RECORD);

	if (r < 0 && r != *last)
		log_event(LOG_ERR, "appliance.clock", NULL, "%s: %s", CLOCK_RECORD,
			strerror(-r));
	*last = r;
}

void appliance_clock(void)
{
	bool said = false, last = false;
	int recorded = 1;

	for (;;) {
		bool right = clock_synchronised();
		int r = clock_watch_tell(FOLDER, right);

		if (r < 0)
			log_event(LOG_ERR, "appliance.clock", NULL, "%s: %s", FOLDER,
				strerror(-r));
		if (!said || right != last)
			log_event(right ? LOG_NOTICE : LOG_WARNING, "appliance.clock",
				NULL, "the clock is %ssynchronised with its sources",
				right ? "" : "not ");
		if (!said)
			sd_notify(0, "READY=1");
		said = true;
		last = right;
		bound_record(&recorded);
		sd_notify(0, "WATCHDOG=1");
		poll(NULL, 0, CLOCK_WATCH_EVERY_S * 1000);
	}
}

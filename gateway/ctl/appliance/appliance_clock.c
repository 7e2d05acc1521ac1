/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/clock_watch.h"
#include "common/log.h"

#include <poll.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define FOLDER "/run/sealgate-clock"

void appliance_clock(void)
{
	bool said = false, last = false;

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
		sd_notify(0, "WATCHDOG=1");
		poll(NULL, 0, CLOCK_WATCH_EVERY_S * 1000);
	}
}

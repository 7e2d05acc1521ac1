/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/clock_watch.h"
#include "common/log.h"
#include "ctl/appliance/clock_record.h"
#include "ctl/appliance/clock_setter.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define IMAGE "/usr/lib/os-release" /* as old as the image is */

/* A fault is told once for each of its kind. */
static void bound_record(int *last)
{
	int r = clock_record_bound(CLOCK_RECORD);

	if (r < 0 && r != *last)
		log_event(LOG_ERR, "appliance.clock", NULL, "%s: %s", CLOCK_RECORD,
			strerror(-r));
	*last = r;
}

static void watch(void)
{
	static bool said, last;
	static int recorded = 1;
	bool right = clock_synchronised();
	int r = clock_watch_tell(APPLIANCE_CLOCK, right);

	if (r < 0)
		log_event(LOG_ERR, "appliance.clock", NULL, "%s: %s", APPLIANCE_CLOCK,
			strerror(-r));
	if (!said || right != last)
		log_event(right ? LOG_NOTICE : LOG_WARNING, "appliance.clock", NULL,
			"the clock is %ssynchronised with its sources",
			right ? "" : "not ");
	if (!said)
		sd_notify(0, "READY=1");
	said = true;
	last = right;
	bound_record(&recorded);
	sd_notify(0, "WATCHDOG=1");
}

/* One keeps the time: who comes later takes the place of who was there. */
static void take_keeper(int listener, int *keeper)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	closep(keeper);
	*keeper = fd;
}

static void serve(const struct clock_setter *s, int *keeper)
{
	int r = clock_setter_serve(s, *keeper);

	if (r >= 0 || r == -EAGAIN)
		return;
	closep(keeper);
	*keeper = -1;
}

int appliance_clock(void)
{
	struct clock_setter setter = { .folder = APPLIANCE_CLOCK, .adjust = adjtimex };
	int listener = sd_listen_fds(1) == 1 ? SD_LISTEN_FDS_START : -1, keeper = -1;
	int64_t due = clock_monotonic_ms();
	struct stat image;

	if (listener < 0)
		return -EBADF;
	if (stat(IMAGE, &image) < 0)
		return -errno;
	setter.not_before = image.st_mtime;
	for (;;) {
		int64_t left = due - clock_monotonic_ms();
		struct pollfd fds[] = { { .fd = listener, .events = POLLIN },
			{ .fd = keeper, .events = POLLIN } };

		if (left <= 0) {
			watch();
			due = clock_monotonic_ms() + CLOCK_WATCH_EVERY_S * 1000;
			continue;
		}
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			serve(&setter, &keeper);
		if (fds[0].revents)
			take_keeper(listener, &keeper);
	}
}

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-trustd: brings revocation data and publishes what is proven. It is the only
 * program that fetches; each download is a process of its own, and what it brought is
 * looked at by this one, which opens no connection.
 */
#include "trustd/ends.h"
#include "trustd/supply.h"

#include "common/daemon.h"
#include "common/log.h"
#include "xades/validate.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000 /* how often sources.cfg is looked at */

static const char USAGE[] = "usage: sealgate-trustd --instance DIR\n"
			    "Fetches revocation data by policies/trust/sources.cfg; see "
			    "sealgate-trustd(8).\n";

static void run(const struct daemon *d, struct supply *s)
{
	struct ends ends = { 0 };
	int wait_ms = 0;

	daemon_ready(d);
	while (!daemon_wait(d, wait_ms)) {
		supply_look(s);
		ends_look(&ends, &d->instance);
		wait_ms = supply_turn(s, LOOK_MS);
	}
}

int main(int argc, char **argv)
{
	char *error = NULL;
	struct supply s;
	struct daemon d;
	int r = daemon_start(&d, "trustd", DAEMON_NO_SOCKET, argc, argv, USAGE);

	if (r >= 0)
		return r;
	r = supply_init(&s, &d.instance, d.stop_fd, &error);
	if (r == 0)
		r = xades_setup();
	if (r == 0)
		run(&d, &s);
	else
		log_event(LOG_ERR, "trustd.start", NULL, "%s",
			error ? error : strerror(-r));
	free(error);
	supply_done(&s);
	daemon_done(&d);
	return r < 0 ? 1 : 0;
}

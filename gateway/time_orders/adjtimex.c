/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Preloaded into chronyd: it steers the clock by asking who may (CLOCK_ORDERS is the
 * socket), so that who speaks to servers of time has no right over the clock.
 */
#include "common/clock_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int setter = -1;

/* Before chronyd confines itself. */
__attribute__((constructor)) static void open_orders(void)
{
	const char *path = getenv("CLOCK_ORDERS");
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (!path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path) + 1);
	setter = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (setter >= 0 && connect(setter, (struct sockaddr *)&to, sizeof(to)) < 0) {
		(void)close(setter);
		setter = -1;
	}
}

/* Who does not answer has not set the clock: chronyd ends by that, and begins anew. */
int adjtimex(struct timex *t)
{
	struct clock_order order = { .version = CLOCK_ORDER_VERSION };
	struct clock_done done = { 0 };

	order.timex = *t;
	if (send(setter, &order, sizeof(order), MSG_NOSIGNAL) != sizeof(order) ||
		recv(setter, &done, sizeof(done), 0) != sizeof(done) ||
		done.version != CLOCK_ORDER_VERSION) {
		errno = EIO;
		return -1;
	}
	*t = done.timex;
	if (done.result < 0)
		errno = done.error;
	return done.result;
}

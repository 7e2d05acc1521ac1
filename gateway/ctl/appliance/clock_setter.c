/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/clock_setter.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/clock_order.h"
#include "common/durable.h"
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STEPS "steps"
#define STEPS_SIZE 16u
#define ORDERS                                                                           \
	(ADJ_OFFSET | ADJ_FREQUENCY | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS |         \
		ADJ_TAI | ADJ_SETOFFSET | ADJ_NANO | ADJ_TICK)
/* The loops of the kernel (PLL, adjtime) are only ever ended. */
#define STATES (STA_PLL | STA_UNSYNC | STA_INS | STA_DEL)

/* By nothing is how chronyd finds out whether it could. */
static bool is_step(const struct timex *t)
{
	return (t->modes & ADJ_SETOFFSET) && (t->time.tv_sec || t->time.tv_usec);
}

const char *clock_setter_refuses(
	const struct clock_setter *s, const struct timex *t, int64_t now, unsigned steps)
{
	if (t->modes != ADJ_OFFSET_SINGLESHOT && (t->modes & ~(unsigned)ORDERS))
		return "nobody who keeps the time asks for that";
	if ((t->modes & ADJ_OFFSET) && t->offset)
		return "it is not steered by loops of the kernel";
	if ((t->modes & ADJ_STATUS) && (t->status & ~STATES))
		return "nobody who keeps the time asks for such a state";
	if (!is_step(t))
		return NULL;
	if (steps >= CLOCK_STEPS_MAX)
		return "it was set as often as a start needs";
	if (t->time.tv_sec > INT_MAX || now + t->time.tv_sec < s->not_before)
		return "this image was made later";
	return NULL;
}

static int path_of(const struct clock_setter *s, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/" STEPS, s->folder) >= PATH_MAX
		       ? -ENAMETOOLONG
		       : 0;
}

/* What cannot be read counts as all of them. */
static unsigned steps_of(const struct clock_setter *s)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = path_of(s, path);

	if (r == 0)
		r = file_read(path, STEPS_SIZE, (uint8_t **)&text, &len);
	if (r == -ENOENT)
		return 0;
	return r < 0 || len == 0 ? CLOCK_STEPS_MAX : (unsigned)strtoul(text, NULL, 10);
}

static int count_step(const struct clock_setter *s, unsigned steps)
{
	char path[PATH_MAX], text[STEPS_SIZE];
	int r = path_of(s, path);

	(void)snprintf(text, sizeof(text), "%u", steps + 1);
	return r < 0 ? r : durable_write(path, span_str(text), 0600);
}

/* Return: 0, or what errno is to the one who asked. */
static int carry_out(const struct clock_setter *s, struct timex *t, int *ret_result)
{
	unsigned steps = steps_of(s);
	const char *refused = clock_setter_refuses(s, t, clock_now(), steps);
	bool step = is_step(t);
	long seconds = (long)t->time.tv_sec;

	*ret_result = -1;
	if (refused) {
		log_event(LOG_WARNING, "appliance.clock", NULL,
			"an order to set the clock is refused: %s", refused);
		return EPERM;
	}
	if (step && count_step(s, steps) < 0)
		return EIO;
	*ret_result = s->adjust(t);
	if (*ret_result < 0) {
		int error = errno;

		log_event(LOG_ERR, "appliance.clock", NULL,
			"the kernel does not set the clock: %s", strerror(error));
		return error;
	}
	if (step)
		log_event(LOG_NOTICE, "appliance.clock", NULL,
			"the clock is set by a step of %ld s", seconds);
	return 0;
}

int clock_setter_serve(const struct clock_setter *s, int fd)
{
	struct clock_order order = { 0 };
	struct clock_done done = { .version = CLOCK_ORDER_VERSION };
	ssize_t n = recv(fd, &order, sizeof(order), MSG_DONTWAIT | MSG_TRUNC);
	int result;

	if (n <= 0)
		return n == 0 ? -EPIPE : -errno;
	if (n != sizeof(order) || order.version != CLOCK_ORDER_VERSION)
		return -EPROTO;
	done.error = carry_out(s, &order.timex, &result);
	done.result = result;
	done.timex = order.timex;
	if (send(fd, &done, sizeof(done), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(done))
		return -errno;
	return done.error != 0;
}

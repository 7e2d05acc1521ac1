/* SPDX-License-Identifier: EUPL-1.2 */
/* What of the orders of who keeps the time is carried out, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/clock_order.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/clock_setter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MADE 1700000000 /* the image */
#define NOW (MADE + 1000)

static unsigned adjusted;
static int outcome;

static int adjust(struct timex *t)
{
	adjusted++;
	t->freq = 77;
	errno = outcome < 0 ? EINVAL : 0;
	return outcome;
}

struct house {
	char folder[32];
	struct clock_setter setter;
	int keeper, mine;
};

static int open_house(void **state)
{
	struct house *h = calloc(1, sizeof(*h));
	int pair[2];

	if (!h || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	(void)snprintf(h->folder, sizeof(h->folder), "/tmp/clock.XXXXXX");
	if (!mkdtemp(h->folder))
		return -1;
	h->keeper = pair[0];
	h->mine = pair[1];
	h->setter = (struct clock_setter){ h->folder, MADE, adjust };
	adjusted = 0;
	outcome = TIME_OK;
	*state = h;
	return 0;
}

static int close_house(void **state)
{
	struct house *h = *state;

	closep(&h->keeper);
	closep(&h->mine);
	(void)appliance_remove(h->folder);
	free(h);
	return 0;
}

static struct timex step(long seconds)
{
	return (struct timex){ .modes = ADJ_SETOFFSET | ADJ_NANO,
		.time.tv_sec = seconds };
}

/* What chronyd asks at its start, and for as long as it runs. */
static void what_a_keeper_asks(void **state)
{
	const struct house *h = *state;
	const struct timex all[] = { { .modes = 0 }, { .modes = ADJ_OFFSET_SINGLESHOT },
		{ .modes = ADJ_OFFSET | ADJ_STATUS, .status = STA_PLL | STA_UNSYNC },
		{ .modes = ADJ_STATUS, .status = STA_UNSYNC },
		{ .modes = ADJ_FREQUENCY | ADJ_TICK, .freq = 1 << 16, .tick = 10000 },
		{ .modes = ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS, .maxerror = 100 },
		{ .modes = ADJ_STATUS | ADJ_TAI, .status = STA_INS, .constant = 37 },
		step(0), step(20), step(-20) };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_null(clock_setter_refuses(&h->setter, &all[i], NOW, 0));
	/* Whether it could step is asked at each start of chronyd. */
	assert_null(clock_setter_refuses(&h->setter, &all[7], NOW, CLOCK_STEPS_MAX));
}

static void what_nobody_asks_who_keeps_the_time(void **state)
{
	const struct house *h = *state;
	const struct timex all[] = { { .modes = ADJ_OFFSET_SINGLESHOT, .offset = 1 },
		{ .modes = 0x8000 }, { .modes = ADJ_OFFSET, .offset = 1 },
		{ .modes = ADJ_TIMECONST },
		{ .modes = ADJ_STATUS, .status = STA_FREQHOLD },
		{ .modes = ADJ_STATUS, .status = STA_PPSFREQ }, { .modes = ADJ_MICRO },
		step(-1001), step(-2000000000), step(2147483648), step(INT64_MIN) };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_non_null(clock_setter_refuses(&h->setter, &all[i], NOW, 0));
}

/* One order, and its answer. */
static int order(struct house *h, struct timex t, struct clock_done *ret_done)
{
	struct clock_order o = { .version = CLOCK_ORDER_VERSION };
	int r;

	o.timex = t;
	assert_int_equal(send(h->keeper, &o, sizeof(o), 0), sizeof(o));
	r = clock_setter_serve(&h->setter, h->mine);
	if (r >= 0) {
		assert_int_equal(
			recv(h->keeper, ret_done, sizeof(*ret_done), MSG_DONTWAIT),
			sizeof(*ret_done));
		assert_int_equal(ret_done->version, CLOCK_ORDER_VERSION);
	}
	return r;
}

static void an_order_is_answered(void **state)
{
	struct house *h = *state;
	struct clock_done done;

	assert_int_equal(order(h, (struct timex){ 0 }, &done), 0);
	assert_int_equal(done.result, TIME_OK);
	assert_int_equal(done.timex.freq, 77);
	outcome = -1;
	assert_int_equal(order(h, (struct timex){ 0 }, &done), 1);
	assert_int_equal(done.result, -1);
	assert_int_equal(done.error, EINVAL);
	assert_int_equal(order(h, (struct timex){ .modes = ADJ_MICRO }, &done), 1);
	assert_int_equal(done.error, EPERM);
	assert_int_equal(adjusted, 2);
}

/* Also by one who began anew: the count is the machine's, not a process's. */
static void steps_are_counted(void **state)
{
	struct house *h = *state;
	struct clock_done done;

	for (unsigned i = 0; i < CLOCK_STEPS_MAX; i++) {
		assert_int_equal(order(h, step(0), &done), 0);
		assert_int_equal(order(h, step(5), &done), 0);
	}
	assert_int_equal(order(h, step(5), &done), 1);
	assert_int_equal(done.error, EPERM);
	assert_int_equal(order(h, step(0), &done), 0);
	assert_int_equal(adjusted, 2 * CLOCK_STEPS_MAX + 1);
}

/* A step that cannot be counted is not done. */
static void no_count_no_step(void **state)
{
	struct house *h = *state;
	struct clock_done done;

	h->setter.folder = "/nonexistent/folder";
	assert_int_equal(order(h, step(5), &done), 1);
	assert_int_equal(done.error, EIO);
	assert_int_equal(adjusted, 0);
}

static void what_is_no_order_is_not_answered(void **state)
{
	struct house *h = *state;
	struct clock_order o = { .version = CLOCK_ORDER_VERSION + 1 };

	assert_int_equal(clock_setter_serve(&h->setter, h->mine), -EAGAIN);
	assert_int_equal(send(h->keeper, &o, sizeof(o), 0), sizeof(o));
	assert_int_equal(clock_setter_serve(&h->setter, h->mine), -EPROTO);
	o.version = CLOCK_ORDER_VERSION;
	assert_int_equal(send(h->keeper, &o, sizeof(o) - 1, 0), sizeof(o) - 1);
	assert_int_equal(clock_setter_serve(&h->setter, h->mine), -EPROTO);
	closep(&h->keeper);
	h->keeper = -1;
	assert_int_equal(clock_setter_serve(&h->setter, h->mine), -EPIPE);
	assert_int_equal(adjusted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_a_keeper_asks, open_house, close_house),
		cmocka_unit_test_setup_teardown(
			what_nobody_asks_who_keeps_the_time, open_house, close_house),
		cmocka_unit_test_setup_teardown(
			an_order_is_answered, open_house, close_house),
		cmocka_unit_test_setup_teardown(
			steps_are_counted, open_house, close_house),
		cmocka_unit_test_setup_teardown(
			no_count_no_step, open_house, close_house),
		cmocka_unit_test_setup_teardown(
			what_is_no_order_is_not_answered, open_house, close_house),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

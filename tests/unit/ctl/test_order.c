/* SPDX-License-Identifier: EUPL-1.2 */
/* What the manager may be ordered is in a table, and nothing beside it, however it is
 * written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/span.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/order.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void expect(bool known, const char *verb, const char *unit, const char *argument)
{
	const struct order o = { verb, unit, argument };

	if (order_known(&o) != known)
		fail_msg("%s %s %s", verb, unit ? unit : "", argument ? argument : "");
}

static void test_what_is_in_the_table(void **state)
{
	(void)state;
	expect(true, ORDER_START, "run-appliance-medium.mount", NULL);
	expect(true, ORDER_STOP, "run-appliance-medium.mount", NULL);
	expect(true, ORDER_START, "appliance-restore.service", NULL);
	expect(true, ORDER_START, "appliance-place.service", NULL);
	expect(true, ORDER_START, "appliance-owner.service", NULL);
	expect(true, ORDER_START, "appliance-stage@0.1.12.service", NULL);
	expect(true, ORDER_CALL, "sealgate-ship@Site_2.timer", NULL);
	expect(true, ORDER_CALL, "sealgate-ship@a.timer.timer", NULL);
	expect(true, ORDER_CALL, "reboot.target", NULL);
	expect(true, ORDER_RELOAD, "nftables.service", NULL);
	expect(true, ORDER_ACTIVE, "nftables.service", NULL);
	expect(true, ORDER_ALLOW, "sealgate-seal.service", "192.0.2.1 2001:db8::1 ");
	expect(true, ORDER_ALLOW, APPLIANCE_SHIP_SLICE, "any");
	expect(true, ORDER_ALLOW, "sealgate-signer.service", "192.0.2.1 ");
	expect(true, ORDER_LET_OUT, "sealgate-signer.service", " network usb");
	expect(true, ORDER_FAILED, NULL, NULL);
}

static void test_what_is_not(void **state)
{
	char name[256] = "appliance-stage@";

	(void)state;
	expect(false, "", NULL, NULL);
	expect(false, ORDER_START, NULL, NULL);
	expect(false, ORDER_START, "sealgate-seal.service", NULL);
	expect(false, ORDER_STOP, "nftables.service", NULL);
	expect(false, ORDER_START, "reboot.target", NULL);
	expect(false, ORDER_CALL, "appliance-reset.service", NULL);
	expect(false, ORDER_START, "appliance-stage@.service", NULL);
	expect(false, ORDER_START, "appliance-stage@1/2.service", NULL);
	expect(false, ORDER_START, "appliance-stage@1.service.service", NULL);
	expect(false, ORDER_START, "appliance-stage@1.2.servic", NULL);
	expect(false, ORDER_CALL, "sealgate-ship@a.service", NULL);
	expect(false, ORDER_CALL, "sealgate-ship@a-b.timer", NULL);
	expect(false, ORDER_CALL, "sealgate-ship@\\x2d.timer", NULL);
	expect(false, ORDER_START, "appliance-restore.service", "--user");
	expect(false, ORDER_ALLOW, "sealgate-seal.service", NULL);
	expect(false, ORDER_ALLOW, "sealgate-seal.service", "");
	expect(false, ORDER_ALLOW, "sealgate-seal.service", "any\nExecStart=x");
	expect(false, ORDER_ALLOW, "sealgate-verify.service", "any");
	expect(false, ORDER_ALLOW, "sealgate-seal.service", "IPAddressDeny=");
	expect(false, ORDER_LET_OUT, "sealgate-verify.service", "usb");
	expect(false, ORDER_LET_OUT, "sealgate-signer.service", NULL);
	expect(false, ORDER_LET_OUT, "sealgate-signer.service", "/dev/vda");
	expect(false, ORDER_FAILED, "*", NULL);
	memset(name + strlen(name), '1', 129);
	memcpy(name + strlen(name), ".service", sizeof(".service"));
	expect(false, ORDER_START, name, NULL);
}

/* As it comes over the socket: what is refused is answered, and carried out by nobody. */
static void test_a_refusal_is_an_answer(void **state)
{
	static const char *const lines[] = { "", "\n", "start", "start  \n",
		"start sealgate-seal.service\n", "failed *\n",
		"start sealgate-seal.service\nfailed\n", "failed *\n\nfailed\n" };
	char answer[16];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		int fds[2];
		ssize_t n;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		n = (ssize_t)strlen(lines[i]);
		assert_int_equal(write(fds[0], lines[i], (size_t)n), n);
		shutdown(fds[0], SHUT_WR);
		assert_int_equal(order_serve(fds[1]), 0);
		n = read(fds[0], answer, sizeof(answer) - 1);
		assert_true(n > 0);
		answer[n] = '\0';
		assert_string_equal(answer, "-1\n");
		close(fds[0]);
		close(fds[1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_in_the_table),
		cmocka_unit_test(test_what_is_not),
		cmocka_unit_test(test_a_refusal_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json.h"
#include "ctl/appliance/appliance.h"

#define HEAD                                                                             \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"

static void expect(const char *table, bool udp, const char *ports)
{
	_cleanup_json_ json_t *list = appliance_ports(table, udp);
	_cleanup_(freep) char *text = json_canonical(list);

	assert_string_equal(text, ports);
}

/* As the kernel of a machine with the byte order of x86 prints them. */
static void test_what_listens(void **state)
{
	(void)state;
	expect(NULL, false, "[]");
	expect(HEAD, false, "[]");
	expect(HEAD
		"   0: 00000000:20FB 00000000:0000 0A 00000000:00000000 00:00000000 0\n"
		"   1: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 0\n"
		"   2: 0F02000A:20FB 0202000A:C350 01 00000000:00000000 00:00000000 0\n",
		false, "[\"0.0.0.0:8443\",\"127.0.0.1:53\"]");
	expect(HEAD "   0: 00000000000000000000000001000000:20FD "
		    "00000000000000000000000000000000:0000 0A 00000000:00000000 "
		    "00:00000000\n",
		false, "[\"[::1]:8445\"]");
}

static void test_what_is_bound(void **state)
{
	(void)state;
	expect(HEAD
		"   0: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 0\n",
		true, "[\"0.0.0.0:68\"]");
}

static void test_what_is_no_table(void **state)
{
	(void)state;
	expect("x\n  0: zz:20FB 00000000:0000 0A\n 1: 00:1 0:0 0A\n\n", false, "[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_listens),
		cmocka_unit_test(test_what_is_bound),
		cmocka_unit_test(test_what_is_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

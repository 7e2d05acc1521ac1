/* SPDX-License-Identifier: EUPL-1.2 */
/* What the firewall is told of destinations, in the one form that nft always takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *folder, path[64];

static int make_folder(void **state)
{
	static char template[] = "/tmp/egress.XXXXXX";

	(void)state;
	folder = mkdtemp(template);
	(void)snprintf(path, sizeof(path), "%s/egress.csv", folder);
	return folder ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return appliance_remove(folder);
}

#define ANY_TIME                                                                         \
	"add rule inet appliance to_outside meta skuid \"_chrony\" udp dport 123 "       \
	"accept\n"                                                                       \
	"add rule inet appliance to_outside meta skuid \"_chrony\" tcp dport 4460 "      \
	"accept\n"

/* NULL: it is refused, and error says which line and why. */
static void assert_rules(const char *text, const char *rules, const char *error)
{
	_cleanup_buf_ struct buf b;
	_cleanup_(freep) char *why = NULL;
	int r;

	buf_init(&b, 1 << 20);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
	r = appliance_egress_rules(path, &b, &why);
	if (rules) {
		assert_int_equal(r, 0);
		assert_string_equal(b.data ? b.data : "", rules);
		return;
	}
	assert_int_equal(r, -EINVAL);
	assert_string_equal(why, error);
}

/* inet_pton takes an address of IPv6 that ends in one of IPv4, nft does not. */
static void one_form_of_an_address(void **state)
{
	(void)state;
	assert_rules("# a comment\nseal,192.0.2.1,443\n"
		     "forward,2001:db8::1,8443\ntrustd,1:2:3:4:5:6:192.0.2.1,080\n"
		     "logs,::ffff:192.0.2.1,6514\nship,::,1\nsigner,192.0.2.9,1792\n",
		"add element inet appliance seal_to { 192.0.2.1 . 443 }\n"
		"add element inet appliance forward_to6 { 2001:db8:0:0:0:0:0:1 . 8443 }\n"
		"add element inet appliance trustd_to6 { 1:2:3:4:5:6:c000:201 . 80 }\n"
		"add element inet appliance logs_to6 { 0:0:0:0:0:ffff:c000:201 . 6514 }\n"
		"add element inet appliance ship_to6 { 0:0:0:0:0:0:0:0 . 1 }\n"
		"add element inet appliance signer_to { 192.0.2.9 . 1792 }\n" ANY_TIME,
		NULL);
	assert_rules("seal,2001:DB8::aBcD,443\n",
		"add element inet appliance seal_to6 { 2001:db8:0:0:0:0:0:abcd . 443 "
		"}\n" ANY_TIME,
		NULL);
	assert_rules("", ANY_TIME, NULL);
}

/* Servers of time that are listed are the only ones. */
static void servers_of_time(void **state)
{
	(void)state;
	assert_rules("time,192.0.2.7,4460\nseal,192.0.2.1,443\ntime,2001:db8::7,123\n",
		"add element inet appliance time_to { 192.0.2.7 . 4460 }\n"
		"add element inet appliance seal_to { 192.0.2.1 . 443 }\n"
		"add element inet appliance time_to6 { 2001:db8:0:0:0:0:0:7 . 123 }\n",
		NULL);
}

#define FIX                                                                              \
	"; write PROGRAM,ADDRESS,PORT, of seal, forward, trustd, logs, ship, time, "     \
	"signer; no name, no network, a port from 1 to 65535"
#define FIELDS "a line has three fields"
#define PROGRAM "no such program speaks out"
#define ADDRESS "the address is none of IPv4 or IPv6"
#define PORT "the port is none"

static void anything_else_is_named(void **state)
{
	static const char *const lines[][2] = {
		{ "seal,192.0.2.256,443", ADDRESS },
		{ "seal,192.0.2.1,0", PORT },
		{ "seal,192.0.2.1,65536", PORT },
		{ "seal,192.0.2.1,100443", PORT },
		{ "seal", FIELDS },
		{ "seal,192.0.2.1", FIELDS },
		{ "seal,192.0.2.1,443,", ADDRESS },
		{ "seal,192.0.2.1,", PORT },
		{ "intake,192.0.2.1,443", PROGRAM },
		{ "seal-and-forward,192.0.2.1,443", PROGRAM },
		{ "seal,fe80::1%eth0,443", ADDRESS },
		{ "seal,::1::,443", ADDRESS },
		{ "seal,192.0.2.1/24,443", ADDRESS },
		{ "seal,192.0.2.1,443 }", PORT },
		{ "seal,example.org,443", ADDRESS },
		{ "seal,192.0.2.1,-1", PORT },
		{ "Seal,192.0.2.1,443", PROGRAM },
		{ "seal,,443", ADDRESS },
		{ "seal,192.0.2.1, 443", PORT },
		{ " ", FIELDS },
		{ " # no comment", FIELDS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char said[256];

		(void)snprintf(said, sizeof(said),
			"network/egress.csv:1: received '%s': %s" FIX, lines[i][0],
			lines[i][1]);
		assert_rules(lines[i][0], NULL, said);
	}
}

/* As an editor counts them, however long they are and whatever is in them. */
static void by_its_number(void **state)
{
	char text[20010], said[512];

	(void)state;
	assert_rules("# who, where to\n\nseal,192.0.2.1,443\n\n\nseal,1\nship\n", NULL,
		"network/egress.csv:6: received 'seal,1': " FIELDS FIX);
	assert_rules("seal,192.0.2.1,443\r\n", NULL,
		"network/egress.csv:1: received 'seal,192.0.2.1,443?': " PORT FIX);
	(void)snprintf(text, sizeof(text), "\n%20000d", 0);
	(void)snprintf(said, sizeof(said),
		"network/egress.csv:2: received '%124s...': " FIELDS FIX, "");
	assert_rules(text, NULL, said);
	assert_rules("\n\n", ANY_TIME, NULL);
}

/* Each line grows, to how much is bounded. */
static void as_many_as_there_is_room_for(void **state)
{
	static const char line[] = "ship,::,1\n";
	_cleanup_buf_ struct buf all, rules;
	_cleanup_(freep) char *why = NULL;

	(void)state;
	buf_init(&all, 65536);
	buf_init(&rules, 1 << 20);
	while (all.len + sizeof(line) <= 65536)
		assert_int_equal(buf_add_str(&all, line), 0);
	assert_int_equal(durable_write(path, buf_span(&all), 0600), 0);
	assert_int_equal(appliance_egress_rules(path, &rules, &why), 0);
}

static void assert_lists(const char *text, int expected)
{
	_cleanup_(freep) char *why = NULL;

	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
	assert_int_equal(appliance_egress_lists(path, "signer", &why), expected);
}

/* The signer has no network but by a line of its own. */
static void whom_it_lists(void **state)
{
	(void)state;
	assert_lists("seal,192.0.2.1,443\n", 0);
	assert_lists("seal,192.0.2.1,443\nsigner,2001:db8::9,1792\n", 1);
	assert_lists("#signer,192.0.2.1,443\n", 0);
	assert_lists("signer,192.0.2.1\n", -EINVAL);
}

/* What is behind it would be passed over. */
static void what_is_no_text_is_refused(void **state)
{
	static const char text[] = "seal,192.0.2.1,443\n\0seal,192.0.2.2,443\n";
	_cleanup_(freep) char *why = NULL;

	(void)state;
	assert_int_equal(durable_write(path, span_of(text, sizeof(text) - 1), 0600), 0);
	assert_int_equal(appliance_egress_rules(path, NULL, &why), -EINVAL);
	assert_non_null(strstr(why, "it is no text"));
}

static void no_file_lists_nobody(void **state)
{
	_cleanup_(freep) char *why = NULL;

	(void)state;
	(void)unlink(path);
	assert_int_equal(appliance_egress_rules(path, NULL, &why), 0);
	assert_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_form_of_an_address),
		cmocka_unit_test(servers_of_time),
		cmocka_unit_test(anything_else_is_named),
		cmocka_unit_test(by_its_number),
		cmocka_unit_test(whom_it_lists),
		cmocka_unit_test(as_many_as_there_is_room_for),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(no_file_lists_nobody),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

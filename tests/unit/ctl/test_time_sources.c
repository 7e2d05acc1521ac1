/* SPDX-License-Identifier: EUPL-1.2 */
/* Which sources of time a configuration may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/time_sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/sealgate-time-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
}

/* NULL: it is taken. */
static void expect(const char *one, const char *two, const char *words)
{
	_cleanup_(freep) char *error = NULL;

	put("a.sources", one);
	put("b.sources", two);
	assert_int_equal(time_sources_judge(folder, &error) == 0, words == NULL);
	if (words && !strstr(error, words))
		fail_msg("%s", error);
}

static void several_that_prove_who_they_are(void **state)
{
	(void)state;
	expect("# ours\nserver time.one iburst nts\n",
		"\nSERVER\ttime.two  NTS maxpoll 8", NULL);
	expect("server time.one nts\npool time.two nts\n", "", NULL);
	expect("server time.one nts\r\nserver time.two nts\r\n", "! note\n", NULL);
}

static void what_is_refused(void **state)
{
	(void)state;
	expect("", "", "fewer than two");
	expect("server time.one nts\n", "", "fewer than two");
	expect("server time.one nts\n", "# server time.two nts\n", "fewer than two");
	expect("server time.one nts\n", "server time.two iburst\n", "nts is missing");
	expect("server time.one nts\n", "server nts\n", "nts is missing");
	expect("server time.one nts\n", "server TIME.one nts\n", "twice");
	expect("server time.one nts\n", "refclock PHC /dev/ptp0\n", "a server or a pool");
	expect("server time.one nts\n", "include /etc/passwd\n", "a server or a pool");
	expect("server time.one nts\nserver\n", "", "has a name");
	/* chronyd reads nothing of another name. */
	put("c.conf", "server time.two nts\n");
	expect("server time.one nts\n", "", "fewer than two");
}

static int make(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int clear(void **state)
{
	(void)state;
	return appliance_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_that_prove_who_they_are),
		cmocka_unit_test(what_is_refused),
	};

	return cmocka_run_group_tests(tests, make, clear);
}

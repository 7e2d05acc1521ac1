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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signed_folder.h"

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
		"\nSERVER\ttime.two  NTS maxpoll 8\n", NULL);
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

static void put_authority(const char *name)
{
	struct signer s = make_signer("authority");
	char path[PATH_MAX];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, s.certificate), 1);
	assert_int_equal(fclose(f), 0);
	EVP_PKEY_free(s.key);
	X509_free(s.certificate);
}

static void who_vouches_for_them(void **state)
{
	static const char one[] = "server time.one nts\n",
			  two[] = "server time.two nts\n";
	char path[PATH_MAX];

	(void)state;
	expect(one, two, NULL);
	(void)snprintf(path, sizeof(path), "%s/ca.pem", folder);
	assert_int_equal(unlink(path), 0);
	expect(one, two, "no certificate of an authority");
	put_authority("ca.crt"); /* of which nobody would be told that it ends */
	expect(one, two, "no certificate of an authority");
	put("ca.pem", "");
	expect(one, two, "no certificate of an authority");
	put("ca.pem", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n");
	expect(one, two, "no certificate of an authority");
	put_authority("other.pem");
	expect(one, two, NULL);
	assert_int_equal(unlink(path), 0);
	expect(one, two, NULL);
}

/* chronyd stops reading where a line does not end, and passes over what it does not know.
 */
static void what_chronyd_would_not_read(void **state)
{
	static const char NUL[] = "server time.one nts\n\0\nserver time.two nts\n";
	static const char *const WORDS[] = { "maxpol 8", "noselect", "offline", "maxpoll",
		"maxpoll x", "maxpoll 18", "maxpoll 99999999999999999999", "minpoll -7",
		"ntsport 0", "ntsport 65536", "nts\v" };
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX], line[1100];

	(void)state;
	expect("server time.one nts\n", "server time.two nts", "does not end");
	expect("server time.one nts", "server time.two nts\n", "does not end");
	expect("server time.one nts\n", "server time.two nts\n# ours", "does not end");
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		(void)snprintf(line, sizeof(line), "server time.two nts %s\n", WORDS[i]);
		expect("server time.one nts\n", line, "an option that is not known");
	}
	expect("server time.one nts\n", "server a\vb nts\n", "a name that is none");
	expect("server time.one nts iburst prefer minpoll 6 maxpoll 10\n",
		"pool time.two ntsport 4460 nts maxsources 4\n", NULL);
	(void)snprintf(line, sizeof(line), "# %998s\n", "");
	expect(line, "server time.one nts\nserver time.two nts\n", NULL);
	(void)snprintf(line, sizeof(line), "# %999s\n", "");
	expect(line, "server time.one nts\nserver time.two nts\n", "1000 octets");
	(void)snprintf(path, sizeof(path), "%s/a.sources", folder);
	assert_int_equal(durable_write(path, span_of(NUL, sizeof(NUL) - 1), 0644), 0);
	assert_int_equal(time_sources_judge(folder, &error), -EINVAL);
	assert_non_null(strstr(error, "NUL"));
}

static int make(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	put_authority("ca.pem");
	return 0;
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
		cmocka_unit_test(who_vouches_for_them),
		cmocka_unit_test(what_chronyd_would_not_read),
	};

	return cmocka_run_group_tests(tests, make, clear);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOSTS "hosts = ( \"a.example\", \"b.example:8080\" );\n"
#define ONE(name, url)                                                                   \
	"{ name = \"" name "\"; url = \"" url "\"; issuer = \"i.pem\"; every_s = 60; }"

static char folder[] = "/tmp/sealgate-sources-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/trust", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put("i.pem", "");
	return 0;
}

static int tear_down(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/trust/sources.cfg", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/i.pem", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/trust", folder);
	rmdir(path);
	return rmdir(folder);
}

static struct sources *good(const char *text)
{
	struct sources *s = NULL;
	char *error = NULL;

	put("trust/sources.cfg", text);
	if (sources_load(folder, false, &s, &error) < 0)
		fail_msg("%s", error);
	return s;
}

static void bad(const char *text, const char *line, const char *what)
{
	struct sources *s = NULL;
	char *error = NULL;

	put("trust/sources.cfg", text);
	assert_int_equal(sources_load(folder, false, &s, &error), -EINVAL);
	assert_null(s);
	assert_non_null(error);
	if (!strstr(error, line) || !strstr(error, what))
		fail_msg("%s", error);
	free(error);
}

static void test_read(void **state)
{
	struct sources *s = good(HOSTS
		"proxy = \"http://p:3128\"; timeout_s = 5; max_octets = "
		"4096;\nrevocation = ( " ONE("x", "http://b.example:8080/x.crl") " );");

	(void)state;
	assert_int_equal(s->count, 1);
	assert_string_equal(s->list[0].name, "x");
	assert_int_equal(s->list[0].every_s, 60);
	assert_int_equal(s->timeout_s, 5);
	assert_int_equal(s->max_octets, 4096);
	assert_string_equal(s->proxy, "http://p:3128");
	assert_false(s->any_address);
	sources_free(s);
}

static void test_hosts(void **state)
{
	struct sources *s = good(HOSTS);

	(void)state;
	assert_true(sources_allow(s, "http://a.example/x"));
	assert_true(sources_allow(s, "https://A.EXAMPLE?x"));
	assert_true(sources_allow(s, "http://b.example:8080"));
	assert_false(sources_allow(s, "http://b.example/"));
	assert_false(sources_allow(s, "http://a.example:80/"));
	assert_false(sources_allow(s, "ftp://a.example/"));
	assert_false(sources_allow(s, "http://a.example@evil.example/"));
	assert_false(sources_allow(s, "http://evil.example\\@a.example/"));
	assert_false(sources_allow(s, "http://a.example.evil.example/"));
	assert_false(sources_allow(s, "http:///a.example"));
	assert_false(sources_allow(s, "a.example"));
	sources_free(s);
}

static void test_refused(void **state)
{
	(void)state;
	bad(HOSTS "revocation = ( " ONE("x", "http://c.example/") " );",
		":2:", "not in hosts");
	bad(HOSTS "revocation = ( " ONE("../x", "http://a.example/") " );",
		":2:", "not a name");
	bad(HOSTS "revocation = ( " ONE("x", "http://a.example/") ", " ONE(
		    "x", "http://a.example/y") " );",
		":2:", "there are two");
	bad(HOSTS "addresses = \"any\";", ":2:", "TEST");
	bad(HOSTS "addresses = \"some\";", ":2:", "public or any");
	bad(HOSTS "\ntimeout_s = 0;", ":3:", "timeout_s");
	bad(HOSTS "colour = \"red\";", ":2:", "colour");
	bad("timeout_s = 1;", ":", "hosts");
	bad(HOSTS "\nproxy = \"https://p:3128\";", ":3:", "is not http://HOST:PORT");
	bad(HOSTS "proxy = \"http://user:pass@p:3128\";", ":2:", "is not http://");
	bad(HOSTS "revocation = ( { name = \"x\"; url = \"http://a.example/\"; issuer = "
		  "\"none.pem\"; every_s = 60; } );",
		":2:", "none.pem");
}

#define ANSWER(more)                                                                     \
	"ocsp = ( { name = \"o\"; url = \"http://a.example/o\"; issuer = \"i.pem\"; "    \
	"certificate = \"i.pem\"; every_s = 60; " more " } );\n"

static void test_ocsp(void **state)
{
	struct sources *s = good(HOSTS ANSWER("nonce = \"demand\";"));

	(void)state;
	assert_int_equal(s->count, 1);
	assert_true(s->list[0].nonce_demanded);
	assert_non_null(strstr(s->list[0].certificate, "/i.pem"));
	sources_free(s);
	s = good(HOSTS ANSWER("") "revocation = ( " ONE("c", "http://a.example/c") " );");
	assert_int_equal(s->count, 2);
	assert_string_equal(s->list[0].certificate, "");
	assert_false(s->list[1].nonce_demanded);
	sources_free(s);
	bad(HOSTS ANSWER("nonce = \"perhaps\";"), ":2:", "nonce is accept or demand");
	bad(HOSTS ANSWER("nonce = 1;"), ":2:", "nonce must be");
	bad(HOSTS ANSWER("") "revocation = ( " ONE("o", "http://a.example/c") " );",
		":2:", "there are two");
}

/* Who judges on an appliance reads by a right over files, which access(2) goes without;
 * so does it for who has another real user. */
static void test_read_by_a_right(void **state)
{
	struct sources *s = NULL;
	char *error = NULL, path[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	put("trust/sources.cfg",
		HOSTS "revocation = ( " ONE("x", "http://a.example/") " );");
	assert_int_equal(setreuid(65534, 0), 0);
	if (sources_load(folder, false, &s, &error) < 0)
		fail_msg("%s", error);
	assert_int_equal(s->count, 1);
	sources_free(s);
	snprintf(path, sizeof(path), "%s/trust/sources.cfg", folder);
	unlink(path);
	if (sources_load(folder, false, &s, &error) < 0)
		fail_msg("%s", error);
	assert_int_equal(s->count, 0);
	sources_free(s);
	assert_int_equal(setreuid(0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_ocsp),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_read_by_a_right),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

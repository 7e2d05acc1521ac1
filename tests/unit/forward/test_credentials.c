/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "credentials/destinations/traces.cfg"

static struct instance instance;

static int set_up(void **state)
{
	char path[PATH_MAX + 40];

	(void)state;
	snprintf(instance.dir, sizeof(instance.dir), "/tmp/credentials-XXXXXX");
	assert_non_null(mkdtemp(instance.dir));
	snprintf(path, sizeof(path), "%s/credentials", instance.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/credentials/destinations", instance.dir);
	return mkdir(path, 0700);
}

static int tear_down(void **state)
{
	char path[PATH_MAX + 40];

	(void)state;
	snprintf(path, sizeof(path), "%s/" FILE_NAME, instance.dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/credentials/destinations", instance.dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/credentials", instance.dir);
	rmdir(path);
	return rmdir(instance.dir);
}

static int load(const char *text, struct credentials *ret, char **ret_error)
{
	char path[PATH_MAX + 40];
	FILE *f;

	snprintf(path, sizeof(path), "%s/" FILE_NAME, instance.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	*ret_error = NULL;
	return credentials_load(&instance, "traces", ret, ret_error);
}

static void what_is_there_is_taken(void **state)
{
	struct credentials c;
	char *error, path[PATH_MAX + 40];

	(void)state;
	assert_int_equal(load("username = \"u\";\nkey = \"k\";\nclient_id = \"i\";\n"
			      "certificate = \"c.pem\";\nprivate_key = \"/k.pem\";\n",
				 &c, &error),
		0);
	snprintf(path, sizeof(path), "%s/credentials/destinations/c.pem", instance.dir);
	assert_string_equal(c.username, "u");
	assert_string_equal(c.key, "k");
	assert_string_equal(c.client_id, "i");
	assert_string_equal(c.certificate, path);
	assert_string_equal(c.private_key, "/k.pem");
	credentials_done(&c);
}

/* What nobody reads would be no credential where there should be one. */
static void what_nobody_reads_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} WRONG[] = {
		{ "key = \"k\";\nuser = \"u\";\n", FILE_NAME ":2: no setting" },
		{ "key = 1234;\n", FILE_NAME ":1: no setting" },
		{ "key = \"k\";\nusername\n", "cannot be read" },
		{ "@include \"x\"\n", "cannot be read" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		struct credentials c;
		char *error;

		assert_int_equal(load(WRONG[i].text, &c, &error), -EINVAL);
		assert_non_null(strstr(error, WRONG[i].error));
		assert_null(strstr(error, "1234"));
		free(error);
		credentials_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_taken),
		cmocka_unit_test(what_nobody_reads_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

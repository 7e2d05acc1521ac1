/* SPDX-License-Identifier: EUPL-1.2 */
/* The environment of a vendor's module: what is listed beside it, and nothing else; and
 * that it is, before a configuration is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "common/module_variables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SETTINGS[] =
	"instance = { name = \"unit\"; test = true; };\n"
	"signer = { module = \"%s/module.so\"; module_variables = \"%s\"; };\n";

static char dir[64];

static void put(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

static int make(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/variables.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	put("variables", "VENDOR_CONF\nVENDOR_LOG\n");
	return 0;
}

static int forget(void **state)
{
	char path[128];

	(void)state;
	unsetenv("VENDOR_CONF");
	unsetenv("VENDOR_LOG");
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir,
			i ? "sealgate.conf" : "variables");
		(void)unlink(path);
	}
	return rmdir(dir);
}

/* What is wrong with such a value; "": nothing. */
static void assert_taken(
	int (*take)(const struct instance *, char[MODULE_VARIABLES_TEXT_SIZE]),
	const char *value, int expected, const char *why)
{
	_cleanup_(freep) char *error = NULL;
	char text[MODULE_VARIABLES_TEXT_SIZE] = "", conf[4096];
	struct instance i;

	snprintf(conf, sizeof(conf), SETTINGS, dir, value);
	put("sealgate.conf", conf);
	assert_int_equal(instance_open(dir, &i, &error), 0);
	assert_int_equal(take(&i, text), expected);
	assert_string_equal(text, why);
	instance_done(&i);
}

static void assert_set(const char *value, int expected, const char *why)
{
	assert_taken(module_variables, value, expected, why);
}

static void assert_judged(const char *value, int expected, const char *why)
{
	assert_taken(module_variables_judge, value, expected, why);
	assert_null(getenv("VENDOR_CONF"));
	assert_null(getenv("VENDOR_LOG"));
}

static void what_is_listed(void **state)
{
	char path[128];

	(void)state;
	assert_set("", 0, "");
	assert_null(getenv("VENDOR_CONF"));
	assert_set("VENDOR_CONF=hsm/vendor.cfg, VENDOR_LOG=/dev/null", 0, "");
	snprintf(path, sizeof(path), "%s/hsm/vendor.cfg", dir);
	assert_string_equal(getenv("VENDOR_CONF"), path);
	assert_string_equal(getenv("VENDOR_LOG"), "/dev/null");
}

static void nothing_else(void **state)
{
	(void)state;
	assert_set("LD_PRELOAD=hsm/x.so", -EPERM,
		"signer.module_variables: LD_PRELOAD is not listed in the file variables "
		"beside the module");
	assert_set("VENDOR=x", -EPERM,
		"signer.module_variables: VENDOR is not listed in the file variables "
		"beside the module");
	assert_set("VENDOR_CONF=a,VENDOR_LOGS=b", -EPERM,
		"signer.module_variables: VENDOR_LOGS is not listed in the file "
		"variables "
		"beside the module");
	assert_set("VENDOR_CONF", -EINVAL,
		"signer.module_variables: VENDOR_CONF is not NAME=PATH");
	assert_set("VENDOR_CONF=", -EINVAL,
		"signer.module_variables: VENDOR_CONF= is not NAME=PATH");
	assert_set("=a", -EINVAL, "signer.module_variables: =a is not NAME=PATH");
}

static void nothing_without_a_list(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/variables", dir);
	assert_int_equal(unlink(path), 0);
	assert_set("VENDOR_CONF=a", -ENOENT,
		"signer.module_variables: the file variables beside the module cannot be "
		"read");
	assert_null(getenv("VENDOR_CONF"));
}

static void what_can_be_known_before(void **state)
{
	char path[128], longest[1025];

	(void)state;
	assert_judged("", 0, "");
	assert_judged(
		"VENDOR_LOG=/var/log/vendor,VENDOR_CONF=state/signer/vendor", 0, "");
	assert_judged("VENDOR_CONF=hsm/vendor.cfg", -ENOENT,
		"signer.module_variables: hsm/vendor.cfg is not in the configuration");
	snprintf(path, sizeof(path), "%s/hsm", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	put("hsm/vendor.cfg", "");
	assert_judged("VENDOR_CONF=hsm/vendor.cfg", 0, "");
	assert_judged("VENDOR_CONF=hsm", 0, "");
	snprintf(path, sizeof(path), "%s/hsm/vendor.cfg", dir);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/hsm", dir);
	(void)rmdir(path);
	assert_judged("LD_PRELOAD=/x.so", -EPERM,
		"signer.module_variables: LD_PRELOAD is not listed in the file variables "
		"beside the module");
	assert_judged("VENDOR_CONF", -EINVAL,
		"signer.module_variables: VENDOR_CONF is not NAME=PATH");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memcpy(longest, "VENDOR_LOG=/", strlen("VENDOR_LOG=/"));
	assert_judged(longest, -EINVAL, "signer.module_variables: it is too long");
	longest[1023] = '\0';
	assert_judged(longest, 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_listed, make, forget),
		cmocka_unit_test_setup_teardown(nothing_else, make, forget),
		cmocka_unit_test_setup_teardown(nothing_without_a_list, make, forget),
		cmocka_unit_test_setup_teardown(what_can_be_known_before, make, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

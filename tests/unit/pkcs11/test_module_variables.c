/* SPDX-License-Identifier: EUPL-1.2 */
/* The environment of a vendor's module: what is listed beside it, and nothing else. */
#include "fixture.h"

#include "pkcs11/module_variables.h"

static const char SETTINGS[] =
	"instance = { name = \"unit\"; test = true; };\n"
	"signer = { module = \"%s/module.so\"; module_variables = \"%s\"; };\n";

static char dir[64];

static int make(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/variables.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	put(dir, "variables", "VENDOR_CONF\nVENDOR_LOG\n");
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

/* What is wrong with such a value; NULL: it is set. */
static void assert_set(const char *value, int expected, const char *why)
{
	_cleanup_(freep) char *error = NULL;
	char text[MODULE_VARIABLES_TEXT_SIZE] = "", conf[512];
	struct instance i;

	snprintf(conf, sizeof(conf), SETTINGS, dir, value);
	put(dir, "sealgate.conf", conf);
	assert_int_equal(instance_open(dir, &i, &error), 0);
	assert_int_equal(module_variables(&i, text), expected);
	assert_string_equal(text, why);
	instance_done(&i);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_listed, make, forget),
		cmocka_unit_test_setup_teardown(nothing_else, make, forget),
		cmocka_unit_test_setup_teardown(nothing_without_a_list, make, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

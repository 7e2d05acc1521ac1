/* SPDX-License-Identifier: EUPL-1.2 */
/* Which module the signer of an appliance may load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/hsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

static char *folder, modules[64];

static void touch(const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static int make(void **state)
{
	static char template[] = "/tmp/hsm.XXXXXX";
	char path[128];

	(void)state;
	folder = mkdtemp(template);
	if (!folder)
		return -1;
	(void)snprintf(modules, sizeof(modules), "%s/modules", folder);
	(void)snprintf(path, sizeof(path), "%s/vendor", modules);
	if (mkdir(modules, 0755) < 0 || mkdir(path, 0755) < 0)
		return -1;
	touch("modules/one.so");
	touch("modules/vendor/two.so");
	touch("outside.so");
	(void)snprintf(path, sizeof(path), "%s/link.so", modules);
	return symlink("../outside.so", path);
}

static int remove_all(void **state)
{
	(void)state;
	return appliance_remove(folder);
}

/* NULL: it may be loaded. */
static void assert_judged(const char *name, bool let_out, const char *why)
{
	_cleanup_(freep) char *error = NULL;
	char module[256];

	(void)snprintf(module, sizeof(module), "%s%s%s", *name == '/' ? "" : folder,
		*name == '/' ? "" : "/", name);
	assert_int_equal(hsm_judge(modules, module, let_out, &error), why ? -EPERM : 0);
	if (why)
		assert_non_null(strstr(error, why));
	else
		assert_null(error);
}

static void a_module_of_the_image(void **state)
{
	(void)state;
	assert_judged("modules/one.so", false, NULL);
	assert_judged("modules/one.so", true, NULL);
	assert_judged("modules/vendor/two.so", true, NULL);
}

static void the_software_token_is_never_let_out(void **state)
{
	(void)state;
	assert_judged(SOFTHSM, false, NULL);
	assert_judged(SOFTHSM, true, "which is let out nowhere");
}

static void nothing_else(void **state)
{
	static const char *const names[] = { "outside.so", "modules/../outside.so",
		"modules/link.so", "modules", "modules/", "modules/vendor",
		"modules/three.so", "modules/./one.so", "/var/lib/sealgate/hsm/one.so" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_judged(names[i], false, "is no module of this image");
}

static void assert_devices(const char *text, int expected, const char *devices)
{
	_cleanup_(freep) char *error = NULL;
	char path[128], found[HSM_WAYS_SIZE] = "as before";

	(void)snprintf(path, sizeof(path), "%s/devices", folder);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
	assert_int_equal(hsm_devices(path, found, &error), expected);
	assert_string_equal(found, expected ? "as before" : devices);
	if (expected)
		assert_non_null(strstr(error, "hsm/devices: "));
	(void)unlink(path);
}

/* What the signer may see of the machine is of a closed list. */
static void devices_of_a_closed_list(void **state)
{
	_cleanup_(freep) char *error = NULL;
	char found[HSM_WAYS_SIZE] = "as before";

	(void)state;
	assert_int_equal(hsm_devices("/nowhere/devices", found, &error), 0);
	assert_string_equal(found, "");
	assert_devices("", 0, "");
	assert_devices("# none\n", 0, "");
	assert_devices("usb\n", 0, " usb");
	assert_devices("usb\nusb", 0, " usb");
	assert_devices("usb\n/dev/vda\n", -EINVAL, NULL);
	assert_devices("char-usb_device rw\n", -EINVAL, NULL);
	assert_devices("usb \n", -EINVAL, NULL);
	assert_devices("network\n", -EINVAL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_of_the_image),
		cmocka_unit_test(the_software_token_is_never_let_out),
		cmocka_unit_test(nothing_else),
		cmocka_unit_test(devices_of_a_closed_list),
	};

	return cmocka_run_group_tests(tests, make, remove_all);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* What a configuration names is a word of nginx's configuration, and never a line of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/instance/edge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65536u

static char *folder;

static int make_folder(void **state)
{
	static char template[] = "/tmp/edge.XXXXXX";

	(void)state;
	folder = mkdtemp(template);
	return folder ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return appliance_remove(folder);
}

/* What nginx is told by an instance whose sealgate.conf is this. */
static int told(const char *conf, struct buf *text)
{
	char path[64], *error = NULL;
	struct instance instance;
	int r;

	(void)snprintf(path, sizeof(path), "%s/sealgate.conf", folder);
	assert_int_equal(durable_write(path, span_str(conf), 0600), 0);
	assert_int_equal(instance_open(folder, &instance, &error), 0);
	buf_init(text, TEXT_MAX);
	r = edge_configuration(&instance, text);
	instance_done(&instance);
	return r;
}

static void test_addresses_and_paths(void **state)
{
	_cleanup_buf_ struct buf text;

	(void)state;
	assert_int_equal(told("listen = { partners = \"[::]:8443\"; operators = "
			      "\"192.0.2.1:8445\"; };\n"
			      "tls = { key = \"tls/own.key\"; };\n",
				 &text),
		0);
	assert_int_equal(buf_add(&text, "", 1), 0);
	assert_non_null(
		strstr(text.data, "listen 0.0.0.0:8443 ssl;\n\t\tlisten [::]:8443 "
				  "ssl;"));
	assert_non_null(strstr(text.data, "listen 192.0.2.1:8445 ssl;"));
	assert_non_null(strstr(text.data, "/tls/own.key;"));
}

static void test_no_lines(void **state)
{
	static const char *const TEXTS[] = {
		"listen = { partners = \"[::]:8443 ssl; } server { listen 80\"; };",
		"listen = { customs = \"8444;\"; };",
		"listen = { operators = \"8445\\n\"; };",
		"listen = { operators = \"[::]:8445\\tproxy_protocol\"; };",
		"listen = { partners = \"\"; };",
		"tls = { key = \"tls/a.key; ssl_verify_client off\"; };",
		"tls = { certificate = \"/x{y\"; };",
		"tls = { certificate = \"/x}y\"; };",
		"tls = { partner_ca = \"tls/$uri\"; };",
		"tls = { operator_ca = \"tls/'a\"; };",
		"tls = { customs_ca = \"tls/\\\\a\"; };",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		_cleanup_buf_ struct buf text;

		assert_int_equal(told(TEXTS[i], &text), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_and_paths),
		cmocka_unit_test(test_no_lines),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

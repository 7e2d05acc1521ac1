/* SPDX-License-Identifier: EUPL-1.2 */
/* sealgate.conf against its table, and files that are whole or absent. */
#include "common/config.h"

#include "common/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/sealgate-unit-XXXXXX";
static char file[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/sealgate.conf", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

static int load(const char *text, char *ret_error, size_t size)
{
	struct config *c = NULL;
	char *error = NULL;
	int r;

	assert_int_equal(durable_write(file, span_str(text), 0600), 0);
	r = config_load(file, &c, &error);
	(void)snprintf(ret_error, size, "%s", error ? strrchr(error, '/') : "");
	free(error);
	config_free(c);
	return r;
}

static void test_values_and_defaults(void **state)
{
	struct config *c;
	char *error;

	(void)state;
	assert_int_equal(durable_write(file,
				 span_str("verify: { workers = 7; };\n"
					  "instance: { test = false; name = \"x\"; };\n"
					  "peers: { nginx = 4294967294L; };\n"),
				 0600),
		0);
	assert_int_equal(config_load(file, &c, &error), 0);
	assert_int_equal(config_int(c, "verify.workers"), 7);
	assert_int_equal(config_int(c, "verify.documents"), 64);
	assert_int_equal(config_int(c, "peers.nginx"), 4294967294LL);
	assert_string_equal(config_string(c, "instance.name"), "x");
	assert_string_equal(config_string(c, "listen.partners"), "127.0.0.1:8443");
	assert_false(config_bool(c, "instance.test"));
	assert_false(config_bool(c, "peers.separate"));
	config_free(c);
}

static void expect_error(const char *text, const char *expected)
{
	char error[256];

	assert_int_equal(load(text, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, expected);
}

static void test_errors_name_the_line(void **state)
{
	(void)state;
	expect_error("\nverify: { wrkers = 7; };\n",
		"/sealgate.conf:2: verify.wrkers is not a known key");
	expect_error("verify: { workers = 0; };\n",
		"/sealgate.conf:1: verify.workers is out of range");
	expect_error("verify: { workers = 257; };\n",
		"/sealgate.conf:1: verify.workers is out of range");
	expect_error("verify: { workers = \"7\"; };\n",
		"/sealgate.conf:1: verify.workers has the wrong type");
	expect_error("workers = 7;\n", "/sealgate.conf:1: workers is not a known key");
	expect_error("verify: { workers = ;\n", "/sealgate.conf:1: syntax error");
	expect_error("@include \"x\"\n", "/sealgate.conf:1: @include is not allowed");
}

static void expect_no_proxy(const char *text, const char *expected)
{
	_cleanup_(freep) char *error = NULL;
	struct config *c = NULL;

	assert_int_equal(durable_write(file, span_str(text), 0600), 0);
	assert_int_equal(config_load(file, &c, &error), -EINVAL);
	assert_non_null(strstr(error, expected));
}

static void test_proxies(void **state)
{
	static const char *const GOOD[] = { "", "http://proxy.example:3128",
		"http://10.0.0.1:1", "http://[2001:db8::1]:65535", "http://p_1-x:080",
		"http://p:3128/", "HTTP://p:1", "Http://[::1]:1/" };
	static const char *const BAD[] = { "proxy.example:3128", "https://p:3128",
		"socks5h://p:1080", "HTTPS://p:1", "http:/p:1", "http://p/", "http://p",
		"http://p:", "http://:3128", "http://user:pass@p:3128",
		"http://user@p:3128", "http://p:3128//", "http://p:3128/x",
		"http://p:3128/?", "http://p:/", "http://p:0", "http://p:65536",
		"http://p:999999", "http://p:-1", "http://[]:1", "http://[::1:1",
		"http://::1:1", "http://[::1]", " http://p:1", "http://p:1 ",
		"http://p:1\r\nx: y", "http://p%41:1" };
	struct config *c;
	char *error;

	(void)state;
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
		if (!config_is_proxy(GOOD[i]))
			fail_msg("%s", GOOD[i]);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		if (config_is_proxy(BAD[i]))
			fail_msg("%s", BAD[i]);
	expect_no_proxy("seal: { proxy = \"https://p:3128\"; };\n",
		"/sealgate.conf:1: seal.proxy is not http://HOST:PORT");
	expect_no_proxy("\nforward: { proxy = \"socks5h://p:1080\"; };\n",
		"/sealgate.conf:2: forward.proxy is not http://HOST:PORT");
	expect_error("forward: { proxy = 7; };\n",
		"/sealgate.conf:1: forward.proxy has the wrong type");
	assert_int_equal(
		durable_write(
			file, span_str("forward: { proxy = \"http://p:1\"; };\n"), 0600),
		0);
	assert_int_equal(config_load(file, &c, &error), 0);
	assert_string_equal(config_string(c, "forward.proxy"), "http://p:1");
	assert_string_equal(config_string(c, "seal.proxy"), "");
	config_free(c);
}

static void test_missing_file(void **state)
{
	struct config *c;
	char *error;

	(void)state;
	assert_int_equal(config_load("/nonexistent/x", &c, &error), -ENOENT);
	assert_non_null(strstr(error, "/nonexistent/x"));
	free(error);
}

static void test_table(void **state)
{
	(void)state;
	for (const struct config_key *k = CONFIG_KEYS; k->path; k++) {
		assert_non_null(strchr(k->path, '.'));
		assert_true(strlen(k->help) > 5);
		if (k->type == CONFIG_INT && k->def) {
			long long v = strtoll(k->def, NULL, 10);

			assert_true(v >= k->min && v <= k->max);
		}
	}
}

static size_t entries(void)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_durable_write(void **state)
{
	uint8_t *data;
	size_t len;
	struct stat st;

	(void)state;
	assert_int_equal(durable_write(file, span_str("one"), 0640), 0);
	assert_int_equal(durable_write(file, span_str("three"), 0600), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(file, 5, &data, &len), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "three", 5);
	free(data);
	assert_int_equal(file_read(file, 4, &data, &len), -EFBIG);
	assert_int_equal(file_read(folder, 100, &data, &len), -EINVAL);
	assert_int_equal(file_read("/nonexistent/x", 100, &data, &len), -ENOENT);
	assert_int_equal(entries(), 1); /* no temporary file is left */
}

static void test_file_read_waits_for_nobody(void **state)
{
	char fifo[128], link_to[128], below[160];
	uint8_t *data = NULL;
	size_t len;

	(void)state;
	(void)snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	(void)snprintf(link_to, sizeof(link_to), "%s/link", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_read(fifo, 100, &data, &len), -EINVAL);
	assert_int_equal(file_read_of_others(fifo, 100, &data, &len), -EINVAL);
	assert_int_equal(durable_write(file, span_str("one"), 0600), 0);
	assert_int_equal(symlink(file, link_to), 0);
	assert_int_equal(file_read(link_to, 100, &data, &len), 0);
	free(data);
	assert_int_equal(file_read_of_others(link_to, 100, &data, &len), -ELOOP);
	assert_int_equal(file_read_of_others(file, 100, &data, &len), 0);
	free(data);
	unlink(fifo);
	unlink(link_to);
	assert_int_equal(symlink(folder, fifo), 0);
	(void)snprintf(below, sizeof(below), "%s/sealgate.conf", fifo);
	assert_int_equal(file_read(below, 100, &data, &len), 0);
	free(data);
	assert_int_equal(file_read_of_others(below, 100, &data, &len), -ENOTDIR);
	unlink(fifo);
}

static void test_durable_write_fails_whole(void **state)
{
	char below[128];

	(void)state;
	assert_int_equal(durable_write("/nonexistent/x", span_str("a"), 0600), -ENOENT);
	/* A folder of that name cannot be replaced: the temporary file goes away again.
	 */
	(void)snprintf(below, sizeof(below), "%s/folder", folder);
	assert_int_equal(mkdir(below, 0700), 0);
	assert_true(durable_write(below, span_str("a"), 0600) < 0);
	assert_int_equal(rmdir(below), 0);
	assert_int_equal(entries(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_and_defaults),
		cmocka_unit_test(test_errors_name_the_line),
		cmocka_unit_test(test_proxies),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_durable_write),
		cmocka_unit_test(test_file_read_waits_for_nobody),
		cmocka_unit_test(test_durable_write_fails_whole),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* A report that an operator asks for has what only the unit at the start of the machine
 * sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "common/json.h"
#include "ctl/appliance/appliance.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNSEEN                                                                           \
	"{\"boot\":{\"entry\":\"a.efi\",\"roothash\":null},"                             \
	"\"open_ports\":{\"tcp\":null,\"tcp6\":null,\"udp\":null,\"udp6\":[]},"          \
	"\"update\":{\"refused\":null}}"

static void expect(const char *record, const char *wanted)
{
	char path[] = "/tmp/sealgate-recorded-XXXXXX";
	int fd = mkstemp(path);
	_cleanup_json_ json_t *report = json_read(span_str(UNSEEN), 4096);
	_cleanup_(freep) char *text = NULL;

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(durable_write(path, span_str(record), 0600), 0);
	appliance_complete(report, path);
	assert_int_equal(unlink(path), 0);
	text = json_canonical(report);
	assert_string_equal(text, wanted);
}

/* What was refused then may have been taken since; a list that is empty now was seen. */
static void test_only_what_is_unseen_here_is_filled_in(void **state)
{
	(void)state;
	expect("{\"boot\":{\"entry\":\"b.efi\",\"roothash\":\"0a0b\"},"
	       "\"open_ports\":{\"tcp\":[\"0.0.0.0:8443\"],\"tcp6\":[],\"udp6\":[\"[::]:"
	       "1\"]},"
	       "\"update\":{\"refused\":\"too old\"}}",
		"{\"boot\":{\"entry\":\"a.efi\",\"roothash\":\"0a0b\"},"
		"\"open_ports\":{\"tcp\":[\"0.0.0.0:8443\"],\"tcp6\":[],\"udp\":null,"
		"\"udp6\":[]},\"update\":{\"refused\":null}}");
}

static void test_a_record_that_is_none_changes_nothing(void **state)
{
	static const char *const none[] = { "", "{", "[]", "{}", "{\"boot\":7}",
		"{\"boot\":{},\"open_ports\":[]}" };
	const char *as_it_was = "{\"boot\":{\"entry\":\"a.efi\",\"roothash\":null},"
				"\"open_ports\":{\"tcp\":null,\"tcp6\":null,\"udp\":null,"
				"\"udp6\":[]},\"update\":{\"refused\":null}}";

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		expect(none[i], as_it_was);
}

static char folder[] = "/tmp/sealgate-told-XXXXXX";

static int begin(void **state)
{
	(void)state;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int end(void **state)
{
	static const char *const made[] = { "plain", "secret", "link", "waits", "odd" };

	(void)state;
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		(void)unlink(made[i]);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/* NULL: nothing. */
static void expect_told(const char *name, const char *wanted)
{
	char path[64];
	_cleanup_json_ json_t *told = NULL;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	told = appliance_told(path);
	if (wanted)
		assert_string_equal(json_string_value(told), wanted);
	else
		assert_true(json_is_null(told));
}

/* Whoever reports may read what the one who told it may not: the first line of what that
 * one's link leads to would be told to whoever looks, and a pipe would be waited for. */
static void test_what_others_tell_is_a_file_of_theirs(void **state)
{
	(void)state;
	assert_int_equal(durable_write("plain", span_str("-12.3 0.4\nmore\n"), 0600), 0);
	assert_int_equal(durable_write("secret", span_str("a secret\n"), 0600), 0);
	assert_int_equal(durable_write("odd", span_str("\xff\n"), 0600), 0);
	assert_int_equal(symlink("secret", "link"), 0);
	assert_int_equal(mkfifo("waits", 0600), 0);
	(void)alarm(20);
	expect_told("plain", "-12.3 0.4");
	expect_told("none", NULL);
	expect_told("link", NULL);
	expect_told("waits", NULL);
	expect_told("odd", "\xef\xbf\xbd");
	(void)alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_unseen_here_is_filled_in),
		cmocka_unit_test(test_a_record_that_is_none_changes_nothing),
		cmocka_unit_test_setup_teardown(
			test_what_others_tell_is_a_file_of_theirs, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

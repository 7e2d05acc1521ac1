/* SPDX-License-Identifier: EUPL-1.2 */
/* A refusal reaches who is to mend it, however long what was refused is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/json.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/refuse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/sealgate-refuse-XXXXXX";

static void assert_cut(const char *text, size_t size, const char *expected)
{
	char ret[64];

	memset(ret, 'x', sizeof(ret));
	appliance_cut(text, size, ret);
	assert_string_equal(ret, expected);
	assert_true(strlen(ret) < size);
}

static void whole_characters(void **state)
{
	(void)state;
	assert_cut("", 4, "");
	assert_cut("abc", 4, "abc");
	assert_cut("abcd", 4, "...");
	assert_cut("abcdefgh", 8, "abcd...");
	assert_cut("abcdefg", 8, "abcdefg");
	assert_cut("abc\303\244efgh", 8, "abc...");
	assert_cut("ab\303\244efgh", 8, "ab\303\244...");
	assert_cut("\360\237\224\217\360\237\224\217", 8, "\360\237\224\217...");
	assert_cut("a\360\237\224\217\360\237\224\217", 8, "a...");
	/* what is no text does not go on for ever */
	assert_cut("\200\200\200\200\200\200\200\200\200", 8, "\200\200\200\200...");
	assert_cut("a\r\n\033[1m\177", 16, "a???[1m?");
}

static void it_is_read_again(const char *said, const char *begins, size_t most)
{
	_cleanup_(freep) char *error = NULL;

	assert_int_equal(appliance_note_outcome(path, said), 0);
	assert_int_equal(appliance_outcome(path, &error), said ? -EPERM : 0);
	assert_int_equal(access(path, F_OK), -1);
	if (!said) {
		assert_null(error);
		return;
	}
	if (strncmp(error, begins, strlen(begins)) != 0)
		fail_msg("%s", error);
	assert_in_range(strlen(error), strlen(begins), most);
}

static void a_long_refusal_arrives(void **state)
{
	static char line[3][20000];
	_cleanup_json_ json_t *text = NULL;
	_cleanup_(freep) char *error = NULL;

	(void)state;
	it_is_read_again(NULL, NULL, 0);
	it_is_read_again("sealgate.conf: is none", "sealgate.conf: is none", 22);
	memset(line[0], 'x', sizeof(line[0]) - 1);
	(void)appliance_refuse(&error, "network/machine.network:3", line[0], "", "");
	it_is_read_again(error, "network/machine.network:3: received 'xxxx", 4096);
	/* of two octets each, which begin at an even one or at an odd one */
	for (size_t odd = 0; odd < 2; odd++) {
		_cleanup_(freep) char *back = NULL;

		for (size_t i = 0; i + 2 < sizeof(line[1]) - odd; i += 2)
			memcpy(line[1 + odd] + odd + i, "\303\244", 2);
		if (odd)
			line[2][0] = 'x';
		assert_int_equal(appliance_note_outcome(path, line[1 + odd]), 0);
		assert_int_equal(appliance_outcome(path, &back), -EPERM);
		json_decref(text);
		text = json_string(back); /* NULL: it is no UTF-8 */
		assert_non_null(text);
	}
}

static void assert_noted(const char *expected)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0;

	assert_int_equal(file_read(path, 512, &text, &len), 0);
	assert_string_equal((char *)text, expected);
}

/* The notes are beside what others write. */
static void a_folder_of_others_keeps_no_note_away(void **state)
{
	(void)state;
	appliance_note(path, "one\nline");
	assert_noted("one?line");
	appliance_note(path, NULL);
	assert_int_equal(mkdir(path, 0700), 0);
	appliance_note(path, "two");
	assert_noted("two");
}

static int make(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int clear(void **state)
{
	(void)state;
	return appliance_remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_characters),
		cmocka_unit_test(a_long_refusal_arrives),
		cmocka_unit_test(a_folder_of_others_keeps_no_note_away),
	};

	return cmocka_run_group_tests(tests, make, clear);
}

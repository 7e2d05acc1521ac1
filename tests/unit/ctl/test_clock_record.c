/* SPDX-License-Identifier: EUPL-1.2 */
/* What chronyd writes of the clock is told, and does not fill the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "common/json.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/clock_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADING                                                                          \
	"================================================================\n"             \
	"   Date (UTC) Time     IP Address   St   Freq ppm   Skew ppm     Offset L Co  " \
	"Offset sd Rem. corr. Root delay Root disp. Max. error\n"                        \
	"================================================================\n"
#define FIRST                                                                            \
	"2031-03-04 05:06:07 192.0.2.10       2     -3.541      0.075 -8.621e-06 N  2 "  \
	"2.940e-03 -2.084e-04 1.534e-02  3.472e-04  8.304e-03\n"
#define SECOND                                                                           \
	"2031-03-04 05:07:11 2001:db8::10     2     -3.600      0.071  1.250e-05 ?  0 "  \
	"2.940e-03 -2.084e-04 1.534e-02  3.472e-04  9.000e-03\n"

struct stage {
	char folder[64], log[96], kept[96];
};

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	snprintf(s->folder, sizeof(s->folder), "/tmp/sealgate-record-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->log, sizeof(s->log), "%s/tracking.log", s->folder);
	snprintf(s->kept, sizeof(s->kept), "%s/tracking.log.1", s->folder);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	assert_int_equal(appliance_remove(s->folder), 0);
	free(s);
	return 0;
}

/* As chronyd has it open. */
static int appended(const struct stage *s)
{
	int fd = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	return fd;
}

static void add(int fd, const char *text)
{
	assert_int_equal(fd_write_all(fd, span_str(text)), 0);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : st.st_size;
}

static void assert_last(const struct stage *s, const char *at)
{
	_cleanup_json_ json_t *last = clock_record_last(s->folder);

	if (at)
		assert_string_equal(json_string_of(last, "at"), at);
	else
		assert_true(json_is_null(last));
}

static void test_what_was_measured_last_is_told(void **state)
{
	struct stage *s = *state;
	_cleanup_json_ json_t *last = NULL;
	int fd;

	assert_last(s, NULL);
	fd = appended(s);
	add(fd, HEADING);
	assert_last(s, NULL);
	add(fd, FIRST HEADING);
	last = clock_record_last(s->folder);
	assert_string_equal(json_string_of(last, "at"), "2031-03-04T05:06:07Z");
	assert_string_equal(json_string_of(last, "source"), "192.0.2.10");
	assert_int_equal(json_integer_value(json_object_get(last, "stratum")), 2);
	assert_true(json_real_value(json_object_get(last, "frequency_ppm")) == -3.541);
	assert_true(json_real_value(json_object_get(last, "skew_ppm")) == 0.075);
	assert_true(json_real_value(json_object_get(last, "offset_s")) == -8.621e-06);
	assert_true(json_real_value(json_object_get(last, "max_error_s")) == 8.304e-03);
	assert_true(json_is_true(json_object_get(last, "synchronised")));
	json_decref(last);
	add(fd, SECOND "2031-03-04 05:08:15 192.0.2.10 2 -3.5");
	last = clock_record_last(s->folder);
	assert_string_equal(json_string_of(last, "at"), "2031-03-04T05:07:11Z");
	assert_true(json_is_false(json_object_get(last, "synchronised")));
	close(fd);
}

static void test_the_record_is_bounded(void **state)
{
	struct stage *s = *state;
	int fd;

	assert_int_equal(clock_record_bound(s->folder), 1);
	fd = appended(s);
	add(fd, FIRST);
	assert_int_equal(clock_record_bound(s->folder), 1);
	assert_int_equal(size_of(s->kept), -1);
	while (size_of(s->log) < (off_t)CLOCK_RECORD_MAX + 4096)
		add(fd, SECOND);
	assert_int_equal(clock_record_bound(s->folder), 0);
	assert_int_equal(size_of(s->log), 0);
	assert_int_equal(size_of(s->kept), CLOCK_RECORD_MAX);
	assert_last(s, "2031-03-04T05:07:11Z"); /* also where there is none since */
	add(fd, FIRST);				/* who appends goes on */
	assert_int_equal(size_of(s->log), strlen(FIRST));
	assert_last(s, "2031-03-04T05:06:07Z");
	while (size_of(s->log) < (off_t)CLOCK_RECORD_MAX)
		add(fd, FIRST);
	assert_int_equal(clock_record_bound(s->folder), 0);
	assert_int_equal(size_of(s->kept), CLOCK_RECORD_MAX);
	close(fd);
}

static void test_without_room_it_stays(void **state)
{
	struct stage *s = *state;
	int fd = appended(s);

	while (size_of(s->log) < (off_t)CLOCK_RECORD_MAX)
		add(fd, FIRST);
	assert_int_equal(mkdir(s->kept, 0700), 0); /* in whose place nothing comes */
	assert_int_equal(clock_record_bound(s->folder), -EISDIR);
	assert_true(size_of(s->log) >= (off_t)CLOCK_RECORD_MAX);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_was_measured_last_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_record_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_room_it_stays, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

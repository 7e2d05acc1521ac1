/* SPDX-License-Identifier: EUPL-1.2 */
/* The floor of versions against a TPM: it outlives /var, never goes down, and an old copy
 * of /var is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/appliance/appliance.h"
#include "ctl/appliance/floor.h"
#include "ctl/appliance/tpm.h"

#include <errno.h>
#include <sys/stat.h>

#include "emulator.h"

#define EMPTY_PASSWORD "\0\0\0\x09\x40\0\0\x09\0\0\0\0\0"

struct stage {
	char folder[64], path[96];
	struct emulator e;
	bool there;
	struct floor f;
};

static struct floor_place place_of(const struct stage *s)
{
	return (struct floor_place){ .folder = s->folder, .tpm = s->e.fd };
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	snprintf(s->folder, sizeof(s->folder), "/tmp/sealgate-floor-XXXXXX");
	snprintf(s->e.folder, sizeof(s->e.folder), "/tmp/sealgate-tpm-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	assert_non_null(mkdtemp(s->e.folder));
	s->there = emulator_start(&s->e) == 0;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	if (s->there)
		emulator_stop(&s->e);
	assert_int_equal(appliance_remove(s->folder), 0);
	assert_int_equal(appliance_remove(s->e.folder), 0);
	free(s);
	return 0;
}

static struct stage *with_tpm(void **state)
{
	struct stage *s = *state;

	if (!s->there)
		skip(); /* swtpm is not installed */
	return s;
}

static int look(struct stage *s)
{
	struct floor_place p = place_of(s);

	return floor_read(&p, &s->f);
}

static int raise_to(struct stage *s, const char *version, const char *least)
{
	struct floor_place p = place_of(s);

	return floor_raise(&p, version, least, &s->f);
}

/* All that /var had is gone. */
static void wipe(struct stage *s)
{
	assert_int_equal(appliance_remove(s->folder), 0);
	assert_int_equal(mkdir(s->folder, 0700), 0);
}

static void keep(struct stage *s, const char *name, const char *text)
{
	FILE *f;

	snprintf(s->path, sizeof(s->path), "%s/%s", s->folder, name);
	f = fopen(s->path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void read_counted(struct stage *s, char ret_text[128])
{
	FILE *f;
	size_t n;

	snprintf(s->path, sizeof(s->path), "%s/counted", s->folder);
	f = fopen(s->path, "r");
	assert_non_null(f);
	n = fread(ret_text, 1, 127, f);
	ret_text[n] = '\0';
	fclose(f);
}

static void undefine(struct stage *s, uint32_t index)
{
	uint8_t command[] =
		"\x80\x02\0\0\0\x1f\0\0\x01\x22\x40\0\0\x01IIII" EMPTY_PASSWORD;

	for (int i = 0; i < 4; i++)
		command[14 + i] = (uint8_t)(index >> (24 - 8 * i));
	assert_int_equal(emulator_send(&s->e, command, 31), 0);
}

/* Wrong tries at an index that they are counted for, until it says so. */
static void lock_out(struct stage *s)
{
	static const char DEFINE[] =
		"\x80\x02\0\0\0\x2e\0\0\x01\x2a\x40\0\0\x01" EMPTY_PASSWORD
		"\0\x01p\0\x0e\x01\x80\0\x07\0\x0b\0\x04\0\x04\0\0\0\x08";
	static const char READ[] =
		"\x80\x02\0\0\0\x24\0\0\x01\x4e\x01\x80\0\x07\x01\x80\0\x07"
		"\0\0\0\x0a\x40\0\0\x09\0\0\0\0\x01w\0\x08\0\0";
	static const char WRITE[] =
		"\x80\x02\0\0\0\x2c\0\0\x01\x37\x01\x80\0\x07\x01\x80\0\x07"
		"\0\0\0\x0a\x40\0\0\x09\0\0\0\0\x01p\0\x08"
		"12345678\0\0";
	unsigned int code = 0;

	assert_int_equal(emulator_send(&s->e, DEFINE, sizeof(DEFINE) - 1), 0);
	assert_int_equal(emulator_send(&s->e, WRITE, sizeof(WRITE) - 1), 0);
	for (int i = 0; i < 64 && code != 0x921; i++)
		code = emulator_send(&s->e, READ, sizeof(READ) - 1);
	assert_int_equal(code, 0x921);
}

static void test_without_a_tpm_it_is_in_var(void **state)
{
	struct stage *s = *state;
	struct floor_place p = { .folder = s->folder, .tpm = -ENOENT };

	assert_int_equal(floor_read(&p, &s->f), 0);
	assert_string_equal(s->f.version, "0");
	assert_int_equal(floor_raise(&p, "0.9.0", "0.1.0", &s->f), 0);
	assert_int_equal(floor_raise(&p, "0.10.0", "0.1.0", &s->f), 0);
	assert_int_equal(floor_raise(&p, "0.2.0", "0.1.0", &s->f), 0);
	assert_int_equal(floor_read(&p, &s->f), 0);
	assert_string_equal(s->f.version, "0.10.0");
	assert_false(s->f.in_tpm);
	assert_string_equal(s->f.fault, "there is no TPM");
}

static void test_it_outlives_var(void **state)
{
	struct stage *s = with_tpm(state);

	assert_int_equal(look(s), 0);
	assert_false(s->f.in_tpm);
	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	assert_string_equal(s->f.fault, "");
	assert_true(s->f.in_tpm);
	wipe(s);
	assert_int_equal(look(s), 0);
	assert_string_equal(s->f.version, "0.2.0");
	assert_string_equal(s->f.least, "0.1.0");
	assert_true(s->f.in_tpm);
	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	assert_string_equal(s->f.version, "0.2.0");
	emulator_stop(&s->e);
	assert_int_equal(emulator_start(&s->e), 0);
	wipe(s);
	assert_int_equal(look(s), 0);
	assert_string_equal(s->f.version, "0.2.0");
}

static void test_the_floor_of_before_goes_into_the_tpm(void **state)
{
	struct stage *s = with_tpm(state);

	keep(s, "floor", "0.5.0");
	assert_int_equal(look(s), 0);
	assert_string_equal(s->f.version, "0.5.0");
	assert_int_equal(raise_to(s, "0.4.0", "0.3.0"), 0);
	wipe(s);
	assert_int_equal(look(s), 0);
	assert_string_equal(s->f.version, "0.5.0");
	assert_string_equal(s->f.least, "0.3.0");
}

static void test_it_counts_when_it_goes_up_only(void **state)
{
	struct stage *s = with_tpm(state);
	uint64_t count;

	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	count = s->f.count;
	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	assert_int_equal(s->f.count, count);
	assert_int_equal(raise_to(s, "0.2.0", "0.2.0"), 0);
	assert_int_equal(s->f.count, count + 1);
	assert_int_equal(look(s), 0);
	assert_int_equal(s->f.count, count + 1);
}

static void test_an_old_copy_of_var(void **state)
{
	struct stage *s = with_tpm(state);
	char old[128], now[128];

	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	read_counted(s, old);
	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	read_counted(s, now);
	keep(s, "counted", old);
	assert_int_equal(look(s), -EPERM);
	assert_non_null(strstr(s->f.fault, "/var is an old copy"));
	assert_string_equal(s->f.version, "0.2.0");
	assert_int_equal(raise_to(s, "0.3.0", "0.1.0"), -EPERM);
	keep(s, "counted", now);
	assert_int_equal(look(s), 0);
	keep(s, "counted", "nonsense\n");
	assert_int_equal(look(s), -EBADMSG);
}

static void test_indices_that_are_taken_away(void **state)
{
	struct stage *s = with_tpm(state);
	uint64_t count;

	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	count = s->f.count;
	undefine(s, FLOOR_NV_RECORD);
	assert_int_equal(look(s), 0); /* /var still says what it was */
	assert_string_equal(s->f.version, "0.2.0");
	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	assert_int_equal(s->f.count, count);
	undefine(s, FLOOR_NV_COUNTER);
	assert_int_equal(look(s), -EPERM);
	assert_non_null(strstr(s->f.fault, "has no such index"));
	assert_int_equal(raise_to(s, "0.3.0", "0.1.0"), -EPERM);
	/* One that somebody makes anew begins above, so that /var is an old copy still.
	 */
	assert_int_equal(tpm_nv_define(s->e.fd, FLOOR_NV_COUNTER, TPM_NV_COUNTER, 0), 0);
	assert_int_equal(look(s), -EPERM);
	assert_int_equal(tpm_nv_count(s->e.fd, FLOOR_NV_COUNTER), 0);
	assert_int_equal(look(s), -EPERM);
	assert_int_equal(s->f.count, 0);
	wipe(s);
	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	assert_string_equal(s->f.version, "0.2.0");
	assert_true(s->f.count > count);
}

/* Octets in the counter's place can be set to any count. */
static void test_octets_for_a_counter(void **state)
{
	struct stage *s = with_tpm(state);
	uint8_t count[8] = { 0 };

	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	count[7] = (uint8_t)s->f.count;
	undefine(s, FLOOR_NV_COUNTER);
	assert_int_equal(tpm_nv_define(s->e.fd, FLOOR_NV_COUNTER, TPM_NV_OCTETS, 8), 0);
	assert_int_equal(tpm_nv_write(s->e.fd, FLOOR_NV_COUNTER, count, 8), 0);
	assert_int_equal(look(s), -EPERM);
	assert_non_null(strstr(s->f.fault, "something else in its place"));
	assert_int_equal(raise_to(s, "0.3.0", "0.1.0"), -EPERM);
	/* On a new machine it is no reason not to serve, and nothing is kept there. */
	wipe(s);
	assert_int_equal(raise_to(s, "0.3.0", "0.1.0"), 0);
	assert_false(s->f.in_tpm);
	assert_int_equal(look(s), 0);
}

static void test_a_copy_from_before_the_count(void **state)
{
	static const char *const LEFT[] = { "floor", "serial" };
	struct stage *s = with_tpm(state);
	struct floor_place p = place_of(s);

	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	for (size_t i = 0; i < 2; i++) {
		wipe(s);
		keep(s, LEFT[i], "1");
		assert_int_equal(floor_adopt(&p), -EPERM);
		assert_int_equal(look(s), -EPERM);
		assert_non_null(strstr(s->f.fault, "from before the TPM counted"));
	}
	/* A new one belongs to the count, whatever is put in it afterwards. */
	wipe(s);
	assert_int_equal(floor_adopt(&p), 0);
	keep(s, "serial", "1");
	assert_int_equal(look(s), 0);
	assert_string_equal(s->f.version, "0.2.0");
	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	wipe(s);
	assert_int_equal(floor_adopt(&p), 0);
	assert_int_equal(raise_to(s, "0.3.0", "0.1.0"), 0);
	assert_string_equal(s->f.version, "0.3.0");
}

/* Power lost when the file of before is in the folder and the counter was just made. */
static void test_a_power_cut_of_the_first_count(void **state)
{
	struct stage *s = with_tpm(state);

	keep(s, "floor", "0.1.0");
	keep(s, "counted", "0 0.1.0 0.1.0\n");
	assert_int_equal(look(s), 0);
	assert_int_equal(tpm_nv_define(s->e.fd, FLOOR_NV_RECORD, TPM_NV_OCTETS, 128), 0);
	assert_int_equal(tpm_nv_define(s->e.fd, FLOOR_NV_COUNTER, TPM_NV_COUNTER, 0), 0);
	assert_int_equal(look(s), 0);
	assert_int_equal(tpm_nv_count(s->e.fd, FLOOR_NV_COUNTER), 0);
	assert_int_equal(look(s), 0);
	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	assert_true(s->f.in_tpm);
	/* Such a copy is an old one once all of it was done. */
	keep(s, "counted", "0 0.1.0 0.1.0\n");
	assert_int_equal(look(s), -EPERM);
}

static void test_a_record_by_somebody_else(void **state)
{
	struct stage *s = with_tpm(state);
	uint8_t record[128] = "999";
	char line[128];

	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	snprintf((char *)record + 64, 64, "999");
	assert_int_equal(tpm_nv_write(s->e.fd, FLOOR_NV_RECORD, record, 128), 0);
	assert_int_equal(raise_to(s, "0.3.0", "0.1.0"), 0);
	assert_string_equal(s->f.version, "999");
	read_counted(s, line);
	assert_null(strstr(line, "999"));
	undefine(s, FLOOR_NV_RECORD);
	assert_int_equal(raise_to(s, "0.3.0", "0.1.0"), 0);
	assert_string_equal(s->f.version, "0.3.0");
	assert_string_equal(s->f.least, "0.1.0");
}

static void test_a_version_that_forbids_itself(void **state)
{
	struct stage *s = *state;
	struct floor_place p = { .folder = s->folder, .tpm = -ENOENT };

	assert_int_equal(floor_raise(&p, "0.9.0", "0.10.0", &s->f), -EINVAL);
	assert_non_null(strstr(s->f.fault, "forbids itself"));
	assert_int_equal(floor_read(&p, &s->f), 0);
	assert_string_equal(s->f.version, "0");
}

static void test_another_tpm(void **state)
{
	struct stage *s = with_tpm(state);

	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	for (int i = 2; i < 6; i++) {
		char version[16];

		snprintf(version, sizeof(version), "0.%d.0", i);
		assert_int_equal(raise_to(s, version, "0.1.0"), 0);
	}
	emulator_stop(&s->e);
	assert_int_equal(appliance_remove(s->e.folder), 0);
	assert_int_equal(mkdir(s->e.folder, 0700), 0);
	assert_int_equal(emulator_start(&s->e), 0);
	assert_int_equal(look(s), -EPERM);
	assert_int_equal(tpm_nv_define(s->e.fd, FLOOR_NV_COUNTER, TPM_NV_COUNTER, 0), 0);
	assert_int_equal(tpm_nv_count(s->e.fd, FLOOR_NV_COUNTER), 0);
	assert_int_equal(look(s), -EPERM);
	assert_non_null(strstr(s->f.fault, "not the one that counted"));
}

/* Power lost after each step: the next start goes on. */
static void test_a_power_cut(void **state)
{
	struct stage *s = with_tpm(state);
	uint8_t record[128] = "0.2.0";
	char line[128];
	uint64_t count;

	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	count = s->f.count;
	snprintf(line, sizeof(line), "%llu 0.2.0 0.1.0\n", (unsigned long long)count + 1);
	keep(s, "counted", line);
	assert_int_equal(look(s), 0);
	assert_string_equal(s->f.version, "0.2.0");
	snprintf((char *)record + 64, 64, "0.1.0");
	assert_int_equal(tpm_nv_write(s->e.fd, FLOOR_NV_RECORD, record, 128), 0);
	assert_int_equal(look(s), 0);
	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	assert_int_equal(s->f.count, count + 1);
	/* The first time of all: the counter is there, and nothing else. */
	wipe(s);
	undefine(s, FLOOR_NV_RECORD);
	assert_int_equal(look(s), 0);
	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	assert_true(s->f.in_tpm);
}

static void test_lockout_keeps_nobody_out(void **state)
{
	struct stage *s = with_tpm(state);
	uint32_t before, value;

	assert_int_equal(raise_to(s, "0.1.0", "0.1.0"), 0);
	assert_int_equal(tpm_property(s->e.fd, TPM_PERMANENT, &value), 0);
	assert_int_equal(value & TPM_IN_LOCKOUT, 0);
	lock_out(s);
	assert_int_equal(tpm_property(s->e.fd, TPM_PERMANENT, &value), 0);
	assert_int_not_equal(value & TPM_IN_LOCKOUT, 0);
	assert_int_equal(tpm_property(s->e.fd, TPM_LOCKOUT_COUNTER, &before), 0);
	assert_int_equal(tpm_property(s->e.fd, TPM_LOCKOUT_MAX, &value), 0);
	assert_true(before >= value);
	assert_int_equal(raise_to(s, "0.2.0", "0.1.0"), 0);
	assert_true(s->f.in_tpm);
	/* Nor does it add to the count, however often power is lost over it. */
	for (int i = 0; i < 3; i++) {
		emulator_stop(&s->e);
		assert_int_equal(emulator_start(&s->e), 0);
		assert_int_equal(look(s), 0);
	}
	assert_int_equal(tpm_property(s->e.fd, TPM_LOCKOUT_COUNTER, &value), 0);
	assert_true(value <= before);
}

/* The version of before reads it as a root without a right over files of others. */
static void test_others_may_read_it(void **state)
{
	static const char *const files[] = { "floor", "counted" };
	struct stage *s = with_tpm(state);

	assert_int_equal(raise_to(s, "1.2", "0"), 0);
	for (size_t i = 0; i < 2; i++) {
		struct stat st;

		snprintf(s->path, sizeof(s->path), "%s/%s", s->folder, files[i]);
		assert_int_equal(stat(s->path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0644);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_without_a_tpm_it_is_in_var, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_outlives_var, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_floor_of_before_goes_into_the_tpm, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_it_counts_when_it_goes_up_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_old_copy_of_var, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_indices_that_are_taken_away, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_octets_for_a_counter, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_copy_from_before_the_count, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_power_cut_of_the_first_count, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_record_by_somebody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_version_that_forbids_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_tpm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_power_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_lockout_keeps_nobody_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_may_read_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

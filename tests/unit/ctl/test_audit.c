/* SPDX-License-Identifier: EUPL-1.2 */
/* `sealgate audit verify FILE`: exit statuses and the words for each way of tampering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/encode.h"
#include "ctl/command.h"
#include "queue/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS 4000 /* more than one buffer of the reader */

struct place {
	char dir[256];
	char file[300];
	char out[300];
	char *lines[RECORDS];
	uint8_t head[SHA256_SIZE];
	char said[4096];
};

static void make_lines(struct place *p)
{
	uint8_t chain[SHA256_SIZE] = { 0 }, next[SHA256_SIZE];
	char record[256], hex[SHA256_TEXT_SIZE];

	for (int i = 0; i < RECORDS; i++) {
		snprintf(record, sizeof(record),
			"{\"actor\":\"a\",\"at\":\"t\",\"detail\":{\"n\":%d},\"event\":"
			"\"e\"}",
			i);
		assert_int_equal(audit_chain(chain, span_str(record), next), 0);
		memcpy(chain, next, SHA256_SIZE);
		hex_encode(chain, SHA256_SIZE, hex);
		assert_true(asprintf(&p->lines[i], AUDIT_LINE_START "%s" AUDIT_LINE_END,
				    (long long)i + 1, hex, record) > 0);
	}
	memcpy(p->head, chain, SHA256_SIZE);
}

static int setup(void **state)
{
	const char *base = getenv("TMPDIR");
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(
		p->dir, sizeof(p->dir), "%s/sealgate-ctl-XXXXXX", base ? base : P_tmpdir);
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->file, sizeof(p->file), "%s/export", p->dir);
	snprintf(p->out, sizeof(p->out), "%s/out", p->dir);
	make_lines(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < RECORDS; i++)
		free(p->lines[i]);
	unlink(p->file);
	unlink(p->out);
	rmdir(p->dir);
	free(p);
	return 0;
}

/* Write lines but for one, another twice. */
static void write_export(struct place *p, int count, int without, int twice)
{
	FILE *f = fopen(p->file, "w");

	assert_non_null(f);
	for (int i = 0; i < count; i++) {
		if (i != without)
			fprintf(f, "%s\n", p->lines[i]);
		if (i == twice)
			fprintf(f, "%s\n", p->lines[i]);
	}
	fclose(f);
}

/* Run with standard output kept. Return: the exit status. */
static int run(struct place *p, int argc, const char *const *args)
{
	char *argv[8];
	int kept = dup(1), fd = open(p->out, O_RDWR | O_CREAT | O_TRUNC, 0600), status;
	ssize_t n;

	for (int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)args[i];
	argv[argc] = NULL;
	optind = 0;
	fflush(stdout);
	dup2(fd, 1);
	status = cmd_audit(argc, argv);
	fflush(stdout);
	dup2(kept, 1);
	close(kept);
	n = pread(fd, p->said, sizeof(p->said) - 1, 0);
	p->said[n > 0 ? n : 0] = '\0';
	close(fd);
	return status;
}

static int verify(struct place *p)
{
	return run(p, 3, (const char *const[]){ "audit", "verify", p->file });
}

static int verify_head(struct place *p, long position)
{
	char head[128], hex[SHA256_TEXT_SIZE];

	hex_encode(p->head, SHA256_SIZE, hex);
	snprintf(head, sizeof(head), "%ld:%s", position, hex);
	return run(p, 5,
		(const char *const[]){ "audit", "verify", "--head", head, p->file });
}

static void intact(void **state)
{
	struct place *p = *state;

	write_export(p, RECORDS, -1, -1);
	assert_int_equal(verify(p), EXIT_CLEAN);
	assert_non_null(strstr(p->said, "intact: 4000 records"));
	assert_int_equal(verify_head(p, RECORDS), EXIT_CLEAN);
}

static void tampered(void **state)
{
	struct place *p = *state;

	write_export(p, RECORDS, 2000, -1);
	assert_int_equal(verify(p), EXIT_NOT_PASSED);
	assert_non_null(strstr(p->said, "removed: at position 2001"));
	write_export(p, RECORDS, -1, 3000);
	assert_int_equal(verify(p), EXIT_NOT_PASSED);
	assert_non_null(strstr(p->said, "reordered: at position 3002"));
	strstr(p->lines[1234], "actor")[9] = 'b';
	write_export(p, RECORDS, -1, -1);
	assert_int_equal(verify(p), EXIT_NOT_PASSED);
	assert_non_null(strstr(p->said, "changed: at position 1235"));
}

static void truncated(void **state)
{
	struct place *p = *state;

	write_export(p, RECORDS - 1, -1, -1);
	assert_int_equal(verify(p), EXIT_CLEAN); /* nobody can tell without a head */
	assert_int_equal(verify_head(p, RECORDS), EXIT_NOT_PASSED);
	assert_non_null(strstr(p->said, "truncated"));
	assert_int_equal(verify_head(p, 10), EXIT_NOT_PASSED);
	assert_non_null(strstr(p->said, "rewritten"));
}

/* A last line cut short, a line without end, an empty file, none. */
static void odd_files(void **state)
{
	struct place *p = *state;
	FILE *f;

	write_export(p, 10, -1, -1);
	assert_int_equal(truncate(p->file, 700), 0);
	assert_int_equal(verify(p), EXIT_NOT_PASSED);
	assert_non_null(strstr(p->said, "malformed"));
	f = fopen(p->file, "w");
	assert_non_null(f);
	for (int i = 0; i < 400000; i++)
		fputc('x', f);
	fclose(f);
	assert_int_equal(verify(p), EXIT_NOT_PASSED);
	assert_non_null(strstr(p->said, "malformed: at position 1"));
	write_export(p, 0, -1, -1);
	assert_int_equal(verify(p), EXIT_CLEAN);
	assert_int_equal(verify_head(p, RECORDS), EXIT_NOT_PASSED);
	unlink(p->file);
	assert_int_equal(verify(p), EXIT_INTERNAL);
}

static void usage(void **state)
{
	struct place *p = *state;

	assert_int_equal(run(p, 1, (const char *const[]){ "audit" }), EXIT_USAGE);
	assert_int_equal(run(p, 2, (const char *const[]){ "audit", "x" }), EXIT_USAGE);
	assert_int_equal(run(p, 4, (const char *const[]){ "audit", "verify", "a", "b" }),
		EXIT_USAGE);
	assert_int_equal(
		run(p, 4, (const char *const[]){ "audit", "verify", "--head", "1" }),
		EXIT_USAGE);
	assert_int_equal(
		run(p, 3, (const char *const[]){ "audit", "export", "x" }), EXIT_USAGE);
	assert_int_equal(
		run(p, 4, (const char *const[]){ "audit", "export", "--after", "-1" }),
		EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(intact, setup, teardown),
		cmocka_unit_test_setup_teardown(tampered, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_files, setup, teardown),
		cmocka_unit_test_setup_teardown(usage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

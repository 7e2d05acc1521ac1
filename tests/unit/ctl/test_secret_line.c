/* SPDX-License-Identifier: EUPL-1.2 */
/* Secrets over one connection: each is answered under its name by what the tool made of
 * it alone, and what is no secret ends it without an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "ctl/appliance/secret_files.h"
#include "ctl/appliance/secret_line.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char FOLDER[] = "/tmp/sealgate-line-XXXXXX";
static char TOOL[64];

/* A tool that does what the script says. */
static void write_tool(const char *script)
{
	FILE *f = fopen(TOOL, "w");

	assert_non_null(f);
	assert_true(fprintf(f, "#!/bin/sh\n%s\n", script) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(TOOL, 0700), 0);
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(FOLDER));
	snprintf(TOOL, sizeof(TOOL), "%s/tool", FOLDER);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(TOOL) | rmdir(FOLDER);
}

static void ask(int fd, const char *name, struct span clear, const char *answer)
{
	char named[INSTANCE_CREDENTIAL_SIZE];
	uint8_t *sealed = NULL;
	size_t len = 0;

	assert_int_equal(secret_send(fd, name, clear), 0);
	assert_int_equal(secret_receive(fd, named, SECRET_SEALED_MAX, &sealed, &len), 1);
	assert_string_equal(named, name);
	assert_int_equal(len, strlen(answer) + clear.len);
	assert_memory_equal(sealed, answer, strlen(answer));
	assert_memory_equal(sealed + strlen(answer), clear.data, clear.len);
	free(sealed);
}

static pid_t serve_beside(const int ends[2], const char *tool)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		_exit(-secret_serve(ends[1], ends[1], tool) & 0xff);
	}
	(void)close(ends[1]);
	return pid;
}

static int ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void one_after_the_other(void **state)
{
	uint8_t *large = calloc(1, SECRET_FILE_MAX);
	int ends[2];
	pid_t pid;

	(void)state;
	write_tool("echo \"$@\"; exec cat");
	assert_non_null(large);
	memset(large, '\n', SECRET_FILE_MAX);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = serve_beside(ends, TOOL);
	ask(ends[0], "sealgate_one", span_str("first\nof all\n"),
		"--with-key=host --name=sealgate_one encrypt - -\n");
	ask(ends[0], "sealgate_large", span_of(large, SECRET_FILE_MAX),
		"--with-key=host --name=sealgate_large encrypt - -\n");
	ask(ends[0], "sealgate_none", span_str(""),
		"--with-key=host --name=sealgate_none encrypt - -\n");
	(void)close(ends[0]);
	assert_int_equal(ended(pid), 0);
	free(large);
}

/* Give octets to the service. Return: as secret_serve; nothing is answered. */
static int serve(struct span octets, const char *tool)
{
	uint8_t answer;
	int ends[2], r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[0], octets.data, octets.len), octets.len);
	assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
	r = secret_serve(ends[1], ends[1], tool);
	(void)close(ends[1]);
	if (recv(ends[0], &answer, 1, MSG_DONTWAIT) > 0)
		fail_msg("answered");
	(void)close(ends[0]);
	return r;
}

static void what_is_no_secret_is_not_answered(void **state)
{
	char name[700] = "";
	const struct {
		const char *text;
		int r;
	} wrong[] = { { "", 0 }, { "sealgate_a", -EPROTO }, { "sealgate_a\n", -EPROTO },
		{ "sealgate_a \n", -EPROTO }, { " 1\nx", -EPROTO }, { "\n", -EPROTO },
		{ "sealgate_a 1 2\nxx", -EPROTO }, { "sealgate_a -1\nx", -EPROTO },
		{ "sealgate_a  1\nx", -EPROTO }, { "sealgate_a 0x1\nx", -EPROTO },
		{ "sealgate_a 5\nfour", -EPROTO }, { "sealgate_a 1\n", -EPROTO },
		{ "sealgate_a 99999999999999999999\nx", -EPROTO },
		{ "sealgate_a 1048577\nx", -EFBIG }, { "another_a 1\nx", -EINVAL },
		{ "sealgate_../a 1\nx", -EINVAL }, { name, -EPROTO } };

	(void)state;
	write_tool("exec cat");
	memset(name, 'a', sizeof(name) - 1);
	memcpy(name, "sealgate_", 9);
	memcpy(name + INSTANCE_CREDENTIAL_SIZE, " 1\nx", 5);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(serve(span_str(wrong[i].text), TOOL), wrong[i].r);
	memset(name, 'a', sizeof(name) - 1);
	assert_int_equal(serve(span_str(name), TOOL), -EPROTO);
	assert_int_equal(serve(span_of("sealgate_a\0b 1\nx", 16), TOOL), -EPROTO);
}

static void a_tool_that_fails_makes_nothing(void **state)
{
	static const char *const FAILING[] = { "cat; exit 1", "exit 0",
		"cat; head -c 4194304 /dev/zero", "cat; kill -9 $$" };

	(void)state;
	for (size_t i = 0; i < sizeof(FAILING) / sizeof(FAILING[0]); i++) {
		write_tool(FAILING[i]);
		assert_int_equal(serve(span_str("sealgate_a 1\nx"), TOOL), -ECHILD);
	}
	assert_int_equal(serve(span_str("sealgate_a 1\nx"), "/nonexistent"), -ENOENT);
}

static void there_is_an_end_to_them(void **state)
{
	char named[INSTANCE_CREDENTIAL_SIZE];
	uint8_t *sealed = NULL;
	size_t len = 0;
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = serve_beside(ends, "/bin/echo");
	for (size_t i = 0; i < SECRET_LINE_MAX; i++)
		ask(ends[0], "sealgate_a", span_str(""),
			"--with-key=host --name=sealgate_a encrypt - -\n");
	(void)secret_send(ends[0], "sealgate_a", span_str(""));
	assert_int_equal(
		secret_receive(ends[0], named, SECRET_SEALED_MAX, &sealed, &len), 0);
	(void)close(ends[0]);
	assert_int_equal(ended(pid), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(what_is_no_secret_is_not_answered),
		cmocka_unit_test(a_tool_that_fails_makes_nothing),
		cmocka_unit_test(there_is_an_end_to_them),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

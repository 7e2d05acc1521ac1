/* SPDX-License-Identifier: EUPL-1.2 */
/* Who may ask, what is taken as a question, and what a worker can still do. */
#include "verify/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench.h"

static void line_of(int pid, const char *name, char *ret, size_t size)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	*ret = '\0';
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			snprintf(ret, size, "%s", line + strlen(name));
	fclose(f);
}

static int open_descriptors(int pid)
{
	char path[64];
	struct stat st;
	int n = 0;

	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		n += lstat(path, &st) == 0;
	}
	return n;
}

/* The doors are closed, as the kernel sees it. */
static void test_doors(void **state)
{
	char text[64];
	int pid;

	(void)state;
	start("", usual());
	pid = ask("ke", "good").pid;
	line_of(pid, "Seccomp:", text, sizeof(text));
	assert_string_equal(text, "\t2\n");
	line_of(pid, "NoNewPrivs:", text, sizeof(text));
	assert_string_equal(text, "\t1\n");
	/* A process that is not dumpable shows its descriptors to root only. What
	 * belonged to the document is closed right after the answer. */
	for (int i = 0; geteuid() == 0 && open_descriptors(pid) != 4; i++) {
		assert_true(i < 5000);
		usleep(1000);
	}
	stop();
}

/* Strangers, other versions, other shapes, other modes: closed without an answer. */
static void test_refused_questions(void **state)
{
	struct verify_request request = { .mode = VERIFY_DOCUMENT, .subject = "ke" };
	struct ipc_message m;
	int fd, input;

	(void)state;
	start("", usual());
	assert_int_equal(ask_mode(VERIFY_REPLY, "traces", "good").result, -ECONNRESET);
	assert_int_equal(ask("", "good").result, -ECONNRESET);
	input = memfd_from("input", span_str("good"));
	fd = ipc_connect(bench.socket, ANSWER_MS);
	assert_int_equal(
		ipc_call(fd, VERIFY_ASK, &request, sizeof(request) - 1, &input, 1, &m),
		-ECONNRESET);
	close(fd);
	fd = ipc_connect(bench.socket, ANSWER_MS);
	assert_int_equal(ipc_call(fd, VERIFY_ASK, &request, sizeof(request), NULL, 0, &m),
		-ECONNRESET);
	close(fd);
	memset(request.subject, 'x', sizeof(request.subject));
	fd = ipc_connect(bench.socket, ANSWER_MS);
	assert_int_equal(
		ipc_call(fd, VERIFY_ASK, &request, sizeof(request), &input, 1, &m),
		-ECONNRESET);
	close(fd);
	close(input);
	stop();
}

static void test_wrong_version(void **state)
{
	struct ipc_header h = {
		.magic = IPC_MAGIC, .version = IPC_VERSION + 1, .type = VERIFY_ASK
	};
	char octet;
	int fd;

	(void)state;
	start("", usual());
	fd = ipc_connect(bench.socket, ANSWER_MS);
	assert_true(send(fd, &h, sizeof(h), 0) == sizeof(h));
	assert_int_equal(recv(fd, &octet, 1, 0), 0);
	close(fd);
	stop();
}

/* An input that could still change, or is too large, is not looked at. */
static void test_input(void **state)
{
	struct verify_request request = { .mode = VERIFY_DOCUMENT, .subject = "ke" };
	struct verdict v;
	int open_input, report = -1;

	(void)state;
	start("", usual());
	open_input = memfd_create("open", MFD_ALLOW_SEALING);
	assert_true(write(open_input, "good", 5) == 5);
	assert_int_equal(verify_ask(bench.socket, &request, open_input, SHA, ANSWER_MS,
				 &v, &report),
		-ECONNRESET);
	close(open_input);
	stop();
}

static pid_t child_as(uid_t uid, const char *word)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct verify_request request = { .mode = VERIFY_DOCUMENT,
			.subject = "ke" };
		int input = memfd_from("input", span_of(word, strlen(word) + 1));
		struct verdict v;
		int report;

		if (setuid(uid) < 0)
			_exit(99);
		_exit(verify_ask(bench.socket, &request, input, SHA, ANSWER_MS, &v,
			      &report) == 1);
	}
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_peers(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	start("peers: { separate = true; intake = 4001; seal = 4002; "
	      "health = 4004; };",
		usual());
	assert_int_equal(status_of(child_as(4001, "good")), 1);
	assert_int_equal(status_of(child_as(4002, "good")), 0); /* not its mode */
	assert_int_equal(status_of(child_as(4003, "good")), 0);
	assert_int_equal(status_of(child_as(4004, "good")), 1);
	stop();
}

static void test_peers_together(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	start("", usual());
	assert_int_equal(status_of(child_as(0, "good")), 1);
	assert_int_equal(status_of(child_as(4001, "good")), 0);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_doors),
		cmocka_unit_test(test_refused_questions),
		cmocka_unit_test(test_wrong_version), cmocka_unit_test(test_input),
		cmocka_unit_test(test_peers), cmocka_unit_test(test_peers_together) };

	log_open("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A service with checks that misbehave as their input tells them to, and an asker.
 */
#ifndef SEALGATE_TESTS_VERIFY_BENCH_H
#define SEALGATE_TESTS_VERIFY_BENCH_H

#include "verify/service.h"

#include "common/ipc.h"
#include "common/log.h"
#include "common/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BENCH static inline __attribute__((unused))

#define ANSWER_MS 120000 /* far beyond what any limit allows, on a busy machine too */

/* What a check does is its input's first word. Its answer names the process in `number`.
 */
BENCH int act(const void *context, const struct verify_request *request,
	struct span input, struct verdict *v, json_t **ret_report)
{
	static char *kept[64];
	const char *word = (const char *)input.data;

	(void)context;
	if (strcmp(word, "loop") == 0)
		for (volatile unsigned int x = 0;; x = x + 1)
			;
	if (strcmp(word, "crash") == 0)
		raise(SIGSEGV);
	if (strcmp(word, "stop") == 0)
		for (;;)
			sched_yield(); /* no system call of a worker */
	if (strcmp(word, "open") == 0)
		(void)open("/etc/hostname", O_RDONLY);
	if (strcmp(word, "socket") == 0)
		(void)socket(AF_INET, SOCK_STREAM, 0);
	if (strcmp(word, "exec") == 0)
		execl("/bin/true", "true", NULL);
	if (strcmp(word, "executable") == 0)
		(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (strcmp(word, "exit") == 0)
		syscall(SYS_exit_group, 0);
	if (strcmp(word, "undecided") == 0)
		return -EIO;
	for (size_t i = 0; strcmp(word, "eat") == 0 && i < 64; i++) {
		kept[i] = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (kept[i] == MAP_FAILED)
			return -ENOMEM;
	}
	v->decision = DECISION_ACCEPTED;
	v->judged_at = request->at;
	memcpy(v->sha256, request->sha256, SHA256_SIZE);
	snprintf(v->number, sizeof(v->number), "%d", (int)getpid());
	if (strcmp(word, "zero") == 0)
		*v = (struct verdict){ 0 };
	if (strcmp(word, "other") == 0)
		v->sha256[31] ^= 1;
	*ret_report = json_pack("{s:s}", "said", word);
	return 0;
}

static const struct mode MODES[] = {
	{ VERIFY_DOCUMENT, "intake", "health", 100, act },
	{ VERIFY_CONTAINER, "seal", NULL, 100, act },
};

struct bench {
	char dir[64];
	char socket[96];
	struct instance instance;
	struct service service;
	int control;
	pid_t pid;
};

static struct bench bench;

BENCH void start(const char *more, struct limits limits)
{
	char path[128];
	_cleanup_(freep) char *error = NULL;
	int pair[2];
	FILE *f;

	memcpy(bench.dir, "/tmp/service-XXXXXX", sizeof("/tmp/service-XXXXXX"));
	assert_non_null(mkdtemp(bench.dir));
	assert_int_equal(chmod(bench.dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/sealgate.conf", bench.dir);
	f = fopen(path, "w");
	fprintf(f, "%s", more);
	fclose(f);
	assert_int_equal(instance_open(bench.dir, &bench.instance, &error), 0);
	snprintf(bench.socket, sizeof(bench.socket), "%s/verify.sock", bench.dir);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	bench.service = (struct service){ .instance = &bench.instance,
		.control = pair[1],
		.modes = MODES,
		.mode_count = 2,
		.policy_digest = "p",
		.store_version = "s",
		.limits = limits,
		.listener = ipc_listen(bench.socket, 0666) };
	bench.control = pair[0];
	fflush(NULL);
	bench.pid = fork();
	if (bench.pid == 0) {
		close(pair[0]);
		signal(SIGPIPE, SIG_IGN);
		_exit(service_run(&bench.service) < 0);
	}
	close(pair[1]);
	close(bench.service.listener);
}

/* Hang up: the service drains and ends by itself. */
BENCH void stop(void)
{
	char command[128];
	int status;

	close(bench.control);
	assert_int_equal(waitpid(bench.pid, &status, 0), bench.pid);
	assert_int_equal(status, 0);
	instance_done(&bench.instance);
	snprintf(command, sizeof(command), "rm -rf %s", bench.dir);
	assert_int_equal(system(command), 0);
}

BENCH struct limits usual(void)
{
	return (struct limits){
		.workers = 2, .documents = 64, .cpu_ms = 300, .memory_mb = 100
	};
}

struct answer {
	int result;
	struct verdict verdict;
	char report[2048];
	int pid;
};

static const uint8_t SHA[SHA256_SIZE] = { 7 };

BENCH struct answer ask_mode(uint32_t mode, const char *subject, const char *word)
{
	struct verify_request request = { .mode = mode, .at = 1000, .document_id = "X" };
	int input = memfd_from("input", span_of(word, strlen(word) + 1));
	struct answer a = { 0 };
	int report = -1;

	snprintf(request.subject, sizeof(request.subject), "%s", subject);
	a.result = verify_ask(
		bench.socket, &request, input, SHA, ANSWER_MS, &a.verdict, &report);
	close(input);
	if (report >= 0) {
		struct span s;

		assert_int_equal(memfd_map(report, LIMIT_REPORT, &s), 0);
		assert_true(s.len < sizeof(a.report));
		memcpy(a.report, s.data, s.len);
		memfd_unmap(&s);
		close(report);
	}
	a.pid = (int)strtol(a.verdict.number, NULL, 10);
	return a;
}

BENCH struct answer ask(const char *subject, const char *word)
{
	return ask_mode(VERIFY_DOCUMENT, subject, word);
}

BENCH void assert_limit(struct answer a)
{
	assert_int_equal(a.result, 1);
	assert_int_equal(a.verdict.decision, DECISION_REFUSED);
	assert_int_equal(a.verdict.error_count, 1);
	assert_string_equal(a.verdict.policy_digest, "p");
	assert_non_null(strstr(a.report, "limit.resource"));
}

BENCH bool alive(int pid)
{
	return kill(pid, 0) == 0;
}

#endif

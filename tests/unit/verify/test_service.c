/* SPDX-License-Identifier: EUPL-1.2 */
/* The parent and its workers with checks that misbehave as their input tells them to. */
#include "verify/service.h"

#include "common/ipc.h"
#include "common/log.h"
#include "common/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ANSWER_MS 20000

/* What a check does is its input's first word. Its answer names the process in `number`.
 */
static int act(const void *context, const struct verify_request *request,
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
	{ VERIFY_DOCUMENT, "intake", 100, act },
	{ VERIFY_CONTAINER, "seal", 100, act },
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

static void start(const char *more, struct limits limits)
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
static void stop(void)
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

static struct limits usual(void)
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

static struct answer ask_mode(uint32_t mode, const char *subject, const char *word)
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

static struct answer ask(const char *subject, const char *word)
{
	return ask_mode(VERIFY_DOCUMENT, subject, word);
}

static void assert_limit(struct answer a)
{
	assert_int_equal(a.result, 1);
	assert_int_equal(a.verdict.decision, DECISION_REFUSED);
	assert_int_equal(a.verdict.error_count, 1);
	assert_string_equal(a.verdict.policy_digest, "p");
	assert_non_null(strstr(a.report, "limit.resource"));
}

static bool alive(int pid)
{
	return kill(pid, 0) == 0;
}

static void test_answers(void **state)
{
	struct answer a;

	(void)state;
	start("", usual());
	a = ask("ke", "good");
	assert_int_equal(a.result, 1);
	assert_int_equal(a.verdict.decision, DECISION_ACCEPTED);
	assert_string_equal(a.report, "{\"said\":\"good\"}");
	stop();
	assert_false(alive(a.pid));
}

static void test_one_subject(void **state)
{
	struct answer a, b, c;

	(void)state;
	start("", usual());
	a = ask("ke", "good");
	b = ask("ke", "good");
	assert_int_equal(a.pid, b.pid);
	b = ask("ug", "good");
	assert_int_not_equal(a.pid, b.pid);
	c = ask_mode(VERIFY_CONTAINER, "ke", "good");
	assert_int_not_equal(c.pid, a.pid);
	assert_int_not_equal(c.pid, b.pid);
	/* Two slots: the worker that was used least lately had to go. */
	assert_false(alive(a.pid));
	assert_true(alive(b.pid));
	stop();
}

static void test_replaced(void **state)
{
	struct limits l = usual();
	int first;

	(void)state;
	l.documents = 3;
	start("", l);
	first = ask("ke", "good").pid;
	assert_int_equal(ask("ke", "good").pid, first);
	assert_int_equal(ask("ke", "good").pid, first);
	assert_int_not_equal(ask("ke", "good").pid, first);
	assert_false(alive(first));
	stop();
}

static void test_loop(void **state)
{
	(void)state;
	start("", usual());
	assert_limit(ask("ke", "loop"));
	assert_int_equal(ask("ke", "good").verdict.decision, DECISION_ACCEPTED);
	stop();
}

static void test_memory(void **state)
{
	int before;

	(void)state;
	start("", usual());
	before = ask("ke", "good").pid;
	assert_limit(ask("ke", "eat"));
	assert_int_not_equal(ask("ke", "good").pid, before);
	stop();
}

/* More memory than is allowed cannot be had; less can. */
static void test_memory_enough(void **state)
{
	struct limits l = usual();

	(void)state;
	l.memory_mb = 600;
	start("", l);
	assert_int_equal(ask("ke", "eat").verdict.decision, DECISION_ACCEPTED);
	stop();
}

static void test_crash(void **state)
{
	static const char *const WORDS[] = { "crash", "open", "socket", "exec",
		"executable", "stop" };

	(void)state;
	start("", usual());
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		int before = ask("ke", "good").pid;

		assert_limit(ask("ke", WORDS[i]));
		assert_int_not_equal(ask("ke", "good").pid, before);
	}
	stop();
}

/* What the document did not do is not held against it: the asker hears nothing. */
static void test_undecided(void **state)
{
	static const char *const WORDS[] = { "undecided", "zero", "other", "exit" };

	(void)state;
	start("", usual());
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		int before = ask("ke", "good").pid;

		assert_int_equal(ask("ke", WORDS[i]).result, -ECONNRESET);
		assert_int_not_equal(ask("ke", "good").pid, before);
	}
	stop();
}

static void test_killed_when_idle(void **state)
{
	int before;

	(void)state;
	start("", usual());
	before = ask("ke", "good").pid;
	assert_true(before > 1);
	assert_int_equal(kill(before, SIGKILL), 0);
	while (alive(before)) /* the service reaps it */
		usleep(1000);
	assert_int_equal(ask("ke", "good").verdict.decision, DECISION_ACCEPTED);
	stop();
}

struct asked {
	const char *subject, *word;
	struct answer answer;
	pthread_t thread;
};

static void *ask_thread(void *arg)
{
	struct asked *a = arg;

	a->answer = ask(a->subject, a->word);
	return NULL;
}

static void begin(struct asked *a)
{
	assert_int_equal(pthread_create(&a->thread, NULL, ask_thread, a), 0);
}

/* A worker that is killed from outside in a document leaves it undecided. */
static void test_killed_from_outside(void **state)
{
	struct asked a = { .subject = "ke", .word = "loop" };
	struct limits l = usual();
	int pid;

	(void)state;
	l.cpu_ms = 8000;
	start("", l);
	pid = ask("ke", "good").pid;
	assert_true(pid > 1);
	begin(&a);
	/* The loop has begun once the worker uses time. */
	for (clockid_t c = 0; c == 0;) {
		struct timespec t;

		assert_int_equal(clock_getcpuclockid(pid, &c), 0);
		clock_gettime(c, &t);
		c = t.tv_sec > 0 || t.tv_nsec > 200000000 ? c : 0;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	pthread_join(a.thread, NULL);
	assert_int_equal(a.answer.result, -ECONNRESET);
	stop();
}

/* All workers taken: the question waits for one, and is told that the gate is busy. */
static void test_busy(void **state)
{
	struct asked a = { .subject = "ke", .word = "loop" };
	struct limits l = usual();

	(void)state;
	l.workers = 1;
	l.cpu_ms = 6000;
	start("", l);
	(void)ask("ke", "good");
	begin(&a);
	while (ask("ug", "good").result == 1)
		;
	assert_int_equal(ask("ug", "good").result, 0);
	pthread_join(a.thread, NULL);
	assert_limit(a.answer);
	stop();
}

/* A question that finds all workers busy for a moment is served all the same. */
static void test_waits(void **state)
{
	struct asked many[20];

	(void)state;
	start("", usual());
	for (size_t i = 0; i < 20; i++) {
		many[i] =
			(struct asked){ .subject = i % 3 ? "ke" : "ug", .word = "good" };
		begin(&many[i]);
	}
	for (size_t i = 0; i < 20; i++) {
		pthread_join(many[i].thread, NULL);
		assert_int_equal(many[i].answer.result, 1);
	}
	stop();
}

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
	start("peers: { separate = true; intake = 4001; seal = 4002; };", usual());
	assert_int_equal(status_of(child_as(4001, "good")), 1);
	assert_int_equal(status_of(child_as(4002, "good")), 0); /* not its mode */
	assert_int_equal(status_of(child_as(4003, "good")), 0);
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers),
		cmocka_unit_test(test_one_subject), cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_loop), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_enough), cmocka_unit_test(test_crash),
		cmocka_unit_test(test_undecided), cmocka_unit_test(test_killed_when_idle),
		cmocka_unit_test(test_killed_from_outside), cmocka_unit_test(test_busy),
		cmocka_unit_test(test_waits), cmocka_unit_test(test_doors),
		cmocka_unit_test(test_refused_questions),
		cmocka_unit_test(test_wrong_version), cmocka_unit_test(test_input),
		cmocka_unit_test(test_peers), cmocka_unit_test(test_peers_together) };

	log_open("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

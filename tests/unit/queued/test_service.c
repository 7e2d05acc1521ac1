/* SPDX-License-Identifier: EUPL-1.2 */
/* Start and stop: the head, the lock, and sessions of the command line. */
#include "tests/unit/queued/fixture.h"

#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FAR_OFF INT64_C(32472144000) /* 2999-01-01T00:00:00Z */

static void orderly_stop_keeps_all_and_writes_the_head(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	char id[DOCUMENT_ID_SIZE], path[512], line[128] = "";
	uint8_t chain[SHA256_SIZE];
	int64_t position = 0;
	FILE *f;

	house_accept(q, "N1", id);
	queue_disconnect(q);
	assert_int_equal(house_stop(h, SIGTERM), 0);
	snprintf(path, sizeof(path), "%s/state/queue/head", h->dir);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	assert_int_equal(audit_head_read(span_str(line), &position, chain), 0);
	assert_int_equal(position, 3); /* start, document, stop */
	snprintf(path, sizeof(path), "%s/state/queue/queue.db-wal", h->dir);
	assert_int_equal(access(path, F_OK), -1);
	house_start(h);
	q = house_connect(h);
	assert_int_equal(assert_chain_intact(q), 4);
	queue_disconnect(q);
}

static void copy_file(const struct house *h, const char *from, const char *to)
{
	char command[1200];

	snprintf(
		command, sizeof(command), "cp '%s/%s' '%s/%s'", h->dir, from, h->dir, to);
	assert_int_equal(system(command), 0);
}

/* A database set back to an earlier day is not served. */
static void older_database_is_refused(void **state)
{
	struct house *h = *state;
	struct queue *q;
	char id[DOCUMENT_ID_SIZE];
	int status;

	house_ready(h);
	house_stop(h, SIGTERM);
	copy_file(h, "state/queue/queue.db", "state/queue/old.db");
	house_start(h);
	q = house_connect(h);
	house_accept(q, "N1", id);
	queue_disconnect(q);
	house_stop(h, SIGTERM);
	copy_file(h, "state/queue/old.db", "state/queue/queue.db");
	house_start(h);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	h->pid = 0;
	assert_int_equal(WEXITSTATUS(status), 1);
}

/* Start a session of the command line on a socket pair. Return: its pid. */
static pid_t start_session(struct house *h, struct queue **ret_queue)
{
	char number[16];
	char *argv[] = { (char *)(uintptr_t) "queued", (char *)(uintptr_t) "--instance",
		h->dir, (char *)(uintptr_t) "--serve-fd", number, NULL };
	int fds[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	snprintf(number, sizeof(number), "%d", fds[1]);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		_exit(queued_main(5, argv));
	}
	close(fds[1]);
	assert_int_equal(queue_from_socket(fds[0], 0, ret_queue), 0);
	return pid;
}

/* The chain value at a position. */
static void last_chain(struct queue *q, int64_t position, uint8_t ret[SHA256_SIZE])
{
	struct audit_line line;
	struct span data;
	int fd;

	assert_int_equal(queue_audit_read(q, position - 1, 1, &fd), QUEUE_DONE);
	assert_int_equal(memfd_map(fd, QUEUE_RECORD_MAX * 2, &data), 0);
	assert_int_equal(audit_line_read(span_of(data.data, data.len - 1), &line), 0);
	memcpy(ret, line.chain, SHA256_SIZE);
	memfd_unmap(&data);
	close(fd);
}

static void expect_not_served(struct house *h)
{
	int status;

	house_start(h);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	h->pid = 0;
	assert_int_equal(WEXITSTATUS(status), 1);
}

static void write_head(struct house *h, const char *text)
{
	house_write(h, "state/queue/head", text);
}

/* Cutting records off the end does not get better by taking the head away, too. */
static void missing_head_is_refused(void **state)
{
	struct house *h = *state;
	char path[512], head[128], hex[SHA256_TEXT_SIZE];
	uint8_t chain[SHA256_SIZE];
	struct queue *q;
	pid_t pid;
	int status;
	int64_t records;

	house_ready(h);
	house_stop(h, SIGTERM);
	snprintf(path, sizeof(path), "%s/state/queue/head", h->dir);
	assert_int_equal(unlink(path), 0);
	expect_not_served(h);
	assert_int_equal(access(path, F_OK), -1);
	/* reading finds out what there is */
	pid = start_session(h, &q);
	records = assert_chain_intact(q);
	last_chain(q, records, chain);
	queue_disconnect(q);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	/* and a new head is the way back */
	hex_encode(chain, SHA256_SIZE, hex);
	snprintf(head, sizeof(head), "%lld:%s\n", (long long)records + 1, hex);
	write_head(h, head);
	expect_not_served(h);
	snprintf(head, sizeof(head), "%lld:%s\n", (long long)records, hex);
	write_head(h, head);
	house_start(h);
	house_ready(h);
}

/* Ended before there was any record or any later head: nothing is missing. */
static void the_first_head_is_there_before_the_first_record(void **state)
{
	struct house *h = *state;

	house_ready(h);
	house_stop(h, SIGKILL); /* long before the first head is due */
	house_start(h);
	house_ready(h);
}

static int commit_at(struct queue *q, const char *number, const char *at)
{
	struct queue_document first;
	char text[512];
	struct parcel p;
	int answer;

	parcel_init(&p, number, DOCUMENT_ACCEPTED, 1000);
	if (at) {
		snprintf(text, sizeof(text),
			"{\"actor\":\"intake\",\"at\":\"%s\",\"document\":\"%s\","
			"\"event\":\"document.accepted\"}",
			at, p.s.id);
		parcel_write(&p, text);
	}
	answer = parcel_commit(q, &p, &first);
	parcel_done(&p);
	return answer;
}

/* Until the second look at the clock, which comes in a second. */
static int commit_soon(struct queue *q, const char *number)
{
	int64_t end = clock_monotonic_ms() + 20000;
	int answer;

	do
		answer = commit_at(q, number, NULL);
	while (answer == QUEUE_UNAVAILABLE && clock_monotonic_ms() < end);
	return answer;
}

/* A delivery until a time that is far off. */
static void put_off(struct queue *q)
{
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int fd;

	house_accept(q, "N0", id);
	house_seal(q, &claim);
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, 0, &claim, &fd), QUEUE_DONE);
	close(fd);
	assert_int_equal(queue_delivery_result(q, &claim, DELIVERY_DEFERRED, FAR_OFF, "",
				 "the clock was ahead"),
		QUEUE_DONE);
}

/* The clock was set back while the program was down: the last record knows. */
static void clock_behind_the_last_record(void **state)
{
	static const char LATER[] = "2999-01-01T00:00:00Z";
	struct house *h = *state;
	struct queue *q = house_connect(h);
	struct queue_claim claim;
	int fds[3], fd;
	int64_t records, before;

	put_off(q);
	before = assert_chain_intact(q);
	assert_int_equal(commit_at(q, "N1", LATER), QUEUE_DONE);
	queue_disconnect(q);
	house_stop(h, SIGKILL);	      /* so that this is the last record */
	for (int i = 0; i < 2; i++) { /* nor does a restart forget */
		house_start(h);
		q = house_connect(h);
		assert_int_equal(commit_at(q, "N2", NULL), QUEUE_UNAVAILABLE);
		assert_int_equal(
			queue_claim_seal(q, 60, &claim, &fds[0], &fds[1], &fds[2]),
			QUEUE_UNAVAILABLE);
		assert_int_equal(queue_stats(q, &fd), QUEUE_DONE); /* reading goes on */
		close(fd);
		records = assert_chain_intact(q);
		assert_int_equal(records, before + 1); /* N1 */
		house_write(h, "state/queue/accept-clock", "2998-01-01T00:00:00Z\n");
		assert_int_equal(commit_at(q, "N2", NULL), QUEUE_UNAVAILABLE);
		queue_disconnect(q);
		house_stop(h, SIGTERM);
	}
	house_start(h);
	house_ready(h);
	q = house_connect(h);
	house_write(h, "state/queue/accept-clock", "2999-01-01T00:00:00Z\n");
	assert_int_equal(commit_soon(q, "N2"), QUEUE_DONE);
	assert_int_equal(assert_chain_intact(q), before + 3); /* accepted, N2 */
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, 0, &claim, &fd), QUEUE_DONE);
	close(fd);
	queue_disconnect(q);
	house_stop(h, SIGKILL);
	house_start(h);
	q = house_connect(h);
	assert_int_equal(commit_at(q, "N3", NULL), QUEUE_DONE);
	queue_disconnect(q);
}

static void assert_behind(struct queue *q, const char *last)
{
	_cleanup_json_ json_t *figures = NULL;
	const char *found;
	int fd;

	assert_int_equal(queue_stats(q, &fd), QUEUE_DONE);
	figures = json_of(fd);
	found = json_string_of(figures, "clock_behind");
	assert_string_equal(found ? found : "", last);
}

/* Do the records behind a position say it? */
static bool told(struct queue *q, int64_t after, const char *what)
{
	struct span data;
	bool found;
	int fd;

	assert_int_equal(queue_audit_read(q, after, 1000, &fd), QUEUE_DONE);
	assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &data), 0);
	close(fd);
	found = memmem(data.data, data.len, what, strlen(what)) != NULL;
	memfd_unmap(&data);
	return found;
}

/* From afar it is said with the command that is recorded, and of this record alone. */
static void accepted_with_its_record(void **state)
{
	static const char LATER[] = "2999-01-01T00:00:00Z", COMMAND[] = "accept-clock";
	struct house *h = *state;
	struct queue *q = house_connect(h);
	int64_t records;
	int r;

	assert_int_equal(commit_at(q, "N1", LATER), QUEUE_DONE);
	assert_behind(q, "");
	records = assert_chain_intact(q);
	queue_disconnect(q);
	house_stop(h, SIGKILL); /* so that this is the last record */
	house_start(h);
	q = house_connect(h);
	assert_int_equal(commit_at(q, "N2", NULL), QUEUE_UNAVAILABLE);
	assert_behind(q, LATER);
	assert_int_equal(queue_command(q, COMMAND, "op", "", ""), QUEUE_UNAVAILABLE);
	assert_int_equal(queue_command(q, COMMAND, "op", "", "2998-01-01T00:00:00Z"),
		QUEUE_ILLEGAL);
	assert_behind(q, LATER);
	assert_int_equal(assert_chain_intact(q), records);
	/* what a killed one may have lost is seen to next, and the command waits for it
	 */
	r = queue_command(q, COMMAND, "op", "another", LATER);
	assert_true(r == QUEUE_DONE || r == QUEUE_UNAVAILABLE);
	assert_behind(q, "");
	assert_true(told(q, records, "queued.clock-accepted"));
	assert_true(told(q, records, "\"by\":\"op\",\"schema\""));
	assert_true(told(q, records, "\"second\":\"another\""));
	assert_int_equal(commit_soon(q, "N2"), QUEUE_DONE);
	records = assert_chain_intact(q);
	assert_int_equal(queue_command(q, COMMAND, "op", "", LATER), QUEUE_DONE);
	assert_int_equal(assert_chain_intact(q), records + 1); /* it is said again */
	assert_false(told(q, records, "queued.clock-accepted"));
	assert_int_equal(queue_command(q, COMMAND, "op", "", "2998-01-01T00:00:00Z"),
		QUEUE_ILLEGAL);
	assert_int_equal(assert_chain_intact(q), records + 1);
	queue_disconnect(q);
}

/* There is nothing to accept where the clock is not behind: nothing is on record that
 * says so. */
static void accepted_in_vain(void **state)
{
	static const char *const TIMES[] = { "2999-01-01T00:00:00Z",
		"1970-01-01T00:00:00Z", "now" };
	struct house *h = *state;
	struct queue *q = house_connect(h);
	int64_t records;

	house_ready(h);
	records = assert_chain_intact(q);
	for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++)
		assert_int_equal(queue_command(q, "accept-clock", "op", "two", TIMES[i]),
			QUEUE_ILLEGAL);
	assert_int_equal(assert_chain_intact(q), records);
	assert_int_equal(queue_command(q, "another", "op", "", ""), QUEUE_DONE);
	assert_int_equal(assert_chain_intact(q), records + 1);
	queue_disconnect(q);
}

static void only_one_serves(void **state)
{
	struct house *h = *state, second = *h;
	struct queue *q = house_connect(h);
	char path[512];
	int status, fd;

	house_ready(h);
	snprintf(path, sizeof(path), "%s/state/queue/lock", h->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(fd);
	house_start(&second);
	assert_int_equal(waitpid(second.pid, &status, 0), second.pid);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(queue_stats(q, &fd), QUEUE_DONE);
	close(fd);
	queue_disconnect(q);
}

static void session_reads_and_only_reads(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	pid_t pid;
	int status, fd, receipt, report;
	int64_t records;

	house_accept(q, "N1", id);
	queue_disconnect(q);
	/* while queued runs there is no other */
	pid = start_session(h, &q);
	assert_true(queue_stats(q, &fd) < 0);
	queue_disconnect(q);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
	house_stop(h, SIGTERM);
	pid = start_session(h, &q);
	assert_int_equal(queue_explain(q, id, &fd), QUEUE_DONE);
	close(fd);
	records = assert_chain_intact(q);
	assert_int_equal(
		queue_claim_seal(q, 60, &claim, &fd, &receipt, &report), QUEUE_DENIED);
	assert_int_equal(
		queue_control(q, QUEUE_HOLD, id, "", "me", "because"), QUEUE_DENIED);
	assert_int_equal(assert_chain_intact(q), records);
	queue_disconnect(q);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Its end must not take longer than whoever ends it waits before killing it. */
static void a_silent_signer_does_not_keep_it_from_ending(void **state)
{
	struct house *h = *state;
	char id[DOCUMENT_ID_SIZE], path[512];
	struct pollfd asked = { .events = POLLIN };
	struct queue *q;
	int64_t began;

	house_ready(h);
	house_stop(h, SIGTERM);
	house_write(h, "sealgate.conf", "audit = { seal_records = 1; };\n");
	snprintf(path, sizeof(path), "%s/run/signer.sock", h->dir);
	asked.fd = ipc_listen(path, 0600);
	assert_true(asked.fd >= 0);
	house_start(h);
	q = house_connect(h);
	house_accept(q, "N1", id);
	queue_disconnect(q);
	assert_int_equal(poll(&asked, 1, 20000), 1);
	began = clock_monotonic_ms();
	assert_int_equal(house_stop(h, SIGTERM), 0);
	assert_true(clock_monotonic_ms() - began < 5000);
	close(asked.fd);
}

/* Whoever waits for it may end it at once: that it started is in the chain. */
static void what_is_ready_has_recorded_its_start(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct house *h = *state;
	struct pollfd told = { .fd = fd, .events = POLLIN };
	char text[64] = "";
	struct queue *q;

	house_ready(h);
	house_stop(h, SIGTERM);
	assert_true(snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", h->dir) <
		    (int)sizeof(sa.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	house_start(h);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(poll(&told, 1, 30000), 1);
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	house_stop(h, SIGKILL);
	assert_string_equal(text, "READY=1");
	house_start(h);
	q = house_connect(h);
	assert_int_equal(assert_chain_intact(q), 4); /* start, stop, start, start */
	queue_disconnect(q);
	close(fd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)
	const struct CMUnitTest tests[] = {
		TEST(orderly_stop_keeps_all_and_writes_the_head),
		TEST(older_database_is_refused),
		TEST(missing_head_is_refused),
		TEST(the_first_head_is_there_before_the_first_record),
		TEST(clock_behind_the_last_record),
		TEST(accepted_with_its_record),
		TEST(accepted_in_vain),
		TEST(only_one_serves),
		TEST(session_reads_and_only_reads),
		TEST(a_silent_signer_does_not_keep_it_from_ending),
		TEST(what_is_ready_has_recorded_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

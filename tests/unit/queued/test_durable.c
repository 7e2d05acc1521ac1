/* SPDX-License-Identifier: EUPL-1.2 */
/* What was acknowledged is there, whatever happens to queued and to its disk. */
#include "tests/unit/queued/fixture.h"

#include "tests/unit/queued/disk.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

static int setup(void **state)
{
	*state = disk_house();
	return 0;
}

#define WRITERS 8
#define KEPT 4096

struct ledger {
	struct house *house;
	pthread_mutex_t lock;
	char ids[KEPT][DOCUMENT_ID_SIZE];
	int count;
	int wanted;
	int notify; /* written to when count reaches wanted */
	atomic_int next;
};

static void acknowledged(struct ledger *l, const char *id)
{
	pthread_mutex_lock(&l->lock);
	if (l->count < KEPT)
		memcpy(l->ids[l->count++], id, DOCUMENT_ID_SIZE);
	if (l->count == l->wanted)
		assert_int_equal(write(l->notify, "x", 1), 1);
	pthread_mutex_unlock(&l->lock);
}

/* Commit one document after another until queued goes away. */
static void *write_on(void *arg)
{
	struct ledger *l = arg;
	struct queue *q = house_connect(l->house);
	struct queue_document first;
	int r = QUEUE_DONE;

	while (r == QUEUE_DONE) {
		struct parcel p;
		char number[32];

		snprintf(number, sizeof(number), "N%d", atomic_fetch_add(&l->next, 1));
		parcel_init(&p, number, DOCUMENT_ACCEPTED, 12000);
		r = parcel_commit(q, &p, &first);
		if (r == QUEUE_DONE)
			acknowledged(l, p.s.id);
		parcel_done(&p);
	}
	assert_true(r < 0);
	queue_disconnect(q);
	return NULL;
}

static void wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char octet;

	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(read(fd, &octet, 1), 1);
}

static void killed_in_the_middle(void **state)
{
	struct ledger *l = calloc(1, sizeof(*l));
	pthread_t threads[WRITERS];
	int fds[2];

	assert_non_null(l);
	l->house = *state;
	pthread_mutex_init(&l->lock, NULL);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	l->notify = fds[1];
	for (int round = 0; round < 5; round++) {
		struct queue *q;

		l->wanted = l->count + 37 + 13 * round;
		for (int i = 0; i < WRITERS; i++)
			assert_int_equal(
				pthread_create(&threads[i], NULL, write_on, l), 0);
		wait_for(fds[0]);
		assert_true(WIFSIGNALED(house_stop(l->house, SIGKILL)));
		for (int i = 0; i < WRITERS; i++)
			pthread_join(threads[i], NULL);
		house_start(l->house);
		q = house_connect(l->house);
		for (int i = 0; i < l->count; i++) {
			struct queue_document d;
			int fd;

			assert_int_equal(queue_get(q, l->ids[i], "partner-a",
						 QUEUE_RECEIPT, &d, &fd),
				QUEUE_DONE);
			close(fd);
		}
		assert_true(assert_chain_intact(q) >= l->count);
		queue_disconnect(q);
	}
	close(fds[0]);
	close(fds[1]);
	free(l);
}

static void many_commits_share_a_sync(void **state)
{
	struct ledger *l = calloc(1, sizeof(*l));
	pthread_t threads[WRITERS];
	int fds[2], syncs;

	assert_non_null(l);
	l->house = *state;
	pthread_mutex_init(&l->lock, NULL);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	l->notify = fds[1];
	l->wanted = 400;
	atomic_store(&disk->syncs, 0);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_on, l), 0);
	wait_for(fds[0]);
	syncs = atomic_load(&disk->syncs);
	house_stop(l->house, SIGKILL);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	print_message("400 commits of %d connections: %d syncs\n", WRITERS, syncs);
	assert_true(syncs > 0 && syncs < 300);
	close(fds[0]);
	close(fds[1]);
	free(l);
}

/* After a failed fsync nobody knows: no answer at all, and a new process looks. */
static void failed_sync_is_never_tried_again(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	char id[DOCUMENT_ID_SIZE];
	struct queue_document first;
	struct parcel p;
	int status, fd;

	house_accept(q, "N1", id);
	atomic_store(&disk->fail_syncs, 1);
	parcel_init(&p, "N2", DOCUMENT_ACCEPTED, 1000);
	assert_true(parcel_commit(q, &p, &first) < 0);
	queue_disconnect(q);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	h->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	atomic_store(&disk->fail_syncs, 0);
	house_start(h);
	q = house_connect(h);
	assert_int_equal(queue_get(q, id, NULL, QUEUE_DOCUMENT, &first, &fd), QUEUE_DONE);
	close(fd);
	/* asking again tells what became of it; either way it is there once */
	status = parcel_commit(q, &p, &first);
	assert_true(status == QUEUE_DONE ||
		    (status == QUEUE_DUPLICATE && strcmp(first.id, p.s.id) == 0));
	assert_chain_intact(q);
	parcel_done(&p);
	queue_disconnect(q);
}

#define NO_TMPFS 77

static char small_disk[400];

/* In the child: a small file system of its own where the database will be. */
static void mount_small_disk(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		(mkdir(small_disk, 0700) < 0 && errno != EEXIST) ||
		mount("none", small_disk, "tmpfs", 0, "size=2m,mode=0700") < 0)
		_exit(NO_TMPFS);
}

/* A file that leaves no room on the child's disk; seen through its root. */
static void fill(pid_t pid, char *ret_path, size_t size)
{
	char octets[4096];
	int fd;

	snprintf(ret_path, size, "/proc/%d/root%s/filler", (int)pid, small_disk);
	fd = open(ret_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	memset(octets, 'x', sizeof(octets));
	while (write(fd, octets, sizeof(octets)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

/* Whatever the disk does: nothing is acknowledged, reading goes on, room brings it back.
 */
static void assert_no_room(struct queue *q, const char *before, struct parcel *p)
{
	struct queue_document first;
	int r = QUEUE_DONE, fd;

	/* the log may have room of its own left */
	for (int i = 0; r == QUEUE_DONE && i < 100; i++) {
		char number[32];

		parcel_done(p);
		snprintf(number, sizeof(number), "M%d", i);
		parcel_init(p, number, DOCUMENT_ACCEPTED, 12000);
		r = parcel_commit(q, p, &first);
	}
	assert_int_equal(r, QUEUE_UNAVAILABLE);
	assert_int_equal(
		queue_get(q, before, NULL, QUEUE_DOCUMENT, &first, &fd), QUEUE_DONE);
	close(fd);
	assert_int_equal(
		queue_get(q, p->s.id, NULL, QUEUE_META, &first, &fd), QUEUE_NOT_FOUND);
	assert_int_equal(queue_stats(q, &fd), QUEUE_DONE);
	close(fd);
	assert_int_equal(parcel_commit(q, p, &first), QUEUE_UNAVAILABLE);
}

static void assert_recovers(struct queue *q, struct parcel *p)
{
	int64_t until = clock_monotonic_ms() + 30000;
	struct queue_document first;
	int r;

	do
		r = parcel_commit(q, p, &first);
	while (r == QUEUE_UNAVAILABLE && clock_monotonic_ms() < until &&
		poll(NULL, 0, 20) == 0);
	assert_int_equal(r, QUEUE_DONE);
	assert_chain_intact(q);
}

static void no_room_on_the_disk(void **state)
{
	struct parcel p = { .document = -1, .report = -1 };
	char id[DOCUMENT_ID_SIZE], filler[512];
	struct house *h = *state;
	struct queue *q;
	int status;

	house_ready(h);
	house_stop(h, SIGTERM);
	snprintf(small_disk, sizeof(small_disk), "%s/state/queue", h->dir);
	h->prepare = mount_small_disk;
	house_start(h);
	while (waitpid(h->pid, &status, WNOHANG) == 0) {
		_cleanup_(closep) int fd = ipc_connect(h->socket, 100);
		struct queue_stats_request body = { 0 };
		struct ipc_message m;
		int r = ipc_call(fd, QUEUE_OP_STATS, &body, sizeof(body), NULL, 0, &m);

		ipc_message_done(&m);
		if (r == 0)
			break;
	}
	if (kill(h->pid, 0) < 0) {
		h->pid = 0;
		assert_int_equal(WEXITSTATUS(status), NO_TMPFS);
		skip(); /* only root may mount */
	}
	q = house_connect(h);
	house_accept(q, "N1", id);
	fill(h->pid, filler, sizeof(filler));
	assert_no_room(q, id, &p);
	assert_int_equal(unlink(filler), 0);
	assert_recovers(q, &p);
	parcel_done(&p);
	queue_disconnect(q);
}

/* The same where SQLite alone says so, which needs no privilege. */
static void no_room_in_sqlite(void **state)
{
	struct parcel p = { .document = -1, .report = -1 };
	struct queue *q = house_connect(*state);
	char id[DOCUMENT_ID_SIZE];

	house_accept(q, "N1", id);
	atomic_store(&disk->no_room, 1);
	assert_no_room(q, id, &p);
	atomic_store(&disk->no_room, 0);
	assert_recovers(q, &p);
	parcel_done(&p);
	queue_disconnect(q);
}

static void ask_to_commit(int socket, const struct parcel *p)
{
	struct queue_commit_request commit = { .submission = p->s,
		.parts = 7,
		.receipt_len = (uint32_t)strlen(p->receipt) };
	char both[600];
	_cleanup_(closep) int record = -1;

	snprintf(both, sizeof(both), "%s%s", p->receipt, p->record);
	record = memfd_from("both", span_str(both));
	assert_int_equal(ipc_send(socket, QUEUE_OP_COMMIT, 1, &commit, sizeof(commit),
				 (const int[]){ p->document, p->report, record }, 3),
		0);
}

/* A reader in the batch that found no room has its answer all the same. */
static void reader_beside_a_failing_commit(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	_cleanup_(closep) int writer = ipc_connect(h->socket, 10000);
	_cleanup_(closep) int reader = ipc_connect(h->socket, 10000);
	struct queue_get_request get = { .part = QUEUE_DOCUMENT };
	struct ipc_message m;
	struct parcel p;
	int status;

	house_accept(q, "N1", get.id);
	parcel_init(&p, "N2", DOCUMENT_ACCEPTED, 12000);
	/* both questions are there when it wakes up: one batch */
	kill(h->pid, SIGSTOP);
	assert_int_equal(waitpid(h->pid, &status, WUNTRACED), h->pid);
	ask_to_commit(writer, &p);
	assert_int_equal(
		ipc_send(reader, QUEUE_OP_GET, 2, &get, sizeof(get), NULL, 0), 0);
	atomic_store(&disk->no_room, 1);
	kill(h->pid, SIGCONT);
	assert_int_equal(ipc_receive(reader, &m), 1);
	assert_int_equal(((const struct queue_reply *)m.body)->answer, QUEUE_DONE);
	assert_int_equal(m.header.fd_count, 1);
	ipc_message_done(&m);
	assert_int_equal(ipc_receive(writer, &m), 1);
	assert_int_equal(((const struct queue_reply *)m.body)->answer, QUEUE_UNAVAILABLE);
	ipc_message_done(&m);
	atomic_store(&disk->no_room, 0);
	assert_recovers(q, &p);
	parcel_done(&p);
	queue_disconnect(q);
}

static void assert_answer(int socket, enum queue_answer answer)
{
	struct ipc_message m;

	assert_int_equal(ipc_receive(socket, &m), 1);
	assert_int_equal(((const struct queue_reply *)m.body)->answer, answer);
	ipc_message_done(&m);
}

/* What breaks a rule of the database when half of it is written is undone alone, whatever
 * is in the batch before and after it. */
static void one_of_a_batch_is_undone(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	struct queue_document found;
	struct parcel p[3];
	int socket[3], status, fd;

	house_ready(h);
	for (size_t i = 0; i < 3; i++) {
		socket[i] = ipc_connect(h->socket, 10000);
		parcel_init(&p[i], (const char *[]){ "N1", "N2", "N3" }[i],
			DOCUMENT_ACCEPTED, 12000);
	}
	snprintf(p[1].s.destinations[1], DESTINATION_NAME_SIZE, "traces"); /* twice */
	kill(h->pid, SIGSTOP);
	assert_int_equal(waitpid(h->pid, &status, WUNTRACED), h->pid);
	for (size_t i = 0; i < 3; i++)
		ask_to_commit(socket[i], &p[i]);
	kill(h->pid, SIGCONT);
	for (size_t i = 0; i < 3; i++) {
		assert_answer(socket[i], i == 1 ? QUEUE_ILLEGAL : QUEUE_DONE);
		assert_int_equal(queue_get(q, p[i].s.id, "", QUEUE_DOCUMENT, &found, &fd),
			i == 1 ? QUEUE_NOT_FOUND : QUEUE_DONE);
		closep(&fd);
		parcel_done(&p[i]);
		close(socket[i]);
	}
	queue_disconnect(q);
}

static void failed_write_ends_it(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	struct queue_document first;
	struct parcel p;
	int status;

	house_ready(h);
	atomic_store(&disk->fail_writes, 1);
	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	assert_true(parcel_commit(q, &p, &first) < 0);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	h->pid = 0;
	assert_int_equal(WEXITSTATUS(status), 1);
	atomic_store(&disk->fail_writes, 0);
	queue_disconnect(q);
	house_start(h);
	q = house_connect(h);
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_DONE);
	parcel_done(&p);
	queue_disconnect(q);
}

/* The database is opened anew, and what forward has told is known all the same: it tells
 * only what is new. */
static void opened_anew_it_knows_the_breakers(void **state)
{
	const struct breaker_told told = { .destination = "traces",
		.state = BREAKER_OPEN,
		.since = 1700000000,
		.trial = 1700000060,
		.crew = 7 };
	struct parcel p = { .document = -1, .report = -1 };
	_cleanup_json_ json_t *figures = NULL;
	struct queue *q = house_connect(*state);
	struct queue_document first;
	int fd;

	assert_int_equal(queue_breaker(q, &told), QUEUE_DONE);
	atomic_store(&disk->no_memory, 1);
	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_UNAVAILABLE);
	atomic_store(&disk->no_memory, 0);
	assert_recovers(q, &p);
	assert_int_equal(queue_stats(q, &fd), QUEUE_DONE);
	figures = json_of(fd);
	assert_string_equal(
		json_string_of(
			json_object_get(json_object_get(figures, "breakers"), "traces"),
			"state"),
		"open");
	parcel_done(&p);
	queue_disconnect(q);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(killed_in_the_middle),
		TEST(many_commits_share_a_sync),
		TEST(failed_sync_is_never_tried_again),
		TEST(no_room_on_the_disk),
		TEST(no_room_in_sqlite),
		TEST(reader_beside_a_failing_commit),
		TEST(one_of_a_batch_is_undone),
		TEST(failed_write_ends_it),
		TEST(opened_anew_it_knows_the_breakers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

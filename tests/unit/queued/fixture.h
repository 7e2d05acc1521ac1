/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An instance in a temporary folder with queued running on it as a child; for tests only,
 * never leaves the folder behind.
 */
#ifndef SEALGATE_TESTS_QUEUED_FIXTURE_H
#define SEALGATE_TESTS_QUEUED_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/id.h"
#include "common/ipc.h"
#include "common/json.h"
#include "common/memfd.h"
#include "queue/audit.h"
#include "queue/client.h"
#include "queue/protocol.h"
#include "queued/service.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct house {
	char dir[256];
	char socket[300];
	int listener; /* the parent's: it outlives the daemon, so nobody waits for a start
		       */
	pid_t pid;
	void (*prepare)(void); /* run in the child before queued, or NULL */
};

static inline void house_write(const struct house *h, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline int house_remove_one(
	const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void house_init(struct house *h, const char *conf)
{
	char path[512];
	const char *base = getenv("TMPDIR");

	*h = (struct house){ .listener = -1 };
	snprintf(h->dir, sizeof(h->dir), "%s/sealgate-queued-XXXXXX",
		base ? base : P_tmpdir);
	assert_non_null(mkdtemp(h->dir));
	for (const char *const *d = (const char *const[]){ "state", "run", NULL }; *d;
		d++) {
		snprintf(path, sizeof(path), "%s/%s", h->dir, *d);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	house_write(h, "sealgate.conf", conf);
	snprintf(h->socket, sizeof(h->socket), "%s/run/queued.sock", h->dir);
	h->listener = ipc_listen(h->socket, 0600);
	assert_true(h->listener >= 0);
}

/* Start queued as socket activation does. */
static inline void house_start(struct house *h)
{
	char pid[32];
	char *argv[] = { (char *)(uintptr_t) "queued", (char *)(uintptr_t) "--instance",
		h->dir, NULL };

	fflush(NULL);
	h->pid = fork();
	assert_true(h->pid >= 0);
	if (h->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (h->listener == 3)
		fcntl(3, F_SETFD, 0);
	else
		dup2(h->listener, 3);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	if (h->prepare)
		h->prepare();
	_exit(queued_main(3, argv));
}

/* End it with a signal. Return: its wait status. */
static inline int house_stop(struct house *h, int sig)
{
	int status = 0;

	if (h->pid > 0) {
		kill(h->pid, sig);
		assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	}
	h->pid = 0;
	return status;
}

static inline void house_done(struct house *h)
{
	house_stop(h, SIGTERM);
	close(h->listener);
	nftw(h->dir, house_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct queue *house_connect(const struct house *h)
{
	struct queue *q = NULL;

	assert_int_equal(queue_connect(h->socket, 30000, &q), 0);
	return q;
}

/* Wait until it serves. */
static inline void house_ready(const struct house *h)
{
	struct queue *q = house_connect(h);
	struct queue_submission s = { .partner = "nobody" };
	struct queue_document first;

	assert_int_equal(queue_find(q, &s, &first), QUEUE_DONE);
	queue_disconnect(q);
}

/* A submission with its parts, all distinct by id and number. */
struct parcel {
	struct queue_submission s;
	int document, report;
	const char *receipt;
	char record[512];
};

/* What intake writes: the receipt, but of what is refused, and the record behind it. */
static inline void parcel_write(struct parcel *p, const char *record)
{
	bool refused = p->s.state == DOCUMENT_REFUSED;

	p->receipt = refused ? "" : "receipt";
	snprintf(p->record, sizeof(p->record), "%s", record);
}

static inline void parcel_record(struct parcel *p)
{
	char text[512];

	snprintf(text, sizeof(text),
		"{\"actor\":\"intake\",\"at\":\"2023-11-14T22:13:20Z\",\"document\":\"%"
		"s\","
		"\"event\":\"document.%s\"}",
		p->s.id, document_state_text((enum document_state)p->s.state));
	parcel_write(p, text);
}

static inline void parcel_init(
	struct parcel *p, const char *number, enum document_state state, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);
	char report[4096];

	assert_non_null(data);
	*p = (struct parcel){ .document = -1, .report = -1 };
	assert_int_equal(id_new(p->s.id), 0);
	snprintf(p->s.partner, sizeof(p->s.partner), "partner-a");
	snprintf(p->s.country, sizeof(p->s.country), "MA");
	snprintf(p->s.import_country, sizeof(p->s.import_country), "ES");
	snprintf(p->s.type, sizeof(p->s.type), "851");
	snprintf(p->s.status, sizeof(p->s.status), "70");
	snprintf(p->s.number, sizeof(p->s.number), "%s", number);
	snprintf(p->s.destinations[0], DESTINATION_NAME_SIZE, "traces");
	snprintf(p->s.destinations[1], DESTINATION_NAME_SIZE, "customs-es");
	p->s.destination_count = 2;
	p->s.state = state;
	p->s.size = (uint32_t)size;
	p->s.received = 1700000000; /* past on any clock */
	memset(data, 'x', size);
	memcpy(data, number, strlen(number) < size ? strlen(number) : size);
	assert_int_equal(digest_sha256(span_of(data, size), p->s.sha256), 0);
	if (state == DOCUMENT_HELD) {
		p->s.held_until = p->s.received + 3600;
		snprintf(p->s.hold_reason, sizeof(p->s.hold_reason), "trust.revocation");
	}
	memset(report, 'r', sizeof(report));
	p->report = memfd_from("report", span_of(report, sizeof(report)));
	if (state != DOCUMENT_REFUSED)
		p->document = memfd_from("document", span_of(data, size));
	parcel_record(p);
	free(data);
}

static inline void parcel_done(struct parcel *p)
{
	closep(&p->document);
	closep(&p->report);
}

static inline int parcel_commit(
	struct queue *q, struct parcel *p, struct queue_document *ret_first)
{
	return queue_commit(q, &p->s, p->document, p->report, span_str(p->receipt),
		span_str(p->record), ret_first);
}

/* Commit a fresh document. Its id is in ret_id. */
static inline void house_accept(
	struct queue *q, const char *number, char ret_id[DOCUMENT_ID_SIZE])
{
	struct queue_document first;
	struct parcel p;

	parcel_init(&p, number, DOCUMENT_ACCEPTED, 1000);
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_DONE);
	memcpy(ret_id, p.s.id, DOCUMENT_ID_SIZE);
	parcel_done(&p);
}

static inline void house_seal(struct queue *q, struct queue_claim *ret_claim)
{
	int document, report, receipt, container;

	assert_int_equal(queue_claim_seal(q, 60, ret_claim, &document, &report, &receipt),
		QUEUE_DONE);
	container = memfd_from("container", span_str("container"));
	assert_int_equal(queue_sealed(q, ret_claim, "T", 0, container), QUEUE_DONE);
	close(document);
	close(report);
	close(receipt);
	close(container);
}

/* The JSON that a descriptor holds; closes it. */
static inline json_t *json_of(int fd)
{
	struct span data;
	json_t *value;

	assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &data), 0);
	value = json_read(data, QUEUE_JSON_MAX);
	memfd_unmap(&data);
	close(fd);
	assert_non_null(value);
	return value;
}

static inline json_t *house_meta(struct queue *q, const char *id)
{
	struct queue_document d;
	int fd;

	assert_int_equal(queue_get(q, id, NULL, QUEUE_META, &d, &fd), QUEUE_DONE);
	return json_of(fd);
}

/* State of the delivery to a destination. */
static inline void assert_delivery(
	struct queue *q, const char *id, const char *destination, const char *state)
{
	_cleanup_json_ json_t *meta = house_meta(q, id);
	const char *found = NULL;
	size_t i;
	json_t *d;

	json_array_foreach(json_object_get(meta, "deliveries"), i,
		d) if (strcmp(json_string_of(d, "destination"), destination) == 0) found =
		json_string_of(d, "state");
	assert_non_null(found);
	assert_string_equal(found, state);
}

/* The whole chain as queued tells it. Return: number of records. */
static inline int64_t assert_chain_intact(struct queue *q)
{
	struct audit_check check = { 0 };

	for (;;) {
		struct span data, rest;
		int fd;

		assert_int_equal(
			queue_audit_read(q, check.position, 1000, &fd), QUEUE_DONE);
		assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &data), 0);
		close(fd);
		for (rest = data; rest.len;) {
			const uint8_t *end = memchr(rest.data, '\n', rest.len);
			size_t n = (size_t)(end - rest.data);

			assert_int_equal(audit_check_line(&check, span_of(rest.data, n)),
				AUDIT_INTACT);
			rest = span_of(end + 1, rest.len - n - 1);
		}
		if (data.len == 0)
			return check.position;
		memfd_unmap(&data);
	}
}

/* For each test: a house of its own, with queued running. */
static inline int house_setup(void **state)
{
	struct house *h = calloc(1, sizeof(*h));

	house_init(h, "");
	house_start(h);
	*state = h;
	return 0;
}

static inline int house_teardown(void **state)
{
	house_done(*state);
	free(*state);
	return 0;
}

#endif

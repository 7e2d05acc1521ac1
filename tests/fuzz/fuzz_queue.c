/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whatever programs ask of queued, in whatever order: every question is answered, the
 * database never fails, and the audit chain stays whole.
 *
 * An input is a row of steps: operation, two flags, length (little end first), that many
 * octets of the body; what is missing of the body is zero, what is too much is cut.
 */
#include "common/memfd.h"
#include "queue/audit.h"
#include "queued/dispatch.h"
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MAX 40
#define T0 1780660800

#define FLAG_WRONG_LENGTH 1
#define FLAG_NO_DESCRIPTORS 2
#define FLAG_LATER 4 /* an hour passes first */

static const size_t BODIES[QUEUE_OPERATIONS] = {
	[QUEUE_OP_FIND] = sizeof(struct queue_find_request),
	[QUEUE_OP_COMMIT] = sizeof(struct queue_commit_request),
	[QUEUE_OP_GET] = sizeof(struct queue_get_request),
	[QUEUE_OP_CLAIM_SEAL] = sizeof(struct queue_claim_request),
	[QUEUE_OP_SEALED] = sizeof(struct queue_sealed_request),
	[QUEUE_OP_SEAL_FAILED] = sizeof(struct queue_seal_failed_request),
	[QUEUE_OP_CLAIM_DELIVERY] = sizeof(struct queue_claim_request),
	[QUEUE_OP_DELIVERY_RESULT] = sizeof(struct queue_delivery_result_request),
	[QUEUE_OP_CONTROL] = sizeof(struct queue_control_request),
	[QUEUE_OP_LEDGER] = sizeof(struct queue_ledger_request),
	[QUEUE_OP_STATS] = sizeof(struct queue_stats_request),
	[QUEUE_OP_LIST] = sizeof(struct queue_list_request),
	[QUEUE_OP_SENT] = sizeof(struct queue_sent_request),
	[QUEUE_OP_EXPLAIN] = sizeof(struct queue_explain_request),
	[QUEUE_OP_AUDIT_READ] = sizeof(struct queue_audit_read_request),
	[QUEUE_OP_CLAIM_HELD] = sizeof(struct queue_claim_request),
	[QUEUE_OP_HELD_DUE] = sizeof(struct queue_held_due_request),
	[QUEUE_OP_JUDGED] = sizeof(struct queue_judged_request),
};

static struct engine *engine;
static char folder[256];
static int document, report, container;

static void remove_folder(void)
{
	static const char *const FILES[] = { "queue.db", "queue.db-wal" };
	char path[300];

	engine_close(engine);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, FILES[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void start(void)
{
	const char *base = getenv("TMPDIR");
	char *error;

	snprintf(folder, sizeof(folder), "%s/sealgate-fuzz-XXXXXX",
		base ? base : P_tmpdir);
	check(mkdtemp(folder) != NULL);
	check(engine_open(folder, &engine, &error) == 0);
	document = memfd_from("d", span_str("document"));
	report = memfd_from("r", span_str("report"));
	container = memfd_from("e", span_str("container"));
	check(document >= 0 && report >= 0 && container >= 0);
	atexit(remove_folder);
}

/* The receipt where the body says that it has seven octets, and the record behind it. */
static int make_record(const struct queue_submission *s, uint32_t receipt_len)
{
	char record[256], id[DOCUMENT_ID_SIZE] = "";

	memcpy(id, s->id, sizeof(id) - 1);
	snprintf(record, sizeof(record),
		"%s{\"actor\":\"a\",\"at\":\"t\",\"document\":\"%s\",\"event\":\"e\"}",
		receipt_len ? "receipt" : "", id);
	return memfd_from("a", span_str(record));
}

/* The descriptors that belong to a body. */
static void attach(struct ipc_message *m)
{
	struct queue_commit_request q;
	const int parts[2] = { document, report };

	if (m->header.type == QUEUE_OP_SEALED || m->header.type == QUEUE_OP_JUDGED)
		m->fds[m->header.fd_count++] =
			dup(m->header.type == QUEUE_OP_SEALED ? container : report);
	if (m->header.type != QUEUE_OP_COMMIT)
		return;
	memcpy(&q, m->body, sizeof(q));
	for (size_t i = 0; i < 2; i++)
		if (q.parts & (1u << i))
			m->fds[m->header.fd_count++] = dup(parts[i]);
	if (q.parts & QUEUE_HAS_RECORD)
		m->fds[m->header.fd_count++] = make_record(&q.submission, q.receipt_len);
}

/* Take the next step off the input. */
static bool next_message(
	const uint8_t **data, size_t *size, struct ipc_message *m, uint8_t *ret_flags)
{
	size_t len, body;

	if (*size < 4)
		return false;
	ipc_message_init(m);
	m->header.type = (*data)[0];
	*ret_flags = (*data)[1];
	len = (size_t)((*data)[2] | (*data)[3] << 8);
	*data += 4;
	*size -= 4;
	len = len < *size ? len : *size;
	body = m->header.type < QUEUE_OPERATIONS ? BODIES[m->header.type] : len;
	body = body < sizeof(m->body) ? body : sizeof(m->body);
	memcpy(m->body, *data, len < body ? len : body);
	*data += len;
	*size -= len;
	if (!(*ret_flags & FLAG_NO_DESCRIPTORS) && body)
		attach(m);
	m->header.body_len = (uint32_t)body + (*ret_flags & FLAG_WRONG_LENGTH);
	return true;
}

static void run(const struct ipc_message *m, int64_t now)
{
	static const struct asker asker = { "any", 1 };
	const struct operation *op = dispatch_find(m);
	struct answer answer;

	if (!op)
		return;
	answer_init(&answer);
	check(dispatch_run(engine, NULL, op, m, &asker, now, &answer) == 0);
	check(engine_failure(engine) == ENGINE_FINE);
	check(answer.reply.answer > QUEUE_UNDECIDED &&
		answer.reply.answer <= QUEUE_UNAVAILABLE);
	check(answer.reply.answer == QUEUE_DONE || answer.fds[0] < 0);
	answer_done(&answer);
}

static void check_chain(void)
{
	struct audit_check c = { 0 };
	struct span data, rest;
	int fd = -1;

	check(engine_audit_read(engine, 0, QUEUE_AUDIT_READ_MAX, &fd) == QUEUE_DONE);
	check(memfd_map(fd, QUEUE_JSON_MAX, &data) == 0);
	close(fd);
	for (rest = data; rest.len;) {
		const uint8_t *end = memchr(rest.data, '\n', rest.len);
		size_t n = (size_t)(end - rest.data);

		check(audit_check_line(&c, span_of(rest.data, n)) == AUDIT_INTACT);
		rest = span_of(end + 1, rest.len - n - 1);
	}
	memfd_unmap(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_message m;
	int64_t now = T0;
	uint8_t flags;

	if (!engine)
		start();
	check(engine_begin(engine) == 0);
	for (int i = 0; i < STEPS_MAX && next_message(&data, &size, &m, &flags); i++) {
		now += flags & FLAG_LATER ? 3600 : 1;
		run(&m, now);
		ipc_message_done(&m);
	}
	check_chain();
	engine_rollback(engine);
	return 0;
}

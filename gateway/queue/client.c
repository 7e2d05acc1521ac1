/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/client.h"

#include "common/buf.h"
#include "common/ipc.h"
#include "common/limits.h"
#include "common/memfd.h"
#include "queue/client_ask.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int queue_from_socket(int socket, int timeout_ms, struct queue **ret_queue)
{
	struct queue *q = malloc(sizeof(*q));

	if (!q)
		return -ENOMEM;
	*q = (struct queue){ .socket = socket, .timeout_ms = timeout_ms };
	*ret_queue = q;
	return 0;
}

int queue_connect(const char *socket_path, int timeout_ms, struct queue **ret_queue)
{
	_cleanup_(closep) int fd = ipc_connect(socket_path, timeout_ms);
	int r;

	if (fd < 0)
		return fd;
	r = queue_from_socket(fd, timeout_ms, ret_queue);
	if (r == 0)
		take_fd(&fd);
	return r;
}

void queue_disconnect(struct queue *q)
{
	if (!q)
		return;
	close(q->socket);
	free(q);
}

static bool reply_ok(const struct ipc_message *m, uint16_t type, size_t fd_count)
{
	const struct queue_reply *r = ipc_body(m, sizeof(*r));

	if (!r || m->header.type != type || r->answer == QUEUE_UNDECIDED ||
		r->answer > QUEUE_CLOSED)
		return false;
	return m->header.fd_count == (r->answer == QUEUE_DONE ? fd_count : 0);
}

int client_call(struct queue *q, uint16_t type, const void *body, size_t len,
	const int *fds, size_t fd_count, struct queue_reply *ret_reply, int **ret_fds,
	size_t ret_count)
{
	struct ipc_message m;
	int r;

	if (q->broken)
		return -ENOTCONN;
	q->broken = true;
	r = ipc_call(q->socket, type, body, len, fds, fd_count, &m);
	if (r < 0)
		return r;
	if (!reply_ok(&m, type, ret_count)) {
		ipc_message_done(&m);
		return -EPROTO;
	}
	q->broken = false;
	memcpy(ret_reply, m.body, sizeof(*ret_reply));
	for (size_t i = 0; i < ret_count; i++)
		*ret_fds[i] = ipc_message_take_fd(&m, i);
	ipc_message_done(&m);
	return (int)ret_reply->answer;
}

/* Ask without descriptors in the answer. */
static int call_plain(struct queue *q, uint16_t type, const void *body, size_t len,
	const int *fds, size_t fd_count, struct queue_document *ret_document)
{
	struct queue_reply reply;
	int r = client_call(q, type, body, len, fds, fd_count, &reply, NULL, 0);

	if (r >= 0 && ret_document)
		*ret_document = reply.claim.document;
	return r;
}

int client_ask(struct queue *q, uint16_t type, const void *body, size_t len,
	struct queue_document *ret_document, int *ret_fd)
{
	struct queue_reply reply;
	int *fds[] = { ret_fd };
	int r;

	*ret_fd = -1;
	r = client_call(q, type, body, len, NULL, 0, &reply, fds, 1);
	if (r == QUEUE_DONE && ret_document)
		*ret_document = reply.claim.document;
	return r;
}

int client_put(char *to, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len && len < size)
		memcpy(to, text, len + 1);
	return len < size ? 0 : -E2BIG;
}

/* The same for lines to people, which may be cut. */
static void put_cut(char *to, size_t size, const char *text)
{
	size_t len = text ? strnlen(text, size - 1) : 0;

	/* not in the middle of a character */
	while (text && len && len == size - 1 &&
		((unsigned char)text[len] & 0xC0) == 0x80)
		len--;
	if (len)
		memcpy(to, text, len);
}

int queue_find(struct queue *q, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	struct queue_find_request body = { .submission = *s };

	return call_plain(q, QUEUE_OP_FIND, &body, sizeof(body), NULL, 0, ret_first);
}

/* Receipt and record in one sealed memfd. Return: the descriptor or negative. */
static int both_in_one(struct span receipt, struct span record)
{
	_cleanup_buf_ struct buf b;
	int r;

	buf_init(&b, LIMIT_RECEIPT + QUEUE_RECORD_MAX);
	buf_add_span(&b, receipt);
	r = buf_add_span(&b, record);
	return r < 0 ? r : memfd_from("receipt-and-record", buf_span(&b));
}

int queue_commit(struct queue *q, const struct queue_submission *s, int document_fd,
	int report_fd, struct span receipt, struct span record,
	struct queue_document *ret_first)
{
	struct queue_commit_request body = { .submission = *s,
		.receipt_len = (uint32_t)receipt.len };
	_cleanup_(closep) int record_fd = both_in_one(receipt, record);
	const int all[] = { document_fd, report_fd, record_fd };
	int fds[3];
	size_t count = 0;

	if (record_fd < 0)
		return record_fd;
	for (size_t i = 0; i < 3; i++)
		if (all[i] >= 0) {
			fds[count++] = all[i];
			body.parts |= 1u << i;
		}
	return call_plain(q, QUEUE_OP_COMMIT, &body, sizeof(body), fds, count, ret_first);
}

int queue_get(struct queue *q, const char *id, const char *partner, enum queue_part part,
	struct queue_document *ret_document, int *ret_fd)
{
	struct queue_get_request body = { .part = part };

	*ret_fd = -1;
	if (client_put(body.id, sizeof(body.id), id) < 0)
		return QUEUE_NOT_FOUND;
	if (client_put(body.partner, sizeof(body.partner), partner) < 0)
		return -E2BIG;
	return client_ask(q, QUEUE_OP_GET, &body, sizeof(body), ret_document, ret_fd);
}

int queue_held_due(struct queue *q)
{
	const struct queue_held_due_request body = { .reserved = 0 };

	return call_plain(q, QUEUE_OP_HELD_DUE, &body, sizeof(body), NULL, 0, NULL);
}

int queue_judged(struct queue *q, const struct queue_claim *claim,
	const struct queue_judgement *judgement, int report_fd)
{
	struct queue_judged_request body = { .fence = claim->fence,
		.judgement = *judgement };

	memcpy(body.id, claim->document.id, sizeof(body.id));
	return call_plain(q, QUEUE_OP_JUDGED, &body, sizeof(body), &report_fd,
		report_fd >= 0, NULL);
}

int queue_renewed(struct queue *q, const struct queue_claim *claim, const char *level,
	int64_t due, int container_fd)
{
	struct queue_renewed_request body = { .fence = claim->fence, .due = due };

	memcpy(body.id, claim->document.id, sizeof(body.id));
	if (client_put(body.level, sizeof(body.level), level) < 0)
		return -E2BIG;
	return call_plain(q, QUEUE_OP_RENEWED, &body, sizeof(body), &container_fd,
		container_fd >= 0, NULL);
}

int queue_stamped(
	struct queue *q, const struct queue_claim *claim, int64_t retry_at, int record_fd)
{
	struct queue_stamped_request body = { .fence = claim->fence,
		.retry_at = retry_at };

	memcpy(body.id, claim->document.id, sizeof(body.id));
	return call_plain(q, QUEUE_OP_STAMPED, &body, sizeof(body), &record_fd,
		record_fd >= 0, NULL);
}

int queue_sealed(struct queue *q, const struct queue_claim *claim, const char *level,
	int64_t renew_at, int container_fd)
{
	struct queue_sealed_request body = { .fence = claim->fence,
		.renew_at = renew_at };

	memcpy(body.id, claim->document.id, sizeof(body.id));
	if (client_put(body.level, sizeof(body.level), level) < 0)
		return -E2BIG;
	return call_plain(
		q, QUEUE_OP_SEALED, &body, sizeof(body), &container_fd, 1, NULL);
}

int queue_seal_failed(struct queue *q, const struct queue_claim *claim, int64_t retry_at,
	const char *reason)
{
	struct queue_seal_failed_request body = { .fence = claim->fence,
		.retry_at = retry_at };

	memcpy(body.id, claim->document.id, sizeof(body.id));
	put_cut(body.reason, sizeof(body.reason), reason);
	return call_plain(q, QUEUE_OP_SEAL_FAILED, &body, sizeof(body), NULL, 0, NULL);
}

static int tell_result(struct queue *q, const struct queue_claim *claim,
	struct queue_delivery_result_request *body, const char *reply_id,
	const char *detail)
{
	memcpy(body->id, claim->document.id, sizeof(body->id));
	memcpy(body->destination, claim->destination, sizeof(body->destination));
	body->form = claim->form;
	body->absent = !claim->look_up;
	put_cut(body->reply_id, sizeof(body->reply_id), reply_id);
	put_cut(body->detail, sizeof(body->detail), detail);
	return call_plain(
		q, QUEUE_OP_DELIVERY_RESULT, body, sizeof(*body), NULL, 0, NULL);
}

int queue_delivery_result(struct queue *q, const struct queue_claim *claim,
	enum delivery_state state, int64_t retry_at, const char *reply_id,
	const char *detail)
{
	struct queue_delivery_result_request body = {
		.fence = claim->fence, .state = state, .retry_at = retry_at
	};

	return tell_result(q, claim, &body, reply_id, detail);
}

int queue_delivery_done(struct queue *q, const struct queue_claim *claim,
	const char *reply_id, const char *detail, const struct queue_followed *followed)
{
	struct queue_delivery_result_request body = {
		.fence = claim->fence, .state = DELIVERY_DELIVERED, .followed = *followed
	};

	return tell_result(q, claim, &body, reply_id, detail);
}

int queue_control(struct queue *q, enum queue_control verb, const char *id,
	const char *destination, const char *operator_name, const char *reason)
{
	struct queue_control_request body = { .verb = verb };

	if (client_put(body.id, sizeof(body.id), id) < 0)
		return QUEUE_NOT_FOUND;
	if (client_put(body.destination, sizeof(body.destination), destination) < 0 ||
		client_put(body.operator_name, sizeof(body.operator_name),
			operator_name) < 0)
		return -E2BIG;
	put_cut(body.reason, sizeof(body.reason), reason);
	return call_plain(q, QUEUE_OP_CONTROL, &body, sizeof(body), NULL, 0, NULL);
}

int queue_act(struct queue *q, enum queue_control verb, const struct queue_selection *s,
	const char *to, const char *operator_name, const char *reason, int *ret_fd)
{
	struct queue_act_request body = { .verb = verb, .selection = *s };

	*ret_fd = -1;
	if (client_put(body.to, sizeof(body.to), to) < 0 ||
		client_put(body.operator_name, sizeof(body.operator_name),
			operator_name) < 0)
		return -E2BIG;
	put_cut(body.reason, sizeof(body.reason), reason);
	return client_ask(q, QUEUE_OP_ACT, &body, sizeof(body), NULL, ret_fd);
}

int queue_maintenance(struct queue *q, bool start, const char *destination,
	const struct queue_window *w, const char *operator_name, const char *reason)
{
	struct queue_maintenance_request body = { .start = start, .window = *w };

	if (client_put(body.destination, sizeof(body.destination), destination) < 0 ||
		client_put(body.operator_name, sizeof(body.operator_name),
			operator_name) < 0)
		return -E2BIG;
	put_cut(body.reason, sizeof(body.reason), reason);
	return call_plain(q, QUEUE_OP_MAINTENANCE, &body, sizeof(body), NULL, 0, NULL);
}

int queue_command(struct queue *q, const char *command, const char *operator_name,
	const char *second, const char *accept)
{
	struct queue_command_request body = { 0 };

	if (client_put(body.accept, sizeof(body.accept), accept) < 0 ||
		client_put(body.command, sizeof(body.command), command) < 0 ||
		client_put(body.operator_name, sizeof(body.operator_name),
			operator_name) < 0 ||
		client_put(body.second, sizeof(body.second), second) < 0)
		return -E2BIG;
	return call_plain(q, QUEUE_OP_COMMAND, &body, sizeof(body), NULL, 0, NULL);
}

int queue_backup_start(struct queue *q, int *ret_copy)
{
	struct queue_backup_request body = { .start = 1 };

	return client_ask(q, QUEUE_OP_BACKUP, &body, sizeof(body), NULL, ret_copy);
}

int queue_backup_state(struct queue *q, int *ret_fd)
{
	struct queue_backup_request body = { .start = 0 };

	return client_ask(q, QUEUE_OP_BACKUP, &body, sizeof(body), NULL, ret_fd);
}

int queue_stats(struct queue *q, int *ret_fd)
{
	struct queue_stats_request body = { 0 };

	return client_ask(q, QUEUE_OP_STATS, &body, sizeof(body), NULL, ret_fd);
}

int queue_shape(struct queue *q, int *ret_fd)
{
	struct queue_stats_request body = { .shape = 1 };

	return client_ask(q, QUEUE_OP_STATS, &body, sizeof(body), NULL, ret_fd);
}

static int ask_outcomes(struct queue *q, uint16_t type, const char *partner,
	int64_t cursor, int limit, int *ret_fd)
{
	struct queue_outcomes_request body = { .cursor = cursor,
		.limit = limit > 0 ? (uint32_t)limit : 0 };

	*ret_fd = -1;
	if (client_put(body.partner, sizeof(body.partner), partner) < 0)
		return -E2BIG;
	return client_ask(q, type, &body, sizeof(body), NULL, ret_fd);
}

int queue_outcomes(
	struct queue *q, const char *partner, int64_t after, int limit, int *ret_fd)
{
	return ask_outcomes(q, QUEUE_OP_OUTCOMES, partner, after, limit, ret_fd);
}

int queue_outcomes_acknowledge(
	struct queue *q, const char *partner, int64_t upto, int *ret_fd)
{
	return ask_outcomes(q, QUEUE_OP_OUTCOMES_ACKNOWLEDGE, partner, upto, 0, ret_fd);
}

int queue_called_back(struct queue *q, const char *partner,
	const struct queue_claim *claim, int64_t cursor, int64_t retry_at)
{
	struct queue_called_back_request body = {
		.fence = claim->fence, .cursor = cursor, .retry_at = retry_at
	};

	if (client_put(body.partner, sizeof(body.partner), partner) < 0)
		return -E2BIG;
	return call_plain(q, QUEUE_OP_CALLED_BACK, &body, sizeof(body), NULL, 0, NULL);
}

int queue_status_of(struct queue *q, const char *number, int64_t at,
	const struct queue_scope *scope, int *ret_fd)
{
	struct queue_status_request body = { .at = at, .scope = *scope };

	*ret_fd = -1;
	if (client_put(body.number, sizeof(body.number), number) < 0)
		return -E2BIG;
	return client_ask(q, QUEUE_OP_STATUS_OF, &body, sizeof(body), NULL, ret_fd);
}

int queue_ledger(struct queue *q, int walk, int *ret_fd)
{
	struct queue_ledger_request body = { .walk = walk > 0 ? (uint32_t)walk : 0 };

	return client_ask(q, QUEUE_OP_LEDGER, &body, sizeof(body), NULL, ret_fd);
}

int queue_list(
	struct queue *q, const char *state, const char *partner, int limit, int *ret_fd)
{
	struct queue_list_request body = { .limit = limit > 0 ? (uint32_t)limit : 0 };

	*ret_fd = -1;
	if (client_put(body.state, sizeof(body.state), state) < 0 ||
		client_put(body.partner, sizeof(body.partner), partner) < 0)
		return -E2BIG;
	return client_ask(q, QUEUE_OP_LIST, &body, sizeof(body), NULL, ret_fd);
}

int queue_sent(struct queue *q, const char *partner, int64_t since, int64_t until,
	int64_t lately, int *ret_fd)
{
	struct queue_sent_request body = {
		.since = since, .until = until, .lately = lately
	};

	*ret_fd = -1;
	if (client_put(body.partner, sizeof(body.partner), partner) < 0)
		return -E2BIG;
	return client_ask(q, QUEUE_OP_SENT, &body, sizeof(body), NULL, ret_fd);
}

int queue_explain(struct queue *q, const char *key, int *ret_fd)
{
	struct queue_explain_request body = { 0 };

	*ret_fd = -1;
	if (client_put(body.key, sizeof(body.key), key) < 0)
		return QUEUE_NOT_FOUND;
	return client_ask(q, QUEUE_OP_EXPLAIN, &body, sizeof(body), NULL, ret_fd);
}

int queue_audit_read(struct queue *q, int64_t after, int limit, int *ret_fd)
{
	struct queue_audit_read_request body = { .after = after,
		.limit = limit > 0 ? (uint32_t)limit : 0 };

	return client_ask(q, QUEUE_OP_AUDIT_READ, &body, sizeof(body), NULL, ret_fd);
}

/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/buf.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"
#include "common/memfd.h"
#include "queue/audit.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

static void copy_chain(struct row *s, int column, uint8_t ret_chain[SHA256_SIZE])
{
	struct span chain = sql_octets(s, column);

	memset(ret_chain, 0, SHA256_SIZE);
	if (chain.len == SHA256_SIZE)
		memcpy(ret_chain, chain.data, SHA256_SIZE);
}

int audit_load_head(struct engine *e)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_AUDIT_HEAD, "");
	int r = sql_step(e, s);

	e->committed = (struct engine_head){ 0 };
	if (r > 0) {
		e->committed.position = sql_int(s, 0);
		copy_chain(s, 1, e->committed.chain);
	}
	e->head = e->committed;
	return r < 0 ? r : 0;
}

int engine_chain_at(struct engine *e, int64_t position, uint8_t ret_chain[SHA256_SIZE])
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_AUDIT_AT, "i", position);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	copy_chain(s, 0, ret_chain);
	return QUEUE_DONE;
}

int audit_append(struct engine *e, int64_t document, struct span record)
{
	struct engine_head next = { .position = e->head.position + 1 };
	int r = record.len > QUEUE_RECORD_MAX
			? -EMSGSIZE
			: audit_chain(e->head.chain, record, next.chain);

	if (r < 0)
		return r;
	r = sql_run(e, SQL_AUDIT_INSERT, "ibbi", next.position, record,
		span_of(next.chain, SHA256_SIZE), (int64_t)document);
	if (r == 0)
		e->head = next;
	return r;
}

int audit_event(struct engine *e, int64_t now, const char *actor, const char *event,
	const struct document_row *d, json_t *detail)
{
	_cleanup_json_ json_t *owned = detail;
	_cleanup_json_ json_t *record = json_object();
	_cleanup_(freep) char *text = NULL;
	char at[CLOCK_TEXT_SIZE];

	clock_format(now, at);
	json_object_set_new(record, "at", json_string(at));
	json_object_set_new(record, "actor", json_text(actor));
	json_object_set_new(record, "event", json_text(event));
	if (d)
		json_object_set_new(record, "document", json_string(d->document.id));
	if (detail)
		json_object_set(record, "detail", detail);
	text = json_canonical(record);
	if (!text || json_object_size(record) < 3u + (d != NULL) + (detail != NULL))
		return -ENOMEM;
	return audit_append(e, d ? d->key : 0, span_str(text));
}

int engine_audit(struct engine *e, int64_t now, const struct queue_audit_request *audit)
{
	struct document_row d;
	json_t *detail = NULL;
	int r;

	if (audit->id[0]) {
		r = document_find(e, audit->id, &d);
		if (r != QUEUE_DONE)
			return r;
	}
	if (audit->detail[0]) {
		detail = json_read(span_str(audit->detail), sizeof(audit->detail));
		if (!json_is_object(detail)) {
			json_decref(detail);
			return QUEUE_ILLEGAL;
		}
	}
	r = audit_event(
		e, now, audit->actor, audit->event, audit->id[0] ? &d : NULL, detail);
	return r < 0 ? r : QUEUE_DONE;
}

int engine_command(struct engine *e, int64_t now, const struct queue_command_request *q)
{
	json_t *detail;
	int r;

	if (!q->operator_name[0] || !q->command[0])
		return QUEUE_ILLEGAL;
	detail = json_pack("{s:o}", "command", json_text(q->command));
	if (detail && q->second[0])
		json_object_set_new(detail, "second", json_text(q->second));
	r = audit_event(e, now, q->operator_name, "operator.command", NULL, detail);
	return r < 0 ? r : QUEUE_DONE;
}

/* One line of an export: the record stands in it octet for octet. */
static int add_line(struct buf *b, struct row *s)
{
	char hex[SHA256_TEXT_SIZE];
	uint8_t chain[SHA256_SIZE];
	struct span record = sql_octets(s, 1);

	copy_chain(s, 2, chain);
	hex_encode(chain, SHA256_SIZE, hex);
	buf_addf(b, AUDIT_LINE_START, (long long)sql_int(s, 0), hex);
	buf_add(b, record.data ? (const void *)record.data : "", record.len);
	return buf_add_str(b, AUDIT_LINE_END "\n");
}

static int time_of(struct engine *e, int64_t position, int64_t *ret_time)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_AUDIT_READ, "ii", position - 1, (int64_t)1);
	_cleanup_json_ json_t *record = NULL;
	int r = sql_step(e, s);
	const char *at;

	*ret_time = 0;
	if (r <= 0)
		return r;
	record = json_read(sql_octets(s, 1), QUEUE_RECORD_READ_MAX);
	at = record ? json_string_of(record, "at") : NULL;
	if (at && clock_parse(at, ret_time) < 0)
		*ret_time = 0;
	return 0;
}

int engine_last_time(struct engine *e, int64_t *ret_time)
{
	return time_of(e, e->head.position, ret_time);
}

/* By halves: the times of a chain rise. */
int audit_between(struct engine *e, int64_t from, int64_t to)
{
	int64_t low = 0, high = e->head.position, at = 0;
	int r = 0;

	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;

		r = time_of(e, middle, &at);
		if (r < 0)
			return r;
		if (at < to)
			low = middle;
		else
			high = middle - 1;
	}
	at = 0;
	if (low > 0)
		r = time_of(e, low, &at);
	return r < 0 ? r : at >= from && at < to;
}

int engine_audit_read(struct engine *e, int64_t after, int limit, int *ret_fd)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_AUDIT_READ, "ii", after, (int64_t)limit);
	_cleanup_buf_ struct buf b;
	int r = 1;

	buf_init(&b, QUEUE_JSON_MAX);
	/* what does not fit comes with the next question */
	while (r > 0 && b.len < QUEUE_JSON_MAX / 2) {
		r = sql_step(e, s);
		if (r > 0)
			add_line(&b, s);
	}
	if (b.error || r < 0)
		return b.error ? b.error : r;
	r = memfd_from("audit", buf_span(&b));
	if (r < 0)
		return r;
	*ret_fd = r;
	return QUEUE_DONE;
}

/* SPDX-License-Identifier: EUPL-1.2 */
/* The octets of one document go; what they were, by whose policy, and where they are
 * archived is recorded with it in one transaction. */
#include "common/buf.h"
#include "common/encode.h"
#include "common/json.h"
#include "common/memfd.h"
#include "queue/backend.h"
#include "queue/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STATEMENT_MAX 1000 /* documents of one statement */

/* What is erased, by its name in records. */
static const struct {
	enum queue_part part;
	const char *name;
	size_t max;
} PARTS[] = {
	{ QUEUE_DOCUMENT, "document", LIMIT_DOCUMENT },
	{ QUEUE_REPORT, "report", LIMIT_REPORT },
	{ BLOB_LATER_REPORT, "later-report", LIMIT_REPORT },
	{ QUEUE_CONTAINER, "evidence", LIMIT_CONTAINER },
};

struct claimed {
	uint64_t fence;
	int64_t at, seconds, position, due;
	char policy[SHA256_TEXT_SIZE];
};

static int read_claim(struct engine *e, int64_t document, struct claimed *ret)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_ERASURE_OF, "i", document);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_STALE;
	*ret = (struct claimed){ .fence = (uint64_t)sql_int(s, 0),
		.at = sql_int(s, 1),
		.seconds = sql_int(s, 3),
		.position = sql_int(s, 4),
		.due = sql_int(s, 5) };
	sql_text(s, 2, ret->policy, sizeof(ret->policy));
	return QUEUE_DONE;
}

static int note(json_t *list, const char *name, int64_t version, struct span data)
{
	char digest[SHA256_TEXT_SIZE];
	int r = digest_sha256_text(data, digest);

	if (r < 0)
		return r;
	return json_array_append_new(
		list, json_pack("{s:s,s:o*,s:s,s:I}", "part", name, "version",
			      version ? json_integer(version) : NULL, "sha256", digest,
			      "size", (json_int_t)data.len));
}

static int note_blob(struct engine *e, int64_t document, size_t which, json_t *list)
{
	_cleanup_(closep) int fd = -1;
	struct span data = { 0 };
	int r = blob_read(e, document, PARTS[which].part, PARTS[which].max, &fd);

	if (r != QUEUE_DONE)
		return r == QUEUE_NOT_FOUND ? 0 : r;
	r = memfd_map(fd, PARTS[which].max, &data);
	if (r == 0)
		r = note(list, PARTS[which].name, 0, data);
	memfd_unmap(&data);
	return r;
}

static int note_containers(struct engine *e, int64_t document, json_t *list)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_CONTAINERS_OF, "i", document);
	int r;

	while ((r = sql_step(e, s)) > 0) {
		r = note(list, "evidence", sql_int(s, 0), sql_octets(s, 2));
		if (r < 0)
			return r;
	}
	return r;
}

/* The digest of each part that goes. New reference or NULL. */
static json_t *note_parts(struct engine *e, int64_t document)
{
	_cleanup_json_ json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		r = note_blob(e, document, i, list);
	if (r == 0)
		r = note_containers(e, document, list);
	return r < 0 ? NULL : TAKE(list);
}

static int delete_parts(struct engine *e, int64_t document)
{
	int r = sql_run(e, SQL_ERASE_BLOBS, "i", document);

	if (r == 0)
		r = sql_run(e, SQL_ERASE_CONTAINERS, "i", document);
	if (r == 0 && e->backend->wipe)
		e->backend->wipe(e);
	return r;
}

/* Are the parts those that were archived, each of them and no other? Return: QUEUE_DONE,
 * QUEUE_ILLEGAL, negative. */
static int same_parts(const json_t *parts, const struct queue_retention_request *q)
{
	char digest[SHA256_TEXT_SIZE];
	int r = parts_digest(parts, digest);

	return r < 0 ? r : strcmp(digest, q->parts) == 0 ? QUEUE_DONE : QUEUE_ILLEGAL;
}

static int erase(struct engine *e, int64_t now, const struct document_row *d,
	const struct claimed *c, const struct queue_retention_request *q)
{
	/* first: whoever adds a container waits for this row, and finds its claim gone */
	int r = sql_run(e, SQL_ERASE_RENEWAL, "i", d->key);
	_cleanup_json_ json_t *parts = r == 0 ? note_parts(e, d->key) : NULL;

	r = parts ? same_parts(parts, q) : -EIO;
	if (r != QUEUE_DONE)
		return r;
	r = sql_run(e, SQL_ERASURE_DONE, "iitti", d->key, now, q->archive, q->manifest,
		e->head.position + 1);
	if (r == 0)
		r = delete_parts(e, d->key);
	if (r < 0)
		return r;
	return audit_event(e, now, "retention", "document.erased", d,
		json_pack("{s:s,s:I,s:o,s:s,s:o*,s:o}", "policy_digest", c->policy,
			"retention_s", (json_int_t)c->seconds, "archive",
			json_text(q->archive), "manifest_sha256", q->manifest,
			"clock_confirmed", q->clock_confirmed ? json_true() : NULL,
			"parts", TAKE(parts)));
}

/* Is a delivery open, or a legal hold on it? Return: 1, 0, negative. */
static int kept(struct engine *e, int64_t document)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_RETENTION_OF, "i", document);
	int r = sql_step(e, s);

	return r <= 0 ? (r < 0 ? r : -EIO)
		      : sql_int(s, RETENTION_OPEN) || sql_int(s, RETENTION_KEPT);
}

/* Is its time over, for the period it was claimed for, by a clock that is right? Return:
 * QUEUE_DONE, QUEUE_STALE the claim has ended, QUEUE_ILLEGAL, negative. */
static int in_time(struct engine *e, int64_t now, const struct document_row *d,
	const struct claimed *c, const struct queue_retention_request *q)
{
	int r;

	if (c->due <= now)
		return QUEUE_STALE;
	if (q->seconds != c->seconds || !retention_over(q, d, now, c->seconds))
		return QUEUE_ILLEGAL;
	r = retention_clock(e, now, q);
	return r < 0 ? r : r > 0 ? QUEUE_DONE : QUEUE_ILLEGAL;
}

int retention_may_go(struct engine *e, const struct document_row *d)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	int n = delivery_all(e, d->key, rows), r;

	if (n < 0)
		return n;
	r = kept(e, d->key);
	if (r != 0)
		return r < 0 ? r : QUEUE_ILLEGAL;
	if (retention_unended(&d->document))
		return QUEUE_ILLEGAL;
	r = ledger_agrees(e, d);
	return r < 0 ? r : r > 0 ? QUEUE_DONE : QUEUE_ILLEGAL;
}

static bool archived(const struct queue_retention_request *q)
{
	uint8_t digest[SHA256_SIZE];

	return q->archive[0] && strlen(q->manifest) == SHA256_TEXT_SIZE - 1 &&
	       hex_decode(q->manifest, digest, SHA256_SIZE) == 0;
}

int engine_erase(struct engine *e, int64_t now, const struct queue_retention_request *q,
	int *ret_fd)
{
	struct document_row d;
	struct claimed c;
	int r = document_lock(e, q->id, &d);

	if (r == QUEUE_DONE)
		r = read_claim(e, d.key, &c);
	if (r != QUEUE_DONE)
		return r;
	if (q->fence == 0 || q->fence != c.fence)
		return QUEUE_STALE;
	if (!archived(q))
		return QUEUE_ILLEGAL;
	if (!c.at) {
		r = in_time(e, now, &d, &c, q);
		if (r == QUEUE_DONE)
			r = retention_may_go(e, &d);
		if (r == QUEUE_DONE)
			r = erase(e, now, &d, &c, q);
		if (r < 0 || r == QUEUE_ILLEGAL || r == QUEUE_STALE)
			return r == -EINVAL ? QUEUE_ILLEGAL : r;
		c.at = now;
	}
	return json_to_fd(json_pack("{s:o}", "erased", json_time(c.at)), ret_fd);
}

/* A line a document: id, SHA-256 of the document, position of the record. */
static int list_rows(
	struct engine *e, struct row *statement, struct buf *lines, int64_t *ret_last)
{
	_cleanup_statement_ struct row *s = statement;
	int n = 0, r;

	while ((r = sql_step(e, s)) > 0) {
		struct span hash = sql_octets(s, 1);
		char hex[SHA256_TEXT_SIZE];

		if (hash.len != SHA256_SIZE)
			return -EIO;
		hex_encode(hash.data, SHA256_SIZE, hex);
		*ret_last = sql_int(s, 2);
		buf_addf(lines, "%s %s %lld\n", sql_string(s, 0), hex,
			(long long)*ret_last);
		n++;
	}
	return r < 0 ? r : lines->error ? lines->error : n;
}

int engine_retention_end(struct engine *e, int64_t now, int *ret_fd)
{
	char digest[SHA256_TEXT_SIZE];
	_cleanup_buf_ struct buf lines;
	int64_t last = 0, position = e->head.position + 1;
	int n, r = 0;

	buf_init(&lines, QUEUE_JSON_MAX);
	n = list_rows(e, sql_bind(e, SQL_ERASED_UNSTATED, "i", (int64_t)STATEMENT_MAX),
		&lines, &last);
	if (n > 0)
		r = digest_sha256_text(buf_span(&lines), digest);
	if (n > 0 && r == 0)
		r = sql_run(e, SQL_ERASED_STATED, "ii", position, last);
	if (n > 0 && r == 0)
		r = audit_event(e, now, "retention", "retention.statement", NULL,
			json_pack("{s:i,s:I,s:s}", "erased", n, "last", (json_int_t)last,
				"list_sha256", digest));
	if (n < 0 || r < 0)
		return n < 0 ? n : r;
	return json_to_fd(json_pack("{s:i,s:I,s:s%}", "erased", n, "position",
				  (json_int_t)(n ? position : 0), "list",
				  n ? lines.data : "", n ? lines.len : (size_t)0),
		ret_fd);
}

int engine_retention_list(struct engine *e, int64_t position, int *ret_fd)
{
	_cleanup_buf_ struct buf lines;
	int64_t last = 0;
	int n;

	buf_init(&lines, QUEUE_JSON_MAX);
	n = list_rows(e, sql_bind(e, SQL_ERASED_IN, "i", position), &lines, &last);
	if (n <= 0)
		return n < 0 ? n : QUEUE_NOT_FOUND;
	return json_to_fd(json_pack("{s:i,s:I,s:s%}", "erased", n, "position",
				  (json_int_t)position, "list", lines.data, lines.len),
		ret_fd);
}

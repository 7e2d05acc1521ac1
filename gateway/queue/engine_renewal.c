/* SPDX-License-Identifier: EUPL-1.2 */
/* Containers that get later what proves them longer: when, and each newer one. */
#include "common/json.h"
#include "common/memfd.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

static bool level_ok(const char *level)
{
	static const char *const LEVELS[] = { "B", "T", "LT", "LTA" };

	for (size_t i = 0; i < sizeof(LEVELS) / sizeof(LEVELS[0]); i++)
		if (strcmp(LEVELS[i], level) == 0)
			return true;
	return false;
}

int engine_renew_at(struct engine *e, const char *id, const char *level, int64_t due)
{
	struct document_row d;
	int r = document_find(e, id, &d);

	if (r != QUEUE_DONE)
		return r;
	if (!level_ok(level) || due < 0)
		return QUEUE_ILLEGAL;
	r = sql_run(e, SQL_RENEWAL_START, "iti", d.key, level, due);
	return r < 0 ? r : QUEUE_DONE;
}

static int read_container(struct engine *e, struct row *statement, int *ret_fd)
{
	_cleanup_statement_ struct row *s = statement;
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	r = memfd_from("container", sql_octets(s, 0));
	if (r < 0)
		return r;
	*ret_fd = r;
	return QUEUE_DONE;
}

int container_newest(struct engine *e, int64_t document, int *ret_fd)
{
	return read_container(
		e, sql_bind(e, SQL_CONTAINER_NEWEST, "i", document), ret_fd);
}

int container_version(struct engine *e, int64_t document, int64_t version, int *ret_fd)
{
	if (version == 0)
		return blob_read(e, document, QUEUE_CONTAINER, LIMIT_CONTAINER, ret_fd);
	return read_container(
		e, sql_bind(e, SQL_CONTAINER_VERSION, "ii", document, version), ret_fd);
}

/* A container that is to get more. */
struct renewal {
	int64_t document;
	char level[QUEUE_LEVEL_SIZE];
	uint64_t fence;
	uint32_t attempt;
};

static int find(struct engine *e, enum statement which, int64_t key, struct renewal *ret)
{
	_cleanup_statement_ struct row *s = sql_bind(e, which, "i", key);
	int r = sql_step(e, s);

	if (r <= 0)
		return r;
	*ret = (struct renewal){ .document = sql_int(s, 0),
		.fence = (uint64_t)sql_int(s, 2),
		.attempt = (uint32_t)sql_int(s, 3) };
	sql_text(s, 1, ret->level, sizeof(ret->level));
	return 1;
}

int engine_claim_renewal(struct engine *e, int64_t now, int lease_s,
	struct queue_claim *ret_claim, int *ret_fd, int64_t *ret_due)
{
	struct document_row d;
	struct renewal w;
	int r = find(e, SQL_RENEWAL_DUE, now, &w);

	*ret_due = INT64_MAX;
	if (r <= 0) {
		r = r < 0 ? r : due_next(e, sql_bind(e, SQL_RENEWAL_NEXT, ""), ret_due);
		return r < 0 ? r : QUEUE_EMPTY;
	}
	r = sql_run(e, SQL_RENEWAL_LEASE, "ii", w.document, now + lease_s);
	if (r == 0)
		r = document_by_key(e, w.document, &d);
	if (r < 0)
		return r;
	*ret_claim = (struct queue_claim){
		.document = d.document, .fence = w.fence + 1, .attempt = w.attempt + 1
	};
	memcpy(ret_claim->level, w.level, sizeof(w.level));
	r = part_read(e, w.document, QUEUE_CONTAINER, LIMIT_CONTAINER, ret_fd);
	return r == QUEUE_NOT_FOUND ? -ENODATA : r;
}

/* One more container of the document; the ones before stay. */
static int add_container(struct engine *e, int64_t now, const struct document_row *d,
	const struct queue_renewed_request *q, struct span container)
{
	char digest[SHA256_TEXT_SIZE];
	int r = digest_sha256_text(container, digest);

	if (r == 0)
		r = sql_run(e, SQL_CONTAINER_INSERT, "iitb", d->key, now, q->level,
			container);
	if (r < 0)
		return r;
	return audit_event(e, now, "seal", "document.augmented", d,
		json_pack("{s:s,s:s,s:I}", "level", q->level, "container_sha256", digest,
			"size", (json_int_t)container.len));
}

int engine_renewed(struct engine *e, int64_t now, const struct queue_renewed_request *q,
	struct span container)
{
	struct document_row d;
	struct renewal w;
	int r = document_find(e, q->id, &d);

	if (r != QUEUE_DONE)
		return r;
	r = find(e, SQL_RENEWAL_OF, d.key, &w);
	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	if (q->fence == 0 || q->fence != w.fence)
		return QUEUE_STALE;
	if (!level_ok(q->level) || q->due < 0 ||
		(!container.len && strcmp(q->level, w.level) != 0))
		return QUEUE_ILLEGAL;
	r = container.len ? add_container(e, now, &d, q, container) : 0;
	/* The next one to report needs a claim of its own. */
	if (r == 0)
		r = sql_run(e, SQL_RENEWAL_SET, "itii", d.key, q->level, q->due,
			container.len ? (int64_t)0 : (int64_t)w.attempt);
	return r < 0 ? r : QUEUE_DONE;
}

/* The version of both schemas that finds those which come to nothing again and again. */
const char RENEWAL_INDEX[] = "CREATE INDEX renewals_again ON renewals(since)"
			     " WHERE due>0 AND level<>'B' AND attempt>3;";

json_t *renewals_to_json(struct engine *e)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_RENEWAL_STATS, "");
	int r = sql_step(e, s);

	if (r <= 0)
		return NULL;
	return json_pack("{s:I,s:o,s:o,s:I}", "level_b", (json_int_t)sql_int(s, 0),
		"level_b_since", json_time(sql_int(s, 1)), "next",
		json_time(sql_int(s, 2)), "failing", (json_int_t)sql_int(s, 3));
}

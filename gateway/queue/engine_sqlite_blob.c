/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/durable.h"
#include "common/memfd.h"
#include "queue/engine_sqlite.h"

#include <errno.h>
#include <sys/mman.h>

/* Up to here a blob is bound whole, which costs SQLite a copy; beyond it is streamed. */
#define BLOB_WHOLE_MAX (256u * 1024)
#define BLOB_CHUNK (64u * 1024)

static int stream_in(struct engine_sqlite *e, sqlite3_int64 id, struct span data)
{
	sqlite3_blob *blob = NULL;
	int rc = sqlite3_blob_open(e->db, "main", "blobs", "data", id, 1, &blob);

	for (size_t at = 0; rc == SQLITE_OK && at < data.len; at += BLOB_CHUNK) {
		size_t n = data.len - at < BLOB_CHUNK ? data.len - at : BLOB_CHUNK;

		rc = sqlite3_blob_write(blob, data.data + at, (int)n, (int)at);
	}
	if (rc == SQLITE_OK) {
		rc = sqlite3_blob_close(blob);
		blob = NULL;
	}
	if (rc == SQLITE_OK)
		return 0;
	rc = sqlite_failed(e, rc);
	sqlite3_blob_close(blob);
	return rc;
}

int sqlite_blob_write(
	struct engine *e, int64_t document, enum queue_part part, struct span data)
{
	int64_t id = blob_id(document, part);
	int r;

	if (data.len <= BLOB_WHOLE_MAX)
		return sql_run(
			e, SQL_INSERT_BLOB, "iiib", id, document, (int64_t)part, data);
	r = sql_run(e, SQL_INSERT_ZEROBLOB, "iiii", id, document, (int64_t)part,
		(int64_t)data.len);
	return r < 0 ? r : stream_in(sqlite_of(e), id, data);
}

/* Copy a blob into fd chunk by chunk. */
static int stream_out(struct engine_sqlite *e, sqlite3_blob *blob, size_t len, int fd)
{
	uint8_t chunk[BLOB_CHUNK];
	int r = 0;

	for (size_t at = 0; r == 0 && at < len; at += sizeof(chunk)) {
		size_t n = len - at < sizeof(chunk) ? len - at : sizeof(chunk);
		int rc = sqlite3_blob_read(blob, chunk, (int)n, (int)at);

		r = rc == SQLITE_OK ? fd_write_all(fd, span_of(chunk, n))
				    : sqlite_failed(e, rc);
	}
	return r;
}

static int blob_exists(struct engine *e, int64_t id)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_READ_BLOB, "i", id);

	return sql_step(e, s);
}

int sqlite_blob_read(
	struct engine *e, int64_t document, enum queue_part part, size_t max, int *ret_fd)
{
	struct engine_sqlite *s = sqlite_of(e);
	int64_t id = blob_id(document, part);
	sqlite3_blob *blob = NULL;
	_cleanup_(closep) int fd = -1;
	size_t len;
	int rc, r = blob_exists(e, id);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	rc = sqlite3_blob_open(s->db, "main", "blobs", "data", id, 0, &blob);
	if (rc != SQLITE_OK) {
		r = sqlite_failed(s, rc);
		sqlite3_blob_close(blob);
		return r;
	}
	len = (size_t)sqlite3_blob_bytes(blob);
	fd = memfd_create("part", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	r = fd < 0 ? -errno : len > max ? -E2BIG : stream_out(s, blob, len, fd);
	sqlite3_blob_close(blob);
	if (r == 0)
		r = memfd_seal(fd);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return QUEUE_DONE;
}

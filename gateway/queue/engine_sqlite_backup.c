/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/encode.h"
#include "common/json.h"
#include "queue/engine_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void forget(struct engine_sqlite *c)
{
	sqlite3_backup_finish(c->backup);
	sqlite3_close(c->copy);
	c->backup = NULL;
	c->copy = NULL;
}

void sqlite_backup_discard(struct engine *e)
{
	struct engine_sqlite *c = sqlite_of(e);

	forget(c);
	if (c->copy_path[0])
		unlink(c->copy_path);
	c->copy_path[0] = '\0';
	e->copy = (struct engine_backup){ 0 };
}

int sqlite_backup_start(struct engine *e, const char *path)
{
	struct engine_sqlite *c = sqlite_of(e);
	int rc;

	sqlite_backup_discard(e);
	if (strlen(path) >= sizeof(c->copy_path))
		return -ENAMETOOLONG;
	memcpy(c->copy_path, path, strlen(path) + 1);
	unlink(path);
	rc = sqlite3_open_v2(path, &c->copy,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->copy,
			"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL,
			NULL);
	if (rc == SQLITE_OK)
		c->backup = sqlite3_backup_init(c->copy, "main", c->db, "main");
	if (!c->backup) {
		sqlite_backup_discard(e);
		return -EIO;
	}
	e->copy.running = true;
	return 0;
}

static int flush(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* What the copy holds is what was durable at this moment. */
static int finish(struct engine *e)
{
	int r;

	e->copy.head = e->committed;
	forget(sqlite_of(e));
	r = flush(sqlite_of(e)->copy_path);
	if (r < 0) {
		sqlite_backup_discard(e);
		return r;
	}
	e->copy.running = false;
	e->copy.done = true;
	return 0;
}

int sqlite_backup_step(struct engine *e, int pages)
{
	struct engine_sqlite *c = sqlite_of(e);
	int rc;

	if (!e->copy.running)
		return 0;
	rc = sqlite3_backup_step(c->backup, pages);
	e->copy.pages = sqlite3_backup_pagecount(c->backup);
	e->copy.left = sqlite3_backup_remaining(c->backup);
	if (rc == SQLITE_DONE)
		return finish(e);
	if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return 1;
	/* the copy's disk is full or fails: the copy is given up, the gate goes on */
	sqlite_backup_discard(e);
	e->copy.failed = true;
	return -EIO;
}

/* Beside the database, whose own name ends in "queue.db". */
int sqlite_backup_beside(struct engine *e)
{
	static const char NAME[] = "queue.db", COPY[] = "backup.db";
	const char *own = sqlite3_db_filename(sqlite_of(e)->db, "main");
	size_t len = own ? strlen(own) : 0;
	char path[PATH_MAX];

	if (len < strlen(NAME) || len + sizeof(COPY) >= sizeof(path))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%.*s%s", (int)(len - strlen(NAME)), own, COPY);
	return sqlite_backup_start(e, path);
}

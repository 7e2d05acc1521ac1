/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/cleanup.h"
#include "queue/engine_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void close_copy(struct engine_sqlite *c)
{
	sqlite3_backup_finish(c->backup);
	sqlite3_close(c->copy);
	c->backup = NULL;
	c->copy = NULL;
}

void sqlite_backup_drop(struct engine *e)
{
	struct engine_sqlite *c = sqlite_of(e);

	close_copy(c);
	closep(&c->copy_fd);
}

/* Where it is made until it has no name: beside the database, on the same disk. */
static int place_of(struct engine_sqlite *c, char ret_path[PATH_MAX])
{
	static const char NAME[] = "queue.db", COPY[] = "backup.db";
	const char *own = sqlite3_db_filename(c->db, "main");
	size_t len = own ? strlen(own) : 0;

	if (len < strlen(NAME) || len + sizeof(COPY) >= PATH_MAX)
		return -ENAMETOOLONG;
	(void)snprintf(
		ret_path, PATH_MAX, "%.*s%s", (int)(len - strlen(NAME)), own, COPY);
	return 0;
}

/* Without a name no other copy takes its place, and it ends with whoever reads it,
 * however they end. */
static int open_nameless(struct engine_sqlite *c, const char *path)
{
	int rc;

	unlink(path);
	rc = sqlite3_open_v2(path, &c->copy,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	c->copy_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (c->copy_fd < 0 || unlink(path) < 0)
		return -errno;
	return rc == SQLITE_OK ? 0 : -EIO;
}

int sqlite_backup_start(struct engine *e, int *ret_fd)
{
	struct engine_sqlite *c = sqlite_of(e);
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	int r = place_of(c, path);

	if (r == 0)
		r = open_nameless(c, path);
	if (r == 0)
		r = fd = fcntl(c->copy_fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 &&
		sqlite3_exec(c->copy, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF",
			NULL, NULL, NULL) == SQLITE_OK)
		c->backup = sqlite3_backup_init(c->copy, "main", c->db, "main");
	if (!c->backup) {
		sqlite_backup_drop(e);
		return r < 0 ? r : -EIO;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* What the copy holds is what was durable at this moment. */
static int finish(struct engine *e)
{
	struct engine_sqlite *c = sqlite_of(e);
	int r;

	e->copy.head = e->committed;
	close_copy(c);
	r = fsync(c->copy_fd) < 0 ? -errno : 0;
	closep(&c->copy_fd);
	return r;
}

int sqlite_backup_step(struct engine *e, int pages)
{
	struct engine_sqlite *c = sqlite_of(e);
	int rc = sqlite3_backup_step(c->backup, pages);

	e->copy.pages = sqlite3_backup_pagecount(c->backup);
	e->copy.left = sqlite3_backup_remaining(c->backup);
	if (rc == SQLITE_DONE)
		return finish(e);
	if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return 1;
	/* the copy's disk is full or fails: the copy is given up, the gate goes on */
	sqlite_backup_drop(e);
	return -EIO;
}

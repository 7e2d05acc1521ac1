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

static void forget(struct engine_copy *c)
{
	sqlite3_backup_finish(c->backup);
	sqlite3_close(c->db);
	c->backup = NULL;
	c->db = NULL;
}

void engine_backup_discard(struct engine *e)
{
	forget(&e->copy);
	if (e->copy.path[0])
		unlink(e->copy.path);
	e->copy.path[0] = '\0';
	e->copy.state = (struct engine_backup){ 0 };
}

int engine_backup_start(struct engine *e, const char *path)
{
	struct engine_copy *c = &e->copy;
	int rc;

	engine_backup_discard(e);
	if (strlen(path) >= sizeof(c->path))
		return -ENAMETOOLONG;
	memcpy(c->path, path, strlen(path) + 1);
	unlink(path);
	rc = sqlite3_open_v2(path, &c->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->db,
			"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL,
			NULL);
	if (rc == SQLITE_OK)
		c->backup = sqlite3_backup_init(c->db, "main", e->db, "main");
	if (!c->backup) {
		engine_backup_discard(e);
		return -EIO;
	}
	c->state.running = true;
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

	e->copy.state.head = e->committed;
	forget(&e->copy);
	r = flush(e->copy.path);
	if (r < 0) {
		engine_backup_discard(e);
		return r;
	}
	e->copy.state.running = false;
	e->copy.state.done = true;
	return 0;
}

int engine_backup_step(struct engine *e, int pages)
{
	struct engine_copy *c = &e->copy;
	int rc;

	if (!c->state.running)
		return 0;
	rc = sqlite3_backup_step(c->backup, pages);
	c->state.pages = sqlite3_backup_pagecount(c->backup);
	c->state.left = sqlite3_backup_remaining(c->backup);
	if (rc == SQLITE_DONE)
		return finish(e);
	if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return 1;
	/* the copy's disk is full or fails: the copy is given up, the gate goes on */
	engine_backup_discard(e);
	e->copy.state.failed = true;
	return -EIO;
}

struct engine_backup engine_backup_state(const struct engine *e)
{
	return e->copy.state;
}

static json_t *head_text(const struct engine_head *head)
{
	char hex[SHA256_TEXT_SIZE], text[SHA256_TEXT_SIZE + 24];

	hex_encode(head->chain, SHA256_SIZE, hex);
	snprintf(text, sizeof(text), "%lld:%s", (long long)head->position, hex);
	return json_string(text);
}

/* Beside the database, whose own name ends in "queue.db". */
static int start_beside(struct engine *e)
{
	static const char NAME[] = "queue.db", COPY[] = "backup.db";
	const char *own = sqlite3_db_filename(e->db, "main");
	size_t len = own ? strlen(own) : 0;
	char path[PATH_MAX];

	if (len < strlen(NAME) || len + sizeof(COPY) >= sizeof(path))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%.*s%s", (int)(len - strlen(NAME)), own, COPY);
	return engine_backup_start(e, path);
}

int engine_backup(struct engine *e, enum queue_backup what, int *ret_fd)
{
	const struct engine_backup *s = &e->copy.state;
	int r = 0;

	if (what == QUEUE_BACKUP_START && s->running)
		return QUEUE_ILLEGAL;
	if (what == QUEUE_BACKUP_START)
		r = start_beside(e);
	else if (what == QUEUE_BACKUP_DISCARD)
		engine_backup_discard(e);
	else if (what != QUEUE_BACKUP_STATE)
		r = QUEUE_ILLEGAL;
	if (r != 0)
		return r;
	return json_to_fd(
		json_pack("{s:b,s:b,s:b,s:i,s:i,s:o*}", "running", s->running, "done",
			s->done, "failed", s->failed, "pages", s->pages, "left", s->left,
			"head", s->done ? head_text(&s->head) : NULL),
		ret_fd);
}
